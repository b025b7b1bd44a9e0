//! What rules learn from Envoy alone: what the route says, and where the client is. And rules that are not enforced.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use super::setup::{BOTH_WORKERS, Setup};
use crate::support::client::{get, request};
use crate::support::config::EnvoyConfig;

fn with_rules(rules: Value) -> impl FnOnce(EnvoyConfig) -> EnvoyConfig {
    move |mut config| {
        config.plugin()["rules"] = rules;
        config
    }
}

#[test]
fn a_route_names_its_policy() {
    let setup = Setup::new("route-policy", |mut config| {
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
            route("/slip", named(json!("opne"))),
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
    setup.warm_up();
    let token = setup.user();
    for (path, without, with) in [
        ("/open", "", ""),
        ("/admins", "token_missing", "requirement_not_met"),
        ("/slip", "token_missing", "route_policy_unknown"),
        // Whatever is written there and is no name must not open the route.
        ("/list", "token_missing", "route_policy_unknown"),
        ("/other", "token_missing", ""),
        ("/", "token_missing", ""),
    ] {
        for _ in 0..BOTH_WORKERS / 2 {
            assert_eq!(setup.send(&get(path)).code(), without, "{path}");
            assert_eq!(setup.send(&get(path).bearer(&token)).code(), with, "{path}");
        }
    }
    setup.assert_alive();
}

#[test]
fn rules_know_where_the_client_is() {
    let setup = Setup::new(
        "remote-ip",
        with_rules(json!([
            { "match": { "path": "/here", "remote_ip": ["127.0.0.0/8"] }, "public": true },
            { "match": { "path": "/there", "remote_ip": ["10.0.0.0/8"] }, "public": true },
            { "match": {}, "requires": {} },
        ])),
    );
    assert_eq!(setup.send(&get("/here")).status, 200);
    assert_eq!(setup.send(&get("/there")).code(), "token_missing");
    // What the client says of itself does not count.
    let claims = get("/there").header("x-forwarded-for", "10.0.0.1").header("x-real-ip", "10.0.0.1");
    assert_eq!(setup.send(&claims).code(), "token_missing");
}

#[test]
fn a_rule_in_shadow_lets_pass_counts_and_says_what_it_would_have_done() {
    let log = crate::support::scratch("shadow").join("access.log");
    let setup = Setup::new("shadow", |config| {
        let rules = json!([{ "match": {}, "requires": { "groups": ["Admins"] }, "mode": "shadow" }]);
        with_rules(rules)(config).access_log(&log)
    });
    setup.warm_up();
    let spoofed = |path: &str| get(path).header("x-okta-sub", "root");
    let sub = |response: &crate::support::client::Response| response.json()["headers"]["x-okta-sub"].clone();
    let nobody = setup.send(&spoofed("/nobody"));
    assert_eq!((nobody.status, sub(&nobody)), (200, Value::Null));
    let forged = setup.send(&spoofed("/forged").bearer(format!("{}x", setup.user())));
    assert_eq!((forged.status, sub(&forged)), (200, Value::Null));
    // Nobody waits for keys where nothing is enforced, so at first nobody knows who this is.
    let user = || sub(&setup.send(&spoofed("/user").bearer(setup.user())));
    let known = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        user() == json!(["joe.user@example.com"])
    });
    assert!(known, "a verified token tells who\n{}", setup.envoy.log());
    assert_eq!(setup.send(&get("/a;b")).code(), "path_ambiguous", "two readings are never let through");
    assert_eq!(setup.envoy.count("shadow.token_missing"), 1);
    assert!(setup.envoy.count("shadow.requirement_not_met") > 0);
    assert_eq!(setup.envoy.count("decision.token_missing"), 0);
    let wanted = "/nobody 200 via_upstream decision=shadow code=token_missing sub=-";
    let written = || std::fs::read_to_string(&log).unwrap_or_default();
    // Envoy writes its access log when a second has passed.
    for _ in 0..100 {
        if written().contains(wanted) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{wanted} in:\n{}", written());
}

#[test]
fn what_passes_without_a_token_is_nobodys() {
    let setup = Setup::new("optional", |mut config| {
        config.plugin()["rules"] = json!([{ "match": {}, "requires": {}, "mode": "optional" }]);
        config.plugin()["bypass_cors_preflight"] = json!(true);
        config
    });
    setup.warm_up();
    let preflight = request("OPTIONS", "/me")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET");
    for nobody in [get("/me"), preflight] {
        let response = setup.send(&nobody.header("x-okta-sub", "root"));
        assert_eq!((response.status, &response.json()["headers"]["x-okta-sub"]), (200, &Value::Null));
    }
    assert_eq!(setup.envoy.count("decision.anonymous"), 1);
    assert_eq!(setup.envoy.count("decision.cors_preflight"), 1);
    assert_eq!(setup.send(&get("/me").bearer("a.b.c")).status, 401, "a bad token is not nobody's");
}

#[test]
fn rule_on_an_unknown_address_denies() {
    let socket = crate::support::scratch("unknown-address").join("pipe");
    let _ = std::fs::remove_file(&socket);
    let setup = Setup::new("unknown-address", |mut config| {
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
    let by_pipe = |path: &str| {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(by_pipe("/first").starts_with("HTTP/1.1 200"), "an earlier rule decides");
    let answer = by_pipe("/");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("remote_ip_unknown"), "{answer}");
    assert_eq!(setup.send(&get("/")).status, 200, "a known address, and in no range");
    assert_eq!(setup.send(&get("/mapped")).code(), "token_missing", "the range is that of IPv4");
}
