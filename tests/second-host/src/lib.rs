//! A proxy-wasm host on wasmtime (ABI 0.2.1). It runs the filter's module without Envoy and V8, and
//! a test controls the result of each host call.
//!
//! A [`Process`] has what all workers share: the compiled module, the clock, shared data and
//! counters. A [`Vm`] is one worker. The host has no threads and no sockets: a test sends requests,
//! advances the clock, and responds to callouts.
//!
//! It follows proxy-wasm/spec, abi-versions/v0.2.1, and where that is silent proxy-wasm-cpp-host,
//! which Envoy uses.

mod calls;
mod guest;
mod pairs;
mod process;
mod state;
mod vm;
mod wasi;

pub use calls::{Status, hostcalls};
pub use process::Process;
pub use state::{Callout, Headers, Reply};
pub use vm::{Outcome, Trap, Vm};
