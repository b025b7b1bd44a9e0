//! Top-level fields: limits, identity headers, `mode` and `forward_payload_header`.

use serde_json::{Value, json};
use test_support::common::{config, two_providers};

use super::assert_errors;

#[test]
fn invalid_top_level_field_is_rejected() {
    let rest = |rest: Value| config(json!({}), rest);
    let realm = "realm: must be 1 to 128 printable ASCII characters without `\"` and `\\`";
    let size = "max_token_bytes: must be from 1024 to 65536";
    assert_errors([
        (rest(json!({ "providers": null })), "the configuration is not valid: missing field `providers`"),
        (rest(json!({ "providers": {} })), "providers: must not be empty"),
        (rest(json!({ "providers": [] })), "providers: must be an object, not a list"),
        (rest(json!({ "rules": {} })), "rules: must be a list, not an object"),
        (rest(json!({ "rules": [1] })), "rules[0]: must be an object, not the number `1`"),
        (rest(json!({ "forward": "false" })), "forward: must be `true` or `false`, not the string \"false\""),
        (
            rest(json!({ "close_streams": "true" })),
            "close_streams: must be `true` or `false`, not the string \"true\"",
        ),
        (rest(json!({ "forward": 0 })), "forward: must be `true` or `false`, not the number `0`"),
        (
            rest(json!({ "max_token_bytes": "16384" })),
            "max_token_bytes: must be a whole number from 0 to 4294967295, not the string \"16384\"",
        ),
        (
            rest(json!({ "max_token_bytes": -1 })),
            "max_token_bytes: must be a whole number from 0 to 4294967295, not the number `-1`",
        ),
        (
            rest(json!({ "max_token_bytes": 4_294_967_296_u64 })),
            "max_token_bytes: must be a whole number from 0 to 4294967295, not the number `4294967296`",
        ),
        (
            rest(json!({ "token_cache_max_bytes": 268_435_457 })),
            "token_cache_max_bytes: must be from 0 to 268435456",
        ),
        (rest(json!({ "max_token_bytes": 0 })), size),
        (rest(json!({ "max_token_bytes": 1023 })), size),
        (rest(json!({ "max_token_bytes": 65_537 })), size),
        (rest(json!({ "realm": 1 })), "realm: must be a string, not the number `1`"),
        (rest(json!({ "realm": "" })), realm),
        (rest(json!({ "realm": "r".repeat(129) })), realm),
        (rest(json!({ "realm": "a\"b" })), realm),
        (rest(json!({ "realm": "a\\b" })), realm),
        (rest(json!({ "realm": "a\r\nb" })), realm),
        (rest(json!({ "realm": "é" })), realm),
    ]);
}

