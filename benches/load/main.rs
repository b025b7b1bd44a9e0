//! The load benchmark: the CPU time of the filter in a real Envoy, beside that of Envoy's
//! `jwt_authn`. `make bench` runs it.
//!
//! Envoy has one worker on one core, and the load generator has another core. The value of a row is
//! the CPU time of Envoy in the kernel's accounts, divided by the number of requests. Unlike
//! throughput, it does not depend on the load generator. The rows run in turn, for several rounds.
//! Compare rows of one run, not values of two runs.
//!
//! `make bench AGAINST=MODULE` runs each row of this filter with two builds, in the same rounds.
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

mod against;
mod budgets;
mod envoy;
mod fastapi;
mod filters;
mod floor;
mod h2load;
mod load;
mod machine;
mod measure;
mod memory;
mod okta;
mod plot;
mod process;
mod proofs;
mod report;
mod results;
mod rows;
mod settings;
mod size;
mod start_up;
mod statistics;
mod table;
mod wrk;

use std::rc::Rc;

use benches::tokens::Signer;
use stand_in_okta::{Options, StandIn};

use against::Against;
use machine::{Busy, Machine};
use report::Report;
use settings::Settings;

/// The names that select the parts without rows of load.
const PARTS: [&str; 3] = ["FastAPI", "start-up", "memory"];

fn main() {
    let settings = Settings::from_environment();
    let signer = Rc::new(Signer::rs256());
    let machine = Machine::this(&envoy::version());
    let against = settings.against.clone().map(|module| Against::new(module, &signer.jwks()));
    let stand_in = StandIn::start(Options::default());
    let all = table::rows(&signer, &stand_in, &settings);
    let names: Vec<&str> = all.iter().map(|row| row.name).chain(PARTS).collect();
    assert!(
        names.iter().any(|name| settings.selects(name)),
        "ROWS selects nothing. Rows:\n{}",
        names.join("\n")
    );
    let mut rows = rows::select(all, |name| settings.selects(name));
    if let Some(against) = &against {
        rows = rows.into_iter().map(|row| row.against(against)).collect();
    }
    let mut busy = None;
    let mut load = Vec::new();
    if !rows.is_empty() {
        let (samples, rounds) = measure::measure(&rows, &[okta::cluster(&stand_in, "bench-load")], &settings);
        okta::assert_one_call_per_token(&stand_in, &rows);
        load = results::results(&rows, &samples);
        busy = Some(Busy::of(&rounds));
    }
    let [fastapi, start_up, memory] = PARTS.map(|part| settings.selects(part));
    let fastapi = if fastapi { fastapi::measure(&signer, &settings) } else { Vec::new() };
    let start_up = if start_up { start_up::measure(&settings, against.as_ref()) } else { Vec::new() };
    let memory = memory.then(|| memory::measure(&settings, against.as_ref()));
    let size = size::measure(against.as_ref().map(Against::size));
    let budgets = budgets::budgets(&load, memory.as_ref(), &size);
    let seconds_per_round = settings.time.as_secs();
    let report = Report {
        machine,
        busy,
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
