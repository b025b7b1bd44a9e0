//! `discovery: true`: the filter finds the keys through the metadata of the issuer (RFC 8414).

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Options, Rotation, Server, StandIn};
use test_support::client::{Response, get};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

/// Configures discovery with a cache duration of 1 s, and these fields.
fn with_discovery(fields: Value) -> impl FnOnce(EnvoyConfig) -> EnvoyConfig {
    move |mut config| {
        let remote = &mut config.plugin()["providers"]["okta"]["remote_jwks"];
        *remote = json!({ "cluster": "okta", "discovery": true, "timeout": "1s", "cache_duration": "1s" });
        for (name, value) in fields.as_object().unwrap() {
            remote[name] = value.clone();
        }
        config
    }
}

fn get_me(harness: &Harness) -> Response {
    harness.send(&get("/me").bearer(harness.user_token()))
}

/// Sends requests until the keys have been fetched `count` times. Every request must get 200.
fn send_during_fetches(harness: &Harness, count: u64) {
    let (before, mut sent) = (harness.okta.key_fetches(Server::Default), 0);
    while harness.okta.key_fetches(Server::Default) < before + count {
        let response = get_me(harness);
        assert_eq!(response.status, 200, "{response:?}\n{}", harness.envoy.log());
        sent += 1;
        assert!(sent < 2_000, "no fetch\n{}", harness.envoy.log());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn discovered_keys_survive_refresh_outage_and_rotation() {
    let harness = Harness::new("discovery", with_discovery(json!({ "unknown_kid_cooldown": "1s" })));
    harness.warm_up();
    send_during_fetches(&harness, 3);
    assert_eq!(harness.okta.discovery_fetches(Server::Default), 1, "one VM fetches the metadata for all");
    // Without the metadata, the filter uses the cached `jwks_uri`.
    harness.okta.set_fault_at(Server::Default, Endpoint::Discovery, Fault::Status(500));
    send_during_fetches(&harness, 2);
    harness.okta.set_fault_at(Server::Default, Endpoint::Discovery, Fault::None);
    harness.okta.rotate(Server::Default, Rotation::Manual);
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(get_me(&harness).status, 200, "the first use of a new key\n{}", harness.envoy.log());
    }
    // If a fetch of the keys fails, the filter fetches the metadata again.
    harness.okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Status(404));
    send_during_fetches(&harness, 2);
    assert!(harness.okta.discovery_fetches(Server::Default) >= 2);
    harness.assert_alive();
}

#[test]
fn first_requests_wait_for_metadata_and_keys() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 700 });
    let harness = Harness::with_okta("discovery-cold", okta, with_discovery(json!({})));
    assert_eq!(get_me(&harness).status, 200, "{}", harness.envoy.log());
}

#[test]
fn metadata_of_another_issuer_or_host_yields_no_keys() {
    let issuer = "https://acme.okta.example/oauth2/default";
    let mut documents = vec![
        (
            "other-issuer",
            json!({ "issuer": "https://acme.okta.example", "jwks_uri": format!("{issuer}/v1/keys") }),
        ),
        ("other-host", json!({ "issuer": issuer, "jwks_uri": "https://evil.example/v1/keys" })),
        ("no-tls", json!({ "issuer": issuer, "jwks_uri": "http://acme.okta.example/v1/keys" })),
    ];
    let texts = ["is not the configured issuer", "not in `jwks_hosts`", "no `jwks_uri` that is an https URL"];
    for ((name, document), text) in documents.drain(..).zip(texts) {
        let okta = StandIn::start(Options::default());
        okta.set_fault_at(Server::Default, Endpoint::Discovery, Fault::Body(document.to_string()));
        let harness = Harness::with_okta(&format!("discovery-{name}"), okta, with_discovery(json!({})));
        assert_eq!(get_me(&harness).code(), "keys_unavailable", "{name}");
        assert_eq!(harness.okta.key_fetches(Server::Default), 0, "{name}");
        assert!(harness.envoy.log().contains(text), "{name}\n{}", harness.envoy.log());
    }
}
