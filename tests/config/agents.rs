//! `authorization_details`, `actor`, `require_audience`, and conditions on headers of MCP.

use serde_json::{Value, json};
use test_support::common::{config, rules};

use super::{assert_errors, outcome};

fn requiring(requires: Value) -> Value {
    rules(json!([{ "match": {}, "requires": requires }]))
}

fn detail(detail: Value) -> Value {
    requiring(json!({ "authorization_details": [detail] }))
}

fn actor(actor: Value) -> Value {
    requiring(json!({ "actor": actor }))
}

fn resource(resource: Value) -> Value {
    config(json!({ "audiences": ["https://h/a"] }), json!({ "protected_resources": [resource] }))
}

fn mcp(name: &str, matcher: Value) -> Value {
    rules(json!([{ "match": { "headers": [{ "name": name, "string_match": matcher }] }, "requires": {} }]))
}

#[test]
fn valid_conditions_on_agents_are_accepted() {
    for config in [
        detail(json!({ "type": "payment" })),
        detail(
            json!({ "type": "a", "actions": ["b"], "locations": ["c"], "datatypes": ["d"], "privileges": ["e"], "identifier": "f", "other_fields": "deny" }),
        ),
        detail(json!({ "type": "a", "other_fields": "ignore" })),
        actor(json!({ "present": false })),
        actor(json!({ "present": true, "subjects": ["a"], "max_depth": 8 })),
        actor(json!({ "max_depth": 1 })),
        requiring(json!({ "not": { "actor": { "subjects": ["a"] } } })),
        resource(
            json!({ "resource": "https://h/a", "require_audience": true, "authorization_details_types_supported": ["payment"] }),
        ),
        resource(json!({ "resource": "https://h/b", "require_audience": false })),
        mcp("mcp-name", json!({ "exact": "a=?base64?b" })),
        mcp("x-a", json!({ "exact": "=?base64?YQ==?=" })),
    ] {
        assert_eq!(outcome(config.to_string().as_bytes()), "accepted", "{config}");
    }
}

#[test]
fn invalid_condition_on_agents_is_rejected() {
    let at = "rules[0].requires.authorization_details";
    let details = |problem: &str| format!("{at}{problem}");
    let actors = |problem: &str| format!("rules[0].requires.actor{problem}");
    let encoded = "rules[0].match.headers[0].string_match: can never match: the filter rejects encoded values (`=?base64?`) of this header; use a name in ASCII";
    let errors = [
        (requiring(json!({ "authorization_details": [] })), details(": must not be empty")),
        (requiring(json!({ "authorization_details": {} })), details(": must be a list, not an object")),
        (detail(json!({})), details("[0]: missing field `type`")),
        (detail(json!({ "type": "" })), details("[0].type: must not be empty")),
        (detail(json!({ "type": "a", "identifier": "" })), details("[0].identifier: must not be empty")),
        (detail(json!({ "type": "a", "actions": [] })), details("[0].actions: must not be empty")),
        (detail(json!({ "type": "a", "privileges": [""] })), details("[0].privileges[0]: must not be empty")),
        (
            detail(json!({ "type": "a", "amount": "1" })),
            details("[0].amount: unknown field `amount`, expected one of `type`, `actions`, `locations`, `datatypes`, `privileges`, `identifier`, `other_fields`"),
        ),
        (
            detail(json!({ "type": "a", "other_fields": "allow" })),
            details("[0].other_fields: must be one of `deny`, `ignore`, not the string \"allow\""),
        ),
        (
            requiring(json!({ "not": { "any_of": [{ "authorization_details": [{ "type": "a" }] }] } })),
            "rules[0].requires.not.any_of[0].authorization_details: must not be in `not`: a token with another member would meet it".to_owned(),
        ),
        (actor(json!({})), actors(": must have `present`, `subjects` or `max_depth`")),
        (
            actor(json!({ "present": false, "subjects": ["a"] })),
            actors(": must not have `subjects` or `max_depth` with `present: false`"),
        ),
        (actor(json!({ "subjects": [] })), actors(".subjects: must not be empty")),
        (actor(json!({ "max_depth": 0 })), actors(".max_depth: must be from 1 to 8")),
        (actor(json!({ "max_depth": 9 })), actors(".max_depth: must be from 1 to 8")),
        (
            resource(json!({ "resource": "https://h/b", "require_audience": true })),
            "protected_resources[0].require_audience: must not be `true`: `resource` is not one of the `audiences` of the providers, which would reject every token".to_owned(),
        ),
        (
            resource(json!({ "resource": "https://h/a", "authorization_details_types_supported": [] })),
            "protected_resources[0].authorization_details_types_supported: must not be empty".to_owned(),
        ),
        (mcp("Mcp-Name", json!({ "exact": "=?base64?YQ==?=" })), encoded.to_owned()),
        (mcp("mcp-method", json!({ "prefix": "=?BASE64?" })), encoded.to_owned()),
        (mcp("mcp-param-region", json!({ "safe_regex": "=\\?base64\\?.*" })), encoded.to_owned()),
    ];
    assert_errors(errors.iter().map(|(config, error)| (config.clone(), error.as_str())));
}
