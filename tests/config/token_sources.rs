//! Token sources: `from_headers`, `from_cookies`, `from_params`, `from_websocket_protocol`.

use serde_json::{Value, json};
use test_support::common::config;

use super::assert_errors;

#[test]
fn invalid_cookie_or_parameter_source_is_rejected() {
    let rest = |rest: Value| config(json!({}), rest);
    let plain = "from_params[0]: must be printable ASCII without spaces";
    let mut cases = vec![
        (rest(json!({ "from_cookies": "token" })), "from_cookies: must be a list, not the string \"token\""),
        (rest(json!({ "from_cookies": [] })), "from_cookies: must not be empty"),
        (rest(json!({ "from_cookies": [""] })), "from_cookies[0]: must not be empty"),
        (rest(json!({ "from_cookies": ["a", "b", "a"] })), "from_cookies[2]: duplicate entry"),
        (rest(json!({ "from_params": [] })), "from_params: must not be empty"),
        (rest(json!({ "from_params": ["a", "a"] })), "from_params[1]: duplicate entry"),
        (rest(json!({ "from_params": [["a"]] })), "from_params[0]: must be a string, not a list"),
        (rest(json!({ "from_params": ["a b"] })), plain),
        (rest(json!({ "from_params": ["é"] })), plain),
        (
            rest(json!({ "from_websocket_protocol": "yes" })),
            "from_websocket_protocol: must be `true` or `false`, not the string \"yes\"",
        ),
    ];
    let cookie = "from_cookies[0]: must be a cookie name";
    cases.extend(
        ["a b", "a;b", "a=b", "\"a\"", "é"].map(|name| (rest(json!({ "from_cookies": [name] })), cookie)),
    );
    assert_errors(cases);
}

#[test]
fn invalid_header_source_is_rejected() {
    let headers = |list: Value| config(json!({}), json!({ "from_headers": list }));
    let name = |name: &str| headers(json!([{ "name": name }]));
    let prefix = |prefix: &str| headers(json!([{ "name": "x-a", "value_prefix": prefix }]));
    let both = |header: &str| {
        let claims = json!([{ "header_name": "X-A-B", "claim_name": "a" }]);
        config(json!({}), json!({ "from_headers": [{ "name": header }], "claim_to_headers": claims }))
    };
    let printable = "from_headers[0].value_prefix: must be 1 to 64 printable ASCII characters, and not begin with a space";
    let reserved =
        "from_headers[0].name: is reserved: HTTP or Envoy uses it to frame, route or authenticate requests";
    let mut cases = vec![
        (headers(json!([])), "from_headers: must not be empty"),
        (headers(json!([{}])), "from_headers[0]: missing field `name`"),
        (headers(json!(["x-a"])), "from_headers[0]: must be an object, not the string \"x-a\""),
        (headers(json!([["x-a", "T "]])), "from_headers[0]: must be an object, not a list"),
        (headers(json!([{ "name": "x-a" }, { "name": "X-A" }])), "from_headers[1].name: duplicate entry"),
        (headers(json!([{ "name": "x-a" }, { "name": "x.a" }])), "from_headers[1].name: duplicate entry"),
        (name("Authorization"), "from_headers[0].name: is always used: remove it"),
        (name("x_a"), "from_headers[0].name: must not have an underscore: some backends read it as a hyphen"),
        (
            both("x-a-b"),
            "from_headers[0].name: is an identity header, which the filter removes from requests",
        ),
        (
            both("x.a-b"),
            "from_headers[0].name: is an identity header, which the filter removes from requests",
        ),
    ];
    cases.extend(
        ["", ":path", "x a", "x:a", "é"]
            .map(|invalid| (name(invalid), "from_headers[0].name: must be a header name")),
    );
    cases.extend(
        [
            "cookie",
            "Host",
            "proxy-authorization",
            "sec-websocket-protocol",
            "x-envoy-a",
            "content.length",
            "x.envoy-a",
        ]
        .map(|invalid| (name(invalid), reserved)),
    );
    let begins = "from_headers[0].name: must begin with a letter or a digit: some backends read `-path` as the pseudo-header `:path`";
    cases.extend(["-authority", ".path", "~x-token", "-method"].map(|invalid| (name(invalid), begins)));
    cases.extend(["", " T", "é", "T\n", &"x".repeat(65)].map(|invalid| (prefix(invalid), printable)));
    assert_errors(cases);
}

/// Headers in which proxies forward tokens.
#[test]
fn header_source_of_known_proxy_is_accepted() {
    for name in [
        "x-forwarded-access-token",
        "X-Amzn-Oidc-Accesstoken",
        "cf-access-jwt-assertion",
        "x-goog-iap-jwt-assertion",
        "token",
    ] {
        let config = config(json!({}), json!({ "from_headers": [{ "name": name }] }));
        assert_eq!(super::outcome(config.to_string().as_bytes()), "accepted", "{name}");
    }
}
