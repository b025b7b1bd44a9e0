//! Denied tokens: entries of the denylist, and requests before the list arrives.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public, Wait};
use test_support::common::{
    ISSUER, NOW, OTHER_ISSUER, Outcome, RSA_B, Signer, Token, config, decide, filter_with_denylist, get,
    outcome, present, two_providers, with,
};

use super::{Auth, Row, denylist_members, row};

const JTI: &str = "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE";
pub(crate) const SUB: &str = "joe.user@example.com";
pub(crate) const UID: &str = "00ujmkLgagxeRrAg20g3";
const CID: &str = "0oa1m2mSvcClnt9A5d07";
/// The time at which the token was issued.
pub(crate) const IAT: u64 = NOW - 100;
/// The time at which the user authenticated.
pub(crate) const AUTH_TIME: u64 = NOW - 200;

pub(crate) const REVOKED: Outcome = Deny(R::TokenRevoked);

/// Returns entries, and the outcome for a token with the claims above.
fn entries() -> Vec<(&'static str, Value, Outcome)> {
    let mut entries = vec![
        ("jti, another", json!({ "jti": "AT.xyz" }), Allow),
        ("jti, equal", json!({ "jti": JTI }), REVOKED),
        ("jti, another case", json!({ "jti": JTI.to_lowercase() }), Allow),
        ("jti, a prefix", json!({ "jti": "AT." }), Allow),
        ("sub, equal", json!({ "sub": SUB }), REVOKED),
        ("sub, another", json!({ "sub": "joe.user@example.co" }), Allow),
        ("uid, equal", json!({ "uid": UID }), REVOKED),
        ("sub, the uid", json!({ "sub": UID }), Allow),
        ("cid, equal", json!({ "cid": CID }), REVOKED),
        ("cid, another", json!({ "cid": "0oa1" }), Allow),
        ("issuer, equal", json!({ "issuer": ISSUER }), REVOKED),
        ("issuer, another", json!({ "issuer": OTHER_ISSUER }), Allow),
        ("issued_before, 1 s before iat", json!({ "issued_before": IAT - 1 }), Allow),
        ("issued_before, equal to iat", json!({ "issued_before": IAT }), Allow),
        ("issued_before, 1 s after iat", json!({ "issued_before": IAT + 1 }), REVOKED),
        ("sub, and issued_before 1 s before iat", json!({ "sub": SUB, "issued_before": IAT - 1 }), Allow),
        ("sub, and issued_before equal to iat", json!({ "sub": SUB, "issued_before": IAT }), Allow),
        ("sub, and issued_before 1 s after iat", json!({ "sub": SUB, "issued_before": IAT + 1 }), REVOKED),
        ("another sub, and issued_before after iat", json!({ "sub": "x", "issued_before": IAT + 1 }), Allow),
        (
            "issuer, and issued_before after iat",
            json!({ "issuer": ISSUER, "issued_before": IAT + 1 }),
            REVOKED,
        ),
        (
            "another issuer, and issued_before after iat",
            json!({ "issuer": OTHER_ISSUER, "issued_before": IAT + 1 }),
            Allow,
        ),
        ("sub and cid", json!({ "sub": SUB, "cid": CID }), REVOKED),
        ("sub, and another cid", json!({ "sub": SUB, "cid": "0oa1" }), Allow),
        ("another sub, and cid", json!({ "sub": "x", "cid": CID }), Allow),
        ("all members", entry_with(json!({})), REVOKED),
        ("all members, another jti", entry_with(json!({ "jti": "AT.xyz" })), Allow),
        ("all members, another issuer", entry_with(json!({ "issuer": OTHER_ISSUER })), Allow),
        ("all members, issued_before equal to iat", entry_with(json!({ "issued_before": IAT })), Allow),
    ];
    entries.extend(denylist_members::entries());
    entries
}

/// Returns an entry with all members, and these changes.
fn entry_with(changes: Value) -> Value {
    let all = json!({
        "jti": JTI, "sub": SUB, "uid": UID, "cid": CID, "issuer": ISSUER, "issued_before": IAT + 1,
        "email": SUB, "authenticated_before": AUTH_TIME + 1, "until": NOW + 1,
    });
    with(all, changes)
}

