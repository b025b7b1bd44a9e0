//! DPoP at the token endpoint: nonces, bound tokens, and the errors of proofs.

use std::time::Duration;

use okta_authz_filter::crypto::Algorithm;
use serde_json::{Value, json};
use stand_in_okta::{
    BROWSER_CLIENT_ID, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DPOP_CLIENT_ID, DPOP_CLIENT_SECRET, Server,
    StandIn, TokenSpec,
};
use test_support::dpop::{DpopKey, Proof};

use crate::browser::{Browser, JOE, TOKEN, claims, form, token_form};
use crate::client::{Reply, basic, get, now, post, request, send, shared, start, verifies};

const ENDPOINT: &str = "https://acme.okta.example/oauth2/default/v1/token";
const MACHINE: &str = "grant_type=client_credentials&scope=items:read";

fn proof(key: &DpopKey) -> Proof {
    Proof::new(key, "POST", ENDPOINT, now())
}

/// Sends a token request of the client that needs DPoP.
fn machine(okta: &StandIn, proofs: &[&str]) -> Reply {
    token(okta, &basic(DPOP_CLIENT_ID, DPOP_CLIENT_SECRET), MACHINE, proofs)
}

fn token(okta: &StandIn, authorization: &str, form: &str, proofs: &[&str]) -> Reply {
    let mut headers: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
    if !authorization.is_empty() {
        headers.push(("authorization", authorization));
    }
    send(okta, "POST", TOKEN, &headers, form)
}

#[test]
fn client_that_requires_dpop_gets_a_bound_token_after_the_nonce_round_trip() {
    let okta = shared();
    let key = DpopKey::new(Algorithm::ES256);
    let without = machine(okta, &[]);
    assert_eq!(without.status, 400);
    let expected = json!({
        "error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing.",
    });
    assert_eq!((without.json(), without.header("dpop-nonce")), (expected, None));

    let first = machine(okta, &[&proof(&key).without("jti").compact()]);
    let expected = json!({
        "error": "use_dpop_nonce",
        "error_description": "Authorization server requires nonce in DPoP proof.",
    });
    assert_eq!((first.status, first.json()), (400, expected));
    assert_eq!(first.header("cache-control"), Some("no-cache, no-store"));
    let nonce = first.header("dpop-nonce").unwrap();
    assert_eq!((nonce.len(), nonce), (32, okta.dpop_nonce().as_str()));

    let second = machine(okta, &[&proof(&key).nonce(nonce).compact()]);
    assert_eq!((second.status, &second.json()["token_type"]), (200, &json!("DPoP")), "{second:?}");
    let access = claims(&second.json(), "access_token");
    assert_eq!(access["cnf"], json!({ "jkt": key.thumbprint() }));
    assert_eq!((&access["cid"], &access["sub"]), (&json!(DPOP_CLIENT_ID), &json!(DPOP_CLIENT_ID)));
    assert!(verifies(okta, crate::KEYS, second.json()["access_token"].as_str().unwrap()));
}

#[test]
fn proof_of_each_algorithm_of_the_metadata_is_accepted() {
    let okta = shared();
    let metadata = get(okta, "/oauth2/default/.well-known/oauth-authorization-server").json();
    let listed = metadata["dpop_signing_alg_values_supported"].as_array().unwrap();
    assert_eq!(listed.len(), 6);
    for algorithm in Algorithm::ALL {
        let key = DpopKey::new(algorithm);
        let reply = machine(okta, &[&proof(&key).nonce(&okta.dpop_nonce()).compact()]);
        let supported = listed.iter().any(|name| name == algorithm.name());
        assert_eq!(reply.status, if supported { 200 } else { 400 }, "{algorithm}: {reply:?}");
        if supported {
            assert_eq!(claims(&reply.json(), "access_token")["cnf"]["jkt"], key.thumbprint(), "{algorithm}");
        }
    }
}

