//! Proofs that the filter accepts.

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, WithFallback};
use okta_authz_filter::dpop::{SchemeSource, VerifiedProof};
use okta_authz_filter::rejection::Rejection;
use serde_json::json;
use test_support::common::NOW;
use test_support::dpop::{DpopKey, Es512Verifier};

use super::{Case, assert_results};

#[test]
fn proof_valid_has_its_claims() {
    let proof = Case::new(|proof| proof.claim("jti", "e1j3V_bKic8-LAEB")).verify().unwrap();
    let expected = VerifiedProof {
        jti: "e1j3V_bKic8-LAEB".to_owned(),
        thumbprint: DpopKey::new(Algorithm::ES256).thumbprint_bytes(),
        issued_at: NOW as i64,
        expires_at: NOW as i64 + 71,
        earliest_issued_at: NOW as i64 - 70,
    };
    assert_eq!(proof, expected);
}

#[test]
fn proof_of_each_algorithm_is_accepted() {
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::EdDSA,
    ] {
        let case = Case::signed(algorithm, |proof| proof).allowing(algorithm);
        assert_eq!(case.verify().map(|proof| proof.thumbprint), Ok(case.jkt), "{algorithm}");
        let not_listed = Case { requirements: Case::new(|proof| proof).requirements, ..case };
        let is_default = !matches!(algorithm, Algorithm::PS256 | Algorithm::EdDSA);
        let expected = if is_default { Ok(()) } else { Err(Rejection::DpopAlgorithmNotAllowed) };
        assert_eq!(not_listed.verify().map(|_| ()), expected, "{algorithm}");
    }
}

#[test]
fn proof_with_es512_is_accepted_if_the_verifier_supports_it() {
    let case = Case::signed(Algorithm::ES512, |proof| proof);
    let verifier = WithFallback(Software, Es512Verifier::new(&DpopKey::new(Algorithm::ES512)));
    assert_eq!(case.verify_with(&verifier, &mut ()).map(|proof| proof.thumbprint), Ok(case.jkt));
    let tampered = Case { proofs: vec![tampered(&case.proofs[0])], ..case.clone() };
    assert_eq!(tampered.verify_with(&verifier, &mut ()), Err(Rejection::DpopSignatureInvalid));
    assert_eq!(case.verify(), Err(Rejection::DpopAlgorithmNotAllowed), "software only");
}

/// Flips a bit in the middle of the signature.
fn tampered(proof: &[u8]) -> Vec<u8> {
    let mut proof = proof.to_vec();
    let at = proof.len() - 40;
    proof[at] = if proof[at] == b'A' { b'B' } else { b'A' };
    proof
}

#[test]
fn proof_in_each_permitted_form_is_accepted() {
    let okta = json!({ "use": "sig", "kid": "pba0", "alg": "RS256" });
    let rows = [
        ("key with use, kid and alg", Case::signed(Algorithm::RS256, |proof| proof.jwk_members(okta))),
        ("key_ops", Case::new(|proof| proof.jwk_members(json!({ "key_ops": ["verify"], "ext": true })))),
        ("unknown members of the key", Case::new(|proof| proof.jwk_members(json!({ "x5t": "x", "iat": 1 })))),
        (
            "unknown claims",
            Case::new(|proof| proof.claims(json!({ "sub": 1, "aud": [], "x": { "y": null } }))),
        ),
        (
            "unknown header members, which the filter never uses",
            Case::new(|proof| {
                proof.headers(
                    json!({ "kid": 7, "jku": "https://evil.example", "x5u": "x", "x5c": ["x"], "v": 1 }),
                )
            }),
        ),
        ("another jti", Case::new(|proof| proof.claims(json!({ "jti": "other" })))),
        ("jti of one byte", Case::new(|proof| proof.claims(json!({ "jti": "0" })))),
        ("jti of 256 bytes", Case::new(|proof| proof.claims(json!({ "jti": "j".repeat(256) })))),
        (
            "HEAD",
            Case::new(|proof| proof.claims(json!({ "htm": "HEAD" }))).to(
                "HEAD",
                "api.example.com",
                "/items/1",
            ),
        ),
        (
            "a gRPC call",
            Case::new(|proof| {
                proof.claims(json!({ "htm": "POST", "htu": "https://api.example.com/items.v1.Items/Get" }))
            })
            .to("POST", "api.example.com", "/items.v1.Items/Get"),
        ),
        ("a nonce although nonces are off", Case::new(|proof| proof.claims(json!({ "nonce": "n" })))),
        (
            "a nonce of another type although nonces are off",
            Case::new(|proof| proof.claims(json!({ "nonce": 1 }))),
        ),
        (
            "forwarded scheme",
            Case {
                headers: vec![("x-forwarded-proto", "https".to_owned())],
                ..Case::new(|proof| proof).scheme(SchemeSource::Forwarded)
            },
        ),
        ("exp ahead", Case::new(|proof| proof.claims(json!({ "exp": NOW + 60, "nbf": NOW })))),
        ("a proof of the maximum size", sized(8192)),
    ];
    assert_results(rows.map(|(name, case)| (name, case, Ok(()))));
    assert_results([("one byte more", sized(8193), Err(Rejection::DpopProofTooLarge))]);
}

/// Returns the case of a valid proof with this number of bytes.
fn sized(bytes: usize) -> Case {
    let case = Case::new(|proof| proof.of_length(bytes));
    assert_eq!(case.proofs[0].len(), bytes);
    case
}
