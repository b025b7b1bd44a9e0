//! Rounds of load. Each round runs each row once, so a change of the machine's speed affects all
//! rows. A row of this filter runs with the other build directly before or after.

use std::time::Duration;

use serde_json::Value;
use test_support::client::Client;

use crate::envoy::{Envoy, Listener, direct_response};
use crate::load::{CONCURRENCY, Load, Run};
use crate::machine::{Meter, Round, load_average};
use crate::process::Process;
use crate::rows::{Requests, Row};
use crate::settings::Settings;

/// One row in one round.
#[derive(Clone, Copy)]
pub struct Sample {
    /// CPU time in microseconds for each request.
    pub cpu: f64,
    pub run: Run,
}

/// The samples of a row, one for each round.
#[derive(Default)]
pub struct Samples {
    pub new: Vec<Sample>,
    /// The samples of the other build.
    pub old: Vec<Sample>,
}

/// A row with one build.
struct Side<'a> {
    row: &'a Row,
    port: u16,
    requests: &'a Requests,
}

/// Measures all rows in one Envoy with these clusters. Returns the samples of each row, and what
/// other processes did in each round.
pub fn measure(rows: &[Row], clusters: &[Value], settings: &Settings) -> (Vec<Samples>, Vec<(Round, f64)>) {
    let old_name = |row: &Row| format!("{}, other build", row.name);
    let mut listeners = Vec::new();
    for row in rows {
        listeners.push(Listener::new(row.name, &row.filters, direct_response()));
        if let Some((filters, _)) = &row.old {
            listeners.push(Listener::new(&old_name(row), filters, direct_response()));
        }
    }
    let envoy = Envoy::start("load", &listeners, clusters);
    let port = |name: &str| envoy.port(name).expect("a listener");
    let sides: Vec<(Side<'_>, Option<Side<'_>>)> = rows
        .iter()
        .map(|row| {
            let old = row.old.as_ref().map(|(_, requests)| (port(&old_name(row)), requests));
            let new = Side { row, port: port(row.name), requests: &row.requests };
            (new, old.map(|(port, requests)| Side { row, port, requests }))
        })
        .collect();
    let mut samples: Vec<Samples> = rows.iter().map(|_| Samples::default()).collect();
    let mut rounds = Vec::new();
    for number in 0..=settings.rounds {
        let mut round = Round::default();
        for ((new, old), samples) in sides.iter().zip(&mut samples) {
            let mut run = |side: &Side<'_>| side.run(&envoy.process, settings.time, &mut round);
            // The second run finds a warmer processor, so the builds take turns.
            let (new, old) = if number % 2 == 0 {
                let new = run(new);
                (new, old.as_ref().map(run))
            } else {
                let old = old.as_ref().map(&mut run);
                (run(new), old)
            };
            // The first round fills the caches of the filters and of the processor.
            if number > 0 {
                samples.new.push(new);
                samples.old.extend(old);
            }
        }
        if number > 0 {
            rounds.push((round, load_average()));
        }
        settings.log(&format!("round {number} of {}", settings.rounds));
    }
    (samples, rounds)
}

impl Side<'_> {
    fn run(&self, envoy: &Process, time: Duration, round: &mut Round) -> Sample {
        let (load, time) = self.requests.prepare(self.port, time);
        assert_response(self.row, self.port, &load);
        let sample = sample(&[envoy], self.port, &load, time, round);
        assert_run(self.row, sample.run);
        sample
    }
}

/// Runs the load once, and measures the CPU time of these processes together.
pub fn sample(processes: &[&Process], port: u16, load: &Load, time: Duration, round: &mut Round) -> Sample {
    let cpu = || processes.iter().map(|process| process.cpu()).sum::<Duration>();
    let (meter, before) = (Meter::start(), cpu());
    let run = load.send(port, time);
    let used = cpu() - before;
    meter.stop(used, round);
    Sample { cpu: used.as_secs_f64() * 1e6 / run.requests as f64, run }
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
        run.rejected.abs_diff(rejected) <= if rejected == 0 { 0 } else { CONCURRENCY },
        "{}: {} of {} requests rejected, expected {rejected}",
        row.name,
        run.rejected,
        run.requests
    );
}
