//! Accepted configurations. The tests of the chart render them too.

use serde_json::{Value, json};
use test_support::common::{ISSUER, config, jwks, rules, with};

/// Returns configurations with each limit from the inside.
pub(crate) fn configs() -> Vec<Value> {
    let provider = |changes: Value| config(changes, json!({}));
    let rest = |rest: Value| config(json!({}), rest);
    let remote = |more: Value| provider(json!({ "remote_jwks": with(json!({ "cluster": "c" }), more) }));
    let list = |denylist: Value| rest(json!({ "denylist": denylist }));
    let revocations = json!({ "cluster": "c", "uri": "https://h:8443/list?x" });
    let many: Vec<Value> = (0..10_000).map(|number| json!({ "jti": number.to_string() })).collect();
    let one = |matches: Value| rules(json!([{ "match": matches, "public": true }]));
    let requires = |requires: Value| rules(json!([{ "match": {}, "requires": requires }]));
    let nested =
        |depth: usize| (1..depth).fold(json!({ "scopes": ["a"] }), |inner, _| json!({ "all_of": [inner] }));
    let any = |issuer: &str| provider(json!({ "issuer": issuer, "token_profile": "any" }));
    let header = |name: &str| {
        rest(json!({ "claim_to_headers": [{ "header_name": name, "claim_name": ["a.b", "c"] }] }))
    };
    let certificate = |header: Value| rest(json!({ "mtls": { "header": header } }));
    vec![
        provider(json!({})),
        rest(json!({ "mode": "enforce" })),
        rest(json!({ "mode": "shadow" })),
        rest(json!({ "filter_state": [] })),
        rest(json!({ "filter_state": ["scopes", "provider", "cid", "uid", "sub", "code", "decision"] })),
        rest(json!({ "close_streams": true })),
        rest(json!({ "close_streams": true, "mode": "shadow" })),
        rest(json!({ "claim_to_headers": [
            { "header_name": "x-a", "template": "{iss}/{sub}", "providers": ["okta"] },
            { "header_name": "x-b", "claim_name": "b", "providers": ["okta", "okta"] },
        ] })),
        requires(json!({ "audiences": ["api://default"] })),
        requires(json!({ "audiences": ["api://default"], "providers": ["okta"] })),
        rules(json!([{ "match": {}, "deny": true, "mode": "shadow" }])),
        provider(json!({ "issuer": "https://login.acme.com/oauth2/aus9o8wzkhckw9TLa0h7z" })),
        provider(json!({ "issuer": "https://localhost:8443/oauth2/default" })),
        provider(json!({ "issuer": null, "issuers": [ISSUER, "https://login.acme.com/oauth2/default"] })),
        any("https://acme.okta.com/oauth2/default"),
        any("https://login.acme.com"),
        any("https://issuer.example/"),
        provider(json!({ "token_profile": "rfc9068" })),
        provider(json!({ "clock_skew": "0s" })),
        provider(json!({ "clock_skew": "5m" })),
        provider(json!({ "max_token_age": "1s" })),
        provider(json!({ "max_token_age": "366d" })),
        provider(
            json!({ "algorithms": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] }),
        ),
        provider(json!({ "remote_jwks": null, "local_jwks": jwks("okta") })),
        provider(json!({ "local_jwks": jwks("okta") })),
        remote(json!({ "uri": "https://h:8443/keys?client_id=x" })),
        remote(json!({ "discovery": true })),
        remote(json!({ "discovery": false, "uri": "https://h/k" })),
        remote(json!({ "discovery": true, "jwks_hosts": ["keys.acme.com", "localhost:8443"] })),
        remote(json!({ "timeout": "100ms" })),
        remote(json!({ "timeout": "1m" })),
        remote(json!({ "cache_duration": "1s", "max_stale": "1s" })),
        remote(json!({ "cache_duration": "1d", "max_stale": "30d" })),
        remote(json!({ "max_stale": "10m" })),
        remote(json!({ "unknown_kid_cooldown": "1s" })),
        remote(json!({ "unknown_kid_cooldown": "1h" })),
        list(json!({ "entries": [{ "jti": "AT.a" }] })),
        list(json!({ "entries": [{ "issued_before": 0 }, { "issued_before": 253_402_300_799_i64 }] })),
        list(json!({ "entries": [
            { "jti": "a", "sub": "b", "uid": "c", "cid": "d", "issuer": "e", "issued_before": 1 }, { "jti": "a" },
        ] })),
        list(json!({ "entries": many, "remote": revocations })),
        list(
            json!({ "remote": with(revocations.clone(), json!({ "cache_duration": "1s", "max_stale": "1s" })) }),
        ),
        list(
            json!({ "remote": with(revocations.clone(), json!({ "cache_duration": "1d", "max_stale": "30d" })) }),
        ),
        rest(json!({ "max_token_bytes": 1024 })),
        rest(json!({ "max_token_bytes": 65_536 })),
        rest(json!({ "token_cache_max_bytes": 0 })),
        rest(json!({ "token_cache_max_bytes": 268_435_456 })),
        rest(json!({ "realm": "r" })),
        rest(json!({ "realm": "r".repeat(128) })),
        rest(json!({ "forward": false })),
        rest(json!({ "rules": [] })),
        rest(json!({ "claim_to_headers": [] })),
        header("X-Okta-Sub"),
        header("x-forwarded-user"),
        rest(json!({ "from_headers": [{ "name": "X-Api-Token" }] })),
        rest(
            json!({ "from_headers": [{ "name": "a", "value_prefix": "T" }, { "name": "b", "value_prefix": "x ".repeat(32) }] }),
        ),
        rest(json!({ "from_cookies": ["__Host-token", "a_b"], "from_params": ["access_token", "q[]"] })),
        rest(json!({ "mtls": { "from": "connection" } })),
        rest(json!({ "dpop": {} })),
        rest(json!({ "dpop": {
            "algorithms": ["ES256", "PS256", "EdDSA"], "max_age": "1s", "clock_skew": "0s",
            "external_urls": [
                { "url": "https://api.example.com/svc1", "hosts": ["api.internal", "10.0.0.1", "[::1]"] },
                { "url": "http://localhost:8080" },
            ],
            "max_proof_bytes": 512, "replay": { "slots": 1, "entries_per_slot": 4 },
            "nonce": { "keys_env": "DPOP_NONCE_KEYS", "lifetime": "30s" }, "forward_as": "bearer",
        } })),
        rest(json!({ "dpop": {
            "max_age": "5m", "clock_skew": "1m", "scheme": "forwarded", "max_proof_bytes": 16384,
            "replay": { "slots": 65536, "entries_per_slot": 1024 }, "nonce": { "lifetime": "1h" },
            "forward_as": "sent",
        } })),
        rest(json!({ "dpop": { "scheme": "http", "nonce": {}, "replay": false } })),
        rest(json!({ "dpop": { "scheme": "https", "replay": {} }, "forward": false })),
        config(json!({ "sender_constrained": "optional" }), json!({})),
        config(json!({ "sender_constrained": "required" }), json!({ "dpop": {} })),
        config(json!({ "sender_constrained": "required" }), json!({ "mtls": { "from": "connection" } })),
        rest(json!({ "dpop": {}, "rules": [{ "match": {}, "requires": { "any_of": [
            { "sender_constrained": true, "scopes": ["a"] }, { "all_of": [{ "sender_constrained": true }] },
        ] } }] })),
        certificate(json!({ "name": "X-Forwarded-Client-Cert", "format": "xfcc" })),
        certificate(json!({ "name": "x-forwarded-client-cert", "format": "xfcc", "hop": 0 })),
        certificate(json!({ "name": "x-cert-chain", "format": "xfcc", "hop": 16 })),
        certificate(json!({ "name": "x-cert-sha256", "format": "hex" })),
        certificate(json!({ "name": "client-cert", "format": "base64" })),
        certificate(json!({ "name": "x-cert", "format": "base64url" })),
        certificate(json!({ "name": "x-amzn-mtls-clientcert", "format": "pem_urlencoded" })),
        rest(json!({ "from_websocket_protocol": true })),
        rest(json!({ "forward_payload_header": "X-Jwt-Payload", "clear_route_cache": true })),
        rest(json!({ "clear_route_cache": false, "route_policies": { "a": { "public": true } } })),
        rest(json!({ "responses": {} })),
        rest(json!({ "responses": { "body": "empty", "details": false } })),
        rest(
            json!({ "responses": { "body": "problem", "content_type": "application/json; charset=utf-8" } }),
        ),
        rest(json!({ "responses": { "custom": [
            { "status": 400, "content_type": "text/html", "body": "x".repeat(65_536) },
            { "status": 503, "content_type": "text/html", "body": "é" },
        ] } })),
        rest(json!({ "protected_resources": [] })),
        rest(json!({ "protected_resources": [{ "resource": "https://h" }, { "resource": "https://h/a" }] })),
        one(json!({ "path": "/" })),
        one(json!({ "prefix": "/a/" })),
        one(json!({ "path": "/100%" })),
        one(json!({ "path_template": "/a/{b}/*/**" })),
        one(json!({ "safe_regex": "(?i)/a(/.*)?" })),
        one(json!({ "methods": ["GET", "VERSION-CONTROL"] })),
        one(json!({ "hosts": ["api.example.com", "*.example.com", "[::1]", "A"] })),
        one(
            json!({ "hosts": ["::1", "[2001:DB8:0:0::1]", "::ffff:1.2.3.4", "127.0.0.1", "x_1.example", "xn--a.example"] }),
        ),
        rest(json!({ "ignore_port_in_host_matching": true })),
        requires(nested(8)),
        requires(json!({ "scopes": ["com.okta.product1.admin", "https://company.com/scopes/x:y"] })),
        requires(json!({ "claims": [{ "name": "a.b", "any_of": ["", 1, {}, true] }] })),
        requires(json!({ "authorization_details": [
            { "type": "payment", "actions": ["initiate"], "locations": ["https://h"], "datatypes": ["a"],
              "privileges": ["b"], "identifier": "c", "other_fields": "ignore" }, { "type": "account" },
        ] })),
        requires(json!({ "actor": { "present": true, "subjects": ["wlp1"], "max_depth": 1 } })),
        config(
            json!({ "audiences": ["https://h/mcp"] }),
            json!({ "protected_resources": [
            { "resource": "https://h/mcp", "require_audience": true, "authorization_details_types_supported": ["a"] },
        ] }),
        ),
        introspection(json!({ "auth": { "none": {} } }), json!({})),
        introspection(
            json!({
                "auth": { "private_key_jwt": { "key_env": "KEY_1", "alg": "ES256", "kid": "k1" } },
                "client_id": "0oa1", "tokens": "all", "uri": "https://h:8443/introspect", "timeout": "5s",
                "cache_duration": "1h", "inactive_cache_duration": "1s", "max_stale": "1h",
                "max_in_flight": 1024, "max_per_second": 10_000,
            }),
            json!({}),
        ),
        introspection(
            json!({ "auth": { "client_secret_post": { "secret_env": "S" } }, "client_id": "0oa1" }),
            json!({ "remote_jwks": null }),
        ),
    ]
}

/// Returns a configuration whose provider introspects, with a rule that requires it.
fn introspection(fields: Value, changes: Value) -> Value {
    let introspection = with(json!({ "cluster": "c" }), fields);
    let rules = json!([{ "match": {}, "requires": {}, "introspect": true }]);
    config(with(changes, json!({ "introspection": introspection })), json!({ "rules": rules }))
}
