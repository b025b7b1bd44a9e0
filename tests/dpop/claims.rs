//! The claims of a proof: presence, types, times, method and token.

use okta_authz_filter::rejection::Rejection::{
    DpopClaimMissing, DpopMethodMismatch, DpopProofExpired, DpopProofFromTheFuture, DpopProofMalformed,
    DpopTokenMismatch, DpopTypeNotAllowed,
};
use rsa::sha2::{Digest as _, Sha256};
use serde_json::{Value, json};
use test_support::common::{NOW, Token, b64};

use super::{Case, TOKEN, assert_results};

/// Makes the case of a proof with a claim.
fn claim(name: &str, value: &Value) -> Case {
    Case::new(|proof| proof.claims(json!({ name: value })))
}

#[test]
fn claim_missing_or_of_another_type_is_rejected() {
    let mut rows = Vec::new();
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        rows.push((format!("no {name}"), claim(name, &Value::Null), Err(DpopClaimMissing)));
        let others = [json!(true), json!([]), json!(["GET"]), json!({}), json!({ "iat": 1 })];
        let other = if name == "iat" { json!(NOW.to_string()) } else { json!(NOW) };
        for value in others.into_iter().chain([other]) {
            rows.push((format!("{name} {value}"), claim(name, &value), Err(DpopProofMalformed)));
        }
        let null = Case::new(|proof| proof.claim(name, Value::Null));
        rows.push((format!("{name} null"), null, Err(DpopProofMalformed)));
    }
    assert_results(rows);
    assert_results([
        ("empty jti", claim("jti", &json!("")), Err(DpopProofMalformed)),
        ("jti of 257 bytes", claim("jti", &json!("j".repeat(257))), Err(DpopProofMalformed)),
        (
            "jti of 129 characters with 258 bytes",
            claim("jti", &json!("é".repeat(129))),
            Err(DpopProofMalformed),
        ),
    ]);
}

#[test]
fn issue_time_boundaries_are_inclusive() {
    assert_results([
        ("at the maximum age", Case::new(|proof| proof).after(70), Ok(())),
        ("a second older", Case::new(|proof| proof).after(71), Err(DpopProofExpired)),
        ("at the clock skew", Case::new(|proof| proof).after(-10), Ok(())),
        ("a second later", Case::new(|proof| proof).after(-11), Err(DpopProofFromTheFuture)),
        // The fraction of `iat` is dropped, and so is that of the time of the request.
        ("fraction, old", claim("iat", &json!(NOW as f64 + 0.9)).after(70), Ok(())),
        ("fraction, too old", claim("iat", &json!(NOW as f64 + 0.9)).after(71), Err(DpopProofExpired)),
        ("fraction, future", claim("iat", &json!(NOW as f64 + 10.9)), Ok(())),
        (
            "fraction, too far in the future",
            claim("iat", &json!(NOW as f64 + 11.0)),
            Err(DpopProofFromTheFuture),
        ),
        ("negative", claim("iat", &json!(-1)), Err(DpopProofExpired)),
        ("milliseconds", claim("iat", &json!(NOW * 1000)), Err(DpopProofMalformed)),
        (
            "the last second of the year 9999",
            claim("iat", &json!(253_402_300_799_u64)),
            Err(DpopProofFromTheFuture),
        ),
        ("the year 10000", claim("iat", &json!(253_402_300_800_u64)), Err(DpopProofMalformed)),
        ("beyond doubles", raw_issue_time("1e400"), Err(DpopProofMalformed)),
        ("a huge integer", raw_issue_time(&"9".repeat(300)), Err(DpopProofMalformed)),
        ("an exponent", raw_issue_time("1.75e9"), Ok(())),
    ]);
}

fn raw_issue_time(text: &str) -> Case {
    Case::new(|proof| proof.edit_payload(|payload| payload.replacen(&NOW.to_string(), text, 1)))
}

