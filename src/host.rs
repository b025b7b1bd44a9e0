//! The border to Envoy: the only files that know proxy-wasm, and they know no rule of JWT or policy.
//!
//! Nothing here may panic: a panic ends the VM, and with it every request of the worker that waits. So header values
//! are bytes, every answer of the host is a `Result` that is looked at, and whatever goes wrong denies. What remains is the
//! SDK, some of whose calls panic on a status that they do not list: DESIGN.md ("In a second host") says which and when.

mod abi;
mod callout;
mod exchange;
mod http;
mod instrumented;
mod metrics;
mod plugin;
mod root;
mod shared;
pub mod signature;
mod stats;
mod waiting;

pub use root::Root;

#[allow(unsafe_code, reason = "the SDK's entry point calls the C runtime's constructors")]
mod entry {
    proxy_wasm::main! {{
        super::start();
    }}
}

/// What the entry point of a module has to do: say who handles the plugin.
fn start() {
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|id| Box::new(Root::new(id)));
}