#[test]
fn proof_with_a_defect_is_rejected() {
    let okta = shared();
    let key = DpopKey::new(Algorithm::ES256);
    let other = DpopKey::other(Algorithm::ES256);
    let nonce = okta.dpop_nonce();
    let good = || proof(&key).nonce(&nonce);
    let claim = |name: &str| format!("'{name}' claim in the DPoP proof JWT is invalid.");
    let member = |name: &str| format!("'{name}' header in the DPoP proof JWT is invalid.");
    let signature = || "The signature of the DPoP proof JWT is invalid.".to_owned();
    let rows = [
        (good().claim("htm", "GET"), claim("htm")),
        (good().claim("htm", "post"), claim("htm")),
        (good().without("htm"), claim("htm")),
        (good().claim("htu", "https://acme.okta.example/oauth2/v1/token"), claim("htu")),
        (good().claim("htu", format!("{ENDPOINT}?a=b")), claim("htu")),
        (good().claim("htu", "/oauth2/default/v1/token"), claim("htu")),
        (good().claim("iat", now() - 400), claim("iat")),
        (good().claim("iat", now() + 400), claim("iat")),
        (good().claim("iat", "now"), claim("iat")),
        (good().without("jti"), claim("jti")),
        (good().header("typ", "JWT"), member("typ")),
        (good().without_header("typ"), member("typ")),
        (good().header("alg", "none"), member("alg")),
        (good().header("alg", "HS256"), member("alg")),
        (good().header("alg", "PS256"), member("alg")),
        (good().without_header("jwk"), member("jwk")),
        (good().header("jwk", Value::Null), member("jwk")),
        (good().jwk_member("d", "AAAA"), member("jwk")),
        (good().jwk_member("k", Value::Null), member("jwk")),
        (good().header("jwk", json!({ "kty": "oct" })), member("jwk")),
        (good().header("alg", "ES384"), signature()),
        (good().header("alg", "RS256"), signature()),
        (good().signed_by(&other), signature()),
        (good().flipped_signature(), signature()),
        (good().der_signature(), signature()),
        (good().segment(1, "x"), "The DPoP proof JWT is malformed.".to_owned()),
        (good().raw_payload("[]"), "The DPoP proof JWT is malformed.".to_owned()),
    ];
    for (proof, description) in rows {
        let text = proof.compact();
        let reply = machine(okta, &[&text]);
        let expected = json!({ "error": "invalid_dpop_proof", "error_description": description });
        assert_eq!((reply.status, reply.json()), (400, expected), "{text}");
    }
    let [one, two] = [good().compact(), good().compact()];
    let two_headers = machine(okta, &[&one, &two]);
    assert_eq!((two_headers.status, &two_headers.json()["error"]), (400, &json!("invalid_dpop_proof")));
    assert_eq!(machine(okta, &[&one]).status, 200, "a rejected request uses no `jti`");
    let replayed = machine(okta, &[&one]);
    let used = json!("The DPoP proof JWT has already been used.");
    assert_eq!((replayed.status, &replayed.json()["error_description"]), (400, &used));
    assert_eq!(machine(okta, &["x"]).status, 400);
}

#[test]
fn htu_is_the_url_of_the_metadata_or_that_of_the_request() {
    let okta = shared();
    let key = DpopKey::new(Algorithm::ES256);
    let send = |url: &str, host: &str| {
        let proof = Proof::new(&key, "POST", url, now()).nonce(&okta.dpop_nonce()).compact();
        let headers = [("authorization", &*basic(DPOP_CLIENT_ID, DPOP_CLIENT_SECRET)), ("dpop", &proof)];
        let stream = std::net::TcpStream::connect(("127.0.0.1", okta.http_port())).unwrap();
        crate::client::exchange_at(stream, host, "POST", TOKEN, &headers, MACHINE).unwrap().status
    };
    let local = format!("127.0.0.1:{}", okta.http_port());
    let path = "/oauth2/default/v1/token";
    assert_eq!(send(ENDPOINT, &local), 200);
    assert_eq!(send(&format!("http://{local}{path}"), &local), 200);
    assert_eq!(send(&format!("http://{local}{path}"), "acme.okta.example"), 400);
    assert_eq!(send(&format!("http://{local}/oauth2/v1/token"), &local), 400);
}

#[test]
fn nonce_changes_each_day_and_is_accepted_for_three_more() {
    let okta = start();
    let key = DpopKey::new(Algorithm::ES256);
    let day = Duration::from_secs(24 * 3600);
    let first = okta.dpop_nonce();
    let mut ahead = 0;
    let mut status = |nonce: &str, days: u64| {
        okta.advance_clock(day * u32::try_from(days).unwrap());
        ahead += days * 24 * 3600;
        let reply = machine(&okta, &[&proof(&key).nonce(nonce).claim("iat", now() + ahead).compact()]);
        (reply.status, reply.header("dpop-nonce").map(str::to_owned))
    };
    assert_eq!(status(&first, 0), (200, None));
    assert_eq!(status(&first, 1), (200, None));
    let second = okta.dpop_nonce();
    assert_ne!(first, second);
    assert_eq!(status(&first, 2), (200, None));
    let current = okta.dpop_nonce();
    assert_eq!(status("forged", 0), (400, Some(current)));
    let (late, renewed) = status(&first, 1);
    assert_eq!((late, renewed), (400, Some(okta.dpop_nonce())));
    assert_eq!(status(&second, 0), (200, None));
}