#[test]
fn expiration_and_start_are_honored() {
    assert_results([
        ("exp within the skew", claim("exp", &json!(NOW)).after(9), Ok(())),
        ("exp past", claim("exp", &json!(NOW)).after(10), Err(DpopProofExpired)),
        ("fraction of exp", claim("exp", &json!(NOW as f64 + 0.9)).after(10), Err(DpopProofExpired)),
        ("exp of another type", claim("exp", &json!("x")), Err(DpopProofMalformed)),
        ("exp beyond the year 9999", claim("exp", &json!(1e300)), Err(DpopProofMalformed)),
        ("nbf within the skew", claim("nbf", &json!(NOW + 10)), Ok(())),
        ("nbf in the future", claim("nbf", &json!(NOW + 11)), Err(DpopProofFromTheFuture)),
        ("fraction of nbf", claim("nbf", &json!(NOW as f64 + 10.1)), Err(DpopProofFromTheFuture)),
        ("nbf of another type", claim("nbf", &json!([])), Err(DpopProofMalformed)),
    ]);
    let proof = claim("exp", &json!(NOW + 20)).verify().unwrap();
    assert_eq!(proof.expires_at, NOW as i64 + 30, "exp and the clock skew");
}

#[test]
fn expires_at_is_the_first_rejected_second() {
    for (issued, exp) in [(0, None), (-70, None), (10, None), (-5, Some(0)), (0, Some(100)), (-30, Some(5))] {
        let at = |offset: i64| NOW.checked_add_signed(offset).unwrap();
        let claims = json!({ "iat": at(issued), "exp": exp.map(at) });
        let case = Case::new(|proof| proof.claims(claims));
        let end = case.verify().unwrap().expires_at;
        let after = end - NOW as i64;
        assert!(case.clone().after(after - 1).verify().is_ok(), "{issued} {exp:?}");
        assert_eq!(case.after(after).verify(), Err(DpopProofExpired), "{issued} {exp:?}");
    }
}

#[test]
fn method_other_or_in_another_case_is_rejected() {
    let mut rows: Vec<_> = ["POST", "get", "Get", "GET ", "", "HEAD"]
        .iter()
        .map(|htm| (format!("{htm:?} for GET"), claim("htm", &json!(htm)), Err(DpopMethodMismatch)))
        .collect();
    let head = Case::new(|proof| proof).to("HEAD", "api.example.com", "/items/1");
    rows.push(("GET for HEAD".to_owned(), head, Err(DpopMethodMismatch)));
    assert_results(rows);
}

#[test]
fn hash_of_another_token_is_rejected() {
    let hash = |token: &str| b64(Sha256::digest(token));
    let hex: String = Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
    let ath = hash(TOKEN);
    assert_results([
        ("another token", claim("ath", &json!(hash("other"))), Err(DpopTokenMismatch)),
        ("padded", claim("ath", &json!(format!("{ath}="))), Err(DpopTokenMismatch)),
        ("empty", claim("ath", &json!("")), Err(DpopTokenMismatch)),
        ("hexadecimal", claim("ath", &json!(hex)), Err(DpopTokenMismatch)),
        ("half", claim("ath", &json!(b64(&Sha256::digest(TOKEN)[..16]))), Err(DpopTokenMismatch)),
        ("of the scheme too", claim("ath", &json!(hash(&format!("DPoP {TOKEN}")))), Err(DpopTokenMismatch)),
        (
            "of a text with a line end",
            claim("ath", &json!(hash(&format!("{TOKEN}\n")))),
            Err(DpopTokenMismatch),
        ),
        ("token changed", Case { token: "other", ..Case::new(|proof| proof) }, Err(DpopTokenMismatch)),
    ]);
}

#[test]
fn access_token_as_proof_is_rejected() {
    let case = Case::new(|proof| proof);
    let token = Token::rfc9068().compact();
    assert_eq!(Case::sent(token, case.jkt).verify(), Err(DpopTypeNotAllowed));
}
