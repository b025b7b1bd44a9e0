//! The token cache: it saves the verification of signatures, and no other check.

use std::cell::Cell;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::filter::{Environment, Filter};
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Wait};
use test_support::common::{
    KID, NOW, Outcome, RSA_A, RSA_B, Signer, Store, Token, cold, config, deliver, filter, jwks, outcome,
    rsa_jwk, scopes, with,
};

/// A verifier that counts the signatures that it verifies.
#[derive(Default)]
struct CountingVerifier(Cell<u32>);

impl SignatureVerifier for CountingVerifier {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        self.0.set(self.0.get() + 1);
        Software.verify(input)
    }
}

impl CountingVerifier {
    /// Returns the outcome of a request with this token, and the number of signature verifications.
    fn decide(&self, filter: &Filter, path: &str, token: &str, at: u64) -> (Outcome, u32) {
        let (before, value) = (self.0.get(), format!("Bearer {token}"));
        let headers = [
            (":method", &b"GET"[..]),
            (":authority", b"api.example.com"),
            (":path", path.as_bytes()),
            ("authorization", value.as_bytes()),
        ];
        let environment = Environment::new(UnixTime::from_seconds(at), self);
        let verdict = filter.decide(&RequestHead::new(&headers), &environment);
        (outcome(verdict), self.0.get() - before)
    }
}

fn okta(rest: Value) -> Filter {
    filter(&config(json!({}), rest))
}

fn cached_tokens(filter: &Filter) -> usize {
    filter.token_cache_usage().1
}

#[test]
fn signature_of_cached_token_is_not_verified_again() {
    let (filter, verifier) = (okta(json!({})), CountingVerifier::default());
    let token = Token::user().compact();
    assert_eq!(verifier.decide(&filter, "/", &token, NOW), (Allow, 1));
    for path in ["/", "/a", "/b?c"] {
        assert_eq!(verifier.decide(&filter, path, &token, NOW + 1), (Allow, 0), "{path}");
    }
    assert_eq!(cached_tokens(&filter), 1);
}

#[test]
fn token_with_one_changed_octet_is_not_a_cached_token() {
    let (filter, verifier) = (okta(json!({})), CountingVerifier::default());
    let token = Token::user().compact();
    verifier.decide(&filter, "/", &token, NOW);
    for position in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[position] = if other[position] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert_ne!(verifier.decide(&filter, "/", &other, NOW).0, Allow, "octet {position}");
    }
    assert_eq!(cached_tokens(&filter), 1);
}

#[test]
fn times_of_cached_token_are_checked_again() {
    let (filter, verifier) = (okta(json!({})), CountingVerifier::default());
    let token = Token::user().claims(json!({ "exp": NOW + 100, "nbf": NOW - 10 })).compact();
    assert_eq!(verifier.decide(&filter, "/", &token, NOW), (Allow, 1));
    assert_eq!(verifier.decide(&filter, "/", &token, NOW - 1000), (Deny(R::TokenNotYetValid), 0));
    let skew = 60;
    assert_eq!(verifier.decide(&filter, "/", &token, NOW + 99 + skew), (Allow, 0));
    assert_eq!(verifier.decide(&filter, "/", &token, NOW + 100 + skew), (Deny(R::TokenExpired), 0));
    assert_eq!(cached_tokens(&filter), 0, "an expired token is removed");
}

#[test]
fn policy_is_evaluated_again_for_cached_token() {
    let rules = json!([
        { "match": { "prefix": "/read" }, "requires": { "scopes": ["items:read"] } },
        { "match": { "prefix": "/admin" }, "requires": { "scopes": ["admin"] } },
        { "match": { "prefix": "/never" }, "deny": true },
    ]);
    let (filter, verifier) = (okta(json!({ "rules": rules })), CountingVerifier::default());
    let token = Token::user().claims(json!({ "scp": ["items:read"] })).compact();
    assert_eq!(verifier.decide(&filter, "/read", &token, NOW), (Allow, 1));
    assert_eq!(verifier.decide(&filter, "/admin", &token, NOW), (scopes(&["admin"]), 0));
    assert_eq!(verifier.decide(&filter, "/never", &token, NOW), (Deny(R::DeniedByRule), 0));
    assert_eq!(verifier.decide(&filter, "/else", &token, NOW), (Deny(R::NoRuleMatches), 0));
    assert_eq!(verifier.decide(&filter, "/read", &token, NOW), (Allow, 0));
}

