//! The requirements of a rule: scopes, groups, clients, audiences, users, and their combinations.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{OTHER_ISSUER, Outcome, Token, get, rules, scopes, two_providers};

use super::{Auth, Row, requirement_claims, row};

pub(crate) fn rows() -> Vec<Row> {
    let unmet = || Deny(R::RequirementNotMet);
    let claim = |changes: Value| Token::user().claims(changes);
    let table: Vec<(&'static str, Value, Token, Outcome)> = vec![
        ("no requirement", json!({}), Token::machine(), Allow),
        ("scopes, one", json!({ "scopes": ["items:read"] }), Token::user(), Allow),
        ("scopes, all", json!({ "scopes": ["openid", "items:read"] }), Token::user(), Allow),
        (
            "scopes, one of two: the response names both",
            json!({ "scopes": ["openid", "b"] }),
            Token::user(),
            scopes(&["openid", "b"]),
        ),
        ("any_scopes, one", json!({ "any_scopes": ["b", "openid"] }), Token::user(), Allow),
        (
            "any_scopes, none: the response names all",
            json!({ "any_scopes": ["b", "c"] }),
            Token::user(),
            scopes(&["b", "c"]),
        ),
        (
            "scopes and any_scopes: the response names both",
            json!({ "scopes": ["a"], "any_scopes": ["b"] }),
            Token::user(),
            scopes(&["a", "b"]),
        ),
        ("groups, one of two", json!({ "groups": ["Admins", "IT, EMEA"] }), Token::user(), Allow),
        ("groups, none", json!({ "groups": ["Admins"] }), Token::user(), unmet()),
        ("groups, no claim", json!({ "groups": ["Everyone"] }), Token::machine(), unmet()),
        ("groups, empty", json!({ "groups": ["Everyone"] }), claim(json!({ "groups": [] })), unmet()),
        (
            "groups, not ASCII",
            json!({ "groups": ["Führung"] }),
            claim(json!({ "groups": ["Führung"] })),
            Allow,
        ),
        (
            "client_ids, on the list",
            json!({ "client_ids": ["0oa1m2mSvcClnt9A5d07"] }),
            Token::machine(),
            Allow,
        ),
        ("client_ids, not on the list", json!({ "client_ids": ["0oaX"] }), Token::user(), unmet()),
        ("user, a user", json!({ "user": true }), Token::user(), Allow),
        ("user, a machine", json!({ "user": true }), Token::machine(), unmet()),
        ("user, an empty uid", json!({ "user": true }), claim(json!({ "uid": "" })), unmet()),
        ("user, a blank uid", json!({ "user": true }), claim(json!({ "uid": " \u{a0}" })), unmet()),
        ("user: false, a machine", json!({ "user": false }), Token::machine(), Allow),
        ("user: false, a user", json!({ "user": false }), Token::user(), unmet()),
        ("user: false, an empty uid", json!({ "user": false }), claim(json!({ "uid": "" })), unmet()),
        (
            "groups, a string",
            json!({ "groups": ["Everyone"] }),
            claim(json!({ "groups": "Everyone" })),
            Allow,
        ),
        (
            "groups, several in a string",
            json!({ "groups": ["A"] }),
            claim(json!({ "groups": "A B" })),
            unmet(),
        ),
        ("groups, an object", json!({ "groups": ["A"] }), claim(json!({ "groups": { "A": true } })), unmet()),
        (
            "scopes, a space in a scope",
            json!({ "scopes": ["a"] }),
            claim(json!({ "scp": ["a b"] })),
            scopes(&["a"]),
        ),
        (
            "scopes, an empty scope besides",
            json!({ "scopes": ["a"] }),
            claim(json!({ "scp": ["", "a"] })),
            Allow,
        ),
        (
            "any_of, the second",
            json!({ "any_of": [{ "scopes": ["b"] }, { "groups": ["Everyone"] }] }),
            Token::user(),
            Allow,
        ),
        (
            "any_of, none: the response names the scope",
            json!({ "any_of": [{ "groups": ["A"] }, { "scopes": ["b"] }] }),
            Token::user(),
            scopes(&["b"]),
        ),
        (
            "any_of, none: the response names the first scope that helps",
            json!({ "any_of": [{ "groups": ["A"] }, { "scopes": ["b"] }, { "scopes": ["c"] }] }),
            Token::user(),
            scopes(&["b"]),
        ),
        (
            "any_of, none, without scopes",
            json!({ "any_of": [{ "groups": ["A"] }, { "client_ids": ["b"] }] }),
            Token::user(),
            unmet(),
        ),
        (
            "all_of",
            json!({ "all_of": [{ "scopes": ["openid"] }, { "groups": ["Everyone"] }] }),
            Token::user(),
            Allow,
        ),
        (
            "all_of, none: the response names all scopes",
            json!({ "all_of": [{ "scopes": ["a"] }, { "scopes": ["b"] }] }),
            Token::user(),
            scopes(&["a", "b"]),
        ),
        (
            "all_of, a group is missing too: no scope in the response",
            json!({ "all_of": [{ "scopes": ["a"] }, { "groups": ["A"] }] }),
            Token::user(),
            unmet(),
        ),
        ("not", json!({ "not": { "groups": ["Contractors"] } }), Token::user(), Allow),
        ("not, met", json!({ "not": { "groups": ["Everyone"] } }), Token::user(), unmet()),
        (
            "not, one of two requirements met",
            json!({ "not": { "groups": ["Everyone"], "scopes": ["b"] } }),
            Token::user(),
            Allow,
        ),
        (
            "nested",
            json!({ "all_of": [{ "any_of": [{ "not": { "scopes": ["openid"] } }, { "all_of": [{ "scopes": ["openid"] }] }] }] }),
            Token::user(),
            Allow,
        ),
        (
            "nested, not met",
            json!({ "not": { "any_of": [{ "not": { "scopes": ["openid"] } }, { "groups": ["Everyone"] }] } }),
            Token::user(),
            unmet(),
        ),
        (
            "scopes and groups, one of the two met",
            json!({ "scopes": ["openid"], "groups": ["A"] }),
            Token::user(),
            unmet(),
        ),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, requires, token, expected)| {
            let config = rules(json!([{ "match": {}, "requires": requires }]));
            row(name, config, get("/items"), Auth::Bearer(token), 0, expected)
        })
        .collect();
    // Scopes as a string and as a list.
    let scoped = |profile: &str| {
        let rules = json!([{ "match": {}, "requires": { "scopes": ["a"] } }]);
        test_support::common::config(json!({ "token_profile": profile }), json!({ "rules": rules }))
    };
    let scope = |changes: Value| Token::rfc9068().claims(changes);
    for (name, profile, token, expected) in [
        ("rfc9068, a string", "rfc9068", scope(json!({ "scope": "b a" })), Allow),
        ("rfc9068, a list", "rfc9068", scope(json!({ "scope": null, "scp": ["b", "a"] })), Allow),
        (
            "rfc9068, both: the string decides",
            "rfc9068",
            scope(json!({ "scope": "b", "scp": ["a"] })),
            scopes(&["a"]),
        ),
        (
            "rfc9068, a list with a number",
            "rfc9068",
            scope(json!({ "scope": null, "scp": ["a", 1] })),
            Deny(R::NotAnAccessToken),
        ),
        ("any, a string", "any", scope(json!({ "scope": "b a" })), Allow),
        ("any, a list", "any", scope(json!({ "scope": null, "scp": ["a"] })), Allow),
    ] {
        rows.push(row(name, scoped(profile), get("/items"), Auth::Bearer(token), 0, expected));
    }
    // One provider with two audiences.
    let audiences = |requires: Value| {
        test_support::common::config(
            json!({ "audiences": ["api://default", "api://billing"] }),
            json!({ "rules": [{ "match": {}, "requires": requires }] }),
        )
    };
    let aud = |aud: Value| Token::user().claims(json!({ "aud": aud }));
    let billing = || json!({ "audiences": ["api://billing"] });
    let both = || json!({ "audiences": ["api://billing", "api://default"] });
    for (name, requires, token, expected) in [
        ("audiences, equal", billing(), aud(json!("api://billing")), Allow),
        ("audiences, in a list", billing(), aud(json!(["x", "api://billing"])), Allow),
        ("audiences, another audience of the provider", billing(), aud(json!("api://default")), unmet()),
        ("audiences, a longer audience", billing(), aud(json!(["api://default", "api://billing/"])), unmet()),
        ("audiences, in another case", billing(), aud(json!(["api://default", "API://billing"])), unmet()),
        ("audiences, one of two", both(), aud(json!("api://default")), Allow),
        ("audiences, no audience of the provider", both(), aud(json!("x")), Deny(R::AudienceNotAllowed)),
        (
            "audiences, met, and a missing scope",
            json!({ "audiences": ["api://billing"], "scopes": ["b"] }),
            aud(json!("api://billing")),
            scopes(&["b"]),
        ),
        (
            "audiences, not met, and a missing scope",
            json!({ "audiences": ["api://billing"], "scopes": ["b"] }),
            aud(json!("api://default")),
            unmet(),
        ),
        ("audiences, not, another", json!({ "not": billing() }), aud(json!("api://default")), Allow),
        ("audiences, not, equal", json!({ "not": billing() }), aud(json!("api://billing")), unmet()),
    ] {
        rows.push(row(name, audiences(requires), get("/items"), Auth::Bearer(token), 0, expected));
    }
    // Profile `any` distinguishes users from machines without `uid`.
    let user = |user: bool| {
        let rules = json!([{ "match": {}, "requires": { "user": user } }]);
        test_support::common::config(json!({ "token_profile": "any" }), json!({ "rules": rules }))
    };
    let own = json!({ "sub": "0oa1m2mSvcClnt9A5d07" });
    for (name, is_user, token, expected) in [
        ("any, user, a user", true, scope(json!({})), Allow),
        ("any, user, a machine", true, scope(own.clone()), unmet()),
        ("any, user: false, a machine", false, scope(own), Allow),
        ("any, user, an empty sub", true, scope(json!({ "sub": "" })), unmet()),
        ("any, user: false, an empty sub", false, scope(json!({ "sub": "" })), unmet()),
        ("any, user: false, an empty cid", false, scope(json!({ "cid": "" })), unmet()),
    ] {
        rows.push(row(name, user(is_user), get("/items"), Auth::Bearer(token), 0, expected));
    }
    rows.extend(requirement_claims::rows());
    // A rule for one of several issuers.
    let bound = || {
        let issuer = json!({ "claims": [{ "name": "iss", "equals": OTHER_ISSUER }] });
        two_providers(json!({ "rules": [{ "match": {}, "requires": issuer }] }))
    };
    rows.push(row("claims, iss, equal", bound(), get("/"), Auth::Bearer(Token::other()), 0, Allow));
    rows.push(row("claims, iss, another", bound(), get("/"), Auth::Bearer(Token::user()), 0, unmet()));
    rows
}
