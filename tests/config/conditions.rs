//! Conditions on headers, query parameters and addresses; requirements; route policies.

use serde_json::{Value, json};
use test_support::common;

use super::{assert_errors, outcome};

fn matching(matches: Value) -> Value {
    common::rules(json!([{ "match": matches, "public": true }]))
}

fn requiring(requires: Value) -> Value {
    common::rules(json!([{ "match": { "path_template": "/users/{uid}/*" }, "requires": requires }]))
}

fn route_policies(policies: Value) -> Value {
    common::config(json!({}), json!({ "route_policies": policies }))
}

fn header(more: Value) -> Value {
    matching(json!({ "headers": [common::with(json!({ "name": "x-a" }), more)] }))
}

#[test]
fn valid_conditions_and_requirements_are_accepted() {
    for config in [
        header(json!({ "present_match": true })),
        header(json!({ "string_match": { "exact": "" }, "invert_match": true })),
        header(json!({ "string_match": { "safe_regex": { "regex": "a+" } } })),
        matching(json!({ "query_parameters": [{ "name": "a b", "string_match": { "prefix": "x" } }] })),
        matching(json!({ "remote_ip": ["10.0.0.0/8", "fd00::/8", "192.0.2.1"] })),
        matching(
            json!({ "remote_ip": ["::ffff:127.0.0.0/104", "::ffff:0:0/96", "::ffff:10.0.0.1", "::/0"] }),
        ),
        matching(json!({ "hosts": ["[::1]", "[fd00::10]", "a.example.com", "*.example.com"] })),
        header(json!({ "name": "x-envoy-host", "present_match": true })),
        header(json!({ "name": "upgrade", "string_match": { "exact": "websocket" } })),
        header(json!({ "name": "accept", "string_match": { "exact": "text/html, */*" } })),
        header(json!({ "string_match": { "contains": " a " } })),
        header(json!({ "string_match": { "safe_regex": "(a,)?b[,]? *c" } })),
        header(json!({ "name": "accept", "string_match": { "safe_regex": "text/html, .*" } })),
        header(json!({ "string_match": { "exact": "a".repeat(8192) } })),
        matching(json!({ "query_parameters": [{ "name": "50%", "string_match": { "safe_regex": "a,b" } }] })),
        matching(json!({ "query_parameters": [{ "name": "a[]", "string_match": { "exact": "%20" } }] })),
        matching(json!({ "query_parameters": [{ "name": "a", "string_match": { "exact": "a, b" } }] })),
        requiring(json!({ "groups": ["a"], "groups_claim": "https://acme.com/groups" })),
        requiring(json!({ "groups": ["a"], "groups_claim": ["realm", "groups"] })),
        requiring(json!({ "subjects": ["a"], "user": false, "providers": ["okta"] })),
        requiring(json!({ "acr_values": ["urn:okta:loa:2fa:any", "phr"], "max_age": "0s" })),
        requiring(json!({ "claims": [{ "name": "uid", "path_variable": "uid" }] })),
        requiring(json!({ "not": { "claims": [{ "name": "email", "matches": ".*@acme[.]com" }] } })),
        common::rules(json!([{ "match": {}, "deny": true, "mode": "shadow" }])),
        common::rules(json!([{ "match": {}, "requires": {}, "mode": "optional" }])),
        route_policies(json!({ "a": { "public": true }, "rules": { "requires": {}, "mode": "enforce" } })),
        common::config(json!({}), json!({ "bypass_cors_preflight": true })),
    ] {
        assert_eq!(outcome(config.to_string().as_bytes()), "accepted", "{config}");
    }
}

