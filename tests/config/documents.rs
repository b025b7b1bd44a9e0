//! The configuration as a JSON document: syntax, duplicate and unknown members, null.

use serde_json::{Value, json};
use test_support::common::{config, rules};

use super::{assert_errors, outcome};

#[test]
fn document_that_is_not_a_configuration_is_rejected() {
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    for (document, expected) in [
        ("", "the configuration must not be empty"),
        (" \n\t", "the configuration must not be empty"),
        ("{", "the configuration is not JSON"),
        ("providers: {}", "the configuration is not JSON"),
        ("{} {}", "the configuration is not JSON"),
        ("\u{feff}{}", "the configuration is not JSON"),
        (&deep, "the configuration is not JSON"),
        ("{}", "the configuration is not valid: missing field `providers`"),
        ("1", "the configuration must be an object, not the number `1`"),
        ("null", "the configuration must be an object, not null"),
        ("\"x\"", "the configuration must be an object, not the string \"x\""),
    ] {
        assert_eq!(outcome(document.as_bytes()), expected, "{document}");
    }
    assert_eq!(outcome(b"{\"\xff\":1}"), "the configuration is not JSON");
}

#[test]
fn duplicate_member_at_any_level_is_rejected() {
    let valid = rules(
        json!([{ "match": { "path": "/a" }, "requires": { "claims": [{ "name": "x", "equals": { "y": 1 } }] } }]),
    );
    let text = valid.to_string();
    assert_eq!(outcome(text.as_bytes()), "accepted");
    for member in [
        "\"providers\":",
        "\"okta\":",
        "\"issuer\":",
        "\"remote_jwks\":",
        "\"cluster\":",
        "\"rules\":",
        "\"match\":",
        "\"path\":",
        "\"requires\":",
        "\"claims\":",
        "\"name\":",
        "\"y\":",
    ] {
        let twice = text.replacen(member, &format!("{member}null,{member}"), 1);
        assert_ne!(twice, text);
        assert_eq!(outcome(twice.as_bytes()), "the configuration has the same member twice", "{member}");
    }
}

