//! The scopes in the challenge for a missing token.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::Deny;
use test_support::common::{Outcome, config, get, missing_with_scopes, rules};

use super::agents::requiring;
use super::{Auth, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let missing = || Deny(R::TokenMissing);
    let table: Vec<(&'static str, Value, Outcome)> = vec![
        ("challenge, no scopes", json!({}), missing()),
        ("challenge, scopes", json!({ "scopes": ["a", "b"] }), missing_with_scopes(&["a", "b"])),
        (
            "challenge, the first of any_scopes",
            json!({ "any_scopes": ["a", "b"] }),
            missing_with_scopes(&["a"]),
        ),
        (
            "challenge, any_scopes that scopes meet",
            json!({ "scopes": ["c", "b"], "any_scopes": ["a", "b"] }),
            missing_with_scopes(&["c", "b"]),
        ),
        (
            "challenge, all_of",
            json!({ "all_of": [{ "scopes": ["a"] }, { "any_scopes": ["b", "c"] }, { "scopes": ["a"] }] }),
            missing_with_scopes(&["a", "b"]),
        ),
        (
            "challenge, the first alternative with scopes",
            json!({ "any_of": [{ "groups": ["g"] }, { "scopes": ["a"] }, { "scopes": ["b"] }] }),
            missing_with_scopes(&["a"]),
        ),
        (
            "challenge, scopes and an alternative",
            json!({ "scopes": ["a"], "any_of": [{ "scopes": ["b", "a"] }] }),
            missing_with_scopes(&["a", "b"]),
        ),
        ("challenge, scopes in not", json!({ "not": { "scopes": ["a"] } }), missing()),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, requires, expected)| {
            row(name, requiring(&requires), get("/items"), Auth::Missing, 0, expected)
        })
        .collect();
    let policies =
        || config(json!({}), json!({ "route_policies": { "p": { "requires": { "scopes": ["a"] } } } }));
    let deny = || {
        rules(
            json!([{ "match": { "prefix": "/items" }, "deny": true }, { "match": { "prefix": "/a" }, "requires": { "scopes": ["a"] } }]),
        )
    };
    rows.extend([
        row(
            "challenge, a route policy",
            policies(),
            get("/").route_policy("p"),
            Auth::Missing,
            0,
            missing_with_scopes(&["a"]),
        ),
        row("challenge, a denying rule", deny(), get("/items"), Auth::Missing, 0, missing()),
        row("challenge, no rule", deny(), get("/other"), Auth::Missing, 0, missing()),
        row(
            "challenge, an invalid token",
            requiring(&json!({ "scopes": ["a"] })),
            get("/"),
            Auth::Values(vec!["Bearer x".to_owned()]),
            0,
            Deny(R::TokenOpaque),
        ),
    ]);
    rows
}
