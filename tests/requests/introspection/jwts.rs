//! Introspection of JWTs: of every JWT of a provider, or for chosen rules.

use test_support::common::Token;

use super::*;

fn rules() -> Value {
    json!({ "rules": [
        { "match": { "path_separated_prefix": "/payments" }, "requires": {}, "introspect": true },
        { "match": {}, "requires": {} },
    ] })
}

#[test]
fn jwt_is_introspected_for_the_chosen_rules_alone() {
    let (shared, token) = (Store::default(), Token::user().compact());
    for tokens in ["opaque", "rules"] {
        let worker = Worker::new(json!({ "tokens": tokens }), rules(), &shared);
        assert_eq!(worker.decide("/items", &token, NOW), Allow);
        assert!(worker.calls(NOW).is_empty());
    }
    let worker = Worker::new(json!({ "tokens": "rules" }), rules(), &shared);
    assert_eq!(worker.decide("/payments", &token, NOW), Wait(R::IntrospectionUnavailable));
    let calls = worker.calls(NOW);
    worker.respond(calls[0].0, NOW, r#"{"active":false}"#);
    assert_eq!(worker.decide("/payments", &token, NOW), Deny(R::TokenInactive));
    // The other rule trusts the signature and the denylist.
    assert_eq!(worker.decide("/items", &token, NOW), Allow);
}

#[test]
fn every_jwt_is_introspected_with_all() {
    let rows = [
        (json!({}), Allow),
        (json!({ "active": false }), Deny(R::TokenInactive)),
        // The token has these claims, and the filter has verified them.
        (json!({ "exp": null, "aud": null, "iss": null }), Allow),
        (json!({ "exp": NOW - 61 }), Deny(R::TokenExpired)),
        (json!({ "nbf": NOW + 61 }), Deny(R::TokenNotYetValid)),
        (json!({ "nbf": NOW + 60 }), Allow),
        (json!({ "aud": "api://other" }), Deny(R::AudienceNotAllowed)),
        (json!({ "iss": "https://other.example" }), Deny(R::IssuerUnknown)),
        (json!({ "token_type": "N_A" }), Deny(R::NotAnAccessToken)),
        // The token has no `cnf`, so the filter cannot verify a proof.
        (json!({ "token_type": "dpop" }), Deny(R::TokenNotBound)),
        // The endpoint binds a token whose claims have no `cnf`.
        (json!({ "cnf": { "jkt": THUMBPRINT } }), Deny(R::TokenBound)),
        // The claims of the token decide, not those of the response.
        (json!({ "client_id": "other", "sub": "other" }), Allow),
    ];
    for (changes, expected) in rows {
        let shared = Store::default();
        let worker = Worker::new(json!({ "tokens": "all" }), json!({}), &shared);
        let token = Token::user().compact();
        assert_eq!(worker.introspect(&token, NOW, active(changes.clone())), expected, "{changes}");
    }
}

#[test]
fn jwt_that_is_not_valid_causes_no_call() {
    let shared = Store::default();
    let worker = Worker::new(json!({ "tokens": "all" }), json!({}), &shared);
    let token = Token::user();
    let forged = Token { signer: test_support::common::Signer::Fixed(vec![0; 256]), ..token.clone() };
    assert_eq!(worker.decide("/items", &forged.compact(), NOW), Deny(R::SignatureInvalid));
    assert_eq!(worker.decide("/items", &token.compact(), NOW + 3_600), Deny(R::TokenExpired));
    let other = Token { payload: token.payload.replace("api://default", "api://other"), ..token };
    assert_eq!(worker.decide("/items", &other.compact(), NOW), Deny(R::AudienceNotAllowed));
    assert!(worker.calls(NOW).is_empty());
}

#[test]
fn jwt_of_a_provider_without_keys_has_an_unknown_issuer() {
    let shared = Store::default();
    let provider = json!({
        "remote_jwks": null, "introspection": { "cluster": "okta", "auth": { "none": {} } },
    });
    let worker = Worker { filter: filter(&config(provider, json!({}))), shared: &shared };
    assert_eq!(worker.decide("/items", &Token::user().compact(), NOW), Deny(R::IssuerUnknown));
    assert_eq!(worker.introspect(OPAQUE, NOW, active(json!({}))), Allow);
}
