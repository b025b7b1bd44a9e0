//! The key of a proof: its form, its limits, and its binding to the token.

use std::cell::Cell;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::rejection::Rejection::{
    self, CryptoUnavailable, DpopKeyMalformed, DpopKeyMismatch, DpopKeyPrivate,
};
use serde_json::{Value, json};
use test_support::common::b64;
use test_support::dpop::DpopKey;

use super::{Case, assert_results};

/// Makes the case of a proof whose key has these members. A null removes a member.
fn key(algorithm: Algorithm, members: Value) -> Case {
    Case::signed(algorithm, |proof| proof.jwk_members(members)).allowing(algorithm)
}

/// Makes the case of a proof with this `jwk`, also null.
fn jwk(value: &Value) -> Case {
    Case::new(|proof| proof.header("jwk", value.clone()))
}

#[test]
fn key_with_private_member_is_rejected() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for algorithm in [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA] {
            for value in [json!("AQAB"), json!(""), json!(1), json!([]), json!(false)] {
                let case = key(algorithm, json!({ name: value }));
                assert_eq!(case.verify(), Err(DpopKeyPrivate), "{algorithm} {name} {value}");
            }
        }
        let null = Case::new(|proof| proof.jwk_member(name, Value::Null));
        assert_eq!(null.verify(), Err(DpopKeyPrivate), "{name} null");
    }
    let symmetric = jwk(&json!({ "kty": "oct", "k": "AAAA" }));
    assert_eq!(symmetric.verify(), Err(DpopKeyPrivate));
}

#[test]
fn key_missing_or_no_object_is_malformed() {
    let missing = Case::new(|proof| proof.without_header("jwk"));
    let mut rows = vec![("missing".to_owned(), missing, Err(DpopKeyMalformed))];
    let text = DpopKey::new(Algorithm::ES256).jwk().to_string();
    for value in
        [Value::Null, json!("x"), json!([]), json!({}), json!(1), json!(text), json!({ "kty": "oct" })]
    {
        rows.push((format!("{value}"), jwk(&value), Err(DpopKeyMalformed)));
    }
    assert_results(rows);
}

#[test]
fn key_for_another_algorithm_or_use_is_malformed() {
    let other = |algorithm, other| {
        let jwk = DpopKey::new(other).jwk();
        Case::signed(algorithm, |proof| proof.header("jwk", jwk)).allowing(algorithm)
    };
    let mut rows = Vec::new();
    let all = [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::RS256, Algorithm::EdDSA];
    for algorithm in all.into_iter().filter(|algorithm| *algorithm != Algorithm::ES512) {
        for key in all.into_iter().filter(|key| *key != algorithm) {
            rows.push((format!("{key} key under {algorithm}"), other(algorithm, key), Err(DpopKeyMalformed)));
        }
    }
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!("")),
        ("use", json!(["sig"])),
        ("key_ops", json!([])),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("verify")),
        ("alg", json!("ES384")),
        ("alg", json!("")),
        ("alg", json!(256)),
        ("kty", json!(null)),
        ("kty", json!("ec")),
        ("kty", json!(["EC"])),
        ("crv", json!(null)),
        ("crv", json!("P-384")),
        ("crv", json!("secp256k1")),
    ] {
        let name_and_value = format!("{name} {value}");
        rows.push((name_and_value, key(Algorithm::ES256, json!({ name: value })), Err(DpopKeyMalformed)));
    }
    assert_results(rows);
}

#[test]
fn point_malformed_or_not_on_the_curve_is_rejected() {
    let mut rows = Vec::new();
    for (algorithm, len) in [(Algorithm::ES256, 32), (Algorithm::ES384, 48)] {
        let valid = DpopKey::new(algorithm).jwk();
        for name in ["x", "y"] {
            for (what, value) in [
                ("missing", json!(null)),
                ("empty", json!("")),
                ("a number", json!(7)),
                ("zero", json!(b64(vec![0; len]))),
                ("all ones", json!(b64(vec![0xff; len]))),
                ("another point's", json!(b64(vec![7; len]))),
                ("a byte short", json!(b64(vec![7; len - 1]))),
                ("a byte longer", json!(b64(vec![7; len + 1]))),
                ("padded", json!(format!("{}=", valid[name].as_str().unwrap()))),
                ("with a line end", json!(format!("{}\n", valid[name].as_str().unwrap()))),
            ] {
                let case = key(algorithm, json!({ name: value }));
                rows.push((format!("{algorithm} {name} {what}"), case, Err(DpopKeyMalformed)));
            }
        }
    }
    // A point of order 1, a value that encodes no point, and another length.
    for x in [b64([&[1][..], &[0; 31]].concat()), b64([2; 32]), b64([7; 31]), b64([7; 33]), String::new()] {
        rows.push((format!("Ed25519 {x}"), key(Algorithm::EdDSA, json!({ "x": x })), Err(DpopKeyMalformed)));
    }
    assert_results(rows);
}

