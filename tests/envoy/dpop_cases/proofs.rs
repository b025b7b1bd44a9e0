//! Proofs that the filter rejects, each with its code, status and challenge.

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::rejection::Rejection::{
    DpopAlgorithmNotAllowed, DpopClaimMissing, DpopCriticalExtension, DpopKeyMalformed, DpopKeyMismatch,
    DpopKeyPrivate, DpopProofMalformed, DpopProofMissing, DpopProofRepeated, DpopProofTooLarge,
    DpopSignatureInvalid, DpopTypeNotAllowed,
};
use serde_json::{Value, json};
use test_support::client::{Request, get};
use test_support::common::b64;
use test_support::dpop::{DpopKey, Proof};

use super::{Denial, Fixture, URL, invalid_proof, invalid_token, now, row};

type Row = (String, Request, Denial);

#[test]
fn header_and_form_of_a_proof_are_checked() {
    let fixture = Fixture::warm("dpop-forms", json!({}));
    let good = || fixture.proof().compact();
    let sent = |name: &str, proof: &[u8], denial| row(name, fixture.request(proof), denial);
    let (one, two) = (good(), good());
    let segments: Vec<&str> = one.split('.').collect();
    let [header, payload, signature] = segments[..] else { panic!("{one}") };
    let malformed = || invalid_proof(DpopProofMalformed);
    let no_object = |index, text| fixture.proof().segment(index, b64(text)).compact();
    let mut rows = vec![
        row("no proof", fixture.with_token(get("/items/1")), invalid_proof(DpopProofMissing)),
        row("two headers", fixture.request(&one).header("dpop", &two), invalid_proof(DpopProofRepeated)),
        sent("two in one header", format!("{one},{two}").as_bytes(), invalid_proof(DpopProofRepeated)),
        sent("two with a space", format!("{one}, {two}").as_bytes(), invalid_proof(DpopProofRepeated)),
        sent("empty", b"", malformed()),
        sent("8193 bytes", fixture.proof().of_length(8193).compact().as_bytes(), {
            invalid_proof(DpopProofTooLarge)
        }),
        sent("two segments", format!("{header}.{payload}").as_bytes(), malformed()),
        sent("four segments", format!("{one}.{signature}").as_bytes(), malformed()),
        sent("five segments", format!("{one}.{payload}.{signature}").as_bytes(), malformed()),
        sent("padding", fixture.proof().padded().as_bytes(), malformed()),
        sent("other alphabet", format!("{header}.{payload}.+/{}", &signature[2..]).as_bytes(), malformed()),
        sent("octet FF", b"\xff", malformed()),
        sent("octet FF in the header", &[b"\xff", one.as_bytes()].concat(), malformed()),
        sent("octet FF in the signature", &[one.as_bytes(), b"\xff"].concat(), malformed()),
        row("claim twice", fixture.request(fixture.proof().repeated("htm", "GET").compact()), malformed()),
        row("typ twice", fixture.request(fixture.proof().repeated_header("typ", "x").compact()), malformed()),
    ];
    for text in ["[]", "null", "\"x\"", "1", "x", ""] {
        for index in [0, 1] {
            let name = format!("segment {index} is {text}");
            rows.push(sent(&name, no_object(index, text).as_bytes(), malformed()));
        }
    }
    fixture.assert_denied(rows);
}

#[test]
fn jose_header_of_a_proof_is_checked() {
    let fixture = Fixture::warm("dpop-headers", json!({}));
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name: &str, value: Value, denial| {
        let proof = fixture.proof().header(name, value.clone()).compact();
        rows.push(row(format!("{name} {value}"), fixture.request(proof), denial));
    };
    for value in [json!("JWT"), json!("at+jwt"), json!("DPOP+JWT"), json!(null), json!(["dpop+jwt"])] {
        add("typ", value, invalid_proof(DpopTypeNotAllowed));
    }
    for value in [json!(["exp"]), json!([]), json!(null)] {
        add("crit", value, invalid_proof(DpopCriticalExtension));
    }
    for value in
        [json!("none"), json!("HS256"), json!("PS256"), json!("EdDSA"), json!("es256"), json!(["ES256"])]
    {
        add("alg", value, invalid_proof(DpopAlgorithmNotAllowed));
    }
    for value in [json!("x"), json!(null), json!({}), json!({ "kty": "oct" }), json!([fixture.key.jwk()])] {
        add("jwk", value, invalid_proof(DpopKeyMalformed));
    }
    add("jwk", json!({ "kty": "oct", "k": "AAAA" }), invalid_proof(DpopKeyPrivate));
    for name in ["typ", "alg", "jwk"] {
        let denial = match name {
            "typ" => DpopTypeNotAllowed,
            "alg" => DpopAlgorithmNotAllowed,
            _ => DpopKeyMalformed,
        };
        let proof = fixture.proof().without_header(name).compact();
        rows.push(row(format!("no {name}"), fixture.request(proof), invalid_proof(denial)));
    }
    fixture.assert_denied(rows);
}