#[test]
fn unknown_member_at_any_level_is_rejected() {
    let in_rule = |rule: Value| rules(json!([rule]));
    let header = json!({ "header_name": "x-a", "claim_name": "a", "nope": 1 });
    let claim = json!({ "name": "x", "exists": true, "nope": 1 });
    let nested = |key: &str, inner: Value| in_rule(json!({ "match": {}, "requires": { key: inner } }));
    assert_errors([
        (
            config(json!({}), json!({ "nope": 1 })),
            "nope: unknown field `nope`, expected one of `providers`, `denylist`, `mode`, `rules`, `ignore_port_in_host_matching`, `allow_in_paths`, `max_match_bytes`, `route_policies`, `bypass_cors_preflight`, `claim_to_headers`, `forward_payload_header`, `filter_state`, `clear_route_cache`, `from_headers`, `from_cookies`, `from_params`, `from_websocket_protocol`, `forward`, `mtls`, `dpop`, `close_streams`, `max_token_bytes`, `token_cache_max_bytes`, `realm`, `responses`, `protected_resources`",
        ),
        (
            config(json!({ "nope": 1 }), json!({})),
            "providers.okta.nope: unknown field `nope`, expected one of `issuer`, `issuers`, `audiences`, `client_ids`, `algorithms`, `clock_skew`, `max_token_age`, `token_profile`, `sender_constrained`, `remote_jwks`, `local_jwks`, `introspection`",
        ),
        (
            config(json!({ "remote_jwks": { "cluster": "c", "nope": 1 } }), json!({})),
            "providers.okta.remote_jwks.nope: unknown field `nope`, expected one of `cluster`, `uri`, `discovery`, `jwks_hosts`, `timeout`, `cache_duration`, `max_stale`, `unknown_kid_cooldown`",
        ),
        (
            in_rule(json!({ "match": {}, "public": true, "nope": 1 })),
            "rules[0].nope: unknown field `nope`, expected one of `match`, `public`, `deny`, `requires`, `introspect`, `mode`",
        ),
        (
            in_rule(json!({ "match": { "nope": 1 }, "public": true })),
            "rules[0].match.nope: unknown field `nope`, expected one of `path`, `prefix`, `path_separated_prefix`, `path_template`, `safe_regex`, `methods`, `hosts`, `headers`, `query_parameters`, `remote_ip`",
        ),
        (
            in_rule(json!({ "match": {}, "requires": { "scope": ["a"] } })),
            "rules[0].requires.scope: unknown field `scope`, expected one of `scopes`, `any_scopes`, `groups`, `groups_claim`, `audiences`, `client_ids`, `subjects`, `providers`, `user`, `acr_values`, `max_age`, `sender_constrained`, `claims`, `authorization_details`, `actor`, `any_of`, `all_of`, `not`",
        ),
        (
            nested("any_of", json!([{}, { "nope": 1 }])),
            "rules[0].requires.any_of[1].nope: unknown field `nope`, expected one of `scopes`, `any_scopes`, `groups`, `groups_claim`, `audiences`, `client_ids`, `subjects`, `providers`, `user`, `acr_values`, `max_age`, `sender_constrained`, `claims`, `authorization_details`, `actor`, `any_of`, `all_of`, `not`",
        ),
        (
            nested("all_of", json!([{ "nope": 1 }])),
            "rules[0].requires.all_of[0].nope: unknown field `nope`, expected one of `scopes`, `any_scopes`, `groups`, `groups_claim`, `audiences`, `client_ids`, `subjects`, `providers`, `user`, `acr_values`, `max_age`, `sender_constrained`, `claims`, `authorization_details`, `actor`, `any_of`, `all_of`, `not`",
        ),
        (
            nested("not", json!({ "nope": 1 })),
            "rules[0].requires.not.nope: unknown field `nope`, expected one of `scopes`, `any_scopes`, `groups`, `groups_claim`, `audiences`, `client_ids`, `subjects`, `providers`, `user`, `acr_values`, `max_age`, `sender_constrained`, `claims`, `authorization_details`, `actor`, `any_of`, `all_of`, `not`",
        ),
        (
            nested("claims", json!([claim])),
            "rules[0].requires.claims[0].nope: unknown field `nope`, expected one of `name`, `any_of`, `equals`, `matches`, `path_variable`, `exists`",
        ),
        (
            in_rule(json!({ "match": { "safe_regex": { "regex": "/a", "nope": 1 } }, "public": true })),
            "rules[0].match.safe_regex: expected a pattern, or `{regex: pattern}`",
        ),
        (
            config(json!({}), json!({ "claim_to_headers": [header] })),
            "claim_to_headers[0].nope: unknown field `nope`, expected one of `header_name`, `claim_name`, `template`, `providers`",
        ),
        (
            config(json!({}), json!({ "from_headers": [{ "name": "x-a", "prefix": "T " }] })),
            "from_headers[0].prefix: unknown field `prefix`, expected `name` or `value_prefix`",
        ),
        (
            config(json!({}), json!({ "responses": { "nope": 1 } })),
            "responses.nope: unknown field `nope`, expected one of `body`, `content_type`, `details`, `custom`",
        ),
        (
            config(json!({ "Issuer": "x" }), json!({})),
            "providers.okta.Issuer: unknown field `Issuer`, expected one of `issuer`, `issuers`, `audiences`, `client_ids`, `algorithms`, `clock_skew`, `max_token_age`, `token_profile`, `sender_constrained`, `remote_jwks`, `local_jwks`, `introspection`",
        ),
    ]);
}

/// Paths at which null must be an error. YAML without a value, as a template may leave it, is null.
const NULL_POINTERS: &[&str] = &[
    "/rules",
    "/claim_to_headers",
    "/responses",
    "/responses/body",
    "/responses/details",
    "/responses/custom",
    "/protected_resources",
    "/protected_resources/0/scopes_supported",
    "/protected_resources/0/authorization_servers",
    "/forward_payload_header",
    "/clear_route_cache",
    "/from_headers",
    "/from_headers/0/value_prefix",
    "/from_cookies",
    "/from_params",
    "/from_websocket_protocol",
    "/denylist",
    "/denylist/entries",
    "/denylist/entries/0/issuer",
    "/denylist/remote",
    "/denylist/remote/timeout",
    "/denylist/remote/max_stale",
    "/forward",
    "/max_token_bytes",
    "/token_cache_max_bytes",
    "/realm",
    "/providers/okta/issuer",
    "/providers/okta/client_ids",
    "/providers/okta/algorithms",
    "/providers/okta/clock_skew",
    "/providers/okta/max_token_age",
    "/providers/okta/token_profile",
    "/providers/okta/remote_jwks/uri",
    "/providers/okta/remote_jwks/timeout",
    "/providers/okta/local_jwks",
    "/ignore_port_in_host_matching",
    "/rules/0/match/path",
    "/rules/0/match/methods",
    "/rules/0/match/hosts",
    "/rules/1/match/prefix",
    "/rules/2/match/safe_regex",
    "/rules/0/public",
    "/rules/1/requires/scopes",
    "/rules/1/requires/any_scopes",
    "/rules/1/requires/groups",
    "/rules/1/requires/client_ids",
    "/rules/1/requires/claims",
    "/rules/1/requires/any_of",
    "/rules/1/requires/all_of",
    "/rules/1/requires/not",
];

