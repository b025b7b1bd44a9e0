//! `deploy/envoy/two-listeners.yaml`: two policies, shared keys, and no keys from an impostor of
//! Okta.

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
    assert_eq!(fetched, 1, "one fetch for two workers and two listeners");
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
    assert_eq!(harness.okta.key_fetches(Server::Default), fetched, "the other listener uses the cached keys");
    assert_eq!(
        harness.backend.requests(),
        4 * CONNECTIONS_FOR_BOTH_WORKERS as u64,
        "only requests with status 200 reach the backend"
    );
    let received = get_with_token(public, "/orders", Some(&reader)).json();
    assert_eq!(received["headers"]["x-okta-sub"][0], "joe.user@example.com");
    assert!(received["headers"].get("authorization").is_none(), "{received}");
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

/// Sends a token with the signature of `impostor`, to which the cluster for Okta connects. Returns
/// the status, the fetches that reached the impostor, and Envoy.
///
/// Envoy trusts the CA of `trusted`. If `checks_name` is false, it accepts any name in a
/// certificate.
fn send_forged_token(
    name: &str,
    impostor: &StandIn,
    trusted: &StandIn,
    checks_name: bool,
) -> (u16, u64, Envoy) {
    let backend = Backend::start();
    let mut config = config_for(FILE, impostor, &write_ca(trusted, name), &backend);
    if !checks_name {
        let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
        let okta = clusters.iter_mut().find(|cluster| cluster["name"] == "okta").unwrap();
        let tls = &mut okta["transport_socket"]["typed_config"]["common_tls_context"];
        tls["validation_context"].as_object_mut().unwrap().remove("match_typed_subject_alt_names").unwrap();
    }
    let envoy = Envoy::start(name, &config);
    let forged = impostor.sign(
        Server::Default,
        &json!({ "kid": impostor.kid(Server::Default), "alg": "RS256" }).to_string(),
        &json!({
            "iss": format!("https://{DOMAIN}/oauth2/default"), "aud": "api://default", "ver": 1, "jti": "AT.1",
            "sub": "root", "uid": "00u1", "cid": "0oa1", "scp": ["orders:read"], "iat": 1, "exp": 4_000_000_000_u64
        })
        .to_string(),
    );
    let status = get_with_token(envoy.client(), "/orders", Some(&forged)).status;
    assert_eq!(backend.requests() > 0, status == 200);
    (status, impostor.key_fetches(Server::Default), envoy)
}

#[test]
fn certificate_for_another_host_yields_no_keys() {
    // A public CA, which Envoy trusts, issues certificates for the host of an attacker.
    let attacker = start_stand_in("evil.example.com");
    let (status, fetches, envoy) = send_forged_token("another-name", &attacker, &attacker, true);
    assert_eq!((status, fetches), (503, 0), "{}", envoy.log());
    assert!(envoy.stat("cluster.okta.ssl.fail_verify_san").unwrap() > 0);
    drop(envoy);

    // Control: without the check of the name, the filter accepts the forged token.
    let (status, fetches, _) = send_forged_token("no-name", &attacker, &attacker, false);
    assert_eq!(status, 200);
    assert!(fetches > 0);
}

#[test]
fn certificate_of_another_authority_yields_no_keys() {
    let (impostor, real) = (start_stand_in(DOMAIN), start_stand_in(DOMAIN));
    let (status, fetches, envoy) = send_forged_token("another-authority", &impostor, &real, true);
    assert_eq!((status, fetches), (503, 0), "{}", envoy.log());
    assert!(envoy.stat("cluster.okta.ssl.fail_verify_error").unwrap() > 0);
}
