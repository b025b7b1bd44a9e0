//! Outages, key rotations, updates and traps under constant load, in an Envoy with four workers.
//! The filter must not deny a legitimate request without a stated reason, and must not allow a
//! hostile one.
//!
//! `cargo test --test outages -- --nocapture` prints the results as tables. `make test` builds the
//! modules. `OKTA_AUTHZ_OUTAGE` selects the scenarios whose names contain its value.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "test code"
)]

mod clusters;
mod comparison;
mod harness;
mod interrupted_fetches;
mod load;
mod okta_failures;
mod report;
mod rotations;
mod traps;
mod updates;
mod xds;

use std::sync::Mutex;

use report::Row;

/// Scenarios that run concurrently. Each has an Envoy.
const CONCURRENT_SCENARIOS: usize = 4;

/// The name of a scenario, and the function that runs it.
type Scenario = (&'static str, fn(&'static str) -> Row);

#[test]
fn outages_cause_no_wrong_decision() {
    let scenarios: Vec<Scenario> = [
        okta_failures::ALL,
        rotations::ALL,
        clusters::ALL,
        traps::ALL,
        updates::ALL,
        interrupted_fetches::ALL,
    ]
    .concat();
    let selected = std::env::var("OKTA_AUTHZ_OUTAGE").unwrap_or_default();
    let scenarios: Vec<_> = scenarios.into_iter().filter(|(name, _)| name.contains(&selected)).collect();
    let (next, rows) = (Mutex::new(scenarios.iter().enumerate()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some((index, (name, run))) = next.lock().unwrap().next() else { return };
            let row =
                std::panic::catch_unwind(|| run(name)).unwrap_or_else(|panic| failed_row(name, &*panic));
            rows.lock().unwrap().push((index, row));
        }
    };
    std::thread::scope(|scope| (0..CONCURRENT_SCENARIOS).for_each(|_| drop(scope.spawn(work))));
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(index, _)| *index);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    println!("\n{}", report::table(&rows));
    let problems: Vec<&str> = rows.iter().flat_map(|row| &row.problems).map(String::as_str).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Returns the row of a scenario that panicked.
fn failed_row(name: &'static str, panic: &(dyn std::any::Any + Send)) -> Row {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Row { name, problems: vec![format!("{name}: {}", text.unwrap_or_default())], ..Row::default() }
}
