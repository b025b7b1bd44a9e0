//! A filter that accepts its configuration where Envoy validates it, and rejects it on every
//! worker.
//!
//! Envoy then serves without the filter. `tests/envoy/guard.rs` shows with it that the guard denies
//! every request. The filter itself allows every request, so only the guard can deny one.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, unsafe_code, reason = "the SDK's entry point calls the C runtime's constructors")]

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

/// The key in the shared data for the number of configured VMs.
const CONFIGURED: &str = "configured";
/// The VMs before those of the workers: the one in which Envoy validates the configuration, and the
/// main thread's.
const BEFORE_WORKERS: u8 = 2;

struct Root;
struct Stream;

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let (before, cas) = hostcalls::get_shared_data(CONFIGURED).unwrap_or_default();
        let before = before.and_then(|bytes| bytes.first().copied()).unwrap_or(0);
        let _ = hostcalls::set_shared_data(CONFIGURED, Some(&[before.saturating_add(1)]), cas);
        before < BEFORE_WORKERS
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        Action::Continue
    }
}
