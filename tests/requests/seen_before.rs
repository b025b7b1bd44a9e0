//! Tokens that have been seen before: what is remembered of them is that a signature held, and nothing else.

use std::cell::Cell;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::filter::Filter;
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Wait};
use test_support::common::{
    KID, NOW, Outcome, RSA_A, RSA_B, Signer, Store, Token, cold, config, deliver, filter, jwks, outcome,
    rsa_jwk, scopes, with,
};

/// Checks signatures, and counts them.
#[derive(Default)]
struct Counting(Cell<u32>);

impl SignatureVerifier for Counting {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        self.0.set(self.0.get() + 1);
        Software.verify(input)
    }
}

impl Counting {
    /// What becomes of a request for a path with this token, and how many signatures were checked for it.
    fn ask(&self, filter: &Filter, path: &str, token: &str, at: u64) -> (Outcome, u32) {
        let (before, value) = (self.0.get(), format!("Bearer {token}"));
        let headers = [
            (":method", &b"GET"[..]),
            (":authority", b"api.example.com"),
            (":path", path.as_bytes()),
            ("authorization", value.as_bytes()),
        ];
        let verdict = filter.decide(&RequestHead::new(&headers), UnixTime::from_seconds(at), self);
        (outcome(verdict), self.0.get() - before)
    }
}

fn okta(rest: Value) -> Filter {
    filter(&config(json!({}), rest))
}

fn remembered(filter: &Filter) -> usize {
    filter.token_cache_usage().1
}

#[test]
fn a_signature_is_checked_once() {
    let (filter, verifier) = (okta(json!({})), Counting::default());
    let token = Token::user().compact();
    assert_eq!(verifier.ask(&filter, "/", &token, NOW), (Allow, 1));
    for path in ["/", "/a", "/b?c"] {
        assert_eq!(verifier.ask(&filter, path, &token, NOW + 1), (Allow, 0), "{path}");
    }
    assert_eq!(remembered(&filter), 1);
}

#[test]
fn every_octet_of_a_token_counts() {
    let (filter, verifier) = (okta(json!({})), Counting::default());
    let token = Token::user().compact();
    verifier.ask(&filter, "/", &token, NOW);
    for position in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[position] = if other[position] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert_ne!(verifier.ask(&filter, "/", &other, NOW).0, Allow, "octet {position}");
    }
    assert_eq!(remembered(&filter), 1);
}

#[test]
fn time_goes_on() {
    let (filter, verifier) = (okta(json!({})), Counting::default());
    let token = Token::user().claims(json!({ "exp": NOW + 100, "nbf": NOW - 10 })).compact();
    assert_eq!(verifier.ask(&filter, "/", &token, NOW), (Allow, 1));
    assert_eq!(verifier.ask(&filter, "/", &token, NOW - 1000), (Deny(R::TokenNotYetValid), 0));
    let skew = 60;
    assert_eq!(verifier.ask(&filter, "/", &token, NOW + 99 + skew), (Allow, 0));
    assert_eq!(verifier.ask(&filter, "/", &token, NOW + 100 + skew), (Deny(R::TokenExpired), 0));
    assert_eq!(remembered(&filter), 0, "what has expired is forgotten");
}

#[test]
fn policy_is_asked_again() {
    let rules = json!([
        { "match": { "prefix": "/read" }, "requires": { "scopes": ["items:read"] } },
        { "match": { "prefix": "/admin" }, "requires": { "scopes": ["admin"] } },
        { "match": { "prefix": "/never" }, "deny": true },
    ]);
    let (filter, verifier) = (okta(json!({ "rules": rules })), Counting::default());
    let token = Token::user().claims(json!({ "scp": ["items:read"] })).compact();
    assert_eq!(verifier.ask(&filter, "/read", &token, NOW), (Allow, 1));
    assert_eq!(verifier.ask(&filter, "/admin", &token, NOW), (scopes(&["admin"]), 0));
    assert_eq!(verifier.ask(&filter, "/never", &token, NOW), (Deny(R::DeniedByRule), 0));
    assert_eq!(verifier.ask(&filter, "/else", &token, NOW), (Deny(R::NoRuleMatches), 0));
    assert_eq!(verifier.ask(&filter, "/read", &token, NOW), (Allow, 0));
}

