//! The modes of a rule (`enforce`, `optional`) and of the policy (`enforce`, `shadow`).

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Pass, Public, Shadow, Wait};
use test_support::common::{Token, get, request, rules, scopes, with};

use super::{Auth, Row, row};

/// Returns a configuration with one rule for all requests, in this mode.
pub(super) fn mode(mode: &str, access: Value) -> Value {
    let mut rule = access;
    rule["match"] = json!({});
    rule["mode"] = json!(mode);
    rules(json!([rule]))
}

/// Returns a configuration in shadow mode with one enforced rule.
fn shadow_policy(access: Value) -> Value {
    with(mode("enforce", access), json!({ "mode": "shadow" }))
}

pub(super) fn admins() -> Value {
    json!({ "requires": { "groups": ["Admins"] } })
}

pub(super) fn bearer() -> Auth {
    Auth::Bearer(Token::user())
}

pub(super) fn expired() -> Auth {
    Auth::Bearer(Token::user().claims(json!({ "exp": 1 })))
}

pub(crate) fn rows() -> Vec<Row> {
    let shadow = || shadow_policy(admins());
    let optional = || mode("optional", json!({ "requires": { "scopes": ["openid"] } }));
    let basic = || Auth::Values(vec!["Basic dXNlcg==".to_owned()]);
    let twice = || Auth::Values(vec!["Bearer a".to_owned(), "Bearer b".to_owned()]);
    let forged = || {
        let mut token = Token::user();
        token.payload = token.payload.replace("joe.user", "eve.user");
        let signed = Token::user().compact();
        let (_, signature) = signed.rsplit_once('.').unwrap();
        Auth::Values(vec![format!("Bearer {}.{signature}", token.compact().rsplit_once('.').unwrap().0)])
    };
    vec![
        row(
            "enforce is the default",
            mode("enforce", admins()),
            get("/"),
            bearer(),
            0,
            Deny(R::RequirementNotMet),
        ),
        row("shadow, a valid token", shadow_policy(json!({ "requires": {} })), get("/"), bearer(), 0, Allow),
        row("shadow, public", shadow_policy(json!({ "public": true })), get("/"), Auth::Missing, 0, Public),
        row(
            "shadow, requirement not met",
            shadow(),
            get("/"),
            bearer(),
            0,
            Shadow(R::RequirementNotMet, true),
        ),
        row("shadow, no token", shadow(), get("/"), Auth::Missing, 0, Shadow(R::TokenMissing, false)),
        row("shadow, expired", shadow(), get("/"), expired(), 0, Shadow(R::TokenExpired, false)),
        row("shadow, forged", shadow(), get("/"), forged(), 0, Shadow(R::SignatureInvalid, false)),
        row("shadow, two tokens", shadow(), get("/"), twice(), 0, Shadow(R::MultipleCredentials, false)),
        row(
            "shadow, denied by the rule",
            shadow_policy(json!({ "deny": true })),
            get("/"),
            bearer(),
            0,
            Shadow(R::DeniedByRule, true),
        ),
        row(
            "shadow, an ambiguous path",
            shadow(),
            get("/a/../b"),
            bearer(),
            0,
            Shadow(R::PathAmbiguous, false),
        ),
        row(
            "shadow, an ambiguous host",
            shadow(),
            request("GET", "a,b", "/"),
            bearer(),
            0,
            Shadow(R::HostAmbiguous, false),
        ),
        row(
            "shadow, an ambiguous method",
            shadow(),
            request("get", "api.example.com", "/"),
            bearer(),
            0,
            Shadow(R::MethodAmbiguous, false),
        ),
        row(
            "shadow, no rule matches",
            with(rules(json!([{ "match": { "path": "/a" }, "public": true }])), json!({ "mode": "shadow" })),
            get("/"),
            bearer(),
            0,
            Shadow(R::NoRuleMatches, true),
        ),
        row(
            "shadow, no rule matches, no token",
            with(rules(json!([{ "match": { "path": "/a" }, "public": true }])), json!({ "mode": "shadow" })),
            get("/"),
            Auth::Missing,
            0,
            Shadow(R::TokenMissing, false),
        ),
        row(
            "shadow, an empty list of rules",
            with(rules(json!([])), json!({ "mode": "shadow" })),
            get("/"),
            expired(),
            0,
            Shadow(R::TokenExpired, false),
        ),
        row(
            "shadow, a missing scope",
            shadow_policy(json!({ "requires": { "scopes": ["b"] } })),
            get("/"),
            bearer(),
            0,
            Shadow(R::InsufficientScope, true),
        ),
        row(
            "shadow, optional, no token",
            with(optional(), json!({ "mode": "shadow" })),
            get("/"),
            Auth::Missing,
            0,
            Pass("anonymous"),
        ),
        row(
            "shadow, optional, expired",
            with(optional(), json!({ "mode": "shadow" })),
            get("/"),
            expired(),
            0,
            Shadow(R::TokenExpired, false),
        ),
        row(
            "policy in mode enforce",
            with(mode("enforce", admins()), json!({ "mode": "enforce" })),
            get("/"),
            bearer(),
            0,
            Deny(R::RequirementNotMet),
        ),
        row("optional, a valid token", optional(), get("/"), bearer(), 0, Allow),
        row("optional, no token", optional(), get("/"), Auth::Missing, 0, Pass("anonymous")),
        row("optional, another scheme", optional(), get("/"), basic(), 0, Pass("anonymous")),
        row("optional, expired", optional(), get("/"), expired(), 0, Deny(R::TokenExpired)),
        row("optional, forged", optional(), get("/"), forged(), 0, Deny(R::SignatureInvalid)),
        row("optional, two tokens", optional(), get("/"), twice(), 0, Deny(R::MultipleCredentials)),
        row(
            "optional, requirement not met",
            mode("optional", json!({ "requires": { "scopes": ["b"] } })),
            get("/"),
            bearer(),
            0,
            scopes(&["b"]),
        ),
    ]
}

/// The filter has no keys: a request does not wait for a rule that is not enforced.
pub(crate) fn rows_without_keys() -> Vec<Row> {
    let optional = || mode("optional", json!({ "requires": {} }));
    vec![
        row(
            "policy in mode shadow",
            shadow_policy(admins()),
            get("/"),
            bearer(),
            0,
            Shadow(R::KeysUnavailable, false),
        ),
        row(
            "a rule in shadow mode before a public rule",
            rules(json!([
                { "match": {}, "requires": {}, "mode": "shadow" }, { "match": {}, "public": true },
            ])),
            get("/"),
            bearer(),
            0,
            Public,
        ),
        row(
            "a rule in shadow mode before an enforced rule",
            rules(json!([
                { "match": {}, "requires": {}, "mode": "shadow" }, { "match": {}, "requires": {} },
            ])),
            get("/"),
            bearer(),
            0,
            Wait(R::KeysUnavailable),
        ),
        row("optional", optional(), get("/"), bearer(), 0, Wait(R::KeysUnavailable)),
        row("optional, no token", optional(), get("/"), Auth::Missing, 0, Pass("anonymous")),
    ]
}