#[test]
fn cached_token_whose_key_was_removed_is_verified_again() {
    let verifier = CountingVerifier::default();
    let token = Token::user().compact();
    let key = |kid: &str, key| with(rsa_jwk(key), json!({ "kid": kid, "alg": "RS256" }));
    let cases = [
        ("the key and another", vec![key(KID, &RSA_A), key("new", &RSA_B)], (Allow, 0)),
        ("the key with another kid", vec![key("new", &RSA_A)], (Wait(R::KeyUnknown), 0)),
        ("another key with its kid", vec![key(KID, &RSA_B)], (Deny(R::SignatureInvalid), 1)),
        (
            "the key with another alg",
            vec![with(key(KID, &RSA_A), json!({ "alg": "RS512" }))],
            (Deny(R::KeyMismatch), 0),
        ),
    ];
    for (name, keys, expected) in cases {
        let (mut filter, shared) = (cold(&config(json!({}), json!({}))), Store::default());
        deliver(&mut filter, NOW, &shared, |_, _| Some(jwks("okta")));
        assert_eq!(verifier.decide(&filter, "/", &token, NOW).0, Allow, "{name}");
        let later = NOW + 1200;
        deliver(&mut filter, later, &shared, |_, _| Some(json!({ "keys": keys })));
        let cached = usize::from(expected.0 == Allow);
        assert_eq!(verifier.decide(&filter, "/", &token, later), expected, "{name}");
        assert_eq!(cached_tokens(&filter), cached, "{name}");
    }
}

#[test]
fn cached_token_waits_if_keys_are_stale() {
    let (filter, verifier) = (okta(json!({})), CountingVerifier::default());
    let token = Token::user().claims(json!({ "exp": NOW + 1_000_000 })).compact();
    assert_eq!(verifier.decide(&filter, "/", &token, NOW), (Allow, 1));
    assert_eq!(verifier.decide(&filter, "/", &token, NOW + 900_000), (Wait(R::KeysStale), 0));
}

#[test]
fn rejected_token_is_not_cached() {
    let rules = json!([{ "match": { "prefix": "/" }, "requires": { "scopes": ["admin"] } }]);
    let revoked = json!({ "entries": [{ "sub": "revoked" }] });
    let (filter, verifier) =
        (okta(json!({ "rules": rules, "denylist": revoked })), CountingVerifier::default());
    let admin = |changes| Token::user().claims(with(json!({ "scp": ["admin"] }), changes));
    for (name, token) in [
        ("signature", admin(json!({})).signed_by(Signer::Rs256(&RSA_B))),
        ("audience", admin(json!({ "aud": "another" }))),
        ("expired", admin(json!({ "exp": NOW - 1000 }))),
        ("not yet valid", admin(json!({ "nbf": NOW + 1000 }))),
        ("sender-constrained", admin(json!({ "cnf": {} }))),
        ("revoked", admin(json!({ "sub": "revoked" }))),
        ("scope", admin(json!({ "scp": ["items:read"] }))),
        ("not an access token", admin(json!({ "jti": "ID.1" }))),
    ] {
        let token = token.compact();
        for _ in 0..2 {
            assert_ne!(verifier.decide(&filter, "/", &token, NOW).0, Allow, "{name}");
        }
        assert_eq!(cached_tokens(&filter), 0, "{name}");
    }
    assert_eq!(verifier.decide(&filter, "/", &admin(json!({})).compact(), NOW), (Allow, 1));
    assert_eq!(cached_tokens(&filter), 1);
}

#[test]
fn cache_of_zero_bytes_caches_nothing() {
    let (filter, verifier) = (okta(json!({ "token_cache_max_bytes": 0 })), CountingVerifier::default());
    let token = Token::user().compact();
    for _ in 0..3 {
        assert_eq!(verifier.decide(&filter, "/", &token, NOW), (Allow, 1));
    }
}

#[test]
fn cached_token_counts_with_its_size() {
    let (filter, verifier) = (okta(json!({})), CountingVerifier::default());
    let groups: Vec<String> = (0..200).map(|group| format!("group {group}")).collect();
    let (small, large) = (Token::user(), Token::user().claims(json!({ "groups": groups })));
    verifier.decide(&filter, "/", &small.compact(), NOW);
    let small_size = filter.token_cache_usage().2;
    verifier.decide(&filter, "/", &large.compact(), NOW);
    let large_size = filter.token_cache_usage().2 - small_size;
    assert!((1500..8000).contains(&small_size), "{small_size}");
    // Each group is a value and a string on the heap.
    assert!(large_size > small_size + 200 * (size_of::<Value>() as u64 + 8), "{large_size}");
}