#[test]
fn invalid_condition_is_rejected() {
    let one = "rules[0].match.headers[0]: must have either `string_match` or `present_match: true`";
    let host =
        "rules[0].match.headers[0].name: can never match: Envoy passes the host as `:authority`; use `hosts`";
    let removed =
        "rules[0].match.headers[0].name: can never match: Envoy removes this header before the filter";
    let comma = "rules[0].match.headers[0].string_match: can never match: the filter rejects a value with a comma, which can be two joined headers";
    let control = "rules[0].match.headers[0].string_match: can never match: the filter rejects values with control characters or white space around them";
    let hosts =
        "rules[0].match.hosts[0]: must be a host name, an IP address, or `*.` and a domain, without a port";
    let long = "a".repeat(8193);
    let too_long =
        "rules[0].match.headers[0].string_match: can never match: it is longer than `max_match_bytes`";
    let network = "rules[0].match.remote_ip[0]: must be an address, or a network such as `10.0.0.0/8` without host bits";
    let test = "rules[0].match.headers[0].string_match: must have exactly one of `exact`, `prefix`, `suffix`, `contains`, `safe_regex`";
    assert_errors([
        (matching(json!({ "headers": [] })), "rules[0].match.headers: must not be empty"),
        (header(json!({})), one),
        (header(json!({ "present_match": false })), one),
        (header(json!({ "present_match": true, "string_match": { "exact": "a" } })), one),
        (header(json!({ "string_match": {} })), test),
        (header(json!({ "string_match": { "exact": "a", "prefix": "a" } })), test),
        (
            header(json!({ "string_match": { "prefix": "" } })),
            "rules[0].match.headers[0].string_match.prefix: must not be empty",
        ),
        (
            header(json!({ "name": ":path", "present_match": true })),
            "rules[0].match.headers[0].name: must be a header name; use `path`, `methods` or `hosts` for pseudo-headers",
        ),
        (
            header(json!({ "name": "Authorization", "present_match": true })),
            "rules[0].match.headers[0].name: must not be a header with credentials",
        ),
        (
            matching(json!({ "query_parameters": [{ "name": "", "present_match": true }] })),
            "rules[0].match.query_parameters[0].name: must not be empty",
        ),
        (
            header(json!({ "name": "Host", "string_match": { "exact": "api.example.com" } })),
            "rules[0].match.headers[0].name: can never match: Envoy passes the host as `:authority`; use `hosts`",
        ),
        (header(json!({ "name": "host", "present_match": true, "invert_match": true })), host),
        (header(json!({ "name": "keep-alive", "present_match": true })), removed),
        (header(json!({ "name": "Proxy-Connection", "present_match": true })), removed),
        (header(json!({ "name": "transfer-encoding", "string_match": { "exact": "chunked" } })), removed),
        (header(json!({ "string_match": { "exact": " a" } })), control),
        (header(json!({ "string_match": { "exact": "a\t" } })), control),
        (header(json!({ "string_match": { "prefix": " a" } })), control),
        (header(json!({ "string_match": { "suffix": "a " } })), control),
        (header(json!({ "string_match": { "exact": "a,b" } })), comma),
        (header(json!({ "string_match": { "contains": "," }, "invert_match": true })), comma),
        (header(json!({ "string_match": { "exact": "a\nb" } })), control),
        (header(json!({ "name": "user-agent", "string_match": { "prefix": "a\0" } })), control),
        (
            matching(json!({ "query_parameters": [{ "name": "a", "string_match": { "suffix": "a\n" } }] })),
            "rules[0].match.query_parameters[0].string_match: can never match: the filter rejects values with control characters or white space around them",
        ),
        (header(json!({ "string_match": { "exact": "a\u{a0}" } })), control),
        (header(json!({ "string_match": { "safe_regex": "a,.*" } })), comma),
        (header(json!({ "string_match": { "safe_regex": " a.*" } })), control),
        (header(json!({ "string_match": { "safe_regex": "^ a$" } })), control),
        (header(json!({ "string_match": { "safe_regex": ".* " } })), control),
        (header(json!({ "string_match": { "safe_regex": "[ab]\u{7f}.*" } })), control),
        (header(json!({ "string_match": { "exact": long } })), too_long),
        (header(json!({ "string_match": { "prefix": long } })), too_long),
        (header(json!({ "string_match": { "suffix": long } })), too_long),
        (header(json!({ "string_match": { "contains": long } })), too_long),
        (
            matching(json!({ "query_parameters": [{ "name": "user%5Bid%5D", "present_match": true }] })),
            "rules[0].match.query_parameters[0].name: must not be percent-encoded: the filter decodes parameters before it matches them",
        ),
        (matching(json!({ "hosts": ["[::1"] })), hosts),
        (matching(json!({ "hosts": ["[a]"] })), hosts),
        (matching(json!({ "hosts": ["*.[::1]"] })), hosts),
        (matching(json!({ "hosts": ["a:b:c"] })), hosts),
        (matching(json!({ "remote_ip": ["::ffff:127.0.0.1/104"] })), network),
        (matching(json!({ "remote_ip": ["::ffff:0:0/90"] })), network),
        (
            matching(json!({ "remote_ip": ["::ffc0:0:0/90"] })),
            "rules[0].match.remote_ip[0]: must not mix IPv4-mapped addresses with others: write an IPv4 network, `10.0.0.0/8`",
        ),
        (matching(json!({ "remote_ip": [] })), "rules[0].match.remote_ip: must not be empty"),
        (
            matching(json!({ "remote_ip": ["10.0.0.1/8"] })),
            "rules[0].match.remote_ip[0]: must be an address, or a network such as `10.0.0.0/8` without host bits",
        ),
    ]);
}

