//! The `DPoP` header, the form of a proof, and its JOSE header.

use okta_authz_filter::rejection::Rejection::{
    self, DpopAlgorithmNotAllowed, DpopCriticalExtension, DpopProofMalformed, DpopProofMissing,
    DpopProofRepeated, DpopSignatureInvalid, DpopTypeNotAllowed,
};
use serde_json::{Value, json};
use test_support::common::b64;
use test_support::dpop::Proof;

use super::{Case, assert_results};

/// Returns the case of these bytes in place of the proof.
fn sent(proof: impl AsRef<[u8]>) -> Case {
    let case = Case::new(|proof| proof);
    Case::sent(proof, case.jkt)
}

fn valid() -> String {
    String::from_utf8(Case::new(|proof| proof).proofs[0].clone()).unwrap()
}

#[test]
fn header_missing_or_repeated_is_rejected() {
    let proof = valid().into_bytes();
    let headers = |proofs: &[&[u8]]| Case {
        proofs: proofs.iter().map(|proof| proof.to_vec()).collect(),
        ..Case::new(|proof| proof)
    };
    assert_results([
        ("none", headers(&[]), Err(DpopProofMissing)),
        ("two", headers(&[&proof, &proof]), Err(DpopProofRepeated)),
        ("two, one of them empty", headers(&[&proof, b""]), Err(DpopProofRepeated)),
        ("two in one header", headers(&[&[&proof[..], b",", &proof].concat()]), Err(DpopProofRepeated)),
        ("a comma at the end", headers(&[&[&proof[..], b","].concat()]), Err(DpopProofRepeated)),
        ("two, of which one is too large", headers(&[&proof, &[b'a'; 9000]]), Err(DpopProofRepeated)),
    ]);
}

#[test]
fn proof_of_other_form_is_malformed() {
    let proof = valid();
    let parts: Vec<&str> = proof.split('.').collect();
    let [header, payload, signature] = parts[..] else { unreachable!() };
    let rows = [
        ("empty", String::new()),
        ("one segment", header.to_owned()),
        ("two segments", format!("{header}.{payload}")),
        ("four segments", format!("{proof}.{signature}")),
        ("five segments", format!("{proof}.{payload}.{signature}")),
        ("dots", "..".to_owned()),
        ("empty header", format!(".{payload}.{signature}")),
        ("empty payload", format!("{header}..{signature}")),
        ("empty signature", format!("{header}.{payload}.")),
        ("padding", format!("{header}.{payload}.{signature}==")),
        ("padded payload", format!("{header}.{payload}=.{signature}")),
        ("the other alphabet", format!("{header}.{payload}.+/{}", &signature[2..])),
        ("trailing bits", format!("{header}.{payload}.{}B", &signature[..85])),
        ("a space inside", format!("{header}. {payload}.{signature}")),
        ("a scheme before the proof", format!("DPoP {proof}")),
        ("header no JSON", format!("{}.{payload}.{signature}", b64("x"))),
        ("header an array", format!("{}.{payload}.{signature}", b64("[]"))),
        ("payload null", format!("{header}.{}.{signature}", b64("null"))),
        ("payload a string", format!("{header}.{}.{signature}", b64("\"x\""))),
        ("payload twice", format!("{header}.{}.{signature}", b64("{}{}"))),
    ];
    let rows = rows.map(|(name, proof)| (name, sent(proof), Err(DpopProofMalformed)));
    assert_results(rows);
    for bytes in [&b"\xff"[..], b"\xff.\xff.\xff", "ä.ö.ü".as_bytes(), b"a.b.\0"] {
        assert_eq!(sent(bytes).verify(), Err(DpopProofMalformed), "{}", bytes.escape_ascii());
    }
}