#[test]
fn client_that_does_not_require_dpop_may_use_it() {
    let okta = start();
    let basic = basic(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET);
    assert_eq!(token(&okta, &basic, MACHINE, &[]).json()["token_type"], "Bearer");
    let key = DpopKey::new(Algorithm::RS256);
    let proof = proof(&key).nonce(&okta.dpop_nonce()).compact();
    assert_eq!(token(&okta, &basic, MACHINE, &[&proof]).json()["token_type"], "DPoP");

    okta.set_dpop_required(DEMO_CLIENT_ID, true);
    assert_eq!(token(&okta, &basic, MACHINE, &[]).json()["error"], "invalid_dpop_proof");
    let optional = format!(r#"{{"client_id":"{DEMO_CLIENT_ID}","dpop_bound_access_tokens":false}}"#);
    assert_eq!(request(&okta, "POST", "/stand-in/client", "", &optional).unwrap().status, 200);
    assert_eq!(token(&okta, &basic, MACHINE, &[]).status, 200);
}

#[test]
fn wrong_client_credentials_are_reported_before_the_proof() {
    let okta = shared();
    let wrong = basic(DPOP_CLIENT_ID, "guess");
    assert_eq!(token(okta, &wrong, MACHINE, &[]).json()["error"], "invalid_client");
}

#[test]
fn code_and_refresh_token_are_bound_to_the_key() {
    let okta = start();
    okta.set_dpop_required(BROWSER_CLIENT_ID, true);
    let key = DpopKey::new(Algorithm::RS256);
    let nonce = okta.dpop_nonce();
    let good = || proof(&key).nonce(&nonce).compact();
    let code = Browser::new(&okta).code(JOE, &[("scope", "openid offline_access items:read")]);
    let exchange = token_form(&code, &[]);
    assert_eq!(token(&okta, "", &exchange, &[]).json()["error"], "invalid_dpop_proof");
    let first = token(&okta, "", &exchange, &[&proof(&key).compact()]);
    assert_eq!(first.json()["error"], "use_dpop_nonce", "the request does not use the code");
    let tokens = token(&okta, "", &exchange, &[&good()]).json();
    assert_eq!(tokens["token_type"], "DPoP");
    assert_eq!(claims(&tokens, "access_token")["cnf"]["jkt"], key.thumbprint());
    assert_eq!(claims(&tokens, "id_token").get("cnf"), None);

    let refresh = |token: &Value| {
        form(&[
            ("grant_type", "refresh_token"),
            ("client_id", BROWSER_CLIENT_ID),
            ("refresh_token", token.as_str().unwrap()),
        ])
    };
    let body = refresh(&tokens["refresh_token"]);
    let other = proof(&DpopKey::other(Algorithm::RS256)).nonce(&nonce).compact();
    for (name, proofs) in [("no proof", vec![]), ("another key", vec![other.as_str()])] {
        let reply = token(&okta, "", &body, &proofs);
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!("invalid_dpop_proof")), "{name}");
    }
    let renewed = token(&okta, "", &body, &[&good()]);
    assert_eq!(renewed.status, 200, "the failed requests did not use the token: {renewed:?}");
    assert_eq!(claims(&renewed.json(), "access_token")["cnf"]["jkt"], key.thumbprint());

    // Without the setting, a bound refresh token still needs its key.
    okta.set_dpop_required(BROWSER_CLIENT_ID, false);
    let body = refresh(&renewed.json()["refresh_token"]);
    assert_eq!(token(&okta, "", &body, &[]).json()["error"], "invalid_dpop_proof");
    assert_eq!(token(&okta, "", &body, &[&good()]).json()["token_type"], "DPoP");
}

#[test]
fn bound_token_without_a_proof_is_rejected_by_userinfo() {
    let okta = shared();
    let jkt = DpopKey::new(Algorithm::ES256).thumbprint();
    for (spec, status) in [(TokenSpec::user(), 200), (TokenSpec::user().bound_to_key(&jkt), 401)] {
        let bearer = format!("Bearer {}", okta.mint(Server::Default, &spec));
        assert_eq!(post(okta, "/oauth2/default/v1/userinfo", &bearer, "").status, status);
    }
}
