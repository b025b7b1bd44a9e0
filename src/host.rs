//! The proxy-wasm binding: the only module that uses `proxy_wasm`. It has no JWT and no policy
//! logic.
//!
//! Nothing here may panic, because a panic ends the VM and with it every request that the worker
//! holds. So header values are bytes, the code checks every `Result` of the host, and every error
//! denies the request. What remains is the SDK: some of its calls panic on a status that they do
//! not list. DESIGN.md gives the calls and the conditions.

mod abi;
mod callout;
mod connection;
mod filter_state;
mod forward;
mod instrumented;
mod introspection;
mod metric;
mod metrics;
mod open_streams;
mod plugin;
mod request;
mod root;
mod shared_data;
pub mod signature;
mod stream;
mod wait_queue;

pub use root::Root;

#[allow(unsafe_code, reason = "the SDK's entry point calls the C runtime's constructors")]
mod entry {
    proxy_wasm::main! {{
        super::start();
    }}
}

/// Registers the root context. The module's entry point calls it once per VM.
fn start() {
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|id| Box::new(Root::new(id)));
}