#[test]
fn key_of_a_proof_is_checked() {
    let fixture = Fixture::warm("dpop-keys", json!({}));
    let rsa = DpopKey::new(Algorithm::RS256);
    let rsa_token = fixture.token_of(&rsa);
    let rsa_request = |proof: Proof| {
        let request = get("/items/1").header("authorization", format!("DPoP {rsa_token}"));
        request.header("dpop", proof.compact())
    };
    let rsa_proof = || Proof::new(&rsa, "GET", URL, now()).of_token(&rsa_token);
    let sent = |proof: Proof| fixture.request(proof.compact());
    let modulus = |bytes: usize| b64([&[0xc1][..], &vec![0x55; bytes - 1]].concat());
    let p384 = DpopKey::new(Algorithm::ES384);
    let other = DpopKey::other(Algorithm::ES256);
    let mut rows = vec![
        row("P-384 with ES256", sent(fixture.proof().header("jwk", p384.jwk())), {
            invalid_proof(DpopKeyMalformed)
        }),
        row("1024 bits", rsa_request(rsa_proof().jwk_member("n", modulus(128))), {
            invalid_proof(DpopKeyMalformed)
        }),
        row("8192 bits", rsa_request(rsa_proof().jwk_member("n", modulus(1024))), {
            invalid_proof(DpopKeyMalformed)
        }),
        row("use enc", sent(fixture.proof().jwk_member("use", "enc")), invalid_proof(DpopKeyMalformed)),
        row("other key", sent(fixture.proof().with_key(&other)), invalid_token(DpopKeyMismatch)),
        row("key of another algorithm", sent(fixture.proof().with_key(&rsa)), invalid_token(DpopKeyMismatch)),
    ];
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for value in [json!("AAAA"), json!(null)] {
            let proof = if name == "d" { fixture.proof() } else { rsa_proof() };
            let proof = proof.jwk_member(name, value.clone());
            let request = if name == "d" { sent(proof) } else { rsa_request(proof) };
            rows.push(row(format!("{name} {value}"), request, invalid_proof(DpopKeyPrivate)));
        }
    }
    fixture.assert_denied(rows);
}

#[test]
fn signature_of_a_proof_is_checked() {
    let fixture = Fixture::warm("dpop-signatures", json!({}));
    let invalid = || invalid_proof(DpopSignatureInvalid);
    let sent = |proof: Proof| fixture.request(proof.compact());
    let (one, two) = (fixture.proof().compact(), fixture.proof().compact());
    let (message, signature) = one.rsplit_once('.').unwrap();
    let (other_message, other_signature) = two.rsplit_once('.').unwrap();
    let mut rows = vec![
        row("bit flipped", sent(fixture.proof().flipped_signature()), invalid()),
        row("DER", sent(fixture.proof().der_signature()), invalid()),
        row("of another key", sent(fixture.proof().signed_by(&DpopKey::other(Algorithm::ES256))), invalid()),
        row("of another proof", fixture.request(format!("{message}.{other_signature}")), invalid()),
        row("payload changed", fixture.request(format!("{other_message}.{signature}")), invalid()),
        row("zeros", sent(fixture.proof().segment(2, b64([0; 64]))), invalid()),
    ];
    for algorithm in [Algorithm::ES384, Algorithm::ES512, Algorithm::RS256, Algorithm::RS512] {
        let key = DpopKey::new(algorithm);
        let token = fixture.token_of(&key);
        let proof = Proof::new(&key, "GET", URL, now()).of_token(&token).flipped_signature();
        let request = get("/items/1").header("authorization", format!("DPoP {token}"));
        rows.push(row(algorithm.name(), request.header("dpop", proof.compact()), invalid()));
    }
    fixture.assert_denied(rows);
}

#[test]
fn claims_of_a_proof_are_checked() {
    let fixture = Fixture::warm("dpop-claims", json!({}));
    let sent = |proof: Proof| fixture.request(proof.compact());
    let mut rows = Vec::new();
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        let proof = fixture.proof().without(name);
        rows.push(row(format!("no {name}"), sent(proof), invalid_proof(DpopClaimMissing)));
        let other = if name == "iat" { json!("1") } else { json!(1) };
        for value in [other, json!(null), json!([]), json!({}), json!(true)] {
            let proof = fixture.proof().claim(name, value.clone());
            rows.push(row(format!("{name} {value}"), sent(proof), invalid_proof(DpopProofMalformed)));
        }
    }
    for (name, jti) in [("empty jti", String::new()), ("jti of 257 bytes", "x".repeat(257))] {
        rows.push(row(name, sent(fixture.proof().claim("jti", jti)), invalid_proof(DpopProofMalformed)));
    }
    let token_request = Proof::new(&fixture.key, "GET", URL, now());
    rows.push(row("proof of a token request", sent(token_request), invalid_proof(DpopClaimMissing)));
    rows.push(row("token as proof", fixture.request(&fixture.token), invalid_proof(DpopTypeNotAllowed)));
    fixture.assert_denied(rows);
    fixture.assert_accepted("jti of 256 bytes", &sent(fixture.proof().claim("jti", "y".repeat(256))));
}