#[test]
fn a_token_goes_with_its_key() {
    let verifier = Counting::default();
    let token = Token::user().compact();
    let key = |kid: &str, key| with(rsa_jwk(key), json!({ "kid": kid, "alg": "RS256" }));
    let cases = [
        ("the same key and another", vec![key(KID, &RSA_A), key("new", &RSA_B)], (Allow, 0)),
        ("the key under another name", vec![key("new", &RSA_A)], (Wait(R::KeyUnknown), 0)),
        ("another key under its name", vec![key(KID, &RSA_B)], (Deny(R::SignatureInvalid), 1)),
        (
            "the key, for another algorithm",
            vec![with(key(KID, &RSA_A), json!({ "alg": "RS512" }))],
            (Deny(R::KeyMismatch), 0),
        ),
    ];
    for (name, keys, expected) in cases {
        let (mut filter, shared) = (cold(&config(json!({}), json!({}))), Store::default());
        deliver(&mut filter, NOW, &shared, |_, _| Some(jwks("okta")));
        assert_eq!(verifier.ask(&filter, "/", &token, NOW).0, Allow, "{name}");
        let later = NOW + 1200;
        deliver(&mut filter, later, &shared, |_, _| Some(json!({ "keys": keys })));
        let kept = usize::from(expected.0 == Allow);
        assert_eq!(verifier.ask(&filter, "/", &token, later), expected, "{name}");
        assert_eq!(remembered(&filter), kept, "{name}");
    }
}

#[test]
fn a_token_is_no_good_without_keys() {
    let (filter, verifier) = (okta(json!({})), Counting::default());
    let token = Token::user().claims(json!({ "exp": NOW + 1_000_000 })).compact();
    assert_eq!(verifier.ask(&filter, "/", &token, NOW), (Allow, 1));
    assert_eq!(verifier.ask(&filter, "/", &token, NOW + 900_000), (Wait(R::KeysStale), 0));
}

#[test]
fn what_was_refused_is_not_remembered() {
    let rules = json!([{ "match": { "prefix": "/" }, "requires": { "scopes": ["admin"] } }]);
    let revoked = json!({ "entries": [{ "sub": "revoked" }] });
    let (filter, verifier) = (okta(json!({ "rules": rules, "denylist": revoked })), Counting::default());
    let admin = |changes| Token::user().claims(with(json!({ "scp": ["admin"] }), changes));
    for (name, token) in [
        ("signature", admin(json!({})).signed_by(Signer::Rs256(&RSA_B))),
        ("audience", admin(json!({ "aud": "another" }))),
        ("expired", admin(json!({ "exp": NOW - 1000 }))),
        ("not yet valid", admin(json!({ "nbf": NOW + 1000 }))),
        ("bound", admin(json!({ "cnf": {} }))),
        ("revoked", admin(json!({ "sub": "revoked" }))),
        ("scope", admin(json!({ "scp": ["items:read"] }))),
        ("no access token", admin(json!({ "jti": "ID.1" }))),
    ] {
        let token = token.compact();
        for _ in 0..2 {
            assert_ne!(verifier.ask(&filter, "/", &token, NOW).0, Allow, "{name}");
        }
        assert_eq!(remembered(&filter), 0, "{name}");
    }
    assert_eq!(verifier.ask(&filter, "/", &admin(json!({})).compact(), NOW), (Allow, 1));
    assert_eq!(remembered(&filter), 1);
}

#[test]
fn nothing_is_remembered_in_no_memory() {
    let (filter, verifier) = (okta(json!({ "token_cache_max_bytes": 0 })), Counting::default());
    let token = Token::user().compact();
    for _ in 0..3 {
        assert_eq!(verifier.ask(&filter, "/", &token, NOW), (Allow, 1));
    }
}

#[test]
fn what_is_remembered_is_weighed() {
    let (filter, verifier) = (okta(json!({})), Counting::default());
    let groups: Vec<String> = (0..200).map(|group| format!("group {group}")).collect();
    let (small, large) = (Token::user(), Token::user().claims(json!({ "groups": groups })));
    verifier.ask(&filter, "/", &small.compact(), NOW);
    let of_small = filter.token_cache_usage().2;
    verifier.ask(&filter, "/", &large.compact(), NOW);
    let of_large = filter.token_cache_usage().2 - of_small;
    assert!((1500..8000).contains(&of_small), "{of_small}");
    // Each group: a value, and a string of its own on the heap.
    assert!(of_large > of_small + 200 * (size_of::<Value>() as u64 + 8), "{of_large}");
}
