//! The load benchmark: the CPU time of the filter in a real Envoy, beside that of Envoy's
//! `jwt_authn`. `make bench` runs it.
//!
//! Envoy has one worker on one core, and wrk has another core. The value of a row is the CPU time
//! of Envoy in the kernel's accounts, divided by the number of requests. Unlike throughput it does
//! not depend on wrk. The rows run in turn, for several rounds. Compare rows of one run, not values
//! of two runs.
//!
//! The benchmark fails on a wrong response, and never on a time.
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
mod okta;
mod plot;
mod process;
mod proofs;
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
use stand_in_okta::{Options, StandIn};

fn main() {
    let settings = Settings::from_environment();
    let signer = Signer::rs256();
    let machine = Machine::this(&envoy::version());
    let stand_in = StandIn::start(Options::default());
    settings.log("minting tokens, unless the last run's are fresh");
    let rows = rows::rows(&signer, &stand_in, &settings);
    let load = measure::measure(&rows, &[okta::cluster(&stand_in, "bench-load")], &settings);
    okta::assert_one_call_per_token(&stand_in);
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
