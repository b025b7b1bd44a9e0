//! No outage from Okta's side costs a legitimate request, and none lets a hostile one through: a real Envoy with four workers
//! under constant load, while everything that can fail around it fails.
//!
//! `cargo test --test outages -- --nocapture` prints what was counted, as tables. `make test` builds what this needs. With a part
//! of its name in `OKTA_AUTHZ_OUTAGE` one row runs alone.
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

/// Envoys that run at the same time. More would only wait for each other's processors.
const AT_A_TIME: usize = 4;

/// One row: its name, and what happens in it.
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
    let wanted = std::env::var("OKTA_AUTHZ_OUTAGE").unwrap_or_default();
    let scenarios: Vec<_> = scenarios.into_iter().filter(|(name, _)| name.contains(&wanted)).collect();
    let (next, rows) = (Mutex::new(scenarios.iter().enumerate()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some((place, (name, happen))) = next.lock().unwrap().next() else { return };
            let row = std::panic::catch_unwind(|| happen(name)).unwrap_or_else(|panic| broken(name, &*panic));
            rows.lock().unwrap().push((place, row));
        }
    };
    std::thread::scope(|scope| (0..AT_A_TIME).for_each(|_| drop(scope.spawn(work))));
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(place, _)| *place);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    println!("\n{}", report::table(&rows));
    let problems: Vec<&str> = rows.iter().flat_map(|row| &row.problems).map(String::as_str).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The row of a happening that did not come to its end.
fn broken(name: &'static str, panic: &(dyn std::any::Any + Send)) -> Row {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Row { name, problems: vec![format!("{name}: {}", text.unwrap_or_default())], ..Row::default() }
}
