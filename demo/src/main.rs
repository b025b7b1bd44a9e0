//! The demo. `make demo` starts the stand-in Okta, Envoy with the filter and the FastAPI example,
//! sends requests and explains the responses. `make up` (`--stay`) starts the same programs on the
//! ports of envoy.yaml until Ctrl-C. `OKTA_ISSUER` selects a real Okta org.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "a demo that cannot run panics with the reason"
)]

mod requests;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => requests::run(),
        Some("--stay") => up::run(),
        Some(other) => {
            eprintln!("demo: unknown argument {other}; the only argument is --stay");
            ExitCode::FAILURE
        }
    }
}
