//! Ambiguous paths, with and without Envoy's path normalization, and the characters of
//! `allow_in_paths`.

use serde_json::json;
use test_support::client::get;
use test_support::envoy::minor_version;

use super::harness::Harness;

#[test]
fn ambiguous_path_is_rejected_with_and_without_a_token() {
    let harness = Harness::new("paths", |config| config.raw_paths());
    harness.warm_up();
    let token = harness.user_token();
    let before = harness.backend.requests();
    for path in [
        "/items/../admin",
        "/items/%2e%2e/admin",
        "/items/.%2E/admin",
        "/docs/../me",
        "/docs/%2e%2e/admin",
        "//admin",
        "/items//..//admin",
        "/docs%2f..%2fadmin",
        "/docs%2f",
        "/admin;x=1",
        "/docs;/../admin",
        "/docs/..;/admin",
        "/docs/%252e%252e/admin",
        "/docs\\..\\admin",
        "/docs/%5c..%5cadmin",
        "/docs/%00",
        "/%c0%ae%c0%ae/admin",
    ] {
        for request in [get(path), get(path).bearer(&token)] {
            let response = harness.send(&request);
            assert_eq!((response.status, response.code().as_str()), (400, "path_ambiguous"), "{path}");
        }
    }
    // These paths have one interpretation, so the rule for `/admin` decides.
    for path in ["/%61dmin", "/adm%69n/x"] {
        assert_eq!(harness.send(&get(path)).code(), "token_missing", "{path}");
        assert_eq!(harness.send(&get(path).bearer(&token)).code(), "requirement_not_met", "{path}");
    }
    assert_eq!(
        harness.send(&get("/me?next=/../admin;x//%2f").bearer(&token)).status,
        200,
        "the query is not part of the path"
    );
    assert_eq!(harness.backend.requests(), before + 1);
    harness.assert_alive();
}

#[test]
fn ambiguous_path_with_reference_settings_reaches_no_other_rule() {
    let harness = Harness::new("paths-normalized", |config| config);
    harness.warm_up();
    let token = harness.user_token();
    let before = harness.backend.requests();
    for path in [
        "/docs/../admin",
        "/docs/%2e%2e/admin",
        "//admin",
        "/docs%2f..%2fadmin",
        "/admin;x",
        "/docs/..;/admin",
    ] {
        let response = harness.send(&get(path).bearer(&token));
        assert!(matches!(response.status, 400 | 403), "{path}: {response:?}");
    }
    assert_eq!(harness.backend.requests(), before);
}

#[test]
fn allowed_path_reaches_the_backend_unchanged() {
    for (name, normalizes) in [("paths-allowed", false), ("paths-allowed-normalized", true)] {
        let harness = Harness::new(name, |config| {
            let mut config = config.raw_paths();
            config.manager()["normalize_path"] = json!(normalizes);
            config.plugin()["allow_in_paths"] =
                json!(["encoded_slash", "semicolon", "empty_segment", "encoded_hash"]);
            config.plugin()["rules"] = json!([
                { "match": { "path": "/me" }, "requires": {} },
                { "match": { "path_template": "/v2/{name}/tags/*" }, "requires": {} },
                { "match": { "path": "/admin/secret" }, "deny": true },
                { "match": { "path_separated_prefix": "/open" }, "public": true },
            ]);
            config
        });
        harness.warm_up();
        let token = harness.user_token();
        for path in [
            "/v2/group%2Fproject/tags/1",
            "/v2/group%2fproject/tags/a%2Fb?x=%2F;//",
            "/v2/a;b=c/tags/1;v=2",
            "/v2/a%3Bb/tags/%23",
            "/open//a///b//",
            "/open/a;b/%2F/%23?q",
        ] {
            let response = harness.send(&get(path).bearer(&token));
            assert_eq!(response.status, 200, "{path}: {response:?}");
            assert_eq!(response.json()["path"], path, "normalize_path: {normalizes}");
        }
        for path in [
            "/v2/a/b/tags/1",
            "/v2//tags/1",
            "//v2/a/tags/1",
            "/v2/a%2Ftags/1",
            "/admin%2Fsecret",
            "/admin;x/secret",
        ] {
            assert_eq!(harness.send(&get(path).bearer(&token)).code(), "no_rule_matches", "{path}");
        }
        // Envoy 1.39 and later normalize `..;` like `..` and `.;x` like `.`, and forward the result.
        let is_segment = minor_version() >= 39;
        for (path, normalized) in [
            ("/open/..;/admin/secret", if is_segment { "denied_by_rule" } else { "path_ambiguous" }),
            ("/open/.;x/a", if is_segment { "/open/a" } else { "path_ambiguous" }),
            ("/open/a%00", "rejected by Envoy"),
            ("/open/..%3B/admin/secret", "path_ambiguous"),
            ("/open/..%2Fadmin%2Fsecret", "path_ambiguous"),
            ("/open%2F..%2Fadmin/secret", "path_ambiguous"),
            ("/open/%252F", "path_ambiguous"),
        ] {
            let response = harness.send(&get(path).bearer(&token));
            let outcome = match (response.status, response.code()) {
                (200, _) => response.json()["path"].as_str().unwrap_or_default().to_owned(),
                (400, code) if code.is_empty() => "rejected by Envoy".to_owned(),
                (_, code) => code,
            };
            assert_eq!(outcome, if normalizes { normalized } else { "path_ambiguous" }, "{path}");
        }
        harness.assert_alive();
    }
}