#[test]
fn member_repeated_or_too_deep_is_malformed() {
    let key_repeated =
        |proof: Proof| proof.edit_header(|header| header.replacen(r#""jwk":{"#, r#""jwk":{"kty":"EC","#, 1));
    let escaped =
        |proof: Proof| proof.edit_payload(|payload| payload.replacen('{', r#"{"\u0068tm":"GET","#, 1));
    let deep = |depth| format!("{{\"v\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let valid = valid();
    let (_, rest) = valid.split_once('.').unwrap();
    assert_results([
        ("claim repeated", Case::new(|proof| proof.repeated("htm", "GET")), Err(DpopProofMalformed)),
        ("claim repeated with an escape", Case::new(escaped), Err(DpopProofMalformed)),
        (
            "header member repeated",
            Case::new(|proof| proof.repeated_header("typ", "dpop+jwt")),
            Err(DpopProofMalformed),
        ),
        ("member of the key repeated", Case::new(key_repeated), Err(DpopProofMalformed)),
        ("too deep", sent(format!("{}.{rest}", b64(deep(127)))), Err(DpopProofMalformed)),
        ("within the limit", sent(format!("{}.{rest}", b64(deep(126)))), Err(DpopTypeNotAllowed)),
    ]);
}

/// Makes rows with a member of the JOSE header.
fn rows(name: &str, values: &[Value], expected: Rejection) -> Vec<(String, Case, Result<(), Rejection>)> {
    let row = |value: &Value| {
        let case = Case::new(|proof| proof.headers(json!({ name: value })));
        (format!("{name} {value}"), case, Err(expected))
    };
    values.iter().map(row).collect()
}

#[test]
fn header_member_not_accepted_is_rejected() {
    let types = [
        json!(null),
        json!(""),
        json!("JWT"),
        json!("at+jwt"),
        json!("dpop"),
        json!("DPoP+JWT"),
        json!("dpop+jwt "),
        json!("application/dpop+jwt"),
        json!(["dpop+jwt"]),
        json!(1),
    ];
    assert_results(rows("typ", &types, DpopTypeNotAllowed));
    // `headers` removes a null member, so `crit: null` has its own row.
    let extensions = [json!([]), json!(["exp"]), json!(["b64"]), json!("b64")];
    assert_results(rows("crit", &extensions, DpopCriticalExtension));
    assert_results(rows("b64", &[json!(false), json!(true)], DpopCriticalExtension));
    let null_extension = Case::new(|proof| proof.header("crit", Value::Null));
    assert_eq!(null_extension.verify(), Err(DpopCriticalExtension));
    let algorithms = [
        json!(null),
        json!("none"),
        json!("None"),
        json!(""),
        json!("HS256"),
        json!("PS256"),
        json!("EdDSA"),
        json!("ES256K"),
        json!("es256"),
        json!("ES256 "),
        json!(["ES256"]),
        json!({ "ES256": 1 }),
        json!(256),
    ];
    assert_results(rows("alg", &algorithms, DpopAlgorithmNotAllowed));
}

#[test]
fn proof_changed_after_the_signature_is_rejected() {
    let proof = valid();
    let other = Case::new(|proof| proof.claims(json!({ "jti": "other" })));
    let other = String::from_utf8(other.proofs[0].clone()).unwrap();
    let (message, signature) = proof.rsplit_once('.').unwrap();
    let (other_message, other_signature) = other.rsplit_once('.').unwrap();
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    let der = p256::ecdsa::Signature::from_slice(&bytes).unwrap().to_der();
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        format!("{message}.{}", b64(bytes))
    };
    let mut cases: Vec<(String, String)> = vec![
        ("signature of another proof".to_owned(), format!("{message}.{other_signature}")),
        ("payload changed".to_owned(), format!("{other_message}.{signature}")),
        ("DER".to_owned(), format!("{message}.{}", b64(der.as_bytes()))),
        ("zeros".to_owned(), format!("{message}.{}", b64([0; 64]))),
        ("one byte less".to_owned(), format!("{message}.{}", b64(&bytes[..63]))),
        ("one byte more".to_owned(), format!("{message}.{}", b64([&bytes[..], b"\0"].concat()))),
    ];
    cases.extend((0..512).step_by(37).map(|bit| (format!("bit {bit}"), flipped(bit))));
    assert_results(cases.into_iter().map(|(name, proof)| (name, sent(proof), Err(DpopSignatureInvalid))));
}
