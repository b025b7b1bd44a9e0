//! What rules learn from Envoy alone: what the route says, and where the client is. And rules that are not enforced.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};
use test_support::client::{get, request};
use test_support::config::EnvoyConfig;

use super::setup::{BOTH_WORKERS, Setup};

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

/// The reference configuration with these members, and an access log of the filter state.
fn logged(name: &str, members: Value) -> (Setup, std::path::PathBuf) {
    let log = test_support::scratch(name).join("access.log");
    let setup = Setup::new(name, |mut config| {
        for (name, value) in members.as_object().unwrap() {
            config.plugin()[name] = value.clone();
        }
        let line = "%PATH(NQ)% %RESPONSE_CODE% decision=%FILTER_STATE(wasm.okta.decision:PLAIN)% \
                    code=%FILTER_STATE(wasm.okta.code:PLAIN)% shadow=%FILTER_STATE(wasm.okta.shadow:PLAIN)% \
                    sub=%FILTER_STATE(wasm.okta.sub:PLAIN)% scopes=%FILTER_STATE(wasm.okta.scopes:PLAIN)%\n";
        let format = &mut config.manager()["access_log"][0]["typed_config"]["log_format"];
        format["text_format_source"]["inline_string"] = json!(line);
        config.access_log(&log)
    });
    setup.warm_up();
    (setup, log)
}

/// Waits until a line is in the access log, which Envoy writes when a second has passed.
fn assert_logged(log: &std::path::Path, wanted: &str) {
    let written = || std::fs::read_to_string(log).unwrap_or_default();
    for _ in 0..100 {
        if written().lines().any(|line| line == wanted) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{wanted} in:\n{}", written());
}

/// Every request has one decision: shadow mode counts its denials besides.
fn decisions(setup: &Setup) -> u64 {
    let codes = okta_authz_filter::metrics::RequestOutcome::all()
        .map(okta_authz_filter::metrics::RequestOutcome::code);
    codes.map(|code| setup.envoy.count(&format!("decision.{code}"))).sum()
}

#[test]
fn a_rule_in_shadow_counts_and_the_next_rule_decides() {
    let admins = json!({ "match": {}, "requires": { "groups": ["Admins"] }, "mode": "shadow" });
    let (setup, log) = logged(
        "shadow",
        json!({ "rules": [
            admins,
            { "match": { "prefix": "/a" }, "deny": true, "mode": "shadow" },
            { "match": { "prefix": "/open" }, "public": true },
            { "match": { "path": "/never" }, "deny": true },
            { "match": {}, "requires": {} },
        ] }),
    );
    let before = decisions(&setup);
    let sub = |response: &test_support::client::Response| response.json()["headers"]["x-okta-sub"].clone();
    let spoofed = |path: &str| get(path).header("x-okta-sub", "root");
    for _ in 0..BOTH_WORKERS {
        let nobody = setup.send(&spoofed("/nobody"));
        assert_eq!((nobody.status, nobody.code()), (401, "token_missing".to_owned()));
        let forged = setup.send(&get("/forged").bearer(format!("{}x", setup.user())));
        assert_eq!(forged.status, 401, "{forged:?}");
        let user = setup.send(&spoofed("/a/user").bearer(setup.user()));
        assert_eq!((user.status, sub(&user)), (200, json!(["joe.user@example.com"])));
        let open = setup.send(&spoofed("/open").bearer(setup.user()));
        assert_eq!((open.status, sub(&open)), (200, Value::Null), "the public rule sets no identity");
        assert_eq!(setup.send(&get("/open")).status, 200);
        assert_eq!(setup.send(&get("/never").bearer(setup.user())).code(), "denied_by_rule");
    }
    let times = BOTH_WORKERS as u64;
    assert_eq!(decisions(&setup) - before, 6 * times, "one decision for each request");
    assert_eq!(setup.envoy.count("shadow.token_missing"), 2 * times);
    assert_eq!(setup.envoy.count("shadow.denied_by_rule"), times);
    assert_eq!(setup.envoy.count("decision.token_missing"), times);
    assert_eq!(setup.envoy.count("decision.denied_by_rule"), times);
    assert_logged(&log, "/nobody 401 decision=deny code=token_missing shadow=token_missing sub=- scopes=-");
    assert_logged(&log, "/open 200 decision=allow code=public shadow=token_missing sub=- scopes=-");
    assert_logged(
        &log,
        "/a/user 200 decision=allow code=allowed shadow=requirement_not_met,denied_by_rule \
         sub=joe.user@example.com scopes=openid,profile,items:read",
    );
    setup.assert_alive();
}

#[test]
fn a_policy_in_shadow_allows_every_request_and_counts_what_it_would_deny() {
    let (setup, log) = logged(
        "shadow-policy",
        json!({
            "mode": "shadow",
            "rules": [
                { "match": { "path": "/me" }, "requires": {} },
                { "match": { "path": "/admin" }, "requires": { "groups": ["Admins"] } },
            ],
        }),
    );
    let spoofed = |path: &str| get(path).header("x-okta-sub", "root").header("x_okta_sub", "root");
    let sub = |response: &test_support::client::Response| response.json()["headers"]["x-okta-sub"].clone();
    let joe = || json!(["joe.user@example.com"]);
    // As soon as both workers have keys: no request waits in shadow mode.
    let known = |path: &str| {
        let known = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            (0..BOTH_WORKERS).all(|_| sub(&setup.send(&spoofed(path).bearer(setup.user()))) == joe())
        });
        assert!(known, "{path}: a verified token tells who\n{}", setup.envoy.log());
    };
    known("/me");
    known("/admin");
    known("/no/rule");
    let before = decisions(&setup);
    for (path, token) in [
        ("/me", None),
        ("/me", Some(format!("{}x", setup.user()))),
        ("/me", Some("opaque".to_owned())),
        ("/a;b", Some(setup.user())),
        ("/a;b", None),
        ("/no/rule", None),
    ] {
        let request = token.iter().fold(spoofed(path), |request, token| request.bearer(token));
        let response = setup.send(&request);
        assert_eq!((response.status, sub(&response)), (200, Value::Null), "{path}: {response:?}");
    }
    assert_eq!(decisions(&setup) - before, 6);
    assert_eq!(setup.envoy.count("shadow.path_ambiguous"), 2);
    assert_eq!(setup.envoy.count("shadow.token_opaque"), 1);
    assert_eq!(setup.envoy.count("decision.path_ambiguous"), 0);
    assert!(setup.envoy.count("decision.shadow") > 6);
    assert_logged(&log, "/a;b 200 decision=shadow code=path_ambiguous shadow=path_ambiguous sub=- scopes=-");
    assert_logged(
        &log,
        "/admin 200 decision=shadow code=requirement_not_met shadow=requirement_not_met \
         sub=joe.user@example.com scopes=openid,profile,items:read",
    );
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
    let socket = test_support::scratch("unknown-address").join("pipe");
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