/// With these settings, about which `okta-authz check` warns, the filter does not get the path that
/// the client sent.
#[test]
fn envoy_settings_change_an_allowed_path_before_the_filter() {
    for (name, setting, value, path, expected) in [
        ("paths-rejected", "path_with_escaped_slashes_action", "REJECT_REQUEST", "/open/a%2Fb", 400),
        ("paths-redirected", "path_with_escaped_slashes_action", "UNESCAPE_AND_REDIRECT", "/open/a%2Fb", 307),
        ("paths-unescaped", "path_with_escaped_slashes_action", "UNESCAPE_AND_FORWARD", "/open/a%2Fb", 200),
        ("paths-merged", "merge_slashes", "", "/open/a//b", 200),
    ] {
        let harness = Harness::new(name, |config| {
            let mut config = config.raw_paths();
            config.manager()[setting] = if value.is_empty() { json!(true) } else { json!(value) };
            config.plugin()["allow_in_paths"] = json!(["encoded_slash", "empty_segment"]);
            config.plugin()["rules"] = json!([
                { "match": { "path": "/me" }, "requires": {} },
                { "match": { "path": "/open/a/b" }, "public": true },
            ]);
            config
        });
        let response = harness.send(&get(path));
        assert_eq!(response.status, expected, "{setting}: {response:?}");
        assert_eq!(response.code(), "", "{setting}: the filter responded");
        if expected == 200 {
            assert_eq!(response.json()["path"], "/open/a/b", "{setting}");
        }
    }
}

#[test]
fn matched_text_too_long_is_rejected() {
    let harness = Harness::new("paths-long", |mut config| {
        config.plugin()["rules"] = json!([
            { "match": { "safe_regex": "/.*/internal/.*" }, "deny": true },
            { "match": { "headers": [{ "name": "x-a", "string_match": { "safe_regex": "(a+)+b" } }] }, "deny": true },
            { "match": { "query_parameters": [{ "name": "q", "string_match": { "contains": "b" } }] }, "deny": true },
            { "match": {}, "requires": {} },
        ]);
        config
    });
    harness.warm_up();
    let token = harness.user_token();
    let a = |length: usize| "a".repeat(length);
    for (request, status, code) in [
        (get(format!("/{}", a(8191))), 200, ""),
        (get(format!("/{}", a(8192))), 414, "path_too_long"),
        (get(format!("/{}", a(58_000))), 414, "path_too_long"),
        (get(format!("/?x={}", a(58_000))), 200, ""),
        (get("/").header("x-a", a(8192)), 200, ""),
        (get("/").header("x-a", a(8193)), 400, "value_too_long"),
        (get("/").header("x-a", a(58_000)), 400, "value_too_long"),
        (get("/").header("x-b", a(58_000)), 200, ""),
        (get(format!("/?q={}", a(8193))), 400, "value_too_long"),
    ] {
        let response = harness.send(&request.bearer(&token));
        assert_eq!((response.status, response.code().as_str()), (status, code));
    }
    harness.assert_alive();
}
