//! A filter with only the replay memory of DPoP proofs, in Envoy's shared data. The plugin
//! configuration is the number of slots. Without it, the filter creates no memory.
//!
//! A request with `x-jti` records a proof: the response is 200, or 401 with the denial code. A
//! request with `x-name` tries compare-and-set on a value that does not exist: the response body
//! has a digit for each write, `1` for success. `tests/envoy/replay_memory.rs` uses it.
//!
//! As another plugin with the `vm_id` of the filter, it changes the memory of the filter. A request
//! with `x-overwrite` replaces the value of this name by noise. The response body to `x-size` is the
//! size of a value in bytes, or nothing if it is absent. Other requests continue.
//! `tests/envoy/dpop_cases/shared_data.rs` uses it.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, unsafe_code, reason = "an exported function has an unmangled name")]

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use okta_authz_filter::dpop::replay::ReplayMemory;
use okta_authz_filter::refresh::shared::{CasToken, SharedData};
use okta_authz_filter::time::UnixTime;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType};

const MAX_AGE: Duration = Duration::from_secs(60);
const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// Sets the fixture's root context. The filter's `_initialize` set that of the filter. Envoy then
/// calls `main`, if a module exports it.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: i32, _argv: i32) -> i32 {
    proxy_wasm::set_root_context(|_| Box::new(Root(None)));
    0
}

struct Root(Option<Rc<ReplayMemory>>);
struct Stream(Option<Rc<ReplayMemory>>);
struct Shared;

impl SharedData for Shared {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        let (value, cas) = hostcalls::get_shared_data(name).ok()?;
        Some((value.unwrap_or_default(), CasToken(cas?)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let cas = read.map_or(u32::MAX, |CasToken(number)| number);
        hostcalls::set_shared_data(name, Some(value), Some(cas)).is_ok()
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size).ok().flatten();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let slots = text.trim().parse().ok();
        let memory = slots.map(|slots| ReplayMemory::new(slots, 64, MAX_AGE, CLOCK_SKEW));
        if let Some(memory) = &memory {
            let started = micros();
            memory.seed(&Shared, || {
                let mut bytes = [0; 32];
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&RandomState::new().build_hasher().finish().to_ne_bytes());
                }
                bytes
            });
            let message = format!("seeded in {} us", micros().saturating_sub(started));
            let _ = hostcalls::log(proxy_wasm::types::LogLevel::Warn, &message);
        }
        self.0 = memory.map(Rc::new);
        self.0.is_some() || text.trim().is_empty()
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(self.0.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let header = |name| hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, name).ok().flatten();
        let text = |name| header(name).map(|value| String::from_utf8_lossy(&value).into_owned());
        let (status, body) = if let (Some(memory), Some(jti)) = (&self.0, header("x-jti")) {
            record(memory, &jti)
        } else if let Some(name) = text("x-name") {
            (200, compare_and_set(&name))
        } else if let Some(name) = text("x-overwrite") {
            let written = hostcalls::set_shared_data(&name, Some(b"noise"), None).is_ok();
            (if written { 200 } else { 500 }, String::new())
        } else if let Some(name) = text("x-size") {
            let value = hostcalls::get_shared_data(&name).ok().and_then(|(value, _)| value);
            (200, value.map(|value| value.len().to_string()).unwrap_or_default())
        } else {
            return Action::Continue;
        };
        let _ = hostcalls::send_http_response(status, vec![], Some(body.as_bytes()));
        Action::Pause
    }
}

fn record(memory: &ReplayMemory, jti: &[u8]) -> (u32, String) {
    let now = UnixTime::from_millis(micros() / 1000);
    match memory.record(&Shared, &[1; 32], jti, now, now.saturating_add(MAX_AGE), now) {
        Ok(()) => (200, String::new()),
        Err(rejection) => (401, rejection.code().to_owned()),
    }
}

/// Writes an absent value with the number 7, then the present value with a wrong number and with
/// its own.
fn compare_and_set(name: &str) -> String {
    let set = |cas| if hostcalls::set_shared_data(name, Some(b"a"), Some(cas)).is_ok() { '1' } else { '0' };
    let absent = set(7);
    let number = hostcalls::get_shared_data(name).ok().and_then(|(_, cas)| cas).unwrap_or_default();
    [absent, set(number.wrapping_add(1)), set(number)].iter().collect()
}

fn micros() -> u64 {
    let now = hostcalls::get_current_time().ok().and_then(|now| now.duration_since(UNIX_EPOCH).ok());
    now.and_then(|now| u64::try_from(now.as_micros()).ok()).unwrap_or_default()
}
