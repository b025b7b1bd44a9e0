//! `make demo`: Okta's stand-in and the FastAPI example behind Envoy with the filter, and a dozen telling requests.
//! `make up` (`--stay`): the same set-up on the ports of envoy.yaml, until Ctrl-C; `OKTA_ISSUER` takes a real Okta org.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "a demo that cannot run says so and ends"
)]

mod requests;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => requests::run(),
        Some("--stay") => up::run(),
        Some(other) => {
            eprintln!("demo: unknown argument {other}; there is only --stay");
            ExitCode::FAILURE
        }
    }
}
