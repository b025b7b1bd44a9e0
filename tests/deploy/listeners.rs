//! deploy/envoy/two-listeners.yaml: two policies, one set of keys, and no keys from somebody who only poses as Okta.

use serde_json::json;
use stand_in_okta::{Server, StandIn};
use test_support::backend::Backend;
use test_support::envoy::Envoy;

use super::harness::{
    CONNECTIONS_FOR_BOTH_WORKERS, DOMAIN, Harness, assert_statuses, config_for, get_with_token,
    start_stand_in, write_ca,
};

const FILE: &str = "deploy/envoy/two-listeners.yaml";

#[test]
fn two_listeners_have_separate_policies_and_shared_keys() {
    let harness = Harness::new("two-listeners", FILE, |config| config);
    let (reader, machine) = (harness.user_token(&["orders:read"]), harness.machine_token());
    let public = harness.envoy.client();
    assert_statuses(
        public,
        &[
            ("/orders", Some(&reader), 200),
            ("/orders", None, 401),
            ("/orders", Some("opaque"), 401),
            ("/orders", Some(&machine), 403),
            ("/internal/jobs", Some(&machine), 403),
            ("/healthz", None, 200),
            ("/elsewhere", Some(&reader), 403),
        ],
    );
    let fetched = harness.okta.key_fetches(Server::Default);
    assert_eq!(fetched, 1, "one fetch, for two workers and two listeners");
    assert_statuses(
        harness.envoy.client_of("internal"),
        &[
            ("/internal/jobs", Some(&machine), 200),
            ("/internal/jobs", Some(&reader), 403),
            ("/internal/jobs", None, 401),
            ("/orders", Some(&reader), 403),
            ("/healthz", None, 200),
        ],
    );
    assert_eq!(harness.okta.key_fetches(Server::Default), fetched, "the other listener has these keys");
    assert_eq!(
        harness.backend.requests(),
        4 * CONNECTIONS_FOR_BOTH_WORKERS as u64,
        "what was answered with 200, and nothing else"
    );
    let seen = get_with_token(public, "/orders", Some(&reader)).json();
    assert_eq!(seen["headers"]["x-okta-sub"][0], "joe.user@example.com");
    assert!(seen["headers"].get("authorization").is_none(), "{seen}");
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

/// What becomes of a token that is signed with the keys of whoever poses as Okta, under these eyes.
fn posing(name: &str, posing: &StandIn, trusted: &StandIn, checks_name: bool) -> (u16, u64, Envoy) {
    let backend = Backend::start();
    let mut config = config_for(FILE, posing, &write_ca(trusted, name), &backend);
    if !checks_name {
        let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
        let okta = clusters.iter_mut().find(|cluster| cluster["name"] == "okta").unwrap();
        let tls = &mut okta["transport_socket"]["typed_config"]["common_tls_context"];
        tls["validation_context"].as_object_mut().unwrap().remove("match_typed_subject_alt_names").unwrap();
    }
    let envoy = Envoy::start(name, &config);
    let forged = posing.sign(
        Server::Default,
        &json!({ "kid": posing.kid(Server::Default), "alg": "RS256" }).to_string(),
        &json!({
            "iss": format!("https://{DOMAIN}/oauth2/default"), "aud": "api://default", "ver": 1, "jti": "AT.1",
            "sub": "root", "uid": "00u1", "cid": "0oa1", "scp": ["orders:read"], "iat": 1, "exp": 4_000_000_000_u64
        })
        .to_string(),
    );
    let status = get_with_token(envoy.client(), "/orders", Some(&forged)).status;
    assert_eq!(backend.requests() > 0, status == 200);
    (status, posing.key_fetches(Server::Default), envoy)
}

#[test]
fn certificate_for_another_host_yields_no_keys() {
    // Signed by the authority that is trusted, as anybody can have it of a public one, for a name of their own.
    let evil = start_stand_in("evil.example.com");
    let (status, fetches, envoy) = posing("another-name", &evil, &evil, true);
    assert_eq!((status, fetches), (503, 0), "{}", envoy.log());
    assert!(envoy.stat("cluster.okta.ssl.fail_verify_san").unwrap() > 0);
    drop(envoy);

    // It is the check of the name that stops it: without, the forged token is as good as any.
    let (status, fetches, _) = posing("no-name", &evil, &evil, false);
    assert_eq!(status, 200);
    assert!(fetches > 0);
}

#[test]
fn certificate_of_another_authority_yields_no_keys() {
    let (posed, real) = (start_stand_in(DOMAIN), start_stand_in(DOMAIN));
    let (status, fetches, envoy) = posing("another-authority", &posed, &real, true);
    assert_eq!((status, fetches), (503, 0), "{}", envoy.log());
    assert!(envoy.stat("cluster.okta.ssl.fail_verify_error").unwrap() > 0);
}