#[test]
fn invalid_identity_header_is_rejected() {
    let header = |name: &str| {
        config(json!({}), json!({ "claim_to_headers": [{ "header_name": name, "claim_name": "a" }] }))
    };
    let claim = |name: Value| {
        config(json!({}), json!({ "claim_to_headers": [{ "header_name": "x-a", "claim_name": name }] }))
    };
    let twice =
        json!([{ "header_name": "x-a", "claim_name": "a" }, { "header_name": "X-A", "claim_name": "b" }]);
    let token = "claim_to_headers[0].header_name: must be a header name";
    let reserved = "claim_to_headers[0].header_name: is reserved: HTTP or Envoy uses it to frame, route or authenticate requests";
    let dots = "claim_to_headers[0].claim_name: must be names with dots between them; a list can have names with dots";
    let mut cases = vec![
        (
            config(json!({}), json!({ "claim_to_headers": {} })),
            "claim_to_headers: must be a list, not an object",
        ),
        (
            config(json!({}), json!({ "claim_to_headers": [{}] })),
            "claim_to_headers[0]: missing field `header_name`",
        ),
        (
            config(json!({}), json!({ "claim_to_headers": [{ "header_name": "x-a" }] })),
            "claim_to_headers[0]: must have either `claim_name` or `template`",
        ),
        (
            config(json!({}), json!({ "claim_to_headers": twice })),
            "claim_to_headers[1].header_name: duplicate header for provider `okta`",
        ),
        (
            header("x_a"),
            "claim_to_headers[0].header_name: must not have an underscore: some backends read it as a hyphen",
        ),
        (claim(json!("")), dots),
        (claim(json!("a..b")), dots),
        (claim(json!(".a")), dots),
        (claim(json!("a.")), dots),
        (claim(json!([])), "claim_to_headers[0].claim_name: must not be empty"),
        (claim(json!(["a", ""])), "claim_to_headers[0].claim_name[1]: must not be empty"),
        (claim(json!(1)), "claim_to_headers[0].claim_name: expected a dotted path, or a list of names"),
        (claim(json!([1])), "claim_to_headers[0].claim_name: expected a dotted path, or a list of names"),
    ];
    cases.extend(["", "x a", "x:a", ":path", "x\r\na", "é", "x,a"].map(|name| (header(name), token)));
    cases.extend(
        [
            "authorization",
            "Authorization",
            "connection",
            "content-length",
            "content-type",
            "cookie",
            "expect",
            "HOST",
            "keep-alive",
            "proxy-authorization",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "x-envoy-x",
            // Groups of headers, and headers that Envoy reads or writes.
            "Access-Control-Request-Method",
            "content-encoding",
            "forwarded",
            "grpc-timeout",
            "http2-settings",
            "max-forwards",
            "origin",
            "proxy",
            "sec-fetch-site",
            "sec-websocket-protocol",
            "via",
            "x-forwarded-client-cert",
            "X-Forwarded-For",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-request-id",
            // Names that CGI does not distinguish from these.
            "content.length",
            "content_length",
            "transfer.encoding",
            "proxy~authorization",
            "x.envoy.x",
            "x_envoy_x",
            "x.forwarded-for",
            "http2~settings",
        ]
        .map(|name| (header(name), reserved)),
    );
    // Names that CGI does not distinguish from pseudo-headers (`:path`, `:method`).
    let begins = "claim_to_headers[0].header_name: must begin with a letter or a digit: some backends read `-path` as the pseudo-header `:path`";
    cases.extend(
        ["-path", ".method", "~authority", "_scheme", "-protocol", "-status", "-x-a", "_x", "!", "-"]
            .map(|name| (header(name), begins)),
    );
    assert_errors(cases);
}

/// Names that applications use, although they are similar to reserved ones.
#[test]
fn identity_header_similar_to_a_reserved_one_is_accepted() {
    for name in [
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-groups",
        "x-content-owner",
        "content",
        "x-host",
        "origin-id",
        "x-okta-sub",
        "X-Auth-Request-User",
        "proxied-user",
        "x-grpc-user",
        "security",
        "0",
        "remote-user",
        "x-envoys",
        "user.name",
    ] {
        let headers = json!([{ "header_name": name, "claim_name": "a" }]);
        let config = config(json!({}), json!({ "claim_to_headers": headers }));
        assert_eq!(super::outcome(config.to_string().as_bytes()), "accepted", "{name}");
    }
}