// The filter sets identity headers after it selects the rule, so a rule would read a value of the
// client.
#[test]
fn condition_on_identity_header_is_rejected() {
    let config = common::config(
        json!({}),
        json!({
            "claim_to_headers": [{ "header_name": "x-okta-sub", "claim_name": "sub" }],
            "rules": [{ "match": { "headers": [{ "name": "X-Okta-Sub", "present_match": true }] }, "public": true }],
        }),
    );
    assert_eq!(
        outcome(config.to_string().as_bytes()),
        "rules[0].match.headers[0].name: is an identity header, which the filter removes from requests"
    );
}

#[test]
fn invalid_requirement_is_rejected() {
    assert_errors([
        (requiring(json!({ "subjects": [] })), "rules[0].requires.subjects: must not be empty"),
        (
            requiring(json!({ "user": "yes" })),
            "rules[0].requires.user: must be `true` or `false`, not the string \"yes\"",
        ),
        (
            requiring(json!({ "providers": ["okta", "other"] })),
            "rules[0].requires.providers[1]: must be the name of a provider: `okta`",
        ),
        (
            requiring(json!({ "groups_claim": "g" })),
            "rules[0].requires.groups_claim: must not be set without `groups`",
        ),
        (
            requiring(json!({ "acr_values": ["a b"] })),
            "rules[0].requires.acr_values[0]: must be printable ASCII without space, `\"` and `\\`",
        ),
        (
            requiring(json!({ "max_age": "1.5s" })),
            "rules[0].requires.max_age: must be a whole number of seconds",
        ),
        (requiring(json!({ "max_age": "367d" })), "rules[0].requires.max_age: must be from 0s to 366d"),
        (
            requiring(json!({ "claims": [{ "name": "uid", "path_variable": "id" }] })),
            "rules[0].requires.claims[0].path_variable: must be a variable of the `path_template` of the rule",
        ),
        (
            requiring(json!({ "claims": [{ "name": "uid", "matches": "" }] })),
            "rules[0].requires.claims[0].matches: must not be empty",
        ),
    ]);
    let broken = requiring(json!({ "claims": [{ "name": "uid", "matches": "a)|(b" }] }));
    let error = outcome(broken.to_string().as_bytes());
    assert!(
        error.starts_with("rules[0].requires.claims[0].matches: must be a valid regular expression: "),
        "{error}"
    );
}

#[test]
fn invalid_route_policy_is_rejected() {
    let either = "must have one of `public: true`, `deny: true` and `requires` (`requires: {}` accepts any valid token)";
    assert_eq!(
        outcome(route_policies(json!({ "a": {} })).to_string().as_bytes()),
        format!("route_policies.a: {either}")
    );
    assert_errors([
        (
            route_policies(json!({ "": { "public": true } })),
            "route_policies.: must have a name that is not empty",
        ),
        (
            route_policies(json!({ "a\r\nb": { "public": true } })),
            "route_policies.a\\r\\nb: must have a name without control characters and line separators",
        ),
        (
            route_policies(json!({ "a\u{2029}b": { "public": true } })),
            "route_policies.a\\u{2029}b: must have a name without control characters and line separators",
        ),
        (
            route_policies(json!({ "a": { "match": {}, "public": true } })),
            "route_policies.a.match: unknown field `match`, expected one of `public`, `deny`, `requires`, `introspect`, `mode`",
        ),
        (
            route_policies(
                json!({ "a": { "requires": { "claims": [{ "name": "uid", "path_variable": "uid" }] } } }),
            ),
            "route_policies.a.requires.claims[0].path_variable: must be a variable of the `path_template` of the rule",
        ),
        (route_policies(json!({ "a": null })), "route_policies.a: must be an object, not null"),
    ]);
}
