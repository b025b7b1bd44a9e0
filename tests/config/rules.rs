//! `rules`: access and requirements.

use serde_json::{Value, json};
use test_support::common;

use super::assert_errors;

fn requiring(requires: Value) -> Value {
    common::rules(json!([{ "match": {}, "requires": requires }]))
}

#[test]
fn invalid_access_is_rejected() {
    let either = "rules[0]: must have one of `public: true`, `deny: true` and `requires` (`requires: {}` accepts any valid token)";
    let rule = |rule: Value| common::rules(json!([rule]));
    assert_errors([
        (rule(json!({ "public": true })), "rules[0]: missing field `match`"),
        (rule(json!({ "match": {} })), either),
        (rule(json!({ "match": {}, "public": false })), either),
        (rule(json!({ "match": {}, "public": true, "requires": {} })), either),
        (rule(json!({ "match": {}, "public": true, "deny": true })), either),
        (rule(json!({ "match": {}, "deny": true, "requires": {} })), either),
        (rule(json!({ "match": {}, "deny": false })), either),
        (
            rule(json!({ "match": {}, "public": true, "mode": "shadow" })),
            "rules[0].mode: must not be combined with `public: true`",
        ),
        (
            rule(json!({ "match": {}, "deny": true, "mode": "optional" })),
            "rules[0].mode: must be `enforce` or `shadow` with `deny: true`",
        ),
        (
            rule(json!({ "match": {}, "requires": {}, "mode": "audit" })),
            "rules[0].mode: must be one of `enforce`, `optional`, `shadow`, not the string \"audit\"",
        ),
        (
            rule(json!({ "match": {}, "public": "true" })),
            "rules[0].public: must be `true` or `false`, not the string \"true\"",
        ),
        (
            rule(json!({ "match": "/a", "public": true })),
            "rules[0].match: must be an object, not the string \"/a\"",
        ),
        (rule(json!({ "match": {}, "requires": true })), "rules[0].requires: must be an object, not `true`"),
        (
            common::rules(json!([{ "match": {}, "public": true }, { "match": {} }])),
            "rules[1]: must have one of `public: true`, `deny: true` and `requires` (`requires: {}` accepts any valid token)",
        ),
    ]);
}

#[test]
fn invalid_requirement_is_rejected() {
    let scope = "must be printable ASCII without space, `\"` and `\\`";
    let claims = |claim: Value| requiring(json!({ "claims": [claim] }));
    let one = "rules[0].requires.claims[0]: must have exactly one of `any_of`, `equals`, `matches`, `path_variable`, `exists`";
    let nested = |depth: usize| {
        requiring((1..depth).fold(json!({ "scopes": ["a"] }), |inner, _| json!({ "all_of": [inner] })))
    };
    let invalid_scopes = ["a b", "a\"b", "a\\b", "é", "a\n"].map(|name| {
        let path = format!("rules[0].requires.scopes[0]: {scope}");
        (requiring(json!({ "scopes": [name] })), path)
    });
    for (config, expected) in invalid_scopes {
        assert_eq!(super::outcome(config.to_string().as_bytes()), expected);
    }
    assert_errors([
        (requiring(json!({ "scopes": [] })), "rules[0].requires.scopes: must not be empty"),
        (requiring(json!({ "scopes": ["a", ""] })), "rules[0].requires.scopes[1]: must not be empty"),
        (
            requiring(json!({ "scopes": "a" })),
            "rules[0].requires.scopes: must be a list, not the string \"a\"",
        ),
        (requiring(json!({ "any_scopes": [] })), "rules[0].requires.any_scopes: must not be empty"),
        (
            requiring(json!({ "any_scopes": ["a b"] })),
            "rules[0].requires.any_scopes[0]: must be printable ASCII without space, `\"` and `\\`",
        ),
        (requiring(json!({ "groups": [] })), "rules[0].requires.groups: must not be empty"),
        (requiring(json!({ "groups": [""] })), "rules[0].requires.groups[0]: must not be empty"),
        (requiring(json!({ "audiences": [] })), "rules[0].requires.audiences: must not be empty"),
        (
            requiring(json!({ "audiences": ["api://default", "api://default/"] })),
            "rules[0].requires.audiences[1]: must be one of the `audiences` of the providers",
        ),
        (
            requiring(json!({ "not": { "audiences": ["x"] } })),
            "rules[0].requires.not.audiences[0]: must be one of the `audiences` of the providers",
        ),
        (requiring(json!({ "client_ids": [] })), "rules[0].requires.client_ids: must not be empty"),
        (requiring(json!({ "client_ids": ["a", ""] })), "rules[0].requires.client_ids[1]: must not be empty"),
        (requiring(json!({ "claims": [] })), "rules[0].requires.claims: must not be empty"),
        (requiring(json!({ "any_of": [] })), "rules[0].requires.any_of: must not be empty"),
        (requiring(json!({ "all_of": [] })), "rules[0].requires.all_of: must not be empty"),
        (requiring(json!({ "any_of": {} })), "rules[0].requires.any_of: must be a list, not an object"),
        (requiring(json!({ "not": 1 })), "rules[0].requires.not: must be an object, not the number `1`"),
        (
            requiring(json!({ "not": {} })),
            "rules[0].requires.not: must not be empty: it would deny every request",
        ),
        (
            requiring(json!({ "not": { "all_of": [{}] } })),
            "rules[0].requires.not.all_of[0]: must not be empty: every token meets it",
        ),
        (
            requiring(json!({ "any_of": [{ "scopes": ["a"] }, { "groups": [] }] })),
            "rules[0].requires.any_of[1].groups: must not be empty",
        ),
        (
            requiring(json!({ "all_of": [{ "not": { "scopes": [""] } }] })),
            "rules[0].requires.all_of[0].not.scopes[0]: must not be empty",
        ),
        (
            nested(9),
            "rules[0].requires.all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0]: must not be nested more than 8 levels deep",
        ),
        (claims(json!({ "equals": 1 })), "rules[0].requires.claims[0]: missing field `name`"),
        (claims(json!({ "name": "a" })), one),
        (claims(json!({ "name": "a", "equals": 1, "exists": true })), one),
        (claims(json!({ "name": "a", "any_of": [1], "equals": 1 })), one),
        (
            claims(json!({ "name": "a", "any_of": [] })),
            "rules[0].requires.claims[0].any_of: must not be empty",
        ),
        (
            claims(json!({ "name": "a", "exists": 1 })),
            "rules[0].requires.claims[0].exists: must be `true` or `false`, not the number `1`",
        ),
        (
            claims(json!({ "name": "a..b", "equals": 1 })),
            "rules[0].requires.claims[0].name: must be names with dots between them; a list can have names with dots",
        ),
        (claims(json!({ "name": [], "equals": 1 })), "rules[0].requires.claims[0].name: must not be empty"),
        (
            claims(json!({ "name": ["a", ""], "equals": 1 })),
            "rules[0].requires.claims[0].name[1]: must not be empty",
        ),
        (
            claims(json!({ "name": 1, "equals": 1 })),
            "rules[0].requires.claims[0].name: expected a dotted path, or a list of names",
        ),
    ]);
}

// `any_of` with an empty alternative would require nothing, even if another alternative
// requires a scope.
#[test]
fn empty_alternative_is_rejected() {
    for requires in
        [json!({ "any_of": [{ "scopes": ["admin"] }, {}] }), json!({ "any_of": [{ "all_of": [{}] }] })]
    {
        let error = super::outcome(requiring(requires.clone()).to_string().as_bytes());
        assert!(error.starts_with("rules[0].requires.any_of["), "{requires}: {error}");
    }
}
