//! Entries of the denylist with `email`, `authenticated_before` and `until`.

use serde_json::{Value, json};
use test_support::common::Outcome::Allow;
use test_support::common::{NOW, Outcome, Token};

use super::denylist::{AUTH_TIME, IAT, REVOKED, SUB, UID, listed};
use super::{Auth, Row, row};
use test_support::common::get;

fn authenticated(before: u64) -> Value {
    json!({ "uid": UID, "authenticated_before": before })
}

/// Returns entries, and the outcome for a user's token.
pub(crate) fn entries() -> Vec<(&'static str, Value, Outcome)> {
    vec![
        ("email, equal to sub", json!({ "email": SUB }), REVOKED),
        ("email, another case of sub", json!({ "email": "Joe.USER@Example.com" }), REVOKED),
        ("email, another", json!({ "email": "joe.user@example.co" }), Allow),
        ("email, equal to uid", json!({ "email": UID }), Allow),
        ("email and uid", json!({ "email": SUB, "uid": UID }), REVOKED),
        ("email, and another uid", json!({ "email": SUB, "uid": "00u1" }), Allow),
        ("email and sub", json!({ "email": SUB.to_uppercase(), "sub": SUB }), REVOKED),
        ("email, and sub in another case", json!({ "email": SUB, "sub": SUB.to_uppercase() }), Allow),
        ("authenticated_before, equal to auth_time", authenticated(AUTH_TIME), Allow),
        ("authenticated_before, 1 s after auth_time", authenticated(AUTH_TIME + 1), REVOKED),
        (
            "another uid, and authenticated_before after auth_time",
            json!({ "uid": "00u1", "authenticated_before": NOW }),
            Allow,
        ),
        (
            "issued_before after iat, and authenticated_before equal to auth_time",
            json!({ "issued_before": NOW, "authenticated_before": AUTH_TIME }),
            Allow,
        ),
        (
            "issued_before equal to iat, and authenticated_before after auth_time",
            json!({ "issued_before": IAT, "authenticated_before": NOW }),
            Allow,
        ),
        ("until, the present", json!({ "uid": UID, "until": NOW }), Allow),
        ("until, 1 s later", json!({ "uid": UID, "until": NOW + 1 }), REVOKED),
        (
            "until, 1 s later, and authenticated_before",
            json!({ "uid": UID, "until": NOW + 1, "authenticated_before": AUTH_TIME }),
            Allow,
        ),
    ]
}

/// Returns rows with tokens of other times and claims.
pub(crate) fn rows() -> Vec<Row> {
    let okta = |entries: Value| listed(json!({}), entries);
    let any = |entries: Value| listed(json!({ "token_profile": "any" }), entries);
    let table: Vec<(&str, Value, Token, Outcome)> = vec![
        (
            "authenticated_before, a refreshed token",
            okta(json!([authenticated(AUTH_TIME + 1)])),
            Token::user().claims(json!({ "iat": NOW - 1, "jti": "AT.x.oar1" })),
            REVOKED,
        ),
        (
            "authenticated_before, no auth_time: iat decides",
            okta(json!([authenticated(IAT)])),
            Token::user().claims(json!({ "auth_time": null })),
            Allow,
        ),
        (
            "authenticated_before after iat, no auth_time",
            okta(json!([authenticated(IAT + 1)])),
            Token::user().claims(json!({ "auth_time": null })),
            REVOKED,
        ),
        (
            "authenticated_before, auth_time is not a number",
            okta(json!([authenticated(1)])),
            Token::user().claims(json!({ "auth_time": "0" })),
            REVOKED,
        ),
        (
            "uid, auth_time beyond the range of times",
            okta(json!([{ "uid": UID }])),
            Token::user().claims(json!({ "auth_time": 1e300 })),
            REVOKED,
        ),
        (
            "authenticated_before, neither auth_time nor iat",
            any(json!([authenticated(1)])),
            Token::user().claims(json!({ "auth_time": null, "iat": null })),
            REVOKED,
        ),
        (
            "email, equal to the claim email in another case",
            okta(json!([{ "email": "joe@example.com" }])),
            Token::user().claims(json!({ "email": "Joe@Example.COM" })),
            REVOKED,
        ),
        (
            "email, equal to sub beside another claim email",
            okta(json!([{ "email": SUB }])),
            Token::user().claims(json!({ "email": "other@example.com" })),
            REVOKED,
        ),
        (
            "email, letters that are not ASCII in another case",
            okta(json!([{ "email": "j\u{d6}e@example.com" }])),
            Token::user().claims(json!({ "email": "j\u{f6}e@example.com" })),
            Allow,
        ),
        (
            "two times that do not include each other",
            okta(json!([
                { "uid": UID, "authenticated_before": NOW, "until": NOW },
                { "uid": UID, "authenticated_before": AUTH_TIME, "until": NOW + 9 },
            ])),
            Token::user(),
            Allow,
        ),
    ];
    let rows = table.into_iter();
    rows.map(|(name, config, token, expected)| {
        row(name, config, get("/items"), Auth::Bearer(token), 0, expected)
    })
    .collect()
}
