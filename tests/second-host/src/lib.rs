//! A small proxy-wasm host on wasmtime (ABI 0.2.1), for one purpose: to run the filter, as it is compiled for Envoy, where there is
//! neither Envoy nor V8, and where a test can say what each call of the host answers.
//!
//! A [`Process`] has what all workers share: the compiled module, the clock, shared data and counters. A [`Vm`] is one worker.
//! Nothing here has a thread or a socket: a test sends requests, lets time pass, and answers callouts.
//!
//! Source: proxy-wasm/spec, abi-versions/v0.2.1; where it is silent, proxy-wasm-cpp-host, which is Envoy's.

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
