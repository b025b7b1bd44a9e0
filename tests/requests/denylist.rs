//! Tokens that are refused although everything else about them is right, and what happens before anybody can say.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public, Wait};
use test_support::common::{
    ISSUER, NOW, OTHER_ISSUER, Outcome, RSA_B, Signer, Token, config, decide, filter_with_denylist, get,
    outcome, present, two_providers, with,
};

use super::{Row, Sent, row};

const JTI: &str = "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE";
const SUB: &str = "joe.user@example.com";
const UID: &str = "00ujmkLgagxeRrAg20g3";
const CID: &str = "0oa1m2mSvcClnt9A5d07";
/// When the token was issued.
const IAT: u64 = NOW - 100;

const REVOKED: Outcome = Deny(R::TokenRevoked);

/// A token that says all this, and an entry: does it fit?
fn entries() -> Vec<(&'static str, Value, Outcome)> {
    vec![
        ("another token", json!({ "jti": "AT.xyz" }), Allow),
        ("the token", json!({ "jti": JTI }), REVOKED),
        ("the token in other letters", json!({ "jti": JTI.to_lowercase() }), Allow),
        ("the start of its id", json!({ "jti": "AT." }), Allow),
        ("the subject", json!({ "sub": SUB }), REVOKED),
        ("another subject", json!({ "sub": "joe.user@example.co" }), Allow),
        ("the user", json!({ "uid": UID }), REVOKED),
        ("the user as a subject", json!({ "sub": UID }), Allow),
        ("the client", json!({ "cid": CID }), REVOKED),
        ("another client", json!({ "cid": "0oa1" }), Allow),
        ("the issuer", json!({ "issuer": ISSUER }), REVOKED),
        ("another issuer", json!({ "issuer": OTHER_ISSUER }), Allow),
        ("issued the second after", json!({ "issued_before": IAT - 1 }), Allow),
        ("issued at", json!({ "issued_before": IAT }), Allow),
        ("issued the second before", json!({ "issued_before": IAT + 1 }), REVOKED),
        ("the subject, issued the second after", json!({ "sub": SUB, "issued_before": IAT - 1 }), Allow),
        ("the subject, issued at", json!({ "sub": SUB, "issued_before": IAT }), Allow),
        ("the subject, issued the second before", json!({ "sub": SUB, "issued_before": IAT + 1 }), REVOKED),
        ("another subject, issued before", json!({ "sub": "x", "issued_before": IAT + 1 }), Allow),
        ("the issuer, issued before", json!({ "issuer": ISSUER, "issued_before": IAT + 1 }), REVOKED),
        ("another issuer, issued before", json!({ "issuer": OTHER_ISSUER, "issued_before": IAT + 1 }), Allow),
        ("the subject at the client", json!({ "sub": SUB, "cid": CID }), REVOKED),
        ("the subject at another client", json!({ "sub": SUB, "cid": "0oa1" }), Allow),
        ("another subject at the client", json!({ "sub": "x", "cid": CID }), Allow),
        ("all that there is", whole(json!({})), REVOKED),
        ("all but the token", whole(json!({ "jti": "AT.xyz" })), Allow),
        ("all but the issuer", whole(json!({ "issuer": OTHER_ISSUER })), Allow),
        ("all but the time", whole(json!({ "issued_before": IAT })), Allow),
    ]
}

fn whole(changes: Value) -> Value {
    let all = json!({
        "jti": JTI, "sub": SUB, "uid": UID, "cid": CID, "issuer": ISSUER, "issued_before": IAT + 1,
    });
    with(all, changes)
}