#[test]
fn invalid_template_or_provider_of_identity_header_is_rejected() {
    let both = |headers: Value| two_providers(json!({ "claim_to_headers": headers }));
    let one = |header: Value| config(json!({}), json!({ "claim_to_headers": [header] }));
    let template = |text: &str| one(json!({ "header_name": "x-a", "template": text }));
    let entry = |providers: Value| json!({ "header_name": "x-a", "claim_name": "a", "providers": providers });
    let either = "claim_to_headers[0]: must have either `claim_name` or `template`";
    let brace =
        "claim_to_headers[0].template: must have each claim in braces; write `{{` and `}}` for a brace";
    let name = "claim_to_headers[0].template: must have a claim name, with dots for nested claims, in each pair of braces";
    let claims = "claim_to_headers[0].template: must have 1 to 8 claims in braces";
    assert_errors([
        (one(json!({ "header_name": "x-a", "claim_name": "a", "template": "{a}" })), either),
        (template(""), claims),
        (template("iss/sub"), claims),
        (template("{{iss}}"), claims),
        (template("{iss"), brace),
        (template("iss}"), brace),
        (template("{iss}}"), brace),
        (template("{}"), name),
        (template("{a..b}"), name),
        (template("{a}\u{e9}"), "claim_to_headers[0].template: must have printable ASCII characters only"),
        (one(entry(json!([]))), "claim_to_headers[0].providers: must not be empty"),
        (
            one(entry(json!(["okta", "nope"]))),
            "claim_to_headers[0].providers[1]: must be the name of a provider: `okta`",
        ),
        (one(entry(json!("okta"))), "claim_to_headers[0].providers: must be a list, not the string \"okta\""),
        (
            both(json!([entry(json!(["okta"])), entry(json!(["other", "okta"]))])),
            "claim_to_headers[1].header_name: duplicate header for provider `okta`",
        ),
        (
            both(json!([entry(json!(["other"])), { "header_name": "X-A", "template": "{a}" }])),
            "claim_to_headers[1].header_name: duplicate header for provider `other`",
        ),
    ]);
    let disjoint = both(json!([entry(json!(["okta"])), entry(json!(["other"]))]));
    assert_eq!(super::outcome(disjoint.to_string().as_bytes()), "accepted");
}

#[test]
fn invalid_mode_is_rejected() {
    let mode = |mode: Value| config(json!({}), json!({ "mode": mode }));
    assert_errors([
        (mode(json!("optional")), "mode: must be one of `enforce`, `shadow`, not the string \"optional\""),
        (mode(json!("Shadow")), "mode: must be one of `enforce`, `shadow`, not the string \"Shadow\""),
        (mode(json!(true)), "mode: must be one of `enforce`, `shadow`, not `true`"),
    ]);
    for written in ["enforce", "shadow"] {
        assert_eq!(super::outcome(mode(json!(written)).to_string().as_bytes()), "accepted", "{written}");
    }
}

#[test]
fn invalid_payload_header_is_rejected() {
    let rest = |rest: Value| config(json!({}), rest);
    let name = |name: &str| rest(json!({ "forward_payload_header": name }));
    let identity = "is an identity header, which the filter removes from requests";
    let condition = json!([{ "name": "x-p", "present_match": true }]);
    assert_errors([
        (name(""), "forward_payload_header: must be a header name"),
        (name("x p"), "forward_payload_header: must be a header name"),
        (name(":path"), "forward_payload_header: must be a header name"),
        (
            name("-path"),
            "forward_payload_header: must begin with a letter or a digit: some backends read `-path` as the pseudo-header `:path`",
        ),
        (
            name("content.length"),
            "forward_payload_header: is reserved: HTTP or Envoy uses it to frame, route or authenticate requests",
        ),
        (
            name("Authorization"),
            "forward_payload_header: is reserved: HTTP or Envoy uses it to frame, route or authenticate requests",
        ),
        (
            name("sec-websocket-protocol"),
            "forward_payload_header: is reserved: HTTP or Envoy uses it to frame, route or authenticate requests",
        ),
        (
            name("x_p"),
            "forward_payload_header: must not have an underscore: some backends read it as a hyphen",
        ),
        (
            rest(
                json!({ "forward_payload_header": "X-P", "claim_to_headers": [{ "header_name": "x-p", "claim_name": "a" }] }),
            ),
            "forward_payload_header: must not be in `claim_to_headers`, too",
        ),
        (
            rest(json!({ "forward_payload_header": "x-p", "from_headers": [{ "name": "x.p" }] })),
            &*format!("from_headers[0].name: {identity}").leak(),
        ),
        (
            rest(
                json!({ "forward_payload_header": "x-p", "rules": [{ "match": { "headers": condition }, "public": true }] }),
            ),
            &*format!("rules[0].match.headers[0].name: {identity}").leak(),
        ),
        (
            rest(json!({ "clear_route_cache": true, "route_policies": { "a": { "public": true } } })),
            "clear_route_cache: must not be `true` with `route_policies`",
        ),
        (
            rest(json!({ "clear_route_cache": 1 })),
            "clear_route_cache: must be `true` or `false`, not the number `1`",
        ),
    ]);
}
