//! Updates of the configuration under load, through LDS and ECDS. Envoy rejects an invalid version
//! and keeps the old one. The keys remain, because they are in shared data.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;

use super::Scenario;
use super::harness::{Harness, long_cache_duration};
use super::report::Row;
use super::xds::{Source, filter, listener, with_filter_from, with_listener_from};

/// Minimum time between two updates.
const PAUSE: Duration = Duration::from_millis(400);

pub const ALL: &[Scenario] = &[
    ("LDS replaces the listener, with invalid versions in between", |name| update(name, &LDS)),
    ("ECDS replaces the filter, with invalid versions in between", |name| update(name, &ECDS)),
];

/// An xDS service that updates the filter.
pub struct UpdateService {
    pub name: &'static str,
    /// Moves a part of the configuration to a source.
    pub move_to_source: fn(&Source, EnvoyConfig) -> EnvoyConfig,
    /// Returns that part as a resource.
    pub resource: fn(&mut EnvoyConfig) -> Value,
    /// Counter of the updates that Envoy rejected.
    update_rejected: &'static str,
}

pub const LDS: UpdateService = UpdateService {
    name: "lds",
    move_to_source: with_listener_from,
    resource: listener,
    update_rejected: "listener_manager.lds.update_rejected",
};

pub const ECDS: UpdateService = UpdateService {
    name: "ecds",
    move_to_source: with_filter_from,
    resource: filter,
    update_rejected: "extension_config_discovery.http_filter.okta-authz.update_rejected",
};

fn update(name: &'static str, service: &UpdateService) -> Row {
    let source = Source::new(name, service.name);
    let mut reference = None;
    let harness = Harness::new(name, long_cache_duration(), |config, _| {
        reference = Some(config.clone());
        (service.move_to_source)(&source, config)
    });
    let reference = reference.unwrap();
    harness.wait_until_ready();
    let load = harness.start_load();
    let extra = get("/extra").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let mut updates = 0;
    for invalidate in [unknown_field, invalid_issuer, missing_module].map(Some).into_iter().chain([None]) {
        publish_valid(
            &harness,
            &source,
            &extra,
            (service.resource)(&mut with_another_rule(reference.clone())),
            200,
        );
        if let Some(invalidate) = invalidate {
            publish_invalid(
                &harness,
                &source,
                &extra,
                (service.resource)(&mut invalidate(reference.clone())),
                service.update_rejected,
            );
        }
        publish_valid(&harness, &source, &extra, (service.resource)(&mut reference.clone()), 403);
        updates += 2;
    }
    let row = harness.finish(load, harness.fetches());
    row.note(format!("{updates} valid updates, 3 rejected")).fetches_at_most(1)
}

/// Publishes a valid resource, and waits until every worker responds to `extra` with `status`.
fn publish_valid(harness: &Harness, source: &Source, extra: &Request, resource: Value, status: u16) {
    source.publish(&[resource]);
    harness.wait_for_status(extra, status);
    std::thread::sleep(PAUSE);
}

/// Publishes an invalid resource. Envoy must reject it and keep the version that allows `extra`.
fn publish_invalid(harness: &Harness, source: &Source, extra: &Request, resource: Value, counter: &str) {
    let before = harness.envoy.stat(counter).unwrap_or_else(|| panic!("no counter {counter}"));
    source.publish(&[resource]);
    harness.wait_until("Envoy rejects the update", || harness.envoy.stat(counter) > Some(before));
    std::thread::sleep(PAUSE);
    for _ in 0..super::harness::CONNECTIONS_FOR_ALL_WORKERS {
        let response = harness.envoy.client().send(extra);
        assert_eq!(
            response.status, 200,
            "{}: the rejected configuration is active: {response:?}",
            harness.name
        );
    }
}

/// Adds an audience and a rule for `/extra`. The decisions on the requests of the load stay.
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

fn invalid_issuer(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["providers"]["okta"]["issuer"] = json!("https://acme.okta.example");
    config
}

fn missing_module(config: EnvoyConfig) -> EnvoyConfig {
    config.module(std::path::Path::new("target/filter/missing.wasm"))
}
