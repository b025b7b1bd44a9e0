//! Okta fails for six cache periods. The filter uses the cached keys.

use std::time::Duration;

use stand_in_okta::{Fault, Server};

use super::Scenario;
use super::harness::{Harness, fetches_of_one_worker, now, short_cache_duration};
use super::report::Row;

/// Six periods of 1 s. With the default cache duration, six periods are an hour.
const OUTAGE: Duration = Duration::from_secs(6);

pub const ALL: &[Scenario] = &[
    ("Okta is down for an hour", down),
    ("Okta responds slowly, within the timeout", |name| fails(name, Fault::Slow { millis: 600 })),
    ("Okta responds after the timeout", |name| fails(name, Fault::Slow { millis: 3_000 })),
    ("Okta responds with 429", |name| fails(name, Fault::Status(429))),
    ("Okta responds with 500", |name| fails(name, Fault::Status(500))),
    ("Okta responds with an HTML page and 200", |name| fails(name, Fault::Html)),
    ("The JSON document is truncated", |name| fails(name, Fault::TruncatedJson)),
    ("The transfer is truncated", |name| fails(name, Fault::TruncatedTransfer)),
    ("Okta resets connections", |name| fails(name, Fault::Reset)),
];

/// Sets a fault for the outage. The load continues until a fetch succeeds after it.
fn fails(name: &'static str, fault: Fault) -> Row {
    let harness = Harness::warm(name, short_cache_duration());
    let load = harness.start_load();
    let before = harness.fetches();
    harness.okta.set_fault(Server::Default, fault);
    std::thread::sleep(OUTAGE);
    let fetches = harness.fetches() - before;
    harness.okta.set_fault(Server::Default, Fault::None);
    let outage_end = now();
    harness.wait_for_fetch();
    let recovery = outage_end.elapsed();
    let mut row = harness.finish(load, harness.fetches());
    row.require(fetches >= 2, || format!("only {fetches} fetches during the outage"));
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("keys fetched {:.1} s after the outage", recovery.as_secs_f64())).fetches_at_most(bound)
}

/// Closes the port of Okta.
fn down(name: &'static str) -> Row {
    let mut harness = Harness::warm(name, short_cache_duration());
    let load = harness.start_load();
    let (before, fetches) = (harness.envoy.count("jwks_fetch_failed"), harness.fetches());
    harness.stop_okta();
    std::thread::sleep(OUTAGE);
    let failed = harness.envoy.count("jwks_fetch_failed") - before;
    let mut row = harness.finish(load, fetches);
    row.require(failed >= 2, || format!("only {failed} attempts"));
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("{failed} attempts failed")).fetches_at_most(bound)
}