pub(crate) fn listed(provider: Value, entries: Value) -> Value {
    config(provider, json!({ "denylist": { "entries": entries } }))
}

fn remote(provider: Value) -> Value {
    let remote = json!({ "cluster": "revocations", "uri": "https://revocations.example/list" });
    config(provider, json!({ "denylist": { "remote": remote } }))
}

pub(crate) fn rows() -> Vec<Row> {
    let okta = |entries: Value| listed(json!({}), entries);
    let any = |entries: Value| listed(json!({ "token_profile": "any" }), entries);
    let rfc9068 = |entries: Value| listed(json!({ "token_profile": "rfc9068" }), entries);
    let other_issuer = json!([{ "jti": JTI, "issuer": OTHER_ISSUER }]);
    let two = || two_providers(json!({ "denylist": { "entries": other_issuer } }));
    let two_times =
        json!([{ "sub": SUB, "issued_before": IAT - 50 }, { "sub": SUB, "issued_before": IAT + 50 }]);
    let with_and_without_time = json!([{ "sub": SUB }, { "sub": SUB, "issued_before": 1 }]);
    let forged = || Token::user().signed_by(Signer::Rs256(&RSA_B));
    let without_time = || Token::user().claims(json!({ "iat": null }));
    let fraction = || Token::user().claims(json!({ "iat": IAT as f64 - 0.5 }));
    let before = |seconds: u64| json!([{ "sub": SUB, "issued_before": seconds }]);
    let mut table = vec![
        ("two times: the later one decides", okta(two_times), Token::user(), REVOKED),
        ("with and without issued_before", okta(with_and_without_time), Token::user(), REVOKED),
        (
            "one of several entries",
            okta(json!([{ "jti": "a" }, { "cid": "b" }, { "uid": UID }])),
            Token::user(),
            REVOKED,
        ),
        (
            "several entries, each met in part",
            okta(json!([{ "jti": JTI, "sub": "x" }, { "sub": SUB, "jti": "x" }])),
            Token::user(),
            Allow,
        ),
        ("issued_before, no iat", any(before(1)), without_time(), REVOKED),
        (
            "another sub and issued_before, no iat",
            any(json!([{ "sub": "x", "issued_before": 1 }])),
            without_time(),
            Allow,
        ),
        ("issued_before, 0.5 s after iat", okta(before(IAT)), fraction(), REVOKED),
        ("issued_before, 0.5 s before iat", okta(before(IAT - 1)), fraction(), Allow),
        ("uid, a machine", okta(json!([{ "uid": UID }])), Token::machine(), Allow),
        ("cid, equal to client_id of RFC 9068", rfc9068(json!([{ "cid": CID }])), Token::rfc9068(), REVOKED),
        ("jti, and another issuer", two(), Token::user(), Allow),
        ("jti and issuer", two(), Token::other(), REVOKED),
        ("jti of a forged token", okta(json!([{ "jti": JTI }])), forged(), Deny(R::SignatureInvalid)),
        (
            "jti of a token for another audience",
            okta(json!([{ "jti": JTI }])),
            Token::user().claims(json!({ "aud": "x" })),
            Deny(R::AudienceNotAllowed),
        ),
        ("an empty fetched list", remote(json!({})), Token::user(), Allow),
    ];
    table.extend(
        entries()
            .into_iter()
            .map(|(name, entry, expected)| (name, okta(json!([entry])), Token::user(), expected)),
    );
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, config, token, expected)| {
            row(name, config, get("/items"), Auth::Bearer(token), 0, expected)
        })
        .collect();
    let with_rules = |rules: Value| with(okta(json!([{ "jti": JTI }])), json!({ "rules": rules }));
    let open = json!([{ "match": { "path": "/items" }, "public": true }]);
    let scoped = json!([{ "match": {}, "requires": { "scopes": ["admin"] } }]);
    let other_path = json!([{ "match": { "path": "/other" }, "public": true }]);
    for (name, rules, expected) in [
        ("a public rule", open, Public),
        ("a missing scope", scoped, REVOKED),
        ("no rule matches", other_path, REVOKED),
    ] {
        rows.push(row(name, with_rules(rules), get("/items"), Auth::Bearer(Token::user()), 0, expected));
    }
    for (name, at, expected) in [
        ("the age of the list is max_stale", 3_600, Allow),
        ("the list is older than max_stale", 3_601, Wait(R::DenylistUnavailable)),
    ] {
        let young = Token::user().claims(json!({ "exp": NOW + 9_000 }));
        rows.push(row(name, remote(json!({})), get("/items"), Auth::Bearer(young), at, expected));
    }
    rows.extend(denylist_members::rows());
    rows
}