// serde treats null as absent: `scopes:` without a value would require nothing, `client_ids:` would
// allow every client, and `{ match: { path: null }, public: true }` would make the whole API
// public.
#[test]
fn null_at_any_level_is_rejected() {
    let requires = json!({
        "scopes": ["a"], "any_scopes": ["a"], "groups": ["a"], "client_ids": ["a"], "claims": [{ "name": "a", "exists": true }],
        "any_of": [{ "scopes": ["a"] }], "all_of": [{ "scopes": ["a"] }], "not": { "scopes": ["a"] },
    });
    let rules = json!([
        { "match": { "path": "/a", "methods": ["GET"], "hosts": ["h"] }, "public": true },
        { "match": { "prefix": "/b" }, "requires": requires },
        { "match": { "safe_regex": "/c" }, "public": true },
    ]);
    let provider = json!({
        "client_ids": ["a"], "algorithms": ["RS256"], "clock_skew": "1s", "max_token_age": "1h", "token_profile": "okta",
        "local_jwks": test_support::common::jwks("okta"),
        "remote_jwks": { "cluster": "c", "uri": "https://h/k", "timeout": "1s" },
    });
    let denylist = json!({
        "entries": [{ "jti": "a", "issuer": "b" }],
        "remote": { "cluster": "c", "uri": "https://h/l", "timeout": "1s", "max_stale": "1h" },
    });
    let valid = config(
        provider,
        json!({
            "rules": rules, "denylist": denylist, "claim_to_headers": [], "from_headers": [{ "name": "x-t", "value_prefix": "T " }],
            "responses": { "body": "json", "details": true, "custom": [{ "status": 401, "content_type": "a/b", "body": "x" }] },
            "protected_resources": [{ "resource": "https://h", "scopes_supported": ["a"], "authorization_servers": ["https://i"] }],
            "ignore_port_in_host_matching": true, "forward_payload_header": "x-p", "clear_route_cache": true, "from_cookies": ["t"], "from_params": ["t"], "from_websocket_protocol": true, "forward": true, "max_token_bytes": 4096, "token_cache_max_bytes": 0, "realm": "r",
        }),
    );
    assert_eq!(outcome(valid.to_string().as_bytes()), "accepted");
    let mut accepted = Vec::new();
    for pointer in NULL_POINTERS {
        let mut changed = valid.clone();
        *changed.pointer_mut(pointer).unwrap() = Value::Null;
        if outcome(changed.to_string().as_bytes()) == "accepted" {
            accepted.push(*pointer);
        }
    }
    assert!(accepted.is_empty(), "null is accepted at {accepted:#?}");
}

// The search for null must not confuse the name of a provider with a field.
#[test]
fn null_in_provider_named_like_a_field_is_rejected() {
    for name in ["equals", "local_jwks", "rules"] {
        let mut named = config(json!({}), json!({}));
        let mut provider = named["providers"]["okta"].take();
        provider["client_ids"] = Value::Null;
        named["providers"] = json!({ name: provider });
        let expected =
            format!("providers.{name}.client_ids: must not be null: remove the field, or give it a value");
        assert_eq!(outcome(named.to_string().as_bytes()), expected);
    }
}

// The structs that serde derives also accept a list of their members.
#[test]
fn list_in_place_of_an_object_is_rejected() {
    let header = json!(["x-a", "a"]);
    let configs = [
        config(json!({ "remote_jwks": ["c", null, null, null, null, null, null, null] }), json!({})),
        config(json!({}), json!({ "claim_to_headers": [header] })),
        rules(json!([[{ "path": "/a" }, true, null]])),
        rules(json!([{ "match": { "safe_regex": ["/a"] }, "public": true }])),
        json!({ "providers": { "okta": [] } }),
    ];
    let accepted: Vec<_> =
        configs.iter().filter(|c| outcome(c.to_string().as_bytes()) == "accepted").collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
}
