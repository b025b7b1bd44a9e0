//! What the filter costs in a real Envoy, beside Envoy's own `jwt_authn`: `make bench`.
//!
//! Envoy has one worker and one core, wrk has another core. A row's figure is the CPU time that the kernel has accounted
//! for Envoy, by the number of requests: unlike throughput it does not depend on what wrk can do. Rows are measured in
//! turns, several rounds of them. Compare rows of one run, not the figures of two.
//!
//! Nothing is asserted of times. But a row whose answers are not what they must be is a failure.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a benchmark"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod envoy;
mod filters;
mod measure;
mod process;
mod report;
mod rows;
mod settings;
mod statistics;
mod tokens;
mod wrk;

use settings::Settings;
use tokens::Signer;

fn main() {
    let settings = Settings::from_environment();
    let signer = Signer::rs256();
    let rows = rows::rows(&signer.jwks());
    let load = measure::measure(&rows, &signer, &settings);
    print!("{}", report::load_table(&load));
}