fn listed(provider: Value, entries: Value) -> Value {
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
    let elsewhere = json!([{ "jti": JTI, "issuer": OTHER_ISSUER }]);
    let two = || two_providers(json!({ "denylist": { "entries": elsewhere } }));
    let later = json!([{ "sub": SUB, "issued_before": IAT - 50 }, { "sub": SUB, "issued_before": IAT + 50 }]);
    let for_ever = json!([{ "sub": SUB }, { "sub": SUB, "issued_before": 1 }]);
    let forged = || Token::user().signed_by(Signer::Rs256(&RSA_B));
    let without_time = || Token::user().claims(json!({ "iat": null }));
    let fraction = || Token::user().claims(json!({ "iat": IAT as f64 - 0.5 }));
    let before = |seconds: u64| json!([{ "sub": SUB, "issued_before": seconds }]);
    let mut table = vec![
        ("of two times the later counts", okta(later), Token::user(), REVOKED),
        ("without a time is for ever", okta(for_ever), Token::user(), REVOKED),
        (
            "any of several",
            okta(json!([{ "jti": "a" }, { "cid": "b" }, { "uid": UID }])),
            Token::user(),
            REVOKED,
        ),
        (
            "one claim of each of several",
            okta(json!([{ "jti": JTI, "sub": "x" }, { "sub": SUB, "jti": "x" }])),
            Token::user(),
            Allow,
        ),
        ("no iat may be old", any(before(1)), without_time(), REVOKED),
        (
            "no iat, and somebody else",
            any(json!([{ "sub": "x", "issued_before": 1 }])),
            without_time(),
            Allow,
        ),
        ("a fraction of a second before", okta(before(IAT)), fraction(), REVOKED),
        ("a fraction of a second after", okta(before(IAT - 1)), fraction(), Allow),
        ("a machine has no uid", okta(json!([{ "uid": UID }])), Token::machine(), Allow),
        ("client_id is cid", rfc9068(json!([{ "cid": CID }])), Token::rfc9068(), REVOKED),
        ("the same id at another issuer", two(), Token::user(), Allow),
        ("the same id at that issuer", two(), Token::other(), REVOKED),
        ("a forged token is no probe", okta(json!([{ "jti": JTI }])), forged(), Deny(R::SignatureInvalid)),
        (
            "nor is one for somebody else",
            okta(json!([{ "jti": JTI }])),
            Token::user().claims(json!({ "aud": "x" })),
            Deny(R::AudienceNotAllowed),
        ),
        ("nothing is on the fetched list", remote(json!({})), Token::user(), Allow),
    ];
    table.extend(
        entries()
            .into_iter()
            .map(|(name, entry, verdict)| (name, okta(json!([entry])), Token::user(), verdict)),
    );
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, config, token, verdict)| {
            row(name, config, get("/items"), Sent::Bearer(token), 0, verdict)
        })
        .collect();
    let ruled = |rules: Value| with(okta(json!([{ "jti": JTI }])), json!({ "rules": rules }));
    let open = json!([{ "match": { "path": "/items" }, "public": true }]);
    let scoped = json!([{ "match": {}, "requires": { "scopes": ["nobody:has"] } }]);
    let nothing = json!([{ "match": { "path": "/other" }, "public": true }]);
    for (name, rules, verdict) in [
        ("a public path asks nobody", open, Public),
        ("before the policy: scopes", scoped, REVOKED),
        ("before the policy: no rule", nothing, REVOKED),
    ] {
        rows.push(row(name, ruled(rules), get("/items"), Sent::Bearer(Token::user()), 0, verdict));
    }
    for (name, at, verdict) in [
        ("a list as old as max_stale", 3_600, Allow),
        ("a list older than max_stale", 3_601, Wait(R::DenylistUnavailable)),
    ] {
        let young = Token::user().claims(json!({ "exp": NOW + 9_000 }));
        rows.push(row(name, remote(json!({})), get("/items"), Sent::Bearer(young), at, verdict));
    }
    rows
}

/// The keys have arrived, the list has not.
pub(crate) fn cold_rows() -> Vec<Row> {
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
        ("a good token", remote(json!({})), Sent::Bearer(Token::user()), unavailable()),
        ("no token waits for nothing", remote(json!({})), Sent::Nothing, Deny(R::TokenMissing)),
        ("nor does a forged one", remote(json!({})), Sent::Bearer(forged()), Deny(R::SignatureInvalid)),
        ("nor a public path", open(), Sent::Nothing, Public),
        ("nor what the configuration refuses", both(), Sent::Bearer(Token::user()), REVOKED),
        ("what no rule allows does", denied(), Sent::Bearer(Token::user()), unavailable()),
    ]
    .into_iter()
    .map(|(name, config, sent, verdict)| row(name, config, get("/items"), sent, 0, verdict))
    .collect()
}

#[test]
fn a_fetched_entry_does_what_a_configured_one_does() {
    for (name, entry, verdict) in entries() {
        let filter = filter_with_denylist(&remote(json!({})), Some(&json!({ "entries": [entry] })));
        assert_eq!(present(&filter, Token::user().compact()), verdict, "{name}");
    }
}

#[test]
fn who_was_refused_stays_refused_when_the_list_is_stale() {
    let filter = filter_with_denylist(&remote(json!({})), Some(&json!({ "entries": [{ "jti": JTI }] })));
    let at = |seconds: u64| {
        let token = Token::user().claims(json!({ "exp": NOW + 90_000 })).compact();
        let value = format!("Bearer {token}");
        outcome(decide(&filter, &get("/items"), &[value.as_bytes()], NOW + seconds))
    };
    assert_eq!([at(0), at(3_600), at(80_000)], [REVOKED, REVOKED, REVOKED]);
}

#[test]
fn ten_thousand_entries_are_as_one() {
    let entry = |number: usize| match number % 4 {
        0 => json!({ "jti": format!("AT.{number}") }),
        1 => json!({ "sub": format!("{number}@example.com"), "issued_before": IAT + 1 }),
        2 => json!({ "cid": format!("0oa{number}"), "issuer": ISSUER }),
        _ => json!({ "uid": format!("00u{number}") }),
    };
    let entries: Vec<Value> = (0..10_000).map(entry).collect();
    let filter = filter_with_denylist(&remote(json!({})), Some(&json!({ "entries": entries })));
    for (changes, verdict) in [
        (json!({}), Allow),
        (json!({ "jti": "AT.9996" }), REVOKED),
        (json!({ "sub": "9997@example.com" }), REVOKED),
        (json!({ "sub": "9997@example.com", "iat": IAT + 1 }), Allow),
        (json!({ "cid": "0oa9998" }), REVOKED),
        (json!({ "uid": "00u9999" }), REVOKED),
    ] {
        assert_eq!(present(&filter, Token::user().claims(changes.clone()).compact()), verdict, "{changes}");
    }
}
