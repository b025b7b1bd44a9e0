//! What a rule asks of a token.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{OTHER_ISSUER, Outcome, Token, get, rules, scopes, two_providers, with};

use super::{Row, Sent, row};

pub(crate) fn rows() -> Vec<Row> {
    let unmet = || Deny(R::RequirementNotMet);
    let claim = |changes: Value| Token::user().claims(changes);
    let written = |tier: &str| {
        let payload = Token::user().payload.replace(r#""tier":1"#, &format!(r#""tier":{tier}"#));
        Token::user().raw_payload(&payload)
    };
    let tier = |test: Value| json!({ "claims": [with(json!({ "name": "tier" }), test)] });
    let table: Vec<(&'static str, Value, Token, Outcome)> = vec![
        ("nothing", json!({}), Token::machine(), Allow),
        ("scopes, one of one", json!({ "scopes": ["items:read"] }), Token::user(), Allow),
        ("scopes, all", json!({ "scopes": ["openid", "items:read"] }), Token::user(), Allow),
        (
            "scopes, not all: all are named",
            json!({ "scopes": ["openid", "b"] }),
            Token::user(),
            scopes(&["openid", "b"]),
        ),
        ("any_scopes, one", json!({ "any_scopes": ["b", "openid"] }), Token::user(), Allow),
        (
            "any_scopes, none: each would do",
            json!({ "any_scopes": ["b", "c"] }),
            Token::user(),
            scopes(&["b", "c"]),
        ),
        (
            "both kinds are named",
            json!({ "scopes": ["a"], "any_scopes": ["b"] }),
            Token::user(),
            scopes(&["a", "b"]),
        ),
        ("groups, one", json!({ "groups": ["Admins", "IT, EMEA"] }), Token::user(), Allow),
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
        ("client_ids, not on it", json!({ "client_ids": ["0oaX"] }), Token::user(), unmet()),
        ("claims, equals", tier(json!({ "equals": 1 })), Token::user(), Allow),
        ("claims, equals something else", tier(json!({ "equals": 2 })), Token::user(), unmet()),
        ("claims, any_of", tier(json!({ "any_of": [0, 1] })), Token::user(), Allow),
        ("claims, none of", tier(json!({ "any_of": [0, 2] })), Token::user(), unmet()),
        ("claims, 1.0 is 1", tier(json!({ "equals": 1.0 })), Token::user(), Allow),
        ("claims, exists", tier(json!({ "exists": true })), Token::user(), Allow),
        ("claims, must not exist", tier(json!({ "exists": false })), Token::user(), unmet()),
        ("claims, is not there", tier(json!({ "exists": true })), claim(json!({ "tier": null })), unmet()),
        (
            "claims, rightly not there",
            tier(json!({ "exists": false })),
            claim(json!({ "tier": null })),
            Allow,
        ),
        ("claims, null is not there", tier(json!({ "exists": true })), written("null"), unmet()),
        ("claims, null is rightly not there", tier(json!({ "exists": false })), written("null"), Allow),
        ("claims, false is there", tier(json!({ "exists": true })), written("false"), Allow),
        ("claims, an empty string is there", tier(json!({ "exists": true })), written(r#""""#), Allow),
        ("claims, a list of null is there", tier(json!({ "exists": true })), written("[null]"), Allow),
        (
            "claims, nothing is below null",
            json!({ "claims": [{ "name": "tier.x", "exists": true }] }),
            written("null"),
            unmet(),
        ),
        (
            "claims, null below an object",
            json!({ "claims": [{ "name": "tier.x", "exists": true }] }),
            written(r#"{"x":null}"#),
            unmet(),
        ),
        ("claims, 1.00 is 1", tier(json!({ "equals": 1 })), written("1.00"), Allow),
        ("claims, 10e-1 is 1", tier(json!({ "equals": 1 })), written("10e-1"), Allow),
        ("claims, 1e3 is 1000", tier(json!({ "equals": 1000 })), written("1e3"), Allow),
        ("claims, -0.0 is 0", tier(json!({ "equals": 0 })), written("-0.0"), Allow),
        ("claims, 1 in a list of floats", tier(json!({ "any_of": [2, 1] })), written("[0.5,1.0]"), Allow),
        ("claims, nearly 1", tier(json!({ "equals": 1 })), written("1.00000000000000000001"), unmet()),
        ("claims, nearly 0", tier(json!({ "equals": 0 })), written("1e-400"), unmet()),
        (
            "claims, 2^53 - 1 as a float",
            tier(json!({ "equals": 9_007_199_254_740_991_u64 })),
            written("9007199254740991.0"),
            Allow,
        ),
        (
            "claims, 2^53 + 1 as a float",
            tier(json!({ "equals": 9_007_199_254_740_993_u64 })),
            written("9007199254740993.0"),
            Allow,
        ),
        (
            "claims, 2^53 + 1 as a float is not 2^53",
            tier(json!({ "equals": 9_007_199_254_740_992_u64 })),
            written("9007199254740993.0"),
            unmet(),
        ),
        (
            "claims, a float beyond every integer",
            tier(json!({ "equals": u64::MAX })),
            written("18446744073709551616.0"),
            unmet(),
        ),
        ("claims, a fraction", tier(json!({ "equals": 1.5 })), written("15e-1"), Allow),
        (
            "claims, a fraction of many digits",
            tier(json!({ "equals": 0.123_456_789_012_345_67 })),
            written("0.12345678901234567"),
            Allow,
        ),
        ("claims, a string is no number", tier(json!({ "equals": 1 })), written(r#""1""#), unmet()),
        ("claims, true is no number", tier(json!({ "equals": 1 })), written("true"), unmet()),
        ("user, and it is", json!({ "user": true }), Token::user(), Allow),
        ("user, and it is a machine", json!({ "user": true }), Token::machine(), unmet()),
        ("user, an empty uid", json!({ "user": true }), claim(json!({ "uid": "" })), unmet()),
        ("user, a blank uid", json!({ "user": true }), claim(json!({ "uid": " \u{a0}" })), unmet()),
        ("no user", json!({ "user": false }), Token::machine(), Allow),
        ("no user, but it is one", json!({ "user": false }), Token::user(), unmet()),
        (
            "no user, an empty uid says neither",
            json!({ "user": false }),
            claim(json!({ "uid": "" })),
            unmet(),
        ),
        (
            "groups, a single one",
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
        ("scopes, two in one", json!({ "scopes": ["a"] }), claim(json!({ "scp": ["a b"] })), scopes(&["a"])),
        ("scopes, an empty one", json!({ "scopes": ["a"] }), claim(json!({ "scp": ["", "a"] })), Allow),
        (
            "claims, a list with it",
            json!({ "claims": [{ "name": "tier", "equals": 1 }] }),
            claim(json!({ "tier": [0, 1] })),
            Allow,
        ),
        (
            "claims, dotted",
            json!({ "claims": [{ "name": "a.b", "equals": "x" }] }),
            claim(json!({ "a": { "b": "x" } })),
            Allow,
        ),
        (
            "claims, dots in the name are not a path",
            json!({ "claims": [{ "name": "a.b", "equals": "x" }] }),
            claim(json!({ "a.b": "x" })),
            unmet(),
        ),
        (
            "claims, a list of names",
            json!({ "claims": [{ "name": ["a.b"], "equals": "x" }] }),
            claim(json!({ "a.b": "x" })),
            Allow,
        ),
        (
            "claims, user tokens only",
            json!({ "claims": [{ "name": "uid", "exists": true }] }),
            Token::machine(),
            unmet(),
        ),
        (
            "claims, all of them",
            json!({ "claims": [{ "name": "tier", "equals": 1 }, { "name": "ver", "equals": 2 }] }),
            Token::user(),
            unmet(),
        ),
        // Compared through f64, these two would be the same tenant.
        (
            "claims, large integers",
            json!({ "claims": [{ "name": "t", "equals": 9_007_199_254_740_993_u64 }] }),
            claim(json!({ "t": 9_007_199_254_740_992_u64 })),
            unmet(),
        ),
        (
            "any_of, the second",
            json!({ "any_of": [{ "scopes": ["b"] }, { "groups": ["Everyone"] }] }),
            Token::user(),
            Allow,
        ),
        (
            "any_of, none: a scope would help",
            json!({ "any_of": [{ "groups": ["A"] }, { "scopes": ["b"] }] }),
            Token::user(),
            scopes(&["b"]),
        ),
        (
            "any_of, none: no scope helps",
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
            "all_of, scopes of all",
            json!({ "all_of": [{ "scopes": ["a"] }, { "scopes": ["b"] }] }),
            Token::user(),
            scopes(&["a", "b"]),
        ),
        (
            "all_of, a scope would not be enough",
            json!({ "all_of": [{ "scopes": ["a"] }, { "groups": ["A"] }] }),
            Token::user(),
            unmet(),
        ),
        ("not", json!({ "not": { "groups": ["Contractors"] } }), Token::user(), Allow),
        ("not, but it is", json!({ "not": { "groups": ["Everyone"] } }), Token::user(), unmet()),
        (
            "not two things at once, one of them",
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
            "nested, refused",
            json!({ "not": { "any_of": [{ "not": { "scopes": ["openid"] } }, { "groups": ["Everyone"] }] } }),
            Token::user(),
            unmet(),
        ),
        ("everything must hold", json!({ "scopes": ["openid"], "groups": ["A"] }), Token::user(), unmet()),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, requires, token, verdict)| {
            let config = rules(json!([{ "match": {}, "requires": requires }]));
            row(name, config, get("/items"), Sent::Bearer(token), 0, verdict)
        })
        .collect();
    // However the issuer writes scopes.
    let scoped = |profile: &str| {
        let rules = json!([{ "match": {}, "requires": { "scopes": ["a"] } }]);
        test_support::common::config(json!({ "token_profile": profile }), json!({ "rules": rules }))
    };
    let scope = |changes: Value| Token::rfc9068().claims(changes);
    for (name, profile, token, verdict) in [
        ("rfc9068, a string", "rfc9068", scope(json!({ "scope": "b a" })), Allow),
        ("rfc9068, a list", "rfc9068", scope(json!({ "scope": null, "scp": ["b", "a"] })), Allow),
        (
            "rfc9068, both: the string counts",
            "rfc9068",
            scope(json!({ "scope": "b", "scp": ["a"] })),
            scopes(&["a"]),
        ),
        (
            "rfc9068, a list of something else",
            "rfc9068",
            scope(json!({ "scope": null, "scp": ["a", 1] })),
            Deny(R::NotAnAccessToken),
        ),
        ("any, a string", "any", scope(json!({ "scope": "b a" })), Allow),
        ("any, a list", "any", scope(json!({ "scope": null, "scp": ["a"] })), Allow),
    ] {
        rows.push(row(name, scoped(profile), get("/items"), Sent::Bearer(token), 0, verdict));
    }
    // One issuer, and another audience for each path.
    let audiences = |requires: Value| {
        test_support::common::config(
            json!({ "audiences": ["api://default", "api://billing"] }),
            json!({ "rules": [{ "match": {}, "requires": requires }] }),
        )
    };
    let aud = |aud: Value| Token::user().claims(json!({ "aud": aud }));
    let billing = || json!({ "audiences": ["api://billing"] });
    let both = || json!({ "audiences": ["api://billing", "api://default"] });
    for (name, requires, token, verdict) in [
        ("audiences, this one", billing(), aud(json!("api://billing")), Allow),
        ("audiences, one in a list", billing(), aud(json!(["x", "api://billing"])), Allow),
        ("audiences, another of the provider's", billing(), aud(json!("api://default")), unmet()),
        ("audiences, a longer one", billing(), aud(json!(["api://default", "api://billing/"])), unmet()),
        ("audiences, in another case", billing(), aud(json!(["api://default", "API://billing"])), unmet()),
        ("audiences, any of", both(), aud(json!("api://default")), Allow),
        ("audiences, none of the provider's", both(), aud(json!("x")), Deny(R::AudienceNotAllowed)),
        (
            "audiences, and a scope",
            json!({ "audiences": ["api://billing"], "scopes": ["b"] }),
            aud(json!("api://billing")),
            scopes(&["b"]),
        ),
        (
            "audiences, and no scope helps",
            json!({ "audiences": ["api://billing"], "scopes": ["b"] }),
            aud(json!("api://default")),
            unmet(),
        ),
        ("audiences, not this one", json!({ "not": billing() }), aud(json!("api://default")), Allow),
        (
            "audiences, not this one, but it is",
            json!({ "not": billing() }),
            aud(json!("api://billing")),
            unmet(),
        ),
    ] {
        rows.push(row(name, audiences(requires), get("/items"), Sent::Bearer(token), 0, verdict));
    }
    // A path has the value of a number, however the token writes it.
    for (name, written, path, verdict) in [
        ("path variable, a float", "1.0", "/t/1", Allow),
        ("path variable, an exponent", "1e3", "/t/1000", Allow),
        ("path variable, another number", "1e3", "/t/1e3", unmet()),
        ("path variable, a fraction", "1.5", "/t/1.5", unmet()),
    ] {
        let claims = json!([{ "name": "tier", "path_variable": "id" }]);
        let config =
            rules(json!([{ "match": { "path_template": "/t/{id}" }, "requires": { "claims": claims } }]));
        let payload = Token::user().payload.replace(r#""tier":1"#, &format!(r#""tier":{written}"#));
        let token = Token::user().raw_payload(&payload);
        rows.push(row(name, config, get(path), Sent::Bearer(token), 0, verdict));
    }
    // A user without `uid`.
    let user = |user: bool| {
        let rules = json!([{ "match": {}, "requires": { "user": user } }]);
        test_support::common::config(json!({ "token_profile": "any" }), json!({ "rules": rules }))
    };
    let own = json!({ "sub": "0oa1m2mSvcClnt9A5d07" });
    for (name, is_user, token, verdict) in [
        ("any, a user", true, scope(json!({})), Allow),
        ("any, a machine", true, scope(own.clone()), unmet()),
        ("any, no user", false, scope(own), Allow),
        ("any, an empty sub is no user", true, scope(json!({ "sub": "" })), unmet()),
        ("any, an empty sub is no machine", false, scope(json!({ "sub": "" })), unmet()),
        ("any, an empty cid is no machine", false, scope(json!({ "cid": "" })), unmet()),
    ] {
        rows.push(row(name, user(is_user), get("/items"), Sent::Bearer(token), 0, verdict));
    }
    // A rule for one of several issuers.
    let bound = || {
        let issuer = json!({ "claims": [{ "name": "iss", "equals": OTHER_ISSUER }] });
        two_providers(json!({ "rules": [{ "match": {}, "requires": issuer }] }))
    };
    rows.push(row("a rule for one issuer", bound(), get("/"), Sent::Bearer(Token::other()), 0, Allow));
    rows.push(row("a rule for another issuer", bound(), get("/"), Sent::Bearer(Token::user()), 0, unmet()));
    rows
}
