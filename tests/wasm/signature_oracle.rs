//! Lets a test ask a real Envoy's `verify_signature`: the question comes in a header, the answer goes out as the body.
//!
//! Questions are written and answers read by the core (`crypto::envoy`), natively, in the test: so the same vectors run
//! against Envoy's crypto and against the software verifier. See `tests/envoy/signatures.rs`.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, unsafe_code, reason = "the SDK's entry point calls the C runtime's constructors")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;
struct Stream;

impl Context for Root {}

impl RootContext for Root {
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
        let (status, body) = match answer() {
            Some(reply) => (200, STANDARD.encode(reply)),
            None => (500, String::new()),
        };
        let _ = hostcalls::send_http_response(status, vec![], Some(body.as_bytes()));
        Action::Pause
    }
}

/// `None` where the host has no such function or cannot read the question.
fn answer() -> Option<Vec<u8>> {
    let question = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, "x-question").ok()??;
    let question = STANDARD.decode(question).ok()?;
    Some(hostcalls::call_foreign_function("verify_signature", Some(&question)).ok()?.unwrap_or_default())
}
