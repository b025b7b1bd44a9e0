//! The filter, but for one thing: it tells Envoy that every configuration is fine.
//!
//! So requests reach a filter that has refused its configuration. See `tests/envoy/configuration.rs`.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, unsafe_code, reason = "the SDK's entry point calls the C runtime's constructors")]

use okta_authz_filter::host::Root;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|id| Box::new(Regardless(Root::new(id))));
}}

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
