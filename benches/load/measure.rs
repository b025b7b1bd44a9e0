//! Rounds of load: each row once per round, so that what changes on the machine meanwhile changes all of them.

use std::collections::HashMap;
use std::time::Duration;

use benches::tokens::Signer;
use serde::Serialize;
use test_support::client::{Client, get};

use crate::envoy::{Envoy, Listener, direct_answer};
use crate::process::Process;
use crate::rows::Row;
use crate::settings::Settings;
use crate::statistics::Summary;
use crate::wrk::{CONNECTIONS, Load, Run};

/// One row in one round.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Microseconds of CPU time for one request.
    pub cpu: f64,
    pub run: Run,
}

/// What is known of a row. Microseconds.
#[derive(Serialize)]
pub struct Result {
    pub name: &'static str,
    pub cpu_per_request: Summary,
    /// More than the row without a filter of the same round.
    pub added: Summary,
    /// That, in units of what the native filter adds for the same requests, in the same round: the median of these ratios.
    pub of_native: f64,
    pub requests_per_second: Summary,
    pub p99: Summary,
}

/// Measures all rows in one Envoy.
pub fn measure(rows: &[Row], signer: &Signer, settings: &Settings) -> Vec<Result> {
    settings.say("minting tokens, unless there are fresh ones");
    let loads: Vec<Load> = rows.iter().map(|row| Load::new(row.pool.file(signer))).collect();
    let listener = |row: &Row| Listener {
        name: row.name.to_owned(),
        filters: row.filters.clone(),
        route: direct_answer(),
    };
    let envoy = Envoy::start("load", &rows.iter().map(listener).collect::<Vec<_>>(), &[]);
    let ports: Vec<u16> = rows.iter().map(|row| envoy.port(row.name).expect("a listener")).collect();
    let mut samples = vec![Vec::new(); rows.len()];
    for round in 0..=settings.rounds {
        for (((row, port), load), samples) in rows.iter().zip(&ports).zip(&loads).zip(&mut samples) {
            must_answer(row, *port, load);
            let sample = sample(&[&envoy.process], *port, load, settings.time);
            must_be_right(row, sample.run);
            // The first round fills caches, the filters' and the processor's.
            if round > 0 {
                samples.push(sample);
            }
        }
        settings.say(&format!("round {round} of {}", settings.rounds));
    }
    results(rows, &samples)
}

/// One run, and what it has cost these processes together.
pub fn sample(processes: &[&Process], port: u16, load: &Load, time: Duration) -> Sample {
    let cpu = || processes.iter().map(|process| process.cpu()).sum::<Duration>();
    let before = cpu();
    let run = load.send(port, time);
    let micros = (cpu() - before).as_secs_f64() * 1e6;
    Sample { cpu: micros / run.requests as f64, run }
}

/// One request by hand: the status, and why.
fn must_answer(row: &Row, port: u16, load: &Load) {
    let (path, token) = load.first();
    let answer = Client::new(port).send(&get(path).bearer(token));
    assert_eq!((answer.status, answer.code().as_str()), (row.status, row.code), "{}: {answer:?}", row.name);
}

/// All requests of a run: refused where they have to be, and nowhere else.
fn must_be_right(row: &Row, run: Run) {
    let refused = if row.status == 200 { 0 } else { run.requests };
    assert!(run.requests > 100, "{}: there was hardly any load", row.name);
    assert_eq!(run.broken, 0, "{}: answers that did not come", row.name);
    assert!(
        run.refused.abs_diff(refused) <= if refused == 0 { 0 } else { CONNECTIONS },
        "{}: {} of {} requests refused, {refused} should be",
        row.name,
        run.refused,
        run.requests
    );
}

fn results(rows: &[Row], samples: &[Vec<Sample>]) -> Vec<Result> {
    let by_name: HashMap<&str, &Vec<Sample>> = rows.iter().map(|row| row.name).zip(samples).collect();
    let added = |name: &str, base: &str| -> Vec<f64> {
        by_name[name].iter().zip(by_name[base]).map(|(own, base)| own.cpu - base.cpu).collect()
    };
    let result = |row: &Row| {
        let samples = by_name[row.name];
        let base = rows.iter().find(|other| other.name == row.reference).expect("a reference").base;
        let (own, native) = (added(row.name, row.base), added(row.reference, base));
        Result {
            name: row.name,
            cpu_per_request: Summary::of(samples.iter().map(|sample| sample.cpu)),
            of_native: Summary::of(own.iter().zip(native).map(|(own, native)| own / native)).median,
            added: Summary::of(own),
            requests_per_second: Summary::of(samples.iter().map(|sample| sample.run.per_second())),
            p99: Summary::of(samples.iter().map(|sample| sample.run.p99 as f64)),
        }
    };
    rows.iter().map(result).collect()
}
