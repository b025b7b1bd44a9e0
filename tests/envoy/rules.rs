//! Rule conditions with input from Envoy: route metadata and the client address. Optional tokens.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};
use test_support::client::{get, request};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

fn with_rules(rules: Value) -> impl FnOnce(EnvoyConfig) -> EnvoyConfig {
    move |mut config| {
        config.plugin()["rules"] = rules;
        config
    }
}

#[test]
fn route_metadata_selects_the_policy() {
    let harness = Harness::new("route-policy", |mut config| {
        let route = |prefix: &str, metadata: Value| {
            json!({
                "match": { "prefix": prefix }, "route": { "cluster": "app" },
                "metadata": { "filter_metadata": metadata },
            })
        };
        let named = |name: Value| json!({ "okta_authz": { "policy": name } });
        config.manager()["route_config"]["virtual_hosts"][0]["routes"] = json!([
            route("/open", named(json!("open"))),
            route("/admins", named(json!("admins"))),
            route("/typo", named(json!("opne"))),
            route("/list", named(json!(["open"]))),
            route("/other", json!({ "okta_authz": { "note": "open" }, "another": { "policy": "open" } })),
            route("/", json!({})),
        ]);
        config.plugin()["route_policies"] = json!({
            "open": { "public": true }, "admins": { "requires": { "groups": ["Admins"] } },
        });
        config.plugin()["rules"] = json!([{ "match": {}, "requires": {} }]);
        config
    });
    harness.warm_up();
    let token = harness.user_token();
    for (path, without, with) in [
        ("/open", "", ""),
        ("/admins", "token_missing", "requirement_not_met"),
        ("/typo", "token_missing", "route_policy_unknown"),
        // A policy that is not a string must not allow requests.
        ("/list", "token_missing", "route_policy_unknown"),
        ("/other", "token_missing", ""),
        ("/", "token_missing", ""),
    ] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 2 {
            assert_eq!(harness.send(&get(path)).code(), without, "{path}");
            assert_eq!(harness.send(&get(path).bearer(&token)).code(), with, "{path}");
        }
    }
    harness.assert_alive();
}

#[test]
fn remote_ip_is_the_address_of_the_connection() {
    let harness = Harness::new(
        "remote-ip",
        with_rules(json!([
            { "match": { "path": "/here", "remote_ip": ["127.0.0.0/8"] }, "public": true },
            { "match": { "path": "/there", "remote_ip": ["10.0.0.0/8"] }, "public": true },
            { "match": {}, "requires": {} },
        ])),
    );
    assert_eq!(harness.send(&get("/here")).status, 200);
    assert_eq!(harness.send(&get("/there")).code(), "token_missing");
    // Address headers from the client have no effect.
    let spoofed = get("/there").header("x-forwarded-for", "10.0.0.1").header("x-real-ip", "10.0.0.1");
    assert_eq!(harness.send(&spoofed).code(), "token_missing");
}

#[test]
fn request_without_a_token_is_anonymous_in_optional_mode() {
    let harness = Harness::new("optional", |mut config| {
        config.plugin()["rules"] = json!([{ "match": {}, "requires": {}, "mode": "optional" }]);
        config.plugin()["bypass_cors_preflight"] = json!(true);
        config
    });
    harness.warm_up();
    let preflight = request("OPTIONS", "/me")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET");
    for request in [get("/me"), preflight] {
        let response = harness.send(&request.header("x-okta-sub", "root"));
        assert_eq!((response.status, &response.json()["headers"]["x-okta-sub"]), (200, &Value::Null));
    }
    harness.wait_for_counter("decision.anonymous", 1);
    harness.wait_for_counter("decision.cors_preflight", 1);
    assert_eq!(harness.envoy.count("decision.anonymous"), 1);
    assert_eq!(harness.envoy.count("decision.cors_preflight"), 1);
    assert_eq!(harness.send(&get("/me").bearer("a.b.c")).status, 401, "an invalid token is not anonymous");
}

#[test]
fn remote_address_unknown_is_denied() {
    let socket = test_support::scratch("unknown-address").join("pipe");
    let _ = std::fs::remove_file(&socket);
    let harness = Harness::new("unknown-address", |mut config| {
        config.plugin()["rules"] = json!([
            { "match": { "path": "/first" }, "public": true },
            { "match": { "remote_ip": ["10.0.0.0/8"] }, "deny": true },
            { "match": { "path": "/mapped", "remote_ip": ["::ffff:127.0.0.0/104"] }, "requires": {} },
            { "match": {}, "public": true },
        ]);
        let listeners = config.document()["static_resources"]["listeners"].as_array_mut().unwrap();
        let mut pipe = listeners[0].clone();
        pipe["name"] = json!("pipe");
        pipe["address"] = json!({ "pipe": { "path": socket } });
        listeners.push(pipe);
        config
    });
    let send_over_pipe = |path: &str| {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        String::from_utf8_lossy(&response).into_owned()
    };
    assert!(send_over_pipe("/first").starts_with("HTTP/1.1 200"), "an earlier rule decides");
    let response = send_over_pipe("/");
    assert!(response.starts_with("HTTP/1.1 403") && response.contains("remote_ip_unknown"), "{response}");
    assert_eq!(harness.send(&get("/")).status, 200, "the address is known and in no range");
    assert_eq!(
        harness.send(&get("/mapped")).code(),
        "token_missing",
        "an IPv4-mapped range matches IPv4 addresses"
    );
}
