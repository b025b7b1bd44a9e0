//! The DPoP proofs and the thumbprints of the RFCs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, SignatureInput, SignatureVerifier as _};
use okta_authz_filter::dpop::{
    BoundRequest, ProofKey, ProofRequirements, Scheme, SchemeSource, TargetUriSource, verify_proof,
};
use okta_authz_filter::json::Tape;
use okta_authz_filter::policy::{AllowedInPaths, NormalizedRequest, RequiredInputs};
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use rsa::sha2::{Digest as _, Sha256};
use serde_json::{Value, json};
use test_support::vectors::data;

fn cases(file: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(data::text(file)).unwrap();
    let cases = document["cases"].as_array().unwrap().clone();
    assert_eq!(document["count"], json!(cases.len()), "{file}");
    cases
}

/// Returns the key of a JWK.
fn key(jwk: &Value, algorithm: Algorithm) -> ProofKey {
    let header = Tape::parse(json!({ "jwk": jwk }).to_string().into_bytes()).unwrap();
    ProofKey::parse(header.get("jwk"), algorithm).unwrap()
}

#[test]
fn thumbprint_of_each_key_agrees() {
    for case in cases("rfc_thumbprint.json") {
        let algorithm = match case["jwk"]["kty"].as_str().unwrap() {
            "RSA" => Algorithm::RS256,
            "EC" => Algorithm::ES256,
            "OKP" => Algorithm::EdDSA,
            other => panic!("{other}"),
        };
        let thumbprint = URL_SAFE_NO_PAD.encode(key(&case["jwk"], algorithm).thumbprint());
        assert_eq!(json!(thumbprint), case["expected_thumbprint"], "{}", case["id"]);
    }
}

/// The code of each proof that the filter does not accept.
const REJECTED: [(&str, Rejection); 10] = [
    // A proof for the token endpoint has no `ath`. The filter rejects it, as a resource server must
    // (RFC 9449 section 4.3, check 12), although the RFC has it as a valid example.
    ("rfc9449-fig2", Rejection::DpopClaimMissing),
    ("rfc9449-fig6", Rejection::DpopClaimMissing),
    ("rfc9449-no-ath", Rejection::DpopClaimMissing),
    ("rfc9449-wrong-method", Rejection::DpopMethodMismatch),
    // The filter denies a request whose method has lower-case letters before it reads the proof.
    ("rfc9449-method-case", Rejection::MethodAmbiguous),
    ("rfc9449-wrong-uri", Rejection::DpopUrlMismatch),
    ("rfc9449-wrong-at", Rejection::DpopTokenMismatch),
    ("rfc9449-wrong-jkt", Rejection::DpopKeyMismatch),
    ("rfc9449-stale", Rejection::DpopProofExpired),
    ("rfc9449-tampered", Rejection::DpopSignatureInvalid),
];

#[test]
fn proof_of_each_case_has_its_result() {
    let mut accepted = Vec::new();
    for case in cases("rfc9449_dpop.json") {
        let id = case["id"].as_str().unwrap();
        match (verify(&case), REJECTED.iter().find(|(rejected, _)| *rejected == id)) {
            (Ok(()), None) => {
                assert_eq!(case["expected"], "accept", "{id}");
                accepted.push(id.to_owned());
            }
            (Err(actual), Some((_, expected))) => {
                assert_eq!(actual, *expected, "{id}");
                let is_token_request = case["access_token"].is_null();
                assert!(case["expected"] == "reject" || is_token_request, "{id}");
            }
            (result, expected) => panic!("{id}: {result:?}, not {expected:?}"),
        }
    }
    assert_eq!(accepted, ["rfc9449-fig12", "rfc9449-fig12-query"]);
}

/// Verifies the proof of a case for its request.
fn verify(case: &Value) -> Result<(), Rejection> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let number = |name: &str| case[name].as_i64().unwrap();
    let (_, rest) = text("htu").split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    // A request has no fragment.
    let path = path.split('#').next().unwrap();
    let headers = [
        (":method", text("htm").as_bytes()),
        (":authority", authority.as_bytes()),
        (":path", path.as_bytes()),
        ("dpop", text("proof").as_bytes()),
    ];
    let head = RequestHead::new(&headers);
    let inputs = RequiredInputs::default();
    let request = NormalizedRequest::new(&head, &inputs)?;
    let jkt = match &case["expected_jkt"] {
        Value::Null => *proof_key(text("proof")).thumbprint(),
        jkt => URL_SAFE_NO_PAD.decode(jkt.as_str().unwrap()).unwrap().try_into().unwrap(),
    };
    let bound = BoundRequest {
        head: &head,
        request: &request,
        token_sha256: &Sha256::digest(text("access_token")).into(),
        jkt: &jkt,
        arrived_at: UnixTime::from_seconds(case["clock"].as_u64().unwrap()),
    };
    let requirements = ProofRequirements {
        algorithms: vec![Algorithm::ES256],
        max_age: number("iat_window"),
        clock_skew: 0,
        max_proof_bytes: 8192,
        target_uri: TargetUriSource::Request(SchemeSource::Fixed(Scheme::Https)),
        allowed_in_paths: AllowedInPaths::default(),
    };
    verify_proof(&bound, &requirements, None, &Software, &mut ()).map(|_| ())
}

fn header(proof: &str) -> Value {
    let header = proof.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

fn proof_key(proof: &str) -> ProofKey {
    key(&header(proof)["jwk"], Algorithm::ES256)
}

/// The proofs of token requests fail before the check of the signature, so this test makes it.
#[test]
fn signature_of_each_proof_of_the_rfc_is_valid() {
    for case in cases("rfc9449_dpop.json").iter().filter(|case| case["id"] != "rfc9449-tampered") {
        let (message, signature) = case["proof"].as_str().unwrap().rsplit_once('.').unwrap();
        let key = proof_key(message);
        let input = SignatureInput {
            algorithm: Algorithm::ES256,
            key: key.public_key(),
            message: message.as_bytes(),
            signature: &URL_SAFE_NO_PAD.decode(signature).unwrap(),
        };
        assert_eq!(Software.verify(&input), Ok(()), "{}", case["id"]);
    }
}
