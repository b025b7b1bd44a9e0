//! The way to Okta is missing: Envoy has no such cluster, not yet, not any more, or none with an endpoint.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::Server;
use test_support::client::Response;

use super::Scenario;
use super::harness::{Harness, fetches_of_one_worker, now, short_lived};
use super::load::{Load, RequestMix};
use super::report::Row;
use super::xds::{Source, with_okta_from};

const A_WHILE: Duration = Duration::from_secs(6);

pub const ALL: &[Scenario] = &[
    ("the cluster never comes", never),
    ("the cluster never comes, and keys are pinned", never_but_pinned),
    ("the cluster comes later", later),
    ("the cluster has no endpoints any more", |name| emptied(name, without_endpoints)),
    ("the cluster is taken away", |name| emptied(name, |_| Vec::new())),
];

/// Before there have ever been keys no token can be judged: 503 is the right answer, and nobody is to blame.
fn keyless(response: &Response) -> bool {
    (response.status, response.code().as_str()) == (503, "keys_unavailable")
}

fn nobody() -> Value {
    let mut keys = short_lived();
    keys["cluster"] = json!("nobody");
    keys
}

fn never(name: &'static str) -> Row {
    let harness = Harness::new(name, nobody(), |config, _| config);
    let load =
        Load::start(harness.envoy.client(), RequestMix::of(&harness.okta).with_expected_denial(keyless));
    // The first ones wait for five seconds, as long as there is hope.
    std::thread::sleep(A_WHILE + Duration::from_secs(3));
    let mut row = harness.finish(load, harness.fetches());
    row.require(row.counts.expected_denials == row.counts.legitimate, || {
        "without keys, who was let through?".to_owned()
    });
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note("503 `keys_unavailable`").fetches_at_most(bound)
}

fn never_but_pinned(name: &'static str) -> Row {
    let harness = Harness::new(name, nobody(), |mut config, okta| {
        let jwks: Value = serde_json::from_str(&okta.jwks(Server::Default)).unwrap();
        config.plugin()["providers"]["okta"]["local_jwks"] = jwks;
        config
    });
    let load = harness.start_load();
    std::thread::sleep(A_WHILE);
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.fetches_at_most(bound)
}

fn later(name: &'static str) -> Row {
    let source = Source::new(name, "cds");
    let mut cluster = Value::Null;
    let harness = Harness::new(name, short_lived(), |config, _| {
        let (config, okta) = with_okta_from(&source, config);
        cluster = okta;
        config
    });
    let load =
        Load::start(harness.envoy.client(), RequestMix::of(&harness.okta).with_expected_denial(keyless));
    std::thread::sleep(Duration::from_secs(2));
    source.publish(&[cluster]);
    let added = now();
    harness.wait_until_ready();
    let settled = added.elapsed();
    // From here on nothing is excused.
    load.change(RequestMix::of(&harness.okta));
    std::thread::sleep(Duration::from_secs(3));
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("keys on all workers {:.1} s after it came", settled.as_secs_f64()))
        .fetches_at_most(bound)
}

/// There were keys; then the cluster changes, for an hour of six periods; then it is as it was.
fn emptied(name: &'static str, change: fn(Value) -> Vec<Value>) -> Row {
    let source = Source::new(name, "cds");
    let mut cluster = Value::Null;
    let harness = Harness::new(name, short_lived(), |config, _| {
        let (config, okta) = with_okta_from(&source, config);
        source.publish(std::slice::from_ref(&okta));
        cluster = okta;
        config
    });
    harness.wait_until_ready();
    let load = harness.start_load();
    let failed = harness.envoy.count("jwks_fetch_failed");
    source.publish(&change(cluster.clone()));
    std::thread::sleep(A_WHILE);
    let failed = harness.envoy.count("jwks_fetch_failed") - failed;
    source.publish(&[cluster]);
    harness.wait_for_fetch();
    let mut row = harness.finish(load, harness.fetches());
    row.require(failed >= 2, || format!("only {failed} attempts have failed"));
    let bound = fetches_of_one_worker(row.seconds, 3);
    row.note(format!("{failed} attempts failed")).fetches_at_most(bound)
}

fn without_endpoints(mut cluster: Value) -> Vec<Value> {
    cluster["load_assignment"]["endpoints"] = json!([]);
    vec![cluster]
}
