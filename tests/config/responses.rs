//! `responses` and `protected_resources`.

use serde_json::{Value, json};
use test_support::common::{config, with};

use super::assert_errors;

#[test]
fn invalid_responses_are_rejected() {
    let responses = |responses: Value| config(json!({}), json!({ "responses": responses }));
    let custom = |changes: Value| {
        let page = json!({ "status": 401, "content_type": "text/html", "body": "<p>" });
        responses(json!({ "custom": [with(page, changes)] }))
    };
    let page = json!({ "status": 401, "content_type": "text/html", "body": "<p>" });
    let media = "responses.content_type: must be a media type of at most 128 printable ASCII characters";
    let size = "responses.custom[0].body: must be 1 to 65536 bytes";
    let status = "responses.custom[0].status: must be 400, 401, 403, 414 or 503";
    let mut cases = vec![
        (responses(json!("json")), "responses: must be an object, not the string \"json\""),
        (
            responses(json!({ "body": "xml" })),
            "responses.body: must be one of `json`, `detail`, `problem`, `empty`, not the string \"xml\"",
        ),
        (
            responses(json!({ "details": "no" })),
            "responses.details: must be `true` or `false`, not the string \"no\"",
        ),
        (
            responses(json!({ "body": "empty", "content_type": "text/plain" })),
            "responses.content_type: has no effect with `body: empty`",
        ),
        (responses(json!({ "custom": [] })), "responses.custom: must not be empty"),
        (responses(json!({ "custom": [{}] })), "responses.custom[0]: missing field `status`"),
        (responses(json!({ "custom": [page, page] })), "responses.custom[1].status: duplicate entry"),
        (custom(json!({ "content_type": null })), "responses.custom[0]: missing field `content_type`"),
        (
            custom(json!({ "content_type": "html" })),
            "responses.custom[0].content_type: must be a media type of at most 128 printable ASCII characters",
        ),
        (custom(json!({ "body": "" })), size),
        (custom(json!({ "body": "x".repeat(65_537) })), size),
    ];
    cases.extend([200, 302, 404, 500].map(|number| (custom(json!({ "status": number })), status)));
    cases.extend(
        ["", "json", "/", "a/", "text/html\r\nx: y", "text/é", &format!("a/{}", "b".repeat(127))]
            .map(|invalid| (responses(json!({ "content_type": invalid })), media)),
    );
    assert_errors(cases);
}

#[test]
fn invalid_protected_resource_is_rejected() {
    let list = |list: Value| config(json!({}), json!({ "protected_resources": list }));
    let resource =
        |changes: Value| list(json!([with(json!({ "resource": "https://a.example/x" }), changes)]));
    let url = |url: &str| resource(json!({ "resource": url }));
    let both = |first: &str, second: &str| list(json!([{ "resource": first }, { "resource": second }]));
    let twice = "protected_resources[1].resource: must not have the path of an earlier resource";
    let quoted = "protected_resources[0].resource: must not have a query, a quote or a backslash";
    let readings = "protected_resources[0].resource: must not have an ambiguous path: no empty or dot segments, `;`, `\\` and encoded separators";
    assert_errors([
        (list(json!({})), "protected_resources: must be a list, not an object"),
        (list(json!([{}])), "protected_resources[0]: missing field `resource`"),
        (url("http://a.example/x"), "protected_resources[0].resource: must begin with `https://`"),
        (
            url("https:///x"),
            "protected_resources[0].resource: must name a host, with an optional port and without user information",
        ),
        (
            url("https://u@a.example/x"),
            "protected_resources[0].resource: must name a host, with an optional port and without user information",
        ),
        (
            url("https://a.example/x#y"),
            "protected_resources[0].resource: must be a URL without spaces and without a fragment",
        ),
        (url("https://a.example/x?y"), quoted),
        (url("https://a.example?"), quoted),
        (url("https://a.example/\""), quoted),
        (url("https://a.example/\\"), quoted),
        (url("https://a.example//x"), readings),
        (url("https://a.example/x/../y"), readings),
        (url("https://a.example/x%2fy"), readings),
        (url("https://a.example/x%"), readings),
        (both("https://a.example/x", "https://b.example/x"), twice),
        (both("https://a.example/x", "https://a.example/%78/"), twice),
        (both("https://a.example", "https://a.example/"), twice),
        (
            resource(json!({ "authorization_servers": [] })),
            "protected_resources[0].authorization_servers: must not be empty",
        ),
        (
            resource(json!({ "authorization_servers": ["http://a"] })),
            "protected_resources[0].authorization_servers[0]: must begin with `https://`",
        ),
        (
            resource(json!({ "scopes_supported": [] })),
            "protected_resources[0].scopes_supported: must not be empty",
        ),
        (
            resource(json!({ "scopes_supported": ["a b"] })),
            "protected_resources[0].scopes_supported[0]: must be printable ASCII without space, `\"` and `\\`",
        ),
        (
            resource(json!({ "bearer_methods_supported": ["header", "cookie"] })),
            "protected_resources[0].bearer_methods_supported[1]: must be `header`, `body` or `query`",
        ),
        (
            resource(json!({ "bearer_methods_supported": [] })),
            "protected_resources[0].bearer_methods_supported: must not be empty",
        ),
        (resource(json!({ "resource_name": "" })), "protected_resources[0].resource_name: must not be empty"),
        (
            resource(json!({ "resource_tos_uri": "/tos" })),
            "protected_resources[0].resource_tos_uri: must begin with `https://`",
        ),
        (
            resource(json!({ "jwks_uri": "https://a.example/k" })),
            "protected_resources[0].jwks_uri: unknown field `jwks_uri`, expected one of `resource`, `authorization_servers`, `scopes_supported`, `bearer_methods_supported`, `require_audience`, `authorization_details_types_supported`, `resource_name`, `resource_documentation`, `resource_policy_uri`, `resource_tos_uri`",
        ),
    ]);
}
