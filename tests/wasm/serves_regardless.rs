//! The filter with one change: it returns to Envoy that it accepted every configuration.
//!
//! So requests reach a filter that rejected its configuration. `tests/envoy/configuration.rs` uses
//! it.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, unsafe_code, reason = "an exported function has an unmangled name")]

use okta_authz_filter::host::Root;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

/// Sets the fixture's root context. The filter's `_initialize` set that of the filter. Envoy then
/// calls `main`, if a module exports it.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: i32, _argv: i32) -> i32 {
    proxy_wasm::set_root_context(|id| Box::new(Regardless(Root::new(id))));
    0
}

struct Regardless(Root);

impl Context for Regardless {}

impl RootContext for Regardless {
    fn on_configure(&mut self, size: usize) -> bool {
        let _ = self.0.on_configure(size);
        true
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        self.0.create_http_context(context_id)
    }

    fn get_type(&self) -> Option<ContextType> {
        self.0.get_type()
    }
}
