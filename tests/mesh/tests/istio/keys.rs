//! The connection to Okta: ServiceEntry and DestinationRule.

use okta_authz_mesh::manifest::Manifest;
use okta_authz_mesh::network::address;
use stand_in_okta::{Server, StandIn, TokenSpec};
use test_support::client::get;

use super::harness::{Gateway, manifest, mesh, reader};

/// Returns the manifest for another Okta.
fn for_okta(namespace: &str, domain: &str) -> Manifest {
    manifest("gateway.yaml", namespace).replace("acme.okta.com", domain)
}

/// Returns a token of the issuer at a domain, with the key of a stand-in.
fn token(okta: &StandIn, domain: &str) -> String {
    let issuer = format!("https://{domain}/oauth2/default");
    okta.mint(Server::Default, &TokenSpec::user().scopes(&["orders:read"]).claim("iss", issuer))
}

#[test]
fn certificate_of_other_authority_makes_keys_unavailable() {
    let domain = "other-ca.okta.com";
    let okta = okta_authz_mesh::okta::start(address::OTHER_OKTA, domain);
    let token = token(&okta, domain);
    let gateway = Gateway::start_with("other-ca", &for_okta("other-ca", domain));
    gateway.expect(
        &get("/orders").bearer(&token),
        "Okta's certificate is of another authority",
        503,
        "keys_unavailable",
    );
    gateway.expect(&get("/orders"), "no token, no keys", 401, "token_missing");
    gateway.expect(&get("/healthz"), "a public path, no keys", 200, "");
    assert_eq!(okta.key_fetches(Server::Default), 0, "Envoy sends no request over this connection");

    // Control: with the other authority, the connection works.
    let file = test_support::root().join("target/mesh/other-ca.pem");
    std::fs::write(&file, okta.ca_pem()).unwrap();
    let trusted = for_okta("other-ca-trusted", domain)
        .replace("/etc/ssl/certs/ca-certificates.crt", file.to_str().unwrap());
    let gateway = Gateway::start_with("other-ca-trusted", &trusted);
    gateway.expect(&get("/orders").bearer(&token), "caCertificates has this authority", 200, "");
}

#[test]
fn certificate_of_other_name_makes_keys_unavailable() {
    let domain = "other-name.okta.com";
    let token = token(&mesh().okta, domain);
    let gateway = Gateway::start_with("other-name", &for_okta("other-name", domain));
    gateway.expect(
        &get("/orders").bearer(&token),
        "Okta's certificate has another name",
        503,
        "keys_unavailable",
    );
    assert_eq!(gateway.api.requests(), 0);

    // Control: with the name of the certificate, the connection works.
    let named = for_okta("other-name-allowed", domain)
        .replace("subjectAltNames: [other-name.okta.com]", "subjectAltNames: [acme.okta.com]");
    let gateway = Gateway::start_with("other-name-allowed", &named);
    gateway.expect(&get("/orders").bearer(&token), "subjectAltNames has this name", 200, "");
}

#[test]
fn destination_rule_missing_makes_keys_unavailable() {
    let gateway =
        Gateway::start_with("no-tls", &manifest("gateway.yaml", "no-tls").without("DestinationRule"));
    let denied =
        gateway.expect(&get("/orders").bearer(reader()), "no DestinationRule", 503, "keys_unavailable");
    assert!(denied.header("retry-after").is_some(), "{denied:?}");
    assert_eq!(gateway.api.requests(), 0);
}

#[test]
fn service_entry_missing_makes_keys_unavailable() {
    let changed = manifest("gateway.yaml", "no-cluster").without("ServiceEntry").without("DestinationRule");
    let gateway = Gateway::start_with("no-cluster", &changed);
    gateway.expect(&get("/orders").bearer(reader()), "no ServiceEntry", 503, "keys_unavailable");
    gateway.expect(&get("/orders"), "no token, no ServiceEntry", 401, "token_missing");
}
