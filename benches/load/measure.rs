//! Rounds of load. Each round runs each row once, so a change of the machine's speed affects all
//! rows.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use test_support::client::Client;

use crate::envoy::{Envoy, Listener, direct_response};
use crate::process::Process;
use crate::rows::Row;
use crate::settings::Settings;
use crate::statistics::Summary;
use crate::wrk::{CONNECTIONS, Load, Run};

/// One row in one round.
#[derive(Clone, Copy)]
pub struct Sample {
    /// CPU time in microseconds for each request.
    pub cpu: f64,
    pub run: Run,
}

/// The result of a row. Times are in microseconds.
#[derive(Serialize)]
pub struct Result {
    pub name: &'static str,
    pub cpu_per_request: Summary,
    /// The CPU time beyond that of the row without a filter, in the same round.
    pub added: Summary,
    /// The ratio of `added` to that of `jwt_authn` for the same requests, in the same round: the
    /// median of all rounds.
    pub of_native: f64,
    pub requests_per_second: Summary,
    pub p99: Summary,
}

/// Measures all rows in one Envoy with these clusters.
pub fn measure(rows: &[Row], clusters: &[Value], settings: &Settings) -> Vec<Result> {
    let listener = |row: &Row| Listener {
        name: row.name.to_owned(),
        filters: row.filters.clone(),
        route: direct_response(),
    };
    let envoy = Envoy::start("load", &rows.iter().map(listener).collect::<Vec<_>>(), clusters);
    let ports: Vec<u16> = rows.iter().map(|row| envoy.port(row.name).expect("a listener")).collect();
    let mut samples = vec![Vec::new(); rows.len()];
    for round in 0..=settings.rounds {
        for ((row, port), samples) in rows.iter().zip(&ports).zip(&mut samples) {
            let (load, time) = row.requests.prepare(*port, settings.time);
            assert_response(row, *port, &load);
            let sample = sample(&[&envoy.process], *port, &load, time);
            assert_run(row, sample.run);
            // The first round fills the caches of the filters and of the processor.
            if round > 0 {
                samples.push(sample);
            }
        }
        settings.log(&format!("round {round} of {}", settings.rounds));
    }
    results(rows, &samples)
}

/// Runs the load once, and measures the CPU time of these processes together.
pub fn sample(processes: &[&Process], port: u16, load: &Load, time: Duration) -> Sample {
    let cpu = || processes.iter().map(|process| process.cpu()).sum::<Duration>();
    let before = cpu();
    let run = load.send(port, time);
    let micros = (cpu() - before).as_secs_f64() * 1e6;
    Sample { cpu: micros / run.requests as f64, run }
}

/// Sends one request, and asserts its status and code. Asserts that the filter rejects a proof that
/// it has accepted.
fn assert_response(row: &Row, port: u16, load: &Load) {
    let request = load.first().request();
    let assert_next = |expected: (u16, &str)| {
        let response = Client::new(port).send(&request);
        assert_eq!((response.status, response.code().as_str()), expected, "{}: {response:?}", row.name);
    };
    assert_next((row.status, row.code));
    if load.is_single_use() {
        assert_next((401, "dpop_proof_replayed"));
    }
}

/// Asserts that the row rejected the expected requests of a run: all or none.
fn assert_run(row: &Row, run: Run) {
    let rejected = if row.status == 200 { 0 } else { run.requests };
    assert!(run.requests > 100, "{}: only {} requests", row.name, run.requests);
    assert_eq!(run.failed, 0, "{}: requests without a response", row.name);
    assert!(
        run.rejected.abs_diff(rejected) <= if rejected == 0 { 0 } else { CONNECTIONS },
        "{}: {} of {} requests rejected, expected {rejected}",
        row.name,
        run.rejected,
        run.requests
    );
}

fn results(rows: &[Row], samples: &[Vec<Sample>]) -> Vec<Result> {
    let by_name: HashMap<&str, &Vec<Sample>> = rows.iter().map(|row| row.name).zip(samples).collect();
    let added = |name: &str, base: &str| -> Vec<f64> {
        by_name[name].iter().zip(by_name[base]).map(|(row, base)| row.cpu - base.cpu).collect()
    };
    let result = |row: &Row| {
        let samples = by_name[row.name];
        let base = rows.iter().find(|other| other.name == row.reference).expect("a reference").base;
        let (added, native) = (added(row.name, row.base), added(row.reference, base));
        Result {
            name: row.name,
            cpu_per_request: Summary::of(samples.iter().map(|sample| sample.cpu)),
            of_native: Summary::of(added.iter().zip(native).map(|(added, native)| added / native)).median,
            added: Summary::of(added),
            requests_per_second: Summary::of(samples.iter().map(|sample| sample.run.per_second())),
            p99: Summary::of(samples.iter().map(|sample| sample.run.p99 as f64)),
        }
    };
    rows.iter().map(result).collect()
}
