//! A filter that calls Envoy's `verify_signature`: the argument is in a request header, and the
//! result is the response body.
//!
//! The test encodes the argument and decodes the result with the core (`crypto::envoy`). So the
//! test vectors run with Envoy's crypto and with the software verifier. `tests/envoy/signatures.rs`
//! uses it.
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
        let (status, body) = match verify_signature() {
            Some(result) => (200, STANDARD.encode(result)),
            None => (500, String::new()),
        };
        let _ = hostcalls::send_http_response(status, vec![], Some(body.as_bytes()));
        Action::Pause
    }
}

/// Calls the function. Returns `None` if the host does not have it or rejects the argument.
fn verify_signature() -> Option<Vec<u8>> {
    let argument = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, "x-argument").ok()??;
    let argument = STANDARD.decode(argument).ok()?;
    Some(hostcalls::call_foreign_function("verify_signature", Some(&argument)).ok()?.unwrap_or_default())
}
