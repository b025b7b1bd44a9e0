//! Nonces: lifetime, keys, realm, and their effect on the times of a proof.

use std::time::Duration;

use okta_authz_filter::dpop::Nonces;
use okta_authz_filter::rejection::Rejection::{
    DpopNonceRequired, DpopNonceStale, DpopProofExpired, DpopProofFromTheFuture,
};
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::{NOW, Signer, b64};

use super::{Case, REALM, assert_results, nonces};

const KEY: [u8; 32] = [1; 32];
const OTHER_KEY: [u8; 32] = [2; 32];
/// Half of the lifetime of the nonces.
const INTERVAL: i64 = 60;

/// Returns the nonce that this key issues some seconds after `NOW`.
fn issued(key: [u8; 32], offset: i64) -> String {
    nonces(&[key]).issue(UnixTime::from_seconds(NOW.checked_add_signed(offset).unwrap()))
}

/// Makes the case of a proof with this nonce, for a filter with these keys.
fn case(nonce: impl Into<Value>, keys: &[[u8; 32]]) -> Case {
    let nonce: Value = nonce.into();
    Case::new(|proof| proof.claims(json!({ "nonce": nonce }))).nonces(keys)
}

#[test]
fn nonce_is_27_characters_of_one_interval() {
    // NOW is the second 40 of its interval.
    assert_eq!(NOW as i64 % INTERVAL, 40);
    let nonce = issued(KEY, 0);
    assert_eq!(nonce.len(), 27);
    // RFC 9449 section 8.1: NQCHAR.
    assert!(nonce.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')));
    assert_eq!(nonce, issued(KEY, 19));
    assert_eq!(nonce, issued(KEY, -40));
    assert_ne!(nonce, issued(KEY, 20));
    assert_ne!(nonce, issued(KEY, -41));
    assert_ne!(nonce, issued(OTHER_KEY, 0));
    // The format is stable, because all processes of a fleet must accept it.
    assert_eq!(nonce, expected_nonce());
}

/// Computes the nonce with another library.
fn expected_nonce() -> String {
    let number = u32::try_from(NOW / 60).unwrap().to_be_bytes();
    let text = [b"okta-authz dpop nonce 1\0api\0", &number[..]].concat();
    b64([&number[..], &Signer::Hs256(KEY.to_vec()).sign(&text)[..16]].concat())
}

#[test]
fn nonce_of_a_neighboring_interval_is_accepted() {
    assert_results([
        ("this interval", case(issued(KEY, 0), &[KEY]), Ok(())),
        ("the previous", case(issued(KEY, -INTERVAL), &[KEY]), Ok(())),
        ("the next", case(issued(KEY, INTERVAL), &[KEY]), Ok(())),
        ("two before", case(issued(KEY, -2 * INTERVAL), &[KEY]), Err(DpopNonceStale)),
        ("three before", case(issued(KEY, -3 * INTERVAL), &[KEY]), Err(DpopNonceStale)),
        ("two after", case(issued(KEY, 2 * INTERVAL), &[KEY]), Err(DpopNonceStale)),
        ("the second key", case(issued(OTHER_KEY, 0), &[KEY, OTHER_KEY]), Ok(())),
        ("the first of two", case(issued(KEY, 0), &[KEY, OTHER_KEY]), Ok(())),
        ("the second key, old", case(issued(OTHER_KEY, -999), &[KEY, OTHER_KEY]), Err(DpopNonceStale)),
        ("a removed key", case(issued(OTHER_KEY, 0), &[KEY]), Err(DpopNonceRequired)),
    ]);
    assert_eq!(nonces(&[KEY, OTHER_KEY]).issue(UnixTime::from_seconds(NOW)), issued(KEY, 0));
}

#[test]
fn nonce_not_issued_here_is_required() {
    let nonce = issued(KEY, 0);
    let other_realm = Nonces::new(vec![KEY], Duration::from_secs(120), "other").unwrap();
    let mut changed = nonce.clone().into_bytes();
    changed[10] ^= 1;
    let rows = [
        ("missing", Value::Null),
        ("empty", json!("")),
        ("another type", json!(1)),
        ("a list", json!([nonce])),
        ("changed", json!(String::from_utf8_lossy(&changed))),
        ("shorter", json!(nonce[..26])),
        ("longer", json!(format!("{nonce}A"))),
        ("padded", json!(format!("{nonce}="))),
        ("no MAC", json!(b64(u32::try_from(NOW / 60).unwrap().to_be_bytes()))),
        ("zeros", json!(b64([0; 20]))),
        ("another realm", json!(other_realm.issue(UnixTime::from_seconds(NOW)))),
        ("Okta's", json!("CcS9WpXJWG5VRXCDPIEv6hjt7BKLhWFW")),
        ("not base64url", json!("+".repeat(27))),
    ];
    assert_results(rows.map(|(name, nonce)| (name, case(nonce, &[KEY]), Err(DpopNonceRequired))));
}

#[test]
fn issue_time_has_five_minutes_with_a_nonce() {
    let at = |offset: i64, issued_at: i64| {
        let iat = NOW.checked_add_signed(issued_at).unwrap();
        let claims = json!({ "nonce": issued(KEY, offset), "iat": iat });
        Case::new(|proof| proof.claims(claims)).nonces(&[KEY])
    };
    let stale = -3 * INTERVAL;
    assert_results([
        ("300 seconds old", at(0, -300), Ok(())),
        ("301 seconds old", at(0, -301), Err(DpopProofExpired)),
        ("300 seconds ahead", at(0, 300), Ok(())),
        ("301 seconds ahead", at(0, 301), Err(DpopProofFromTheFuture)),
        // The client receives a new nonce, and can repeat the request with its wrong clock.
        ("300 seconds old, stale nonce", at(stale, -300), Err(DpopNonceStale)),
        ("301 seconds old, stale nonce", at(stale, -301), Err(DpopProofExpired)),
    ]);
    let mut wide = at(0, -360);
    (wide.requirements.max_age, wide.requirements.clock_skew) = (300, 60);
    assert!(wide.verify().is_ok(), "a nonce never narrows the window");
    let without = Case { nonces: None, ..at(0, -71) };
    assert_eq!(without.verify(), Err(DpopProofExpired));
}

#[test]
fn expires_at_is_not_after_the_end_of_the_nonce() {
    for (offset, issued_at) in [(0, 0), (-INTERVAL, 0), (INTERVAL, 0), (0, 300), (0, -300), (INTERVAL, -299)]
    {
        let iat = NOW.checked_add_signed(issued_at).unwrap();
        let claims = json!({ "nonce": issued(KEY, offset), "iat": iat });
        let case = Case::new(|proof| proof.claims(claims)).nonces(&[KEY]);
        let proof = case.verify().unwrap();
        assert_eq!(proof.earliest_issued_at, NOW as i64 - 300);
        let after = proof.expires_at - NOW as i64;
        assert!(case.clone().after(after - 1).verify().is_ok(), "{offset} {issued_at}");
        assert!(case.after(after).verify().is_err(), "{offset} {issued_at}");
    }
}

#[test]
fn nonces_without_key_or_lifetime_are_none() {
    let new = |keys: &[[u8; 32]], millis| Nonces::new(keys.to_vec(), Duration::from_millis(millis), REALM);
    assert!(new(&[], 120_000).is_none() && new(&[KEY], 1).is_none() && new(&[KEY], 30_000).is_some());
    assert_eq!(format!("{:?}", nonces(&[KEY])), "Nonces(<redacted>)");
}
