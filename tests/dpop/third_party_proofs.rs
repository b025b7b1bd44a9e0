//! Proofs in other projects' DPoP tests, each with the result of this filter.
//!
//! Sources: `dpop-verifier.test.ts` of auth0/node-oauth2-jwt-bearer,
//! `DpopProofValidatorTests.cs` of Microsoft.IdentityModel, and `dpopProof.test.ts` of the
//! conformance suite of the Model Context Protocol.

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::rejection::Rejection::{self, *};
use serde_json::{Value, json};
use test_support::common::NOW;
use test_support::dpop::{DpopKey, Proof};

use super::{Case, assert_results};

/// Makes the case of a proof with these claims and header members. A null removes one.
fn changed(claims: Value, header: Value) -> Case {
    Case::new(|proof| proof.claims(claims).headers(header))
}

fn claims(claims: Value) -> Case {
    changed(claims, json!({}))
}

fn header(header: Value) -> Case {
    changed(json!({}), header)
}

fn sent(change: fn(&str) -> String) -> Case {
    let case = Case::new(|proof| proof);
    let proof = String::from_utf8(case.proofs[0].clone()).unwrap();
    Case { proofs: vec![change(&proof).into_bytes()], ..case }
}

#[test]
fn proofs_of_third_parties_have_our_result() {
    let private = DpopKey::new(Algorithm::ES256);
    let unsigned = |proof: &str| {
        let payload = proof.split('.').nth(1).unwrap();
        format!("{}.{payload}.", test_support::common::b64(r#"{"typ":"dpop+jwt","alg":"none"}"#))
    };
    let rows: Vec<(&str, Case, Result<(), Rejection>)> = vec![
        // auth0
        ("auth0: a valid proof", claims(json!({})), Ok(())),
        ("auth0: no header", Case { proofs: vec![], ..claims(json!({})) }, Err(DpopProofMissing)),
        ("auth0: empty header", sent(|_| String::new()), Err(DpopProofMalformed)),
        ("auth0: two proofs with a comma", sent(|_| "proof1,proof2".to_owned()), Err(DpopProofRepeated)),
        ("auth0: two segments", sent(|_| "abc.def".to_owned()), Err(DpopProofMalformed)),
        ("auth0: typ", header(json!({ "typ": "wrong" })), Err(DpopTypeNotAllowed)),
        ("auth0: no typ", header(json!({ "typ": null })), Err(DpopTypeNotAllowed)),
        (
            "auth0: alg not listed",
            Case::signed(Algorithm::RS256, |proof| proof).allowing(Algorithm::ES256),
            Err(DpopAlgorithmNotAllowed),
        ),
        // These 94 characters are not canonical base64url.
        (
            "auth0: text after the signature",
            sent(|proof| format!("{proof}tampered")),
            Err(DpopProofMalformed),
        ),
        ("auth0: no jwk", header(json!({ "jwk": null })), Err(DpopKeyMalformed)),
        ("auth0: jwk a string", header(json!({ "jwk": "not-an-object" })), Err(DpopKeyMalformed)),
        ("auth0: no iat", claims(json!({ "iat": null })), Err(DpopClaimMissing)),
        ("auth0: iat a string", claims(json!({ "iat": "bad" })), Err(DpopProofMalformed)),
        ("auth0: iat old", claims(json!({ "iat": NOW - 1000 })), Err(DpopProofExpired)),
        ("auth0: iat ahead", claims(json!({ "iat": NOW + 1000 })), Err(DpopProofFromTheFuture)),
        ("auth0: no htm", claims(json!({ "htm": null })), Err(DpopClaimMissing)),
        ("auth0: htm a number", claims(json!({ "htm": 123 })), Err(DpopProofMalformed)),
        ("auth0: htm of another method", claims(json!({ "htm": "POST" })), Err(DpopMethodMismatch)),
        ("auth0: no htu", claims(json!({ "htu": null })), Err(DpopClaimMissing)),
        ("auth0: htu a number", claims(json!({ "htu": 123 })), Err(DpopProofMalformed)),
        (
            "auth0: htu of another URL",
            claims(json!({ "htu": "https://api.example.com/other" })),
            Err(DpopUrlMismatch),
        ),
        ("auth0: no jti", claims(json!({ "jti": null })), Err(DpopClaimMissing)),
        ("auth0: no ath", claims(json!({ "ath": null })), Err(DpopClaimMissing)),
        ("auth0: ath a number", claims(json!({ "ath": 123 })), Err(DpopProofMalformed)),
        ("auth0: ath of another token", claims(json!({ "ath": "tampered" })), Err(DpopTokenMismatch)),
        ("auth0: another key", Case { jkt: [0; 32], ..claims(json!({})) }, Err(DpopKeyMismatch)),
        (
            "auth0: further claims",
            claims(
                json!({ "foo": "bar", "aud": "x", "nbf": NOW - 10, "exp": NOW + 300, "nested": { "a": 1 } }),
            ),
            Ok(()),
        ),
        (
            "auth0: further header members",
            header(json!({ "kid": "kid123", "cty": "dpop+jwt", "x-extra": "yes" })),
            Ok(()),
        ),
        // auth0 accepts `get`, because it compares without letter case. Methods are case-sensitive.
        ("auth0 differs: htm in lower case", claims(json!({ "htm": "get" })), Err(DpopMethodMismatch)),
        // Microsoft
        ("Microsoft: typ `jwt`", header(json!({ "typ": "jwt" })), Err(DpopTypeNotAllowed)),
        ("Microsoft: no signature", sent(unsigned), Err(DpopProofMalformed)),
        ("Microsoft: alg `none`", header(json!({ "alg": "none" })), Err(DpopAlgorithmNotAllowed)),
        ("Microsoft: alg HS256", header(json!({ "alg": "HS256" })), Err(DpopAlgorithmNotAllowed)),
        ("Microsoft: empty alg", header(json!({ "alg": "" })), Err(DpopAlgorithmNotAllowed)),
        ("Microsoft: no accepted algorithm", no_algorithms(), Err(DpopAlgorithmNotAllowed)),
        (
            "Microsoft: private RSA key",
            Case::signed(Algorithm::RS256, |proof| {
                proof.jwk_members(json!({ "d": "AA", "p": "AA", "q": "AA" }))
            }),
            Err(DpopKeyPrivate),
        ),
        (
            "Microsoft: POST",
            claims(json!({ "htm": "POST" })).to("POST", "api.example.com", "/items/1"),
            Ok(()),
        ),
        ("Microsoft: iat 700 s old", claims(json!({ "iat": NOW - 700 })), Err(DpopProofExpired)),
        ("Microsoft: iat 700 s ahead", claims(json!({ "iat": NOW + 700 })), Err(DpopProofFromTheFuture)),
        (
            "Microsoft: another nonce",
            claims(json!({ "nonce": "different-nonce" })).nonces(&[[1; 32]]),
            Err(DpopNonceRequired),
        ),
        ("Microsoft: white space", sent(|_| "  ".to_owned()), Err(DpopProofMalformed)),
        ("Microsoft: no JWT", sent(|_| "this-is-not-a-jwt".to_owned()), Err(DpopProofMalformed)),
        ("Microsoft: 100 characters, limit 10", small_limit(), Err(DpopProofTooLarge)),
        (
            "Microsoft: signature not base64url",
            sent(|proof| format!("{}.!!!not-base64!!!", proof.rsplit_once('.').unwrap().0)),
            Err(DpopProofMalformed),
        ),
        (
            "Microsoft: P-384 key under ES256",
            header(json!({ "jwk": DpopKey::new(Algorithm::ES384).jwk() })),
            Err(DpopKeyMalformed),
        ),
        (
            "Microsoft: proof of another token",
            Case { token: "other", ..claims(json!({})) },
            Err(DpopTokenMismatch),
        ),
        (
            "Microsoft: request with POST",
            claims(json!({})).to("POST", "api.example.com", "/items/1"),
            Err(DpopMethodMismatch),
        ),
        ("Microsoft: no nonce", claims(json!({})).nonces(&[[1; 32]]), Err(DpopNonceRequired)),
        // Model Context Protocol
        ("MCP: POST", Case::new(mcp).to("POST", "mcp.example.com", "/mcp"), Ok(())),
        ("MCP: first character of the signature", tampered(), Err(DpopSignatureInvalid)),
        (
            "MCP: no jti",
            Case::new(|proof| mcp(proof).claims(json!({ "jti": null }))).to(
                "POST",
                "mcp.example.com",
                "/mcp",
            ),
            Err(DpopClaimMissing),
        ),
        ("MCP: alg `none`, empty signature", sent(unsigned), Err(DpopProofMalformed)),
        ("MCP: HS256", header(json!({ "alg": "HS256" })), Err(DpopAlgorithmNotAllowed)),
        ("MCP: private key in jwk", header(json!({ "jwk": with_scalar(&private) })), Err(DpopKeyPrivate)),
        ("MCP: an hour old", claims(json!({ "iat": NOW - 3600 })), Err(DpopProofExpired)),
    ];
    assert_results(rows);
}

fn no_algorithms() -> Case {
    let mut case = claims(json!({}));
    case.requirements.algorithms.clear();
    case
}

fn small_limit() -> Case {
    let mut case = sent(|_| "a".repeat(100));
    case.requirements.max_proof_bytes = 10;
    case
}

fn mcp(proof: Proof) -> Proof {
    proof.claims(json!({ "htm": "POST", "htu": "https://mcp.example.com/mcp" }))
}

fn tampered() -> Case {
    sent(|proof| {
        let (message, signature) = proof.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        format!("{message}.{first}{}", &signature[1..])
    })
}

fn with_scalar(key: &DpopKey) -> Value {
    let mut jwk = key.jwk();
    jwk["d"] = json!(test_support::common::b64([7; 32]));
    jwk
}
