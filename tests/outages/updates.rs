//! The configuration changes under load, through LDS and ECDS: the old one serves until the new one is good, a bad one never
//! takes over, and the keys stay, for they are in shared data.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;

use super::Scenario;
use super::harness::{Harness, long_lived};
use super::report::Row;
use super::xds::{Source, filter, listener, with_filter_from, with_listener_from};

/// How long each configuration serves, at least.
const A_WHILE: Duration = Duration::from_millis(400);

pub const ALL: &[Scenario] = &[
    ("the listener is replaced (LDS), with bad ones between", |name| {
        updated(name, &Way { kind: "lds", from: with_listener_from, resource: listener, refused: LDS })
    }),
    ("the filter is replaced (ECDS), with bad ones between", |name| {
        updated(name, &Way { kind: "ecds", from: with_filter_from, resource: filter, refused: ECDS })
    }),
];

const LDS: &str = "listener_manager.lds.update_rejected";
const ECDS: &str = "extension_config_discovery.http_filter.okta-authz.update_rejected";

/// A way in which configurations come.
struct Way {
    kind: &'static str,
    from: fn(&Source, EnvoyConfig) -> EnvoyConfig,
    resource: fn(&mut EnvoyConfig) -> Value,
    /// The counter of configurations that Envoy has refused.
    refused: &'static str,
}

fn updated(name: &'static str, way: &Way) -> Row {
    let source = Source::new(name, way.kind);
    let mut reference = None;
    let harness = Harness::new(name, long_lived(), |config, _| {
        reference = Some(config.clone());
        (way.from)(&source, config)
    });
    let reference = reference.unwrap();
    harness.wait_until_ready();
    let load = harness.start_load();
    let extra = get("/extra").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let mut updates = 0;
    for bad in [unknown_field, refused_by_the_filter, without_a_module].map(Some).into_iter().chain([None]) {
        replaced(&harness, &source, &extra, (way.resource)(&mut with_another_rule(reference.clone())), 200);
        if let Some(bad) = bad {
            refused(&harness, &source, &extra, (way.resource)(&mut bad(reference.clone())), way.refused);
        }
        replaced(&harness, &source, &extra, (way.resource)(&mut reference.clone()), 403);
        updates += 2;
    }
    let row = harness.finish(load, harness.fetches());
    row.note(format!("{updates} good updates, 3 refused")).fetches_at_most(1)
}

/// A good configuration takes over on every worker.
fn replaced(harness: &Harness, source: &Source, extra: &Request, resource: Value, status: u16) {
    source.publish(&[resource]);
    harness.wait_for_status(extra, status);
    std::thread::sleep(A_WHILE);
}

/// A bad one does not, and Envoy says so. The one before has another rule.
fn refused(harness: &Harness, source: &Source, extra: &Request, resource: Value, counter: &str) {
    let before = harness.envoy.stat(counter).unwrap_or_else(|| panic!("no counter {counter}"));
    source.publish(&[resource]);
    harness.wait_until("Envoy refuses it", || harness.envoy.stat(counter) > Some(before));
    std::thread::sleep(A_WHILE);
    for _ in 0..super::harness::CONNECTIONS_FOR_ALL_WORKERS {
        let response = harness.envoy.client().send(extra);
        assert_eq!(response.status, 200, "{}: a refused configuration serves: {response:?}", harness.name);
    }
}

/// Other audiences, and a rule more. What is legitimate, and what hostile, is so under both.
pub fn with_another_rule(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["providers"]["okta"]["audiences"] = json!(["api://another", "api://default"]);
    let rules = config.plugin()["rules"].as_array_mut().unwrap();
    rules.push(json!({ "match": { "path": "/extra" }, "requires": {} }));
    config
}

fn unknown_field(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["provider"] = json!({});
    config
}

fn refused_by_the_filter(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["providers"]["okta"]["issuer"] = json!("https://acme.okta.example");
    config
}

fn without_a_module(config: EnvoyConfig) -> EnvoyConfig {
    config.module(std::path::Path::new("target/filter/nothing.wasm"))
}
