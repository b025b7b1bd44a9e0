//! The demo. `make demo` starts the stand-in Okta, Envoy with the filter and the FastAPI example,
//! sends requests and explains the responses. `make up` (`--stay`) starts the same programs on the
//! ports of envoy.yaml until Ctrl-C, and serves the example page. `OKTA_ISSUER` selects a real Okta
//! org, and `OKTA_AUTHZ_DPOP` adds DPoP to the filter. `--stay-on-free-ports` is for the checks of
//! the page and of the DPoP client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "a demo that cannot run panics with the reason"
)]

mod page;
mod requests;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => requests::run(),
        Some("--stay") => up::run(up::Ports::OF_ENVOY_YAML),
        Some("--stay-on-free-ports") => up::run(up::Ports::FREE),
        Some(other) => {
            eprintln!("demo: unknown argument {other}; the arguments are --stay and --stay-on-free-ports");
            ExitCode::FAILURE
        }
    }
}