/// The filter has keys and no denylist.
pub(crate) fn rows_without_denylist() -> Vec<Row> {
    let both = || {
        let mut both = remote(json!({}));
        both["denylist"]["entries"] = json!([{ "jti": JTI }]);
        both
    };
    let open = || with(remote(json!({})), json!({ "rules": [{ "match": {}, "public": true }] }));
    let denied =
        || with(remote(json!({})), json!({ "rules": [{ "match": { "path": "/other" }, "public": true }] }));
    let forged = || Token::user().signed_by(Signer::Rs256(&RSA_B));
    let unavailable = || Wait(R::DenylistUnavailable);
    vec![
        ("a valid token", remote(json!({})), Auth::Bearer(Token::user()), unavailable()),
        ("no token", remote(json!({})), Auth::Missing, Deny(R::TokenMissing)),
        ("a forged token", remote(json!({})), Auth::Bearer(forged()), Deny(R::SignatureInvalid)),
        ("a public rule", open(), Auth::Missing, Public),
        ("a token in `entries`", both(), Auth::Bearer(Token::user()), REVOKED),
        ("no rule matches", denied(), Auth::Bearer(Token::user()), unavailable()),
    ]
    .into_iter()
    .map(|(name, config, sent, expected)| row(name, config, get("/items"), sent, 0, expected))
    .collect()
}

#[test]
fn fetched_entry_has_the_effect_of_a_configured_entry() {
    for (name, entry, expected) in entries() {
        let filter = filter_with_denylist(&remote(json!({})), Some(&json!({ "entries": [entry] })));
        assert_eq!(present(&filter, Token::user().compact()), expected, "{name}");
    }
}

#[test]
fn stale_list_still_denies_its_tokens() {
    let filter = filter_with_denylist(&remote(json!({})), Some(&json!({ "entries": [{ "jti": JTI }] })));
    let at = |seconds: u64| {
        let token = Token::user().claims(json!({ "exp": NOW + 90_000 })).compact();
        let value = format!("Bearer {token}");
        outcome(decide(&filter, &get("/items"), &[value.as_bytes()], NOW + seconds))
    };
    assert_eq!([at(0), at(3_600), at(80_000)], [REVOKED, REVOKED, REVOKED]);
}

#[test]
fn list_of_ten_thousand_entries_denies_listed_tokens() {
    let entry = |number: usize| match number % 4 {
        0 => json!({ "jti": format!("AT.{number}") }),
        1 => json!({ "sub": format!("{number}@example.com"), "issued_before": IAT + 1 }),
        2 => json!({ "cid": format!("0oa{number}"), "issuer": ISSUER }),
        _ => json!({ "uid": format!("00u{number}") }),
    };
    let entries: Vec<Value> = (0..10_000).map(entry).collect();
    let filter = filter_with_denylist(&remote(json!({})), Some(&json!({ "entries": entries })));
    for (changes, expected) in [
        (json!({}), Allow),
        (json!({ "jti": "AT.9996" }), REVOKED),
        (json!({ "sub": "9997@example.com" }), REVOKED),
        (json!({ "sub": "9997@example.com", "iat": IAT + 1 }), Allow),
        (json!({ "cid": "0oa9998" }), REVOKED),
        (json!({ "uid": "00u9999" }), REVOKED),
    ] {
        assert_eq!(present(&filter, Token::user().claims(changes.clone()).compact()), expected, "{changes}");
    }
}
