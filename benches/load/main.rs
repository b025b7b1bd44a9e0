//! What the filter costs in a real Envoy, beside Envoy's own `jwt_authn`: `make bench`.
//!
//! Envoy has one worker and one core, wrk has another core. A row's figure is the CPU time that the kernel has accounted
//! for Envoy, by the number of requests: unlike throughput it does not depend on what wrk can do. Rows are measured in
//! turns, several rounds of them. Compare rows of one run, not the figures of two.
//!
//! Nothing is asserted of times. But a row whose answers are not what they must be is a failure.
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

mod budgets;
mod envoy;
mod fastapi;
mod filters;
mod floor;
mod measure;
mod memory;
mod plot;
mod process;
mod report;
mod rows;
mod settings;
mod size;
mod start_up;
mod statistics;
mod wrk;

use benches::tokens::Signer;

use report::{Machine, Report};
use settings::Settings;

fn main() {
    let settings = Settings::from_environment();
    let signer = Signer::rs256();
    let machine = Machine::this(&envoy::version());
    let load = measure::measure(&rows::rows(&signer), &signer, &settings);
    let fastapi = fastapi::measure(&signer, &settings);
    let start_up = start_up::measure(&settings);
    let memory = memory::measure(&settings);
    let size = size::measure();
    let budgets = budgets::budgets(&load, &memory, &size);
    let seconds_per_round = settings.time.as_secs();
    let report = Report {
        machine,
        rounds: settings.rounds,
        seconds_per_round,
        load,
        fastapi,
        start_up,
        memory,
        size,
        budgets,
    };
    println!("{}", report.tables());
    report.write(&settings);
    if settings.plot {
        plot::write(&report.load, &settings);
    }
}