#[test]
fn point_of_p521_not_on_the_curve_is_malformed() {
    struct AnyAlgorithm;
    impl SignatureVerifier for AnyAlgorithm {
        fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
            Ok(())
        }
    }
    let verify = |members| key(Algorithm::ES512, members).verify_with(&AnyAlgorithm, &mut ()).map(|_| ());
    assert_eq!(verify(json!({})), Ok(()));
    for x in [b64([7; 66]), b64([0; 66]), b64([0xff; 66]), b64([1; 65]), b64([1; 67])] {
        assert_eq!(verify(json!({ "x": x })), Err(DpopKeyMalformed), "{x}");
    }
}

#[test]
fn rsa_key_outside_the_limits_is_malformed() {
    let modulus = |bytes: usize| {
        let mut modulus = vec![0xc5; bytes];
        modulus[bytes - 1] |= 1;
        modulus
    };
    let real = DpopKey::new(Algorithm::RS256).jwk()["n"].as_str().unwrap().to_owned();
    let with_zero = {
        use base64::Engine as _;
        let n = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&real).unwrap();
        b64([&[0][..], &n].concat())
    };
    let mut even = modulus(256);
    even[255] = 2;
    let mut short = modulus(256);
    short[0] = 0x7f;
    for (what, members, expected) in [
        ("1024 bits", json!({ "n": b64(modulus(128)) }), DpopKeyMalformed),
        ("2047 bits", json!({ "n": b64(short) }), DpopKeyMalformed),
        ("2048 bits", json!({ "n": b64(modulus(256)) }), DpopKeyMismatch),
        ("4096 bits", json!({ "n": b64(modulus(512)) }), DpopKeyMismatch),
        ("4104 bits", json!({ "n": b64(modulus(513)) }), DpopKeyMalformed),
        ("8192 bits", json!({ "n": b64(modulus(1024)) }), DpopKeyMalformed),
        ("even", json!({ "n": b64(even) }), DpopKeyMalformed),
        ("leading zero", json!({ "n": with_zero }), DpopKeyMalformed),
        ("no n", json!({ "n": null }), DpopKeyMalformed),
        ("no e", json!({ "e": null }), DpopKeyMalformed),
        ("e a number", json!({ "e": 65537 }), DpopKeyMalformed),
        ("e = 1", json!({ "e": "AQ" }), DpopKeyMalformed),
        ("e = 3", json!({ "e": "Aw" }), DpopKeyMismatch),
        ("e = 65536", json!({ "e": b64([1, 0, 0]) }), DpopKeyMalformed),
        ("e = 2^32 - 1", json!({ "e": b64([0xff; 4]) }), DpopKeyMismatch),
        ("e = 2^32 + 1", json!({ "e": b64([1, 0, 0, 0, 1]) }), DpopKeyMalformed),
        ("e with a leading zero", json!({ "e": b64([0, 1, 0, 1]) }), DpopKeyMalformed),
        ("e = 0", json!({ "e": b64([0]) }), DpopKeyMalformed),
    ] {
        assert_eq!(key(Algorithm::RS256, members).verify(), Err(expected), "{what}");
    }
}

/// Counts the verifications of a verifier.
struct Counting(Cell<usize>);

impl SignatureVerifier for Counting {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        self.0.set(self.0.get() + 1);
        Software.verify(input)
    }
}

#[test]
fn other_key_is_rejected_before_the_signature() {
    let other = DpopKey::other(Algorithm::ES256);
    for (name, case) in [
        ("the token has another key", Case { jkt: other.thumbprint_bytes(), ..Case::new(|proof| proof) }),
        ("another key and its signature", {
            let case = Case::new(|proof| proof);
            Case { jkt: case.jkt, ..Case::new(|proof| proof.with_key(&other)) }
        }),
        ("the key of the token, and another in jwk", Case::new(|proof| proof.header("jwk", other.jwk()))),
    ] {
        let verifier = Counting(Cell::new(0));
        assert_eq!(case.verify_with(&verifier, &mut ()), Err(DpopKeyMismatch), "{name}");
        assert_eq!(verifier.0.get(), 0, "{name}");
    }
    let verifier = Counting(Cell::new(0));
    assert!(Case::new(|proof| proof).verify_with(&verifier, &mut ()).is_ok());
    assert_eq!(verifier.0.get(), 1);
}

#[test]
fn key_without_a_verifier_is_unavailable() {
    // The software verifier supports only the exponent 65537.
    let mut case = key(Algorithm::RS256, json!({ "e": "Aw" }));
    let members = json!({ "kty": "RSA", "e": "Aw", "n": DpopKey::new(Algorithm::RS256).jwk()["n"] });
    use rsa::sha2::Digest as _;
    case.jkt = rsa::sha2::Sha256::digest(members.to_string()).into();
    assert_eq!(case.verify(), Err::<_, Rejection>(CryptoUnavailable));
}
