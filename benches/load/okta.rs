//! The stand-in Okta of the benchmark: its cluster, and opaque tokens that the filter introspects.

use std::path::PathBuf;

use benches::tokens::{FEW, path, write_requests};
use serde_json::{Value, json};
use stand_in_okta::{Endpoint, RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET, Server, StandIn, TokenSpec};
use test_support::config::EnvoyConfig;

use crate::filters::ours;
use crate::rows::{OPAQUE, Row};

/// The environment variable of the VM with the secret of the resource server.
const SECRET: &str = "OKTA_RS_SECRET";
/// The lifetime of a token in seconds.
const LIFETIME: i64 = 86_400;

/// Returns the cluster `okta` of the reference configuration, with TLS. Writes the certificate
/// authority to this folder.
pub fn cluster(okta: &StandIn, folder: &str) -> Value {
    let ca = test_support::scratch(folder).join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).expect("a certificate authority");
    let mut config = EnvoyConfig::reference().okta(okta.https_port(), &ca);
    let clusters = config.document()["static_resources"]["clusters"].as_array().expect("clusters");
    clusters.iter().find(|cluster| cluster["name"] == "okta").expect("Okta's cluster").clone()
}

/// Returns this filter with introspection of opaque tokens. The results stay cached for the longest
/// time that the configuration allows, so that the rounds after the first need no call.
pub fn introspecting_filter(okta: &StandIn) -> Value {
    let keys: Value = serde_json::from_str(&okta.jwks(Server::Default)).expect("a key set");
    let introspection = json!({
        "cluster": "okta", "client_id": RESOURCE_SERVER_ID,
        "auth": { "client_secret_basic": { "secret_env": SECRET } },
        "cache_duration": "1h", "max_per_second": 10_000,
    });
    let provider = json!({
        "issuer": okta.issuer(Server::Default), "audiences": [okta.audience(Server::Default)],
        "local_jwks": keys, "introspection": introspection,
    });
    let mut filter = ours("opaque", &json!({ "providers": { "okta": provider } }));
    filter["typed_config"]["config"]["vm_config"]["environment_variables"] =
        json!({ "key_values": { SECRET: RESOURCE_SERVER_SECRET } });
    filter
}

/// Writes a file of requests with opaque tokens. Returns its path.
pub fn opaque_requests(okta: &StandIn) -> PathBuf {
    let spec = TokenSpec::user().lifetime(LIFETIME).opaque();
    let line = |i| format!("{} {}\n", path(i % 10), okta.mint(Server::Default, &spec));
    write_requests("opaque", &(0..FEW).map(line).collect::<String>())
}

/// Asserts that each filter introspected each token once in the whole run, so that every other
/// request had a cached result.
pub fn assert_one_call_per_token(okta: &StandIn, rows: &[Row]) {
    let builds = |row: &Row| 1 + u64::from(row.old.is_some());
    let filters: u64 = rows.iter().filter(|row| row.name == OPAQUE).map(builds).sum();
    let calls = okta.requests(Server::Default, Endpoint::Introspect);
    assert_eq!(calls, filters * FEW as u64, "introspection calls for {FEW} tokens");
}
