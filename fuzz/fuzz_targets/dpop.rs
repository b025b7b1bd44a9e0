//! Fuzzes DPoP proofs: the first line of the input is a `DPoP` header, the second a `jwk`, the rest
//! an `htu`. An independent JSON reader checks each accepted proof and key.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::crypto::{Algorithm, SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::dpop::{
    BoundRequest, ProofKey, ProofRequirements, Scheme, SchemeSource, TargetUri, TargetUriSource,
    VerifiedProof, verify_proof,
};
use okta_authz_filter::json::Tape;
use okta_authz_filter::policy::{AllowedInPaths, NormalizedRequest, RequiredInputs};
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// A time in Unix seconds at which the proofs of `fuzz/seeds` are valid.
const NOW: u64 = 1_700_000_000;
const TOKEN: &str = "token";
const URL: &str = "https://api.example.com/items/1";
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A verifier with a fixed result.
struct FixedResult(Result<(), SignatureError>);

impl SignatureVerifier for FixedResult {
    fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
        self.0
    }
}

static REQUIREMENTS: LazyLock<ProofRequirements> = LazyLock::new(|| ProofRequirements {
    algorithms: Algorithm::ALL.to_vec(),
    max_age: 60,
    clock_skew: 10,
    max_proof_bytes: 8192,
    target_uri: TargetUriSource::Request(SchemeSource::Fixed(Scheme::Https)),
    allowed_in_paths: AllowedInPaths::default(),
});

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    check_proof(parts.next().unwrap_or_default());
    check_key(parts.next().unwrap_or_default());
    if let Ok(htu) = str::from_utf8(parts.next().unwrap_or_default()) {
        check_url(htu);
    }
});

fn verify(
    proof: &[u8],
    jkt: [u8; 32],
    result: Result<(), SignatureError>,
) -> Result<VerifiedProof, Rejection> {
    let headers = [
        (":method", &b"GET"[..]),
        (":authority", b"api.example.com"),
        (":path", b"/items/1"),
        ("dpop", proof),
    ];
    let head = RequestHead::new(&headers);
    let inputs = RequiredInputs::default();
    let request = NormalizedRequest::new(&head, &inputs).expect("an unambiguous request");
    let bound = BoundRequest {
        head: &head,
        request: &request,
        token_sha256: &Sha256::digest(TOKEN).into(),
        jkt: &jkt,
        arrived_at: UnixTime::from_seconds(NOW),
    };
    verify_proof(&bound, &REQUIREMENTS, None, &FixedResult(result), &mut ())
}

fn check_proof(proof: &[u8]) {
    assert!(verify(proof, [0; 32], Ok(())).is_err(), "no key has this thumbprint");
    let segments: Vec<&[u8]> = proof.split(|byte| *byte == b'.').collect();
    let [header, payload, _] = segments[..] else { return };
    let (Some(header), Some(payload)) = (object(header), object(payload)) else { return };
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
    let Some(jkt) = algorithm.and_then(|algorithm| thumbprint(header.get("jwk")?, algorithm)) else { return };
    assert!(verify(proof, jkt, Err(SignatureError::Invalid)).is_err());
    assert!(verify(proof, jkt, Err(SignatureError::Unavailable)).is_err());
    let Ok(verified) = verify(proof, jkt, Ok(())) else { return };
    assert_eq!(verified.thumbprint, jkt);
    assert_eq!(header.get("typ"), Some(&json!("dpop+jwt")));
    assert!(!header.contains_key("crit"));
    assert!(PRIVATE.iter().all(|name| !header["jwk"].as_object().expect("a key").contains_key(*name)));
    assert_eq!(payload.get("htm"), Some(&json!("GET")));
    assert_eq!(payload.get("jti"), Some(&json!(verified.jti)));
    assert!((1..=256).contains(&verified.jti.len()));
    let age = NOW as i64 - verified.issued_at;
    assert!((-10..=70).contains(&age) && verified.expires_at > NOW as i64, "{age}");
}

/// Decodes a segment of base64url with an independent decoder, and parses it.
fn object(segment: &[u8]) -> Option<Map<String, Value>> {
    let mut bits = 0_u32;
    let mut bytes = Vec::new();
    for (index, byte) in segment.iter().enumerate() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        if index % 4 != 0 {
            bytes.push((bits >> (6 - index % 4 * 2)) as u8);
        }
    }
    serde_json::from_slice(&bytes).ok()
}

/// Computes the thumbprint of a JWK (RFC 7638) from the members that its algorithm requires.
fn thumbprint(jwk: &Value, algorithm: Algorithm) -> Option<[u8; 32]> {
    let names: &[&str] = match algorithm {
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 => &["crv", "kty", "x", "y"],
        Algorithm::EdDSA => &["crv", "kty", "x"],
        _ => &["e", "kty", "n"],
    };
    let member = |name: &&str| Some(((*name).to_owned(), jwk.get(*name)?.clone()));
    // The map sorts its members.
    let members: Map<String, Value> = names.iter().map(member).collect::<Option<_>>()?;
    Some(Sha256::digest(Value::Object(members).to_string()).into())
}

fn check_key(text: &[u8]) {
    let Ok(header) = Tape::parse([b"{\"jwk\":", text, b"}"].concat()) else { return };
    for algorithm in Algorithm::ALL {
        let Ok(key) = ProofKey::parse(header.get("jwk"), algorithm) else { continue };
        assert!(key.public_key().supports(algorithm));
        let jwk: Value = serde_json::from_str(&header.get("jwk").expect("a key").to_string()).expect("JSON");
        assert!(PRIVATE.iter().all(|name| jwk.get(*name).is_none()));
        assert_eq!(thumbprint(&jwk, algorithm), Some(*key.thumbprint()));
        // A key is for the algorithms of one type only.
        let others = Algorithm::ALL.into_iter().filter(|other| other.curve() != algorithm.curve());
        for other in others.filter(|other| other.curve().is_some()) {
            assert!(ProofKey::parse(header.get("jwk"), other).is_err());
        }
    }
}

fn check_url(htu: &str) {
    let parse = |url: &str| TargetUri::parse(url, AllowedInPaths::default());
    let Some(uri) = parse(htu) else { return };
    for suffix in ["?x=/y#z", "#z?x"] {
        assert_eq!(parse(&format!("{htu}{suffix}")), Some(uri.clone()));
    }
    if Some(&uri) == parse(URL).as_ref() {
        assert!(htu.to_ascii_lowercase().starts_with("https://api.example.com"), "{htu}");
    }
    // A request for this URL has this URL.
    let url = htu.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let headers =
        [(":method", &b"GET"[..]), (":authority", authority.as_bytes()), (":path", path.as_bytes())];
    let (head, inputs) = (RequestHead::new(&headers), RequiredInputs::default());
    let Ok(request) = NormalizedRequest::new(&head, &inputs) else { return };
    let scheme = if scheme.eq_ignore_ascii_case("http") { Scheme::Http } else { Scheme::Https };
    let source = TargetUriSource::Request(SchemeSource::Fixed(scheme));
    assert_eq!(source.of(&head, &request), Some(uri));
}
