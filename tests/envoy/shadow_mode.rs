//! Shadow mode of one rule and of the whole policy: the filter counts and logs denials, and does
//! not enforce them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okta_authz_filter::metrics::RequestOutcome;
use serde_json::{Value, json};
use test_support::client::get;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, access_log_path, wait_for_access_log};

/// Starts Envoy on the reference configuration with these fields and an access log of the filter
/// state.
fn with_access_log(name: &str, fields: Value) -> (Harness, PathBuf) {
    let log = access_log_path(name);
    let harness = Harness::new(name, |mut config| {
        for (name, value) in fields.as_object().unwrap() {
            config.plugin()[name] = value.clone();
        }
        config.plugin()["filter_state"] = json!(["decision", "code", "sub", "scopes"]);
        let line = "%PATH(NQ)% %RESPONSE_CODE% decision=%FILTER_STATE(wasm.okta.decision:PLAIN)% \
                    code=%FILTER_STATE(wasm.okta.code:PLAIN)% shadow=%FILTER_STATE(wasm.okta.shadow:PLAIN)% \
                    sub=%FILTER_STATE(wasm.okta.sub:PLAIN)% scopes=%FILTER_STATE(wasm.okta.scopes:PLAIN)%\n";
        let format = &mut config.manager()["access_log"][0]["typed_config"]["log_format"];
        format["text_format_source"]["inline_string"] = json!(line);
        config.access_log(&log)
    });
    harness.warm_up();
    (harness, log)
}

fn assert_logged(log: &Path, expected: &str) {
    let has_line = |log: &str| log.lines().any(|line| line == expected);
    let log = wait_for_access_log(log, has_line);
    assert!(has_line(&log), "{expected} is not in:\n{log}");
}

/// Returns the sum of the decision counters. Shadow mode counts its denials separately. The filter
/// passes the counts of allowed requests to Envoy every 100 ms, so this waits until the sum stays
/// equal for a second.
fn decisions(harness: &Harness) -> u64 {
    let sum = || -> u64 {
        let codes = RequestOutcome::all().map(RequestOutcome::code);
        codes.map(|code| harness.envoy.count(&format!("decision.{code}"))).sum()
    };
    let mut last = sum();
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let next = sum();
        if next == last {
            return next;
        }
        last = next;
    }
}

#[test]
fn shadow_rule_is_counted_and_the_next_rule_decides() {
    let admins = json!({ "match": {}, "requires": { "groups": ["Admins"] }, "mode": "shadow" });
    let (harness, log) = with_access_log(
        "shadow",
        json!({ "rules": [
            admins,
            { "match": { "prefix": "/a" }, "deny": true, "mode": "shadow" },
            { "match": { "prefix": "/open" }, "public": true },
            { "match": { "path": "/never" }, "deny": true },
            { "match": {}, "requires": {} },
        ] }),
    );
    let before = decisions(&harness);
    let sub = |response: &test_support::client::Response| response.json()["headers"]["x-okta-sub"].clone();
    let spoofed = |path: &str| get(path).header("x-okta-sub", "root");
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let anonymous = harness.send(&spoofed("/without-token"));
        assert_eq!((anonymous.status, anonymous.code()), (401, "token_missing".to_owned()));
        let forged = harness.send(&get("/forged").bearer(format!("{}x", harness.user_token())));
        assert_eq!(forged.status, 401, "{forged:?}");
        let user = harness.send(&spoofed("/a/user").bearer(harness.user_token()));
        assert_eq!((user.status, sub(&user)), (200, json!(["joe.user@example.com"])));
        let open = harness.send(&spoofed("/open").bearer(harness.user_token()));
        assert_eq!((open.status, sub(&open)), (200, Value::Null), "a public rule sets no identity headers");
        assert_eq!(harness.send(&get("/open")).status, 200);
        assert_eq!(harness.send(&get("/never").bearer(harness.user_token())).code(), "denied_by_rule");
    }
    let requests = CONNECTIONS_FOR_BOTH_WORKERS as u64;
    assert_eq!(decisions(&harness) - before, 6 * requests, "one decision for each request");
    assert_eq!(harness.envoy.count("shadow.token_missing"), 2 * requests);
    assert_eq!(harness.envoy.count("shadow.denied_by_rule"), requests);
    assert_eq!(harness.envoy.count("decision.token_missing"), requests);
    assert_eq!(harness.envoy.count("decision.denied_by_rule"), requests);
    assert_logged(
        &log,
        "/without-token 401 decision=deny code=token_missing shadow=token_missing sub=- scopes=-",
    );
    assert_logged(&log, "/open 200 decision=allow code=public shadow=token_missing sub=- scopes=-");
    assert_logged(
        &log,
        "/a/user 200 decision=allow code=allowed shadow=requirement_not_met,denied_by_rule \
         sub=joe.user@example.com scopes=openid,profile,items:read",
    );
    harness.assert_alive();
}

#[test]
fn shadow_policy_allows_every_request_and_counts_denials() {
    let (harness, log) = with_access_log(
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
    // No request waits for keys in shadow mode, so poll until both workers have them.
    let wait_for_identity = |path: &str| {
        let identified = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            (0..CONNECTIONS_FOR_BOTH_WORKERS)
                .all(|_| sub(&harness.send(&spoofed(path).bearer(harness.user_token()))) == joe())
        });
        assert!(identified, "{path}: no identity header\n{}", harness.envoy.log());
    };
    wait_for_identity("/me");
    wait_for_identity("/admin");
    wait_for_identity("/no/rule");
    let before = decisions(&harness);
    for (path, token) in [
        ("/me", None),
        ("/me", Some(format!("{}x", harness.user_token()))),
        ("/me", Some("opaque".to_owned())),
        ("/a;b", Some(harness.user_token())),
        ("/a;b", None),
        ("/no/rule", None),
    ] {
        let request = token.iter().fold(spoofed(path), |request, token| request.bearer(token));
        let response = harness.send(&request);
        assert_eq!((response.status, sub(&response)), (200, Value::Null), "{path}: {response:?}");
    }
    assert_eq!(decisions(&harness) - before, 6);
    assert_eq!(harness.envoy.count("shadow.path_ambiguous"), 2);
    assert_eq!(harness.envoy.count("shadow.token_opaque"), 1);
    assert_eq!(harness.envoy.count("decision.path_ambiguous"), 0);
    harness.wait_for_counter("decision.shadow", 7);
    assert_logged(&log, "/a;b 200 decision=shadow code=path_ambiguous shadow=path_ambiguous sub=- scopes=-");
    assert_logged(
        &log,
        "/admin 200 decision=shadow code=requirement_not_met shadow=requirement_not_met \
         sub=joe.user@example.com scopes=openid,profile,items:read",
    );
}
