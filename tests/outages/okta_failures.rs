//! Okta fails for an "hour": six cache periods. The keys that were good stay, and nobody notices.

use std::time::Duration;

use stand_in_okta::{Fault, Server};

use super::Scenario;
use super::harness::{Harness, fetches_of_one_worker, now, short_lived};
use super::report::Row;

/// Six periods of a second: at the default cache duration, an hour.
const AN_HOUR: Duration = Duration::from_secs(6);

pub const ALL: &[Scenario] = &[
    ("Okta is down for an hour", down),
    ("Okta answers within the timeout, slowly", |name| fails(name, Fault::Slow { millis: 600 })),
    ("Okta answers after the timeout", |name| fails(name, Fault::Slow { millis: 3_000 })),
    ("Okta answers 429", |name| fails(name, Fault::Status(429))),
    ("Okta answers 500", |name| fails(name, Fault::Status(500))),
    ("Okta answers an HTML page with 200", |name| fails(name, Fault::Html)),
    ("Okta's JSON ends in the middle", |name| fails(name, Fault::TruncatedJson)),
    ("Okta's transfer ends in the middle", |name| fails(name, Fault::TruncatedTransfer)),
    ("Okta resets connections", |name| fails(name, Fault::Reset)),
];

/// The fault comes, stays for an hour, and goes; the load goes on until keys have been fetched again.
fn fails(name: &'static str, fault: Fault) -> Row {
    let harness = Harness::warm(name, short_lived());
    let load = harness.start_load();
    let before = harness.fetches();
    harness.okta.set_fault(Server::Default, fault);
    std::thread::sleep(AN_HOUR);
    let asked = harness.fetches() - before;
    harness.okta.set_fault(Server::Default, Fault::None);
    let mended = now();
    harness.wait_for_fetch();
    let recovered = mended.elapsed();
    let mut row = harness.finish(load, harness.fetches());
    row.require(asked >= 2, || format!("only {asked} fetches while it failed"));
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("keys again {:.1} s after the end", recovered.as_secs_f64())).fetches_at_most(bound)
}

/// Nothing listens any more.
fn down(name: &'static str) -> Row {
    let mut harness = Harness::warm(name, short_lived());
    let load = harness.start_load();
    let (before, fetches) = (harness.envoy.count("jwks_fetch_failed"), harness.fetches());
    harness.stop_okta();
    std::thread::sleep(AN_HOUR);
    let failed = harness.envoy.count("jwks_fetch_failed") - before;
    let mut row = harness.finish(load, fetches);
    row.require(failed >= 2, || format!("only {failed} attempts"));
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("{failed} attempts refused")).fetches_at_most(bound)
}
