//! The cluster for Okta is missing, is added later, is removed, or has no endpoints.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::Server;
use test_support::client::Response;

use super::Scenario;
use super::harness::{Harness, fetches_of_one_worker, now, short_cache_duration};
use super::load::{Load, RequestMix};
use super::report::Row;
use super::xds::{Source, with_okta_from};

/// Six cache durations of 1 s.
const OUTAGE: Duration = Duration::from_secs(6);

pub const ALL: &[Scenario] = &[
    ("The cluster never exists", never_exists),
    ("The cluster never exists, and keys are pinned", never_exists_with_pinned_keys),
    ("The cluster is added later", added_later),
    ("The cluster loses its endpoints", |name| changed(name, without_endpoints)),
    ("The cluster is removed", |name| changed(name, |_| Vec::new())),
];

/// Whether the response is the expected one before the first successful fetch.
fn is_keys_unavailable(response: &Response) -> bool {
    (response.status, response.code().as_str()) == (503, "keys_unavailable")
}

fn missing_cluster() -> Value {
    let mut remote_jwks = short_cache_duration();
    remote_jwks["cluster"] = json!("missing");
    remote_jwks
}

fn never_exists(name: &'static str) -> Row {
    let harness = Harness::new(name, missing_cluster(), |config, _| config);
    let load = Load::start(
        harness.envoy.client(),
        RequestMix::of(&harness.okta).with_expected_denial(is_keys_unavailable),
    );
    // The first requests wait for up to 5 s while a fetch is due soon.
    std::thread::sleep(OUTAGE + Duration::from_secs(3));
    let mut row = harness.finish(load, harness.fetches());
    row.require(row.counts.expected_denials == row.counts.legitimate, || {
        "a request was allowed without keys".to_owned()
    });
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note("503 `keys_unavailable`").fetches_at_most(bound)
}

fn never_exists_with_pinned_keys(name: &'static str) -> Row {
    let harness = Harness::new(name, missing_cluster(), |mut config, okta| {
        let jwks: Value = serde_json::from_str(&okta.jwks(Server::Default)).unwrap();
        config.plugin()["providers"]["okta"]["local_jwks"] = jwks;
        config
    });
    let load = harness.start_load();
    std::thread::sleep(OUTAGE);
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.fetches_at_most(bound)
}

fn added_later(name: &'static str) -> Row {
    let source = Source::new(name, "cds");
    let mut cluster = Value::Null;
    let harness = Harness::new(name, short_cache_duration(), |config, _| {
        let (config, okta) = with_okta_from(&source, config);
        cluster = okta;
        config
    });
    let load = Load::start(
        harness.envoy.client(),
        RequestMix::of(&harness.okta).with_expected_denial(is_keys_unavailable),
    );
    std::thread::sleep(Duration::from_secs(2));
    source.publish(&[cluster]);
    let added = now();
    harness.wait_until_ready();
    let ready = added.elapsed();
    // From here on the scenario expects no denial.
    load.change(RequestMix::of(&harness.okta));
    std::thread::sleep(Duration::from_secs(3));
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("keys on all workers {:.1} s after the cluster", ready.as_secs_f64()))
        .fetches_at_most(bound)
}

/// The cluster changes for six periods after a successful fetch, and then changes back.
fn changed(name: &'static str, change: fn(Value) -> Vec<Value>) -> Row {
    let source = Source::new(name, "cds");
    let mut cluster = Value::Null;
    let harness = Harness::new(name, short_cache_duration(), |config, _| {
        let (config, okta) = with_okta_from(&source, config);
        source.publish(std::slice::from_ref(&okta));
        cluster = okta;
        config
    });
    harness.wait_until_ready();
    let load = harness.start_load();
    let failed = harness.envoy.count("jwks_fetch_failed");
    source.publish(&change(cluster.clone()));
    std::thread::sleep(OUTAGE);
    let failed = harness.envoy.count("jwks_fetch_failed") - failed;
    source.publish(&[cluster]);
    harness.wait_for_fetch();
    let mut row = harness.finish(load, harness.fetches());
    row.require(failed >= 2, || format!("only {failed} attempts failed"));
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("{failed} attempts failed")).fetches_at_most(bound)
}

fn without_endpoints(mut cluster: Value) -> Vec<Value> {
    cluster["load_assignment"]["endpoints"] = json!([]);
    vec![cluster]
}
