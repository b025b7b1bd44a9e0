//! The filter with one change: a request with the header `x-trap` ends the VM, like a panic of the
//! filter.
//!
//! `tests/outages/traps.rs` shows with it which requests fail after a trap, and that none is
//! allowed without a valid token.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, unsafe_code, reason = "an exported function has an unmangled name")]

use okta_authz_filter::host::Root;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType};

/// Sets the fixture's root context. The filter's `_initialize` set that of the filter. Envoy then
/// calls `main`, if a module exports it.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: i32, _argv: i32) -> i32 {
    proxy_wasm::set_root_context(|id| Box::new(Trapping(Root::new(id))));
    0
}

struct Trapping(Root);

impl Context for Trapping {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, trailers: usize) {
        self.0.on_http_call_response(token, headers, body_size, trailers);
    }
}

impl RootContext for Trapping {
    fn on_configure(&mut self, size: usize) -> bool {
        self.0.on_configure(size)
    }

    fn on_tick(&mut self) {
        self.0.on_tick();
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(self.0.create_http_context(context_id)?)))
    }

    fn get_type(&self) -> Option<ContextType> {
        self.0.get_type()
    }
}

struct Stream(Box<dyn HttpContext>);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, headers: usize, end_of_stream: bool) -> Action {
        // Before the filter decides, so a request that ends the VM has no permit.
        if let Ok(Some(_)) = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, "x-trap") {
            std::process::abort();
        }
        self.0.on_http_request_headers(headers, end_of_stream)
    }

    fn on_http_request_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        self.0.on_http_request_body(body_size, end_of_stream)
    }

    fn on_http_request_trailers(&mut self, trailers: usize) -> Action {
        self.0.on_http_request_trailers(trailers)
    }
}
