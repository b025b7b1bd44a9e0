//! Tests of JWK Sets in which keys or key IDs occur more than once, and of the remarks on skipped
//! entries.

use std::sync::Arc;

use super::tests::{N, rsa, set};
use super::*;
use crate::crypto::PublicKey;

/// Returns one of six RSA keys that differ. The modulus of each passes the checks of this module.
pub(super) fn other_rsa(number: usize, rest: &str) -> String {
    let n = N.replacen("iKqi", ["iKqj", "iKqk", "iKql", "iKqm", "iKqn", "iKqo"][number], 1);
    format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"{rest}}}"#)
}

/// Returns the indexes of the candidate keys.
fn candidates(keys: &KeySet, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<usize>, Rejection> {
    let all: Vec<_> = keys.keys.iter().map(|key| &key.public_key).collect();
    let index = |key: &Arc<PublicKey>| all.iter().position(|one| Arc::ptr_eq(one, key)).unwrap();
    keys.find(id, algorithm).map(|found| found.iter().map(index).collect())
}

#[test]
fn key_set_with_equal_keys_of_one_kid_merges_their_algorithms() {
    use Algorithm::{ES256, PS256, RS256, RS512};
    let plain = || rsa(r#","kid":"k""#);
    let padded = || plain().replace(N, &format!("AA{N}")).replace("AQAB", "AAEAAQ");
    let only = |algorithm: &str| rsa(&format!(r#","kid":"k","alg":"{algorithm}""#));
    let (yes, no) = (Ok(vec![0]), Err(Rejection::KeyMismatch));
    for (name, entries, expected) in [
        ("the same entry", vec![plain(), plain()], [&yes, &yes, &yes]),
        ("the same entry, five times", vec![plain(); 5], [&yes, &yes, &yes]),
        ("without and with alg", vec![plain(), only("RS256")], [&yes, &yes, &yes]),
        ("with and without alg", vec![only("RS256"), plain()], [&yes, &yes, &yes]),
        ("with alg, twice", vec![only("RS256"), only("RS256")], [&yes, &no, &no]),
        ("with two algs", vec![only("RS256"), only("RS512")], [&yes, &yes, &no]),
        ("with the alg of another key type", vec![only("RS256"), only("ES256")], [&yes, &no, &no]),
        (
            "with an entry for encryption",
            vec![only("RS256"), rsa(r#","kid":"k","use":"enc""#)],
            [&yes, &no, &no],
        ),
        ("with and without use", vec![rsa(r#","kid":"k","use":"sig""#), plain()], [&yes, &yes, &yes]),
        ("with key_ops", vec![rsa(r#","kid":"k","key_ops":["verify"]"#), plain()], [&yes, &yes, &yes]),
        (
            "with an entry for signing",
            vec![rsa(r#","kid":"k","key_ops":["sign"]"#), only("RS256")],
            [&yes, &no, &no],
        ),
        (
            "with a certificate",
            vec![rsa(r#","kid":"k","x5c":["AA"],"x5t":"a""#), plain()],
            [&yes, &yes, &yes],
        ),
        (
            "with members in another order",
            vec![plain(), format!(r#"{{"kid":"k",{}"#, &rsa("")[1..])],
            [&yes, &yes, &yes],
        ),
        ("numbers with leading zeros", vec![plain(), padded()], [&yes, &yes, &yes]),
    ] {
        let keys = set(&entries).unwrap();
        assert_eq!(keys.len(), 1, "{name}");
        for (algorithm, expected) in [RS256, RS512, PS256].into_iter().zip(expected) {
            assert_eq!(&candidates(&keys, Some("k"), algorithm), expected, "{name}: {algorithm}");
        }
        assert_eq!(candidates(&keys, Some("k"), ES256), no, "{name}");
        assert_eq!(candidates(&keys, Some("other"), RS256), Err(Rejection::KeyUnknown), "{name}");
    }
}

#[test]
fn key_set_with_different_keys_of_one_kid_keeps_the_first_four_per_algorithm() {
    use Algorithm::{ES256, RS256, RS512};
    let point = r#""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
    let ec = format!(r#"{{"kty":"EC","crv":"P-256","kid":"k",{point}}}"#);
    let named = |number, rest: &str| other_rsa(number, &format!(r#","kid":"k"{rest}"#));
    let many: Vec<String> = (0..6).map(|number| named(number, "")).collect();
    let keys = set(&[&many[..], &[many[0].clone(), ec.clone()]].concat()).unwrap();
    assert_eq!(candidates(&keys, Some("k"), RS256), Ok(vec![0, 1, 2, 3]));
    assert_eq!(candidates(&keys, Some("k"), ES256), Ok(vec![4]), "keys of another type do not count");
    let skipped =
        |index| format!("keys[{index}] (kid k) is skipped: four other keys with this `kid` come before it");
    assert_eq!(keys.remarks(), [skipped(4), skipped(5)]);
    // The bound applies to each algorithm.
    let ties: Vec<String> = (0..5).map(|number| named(number, r#","alg":"RS512""#)).collect();
    let keys = set(&[&ties[..], &[named(5, "")]].concat()).unwrap();
    assert_eq!(candidates(&keys, Some("k"), RS512), Ok(vec![0, 1, 2, 3]));
    assert_eq!(candidates(&keys, Some("k"), RS256), Ok(vec![4]));
    assert_eq!(keys.remarks(), [skipped(4)]);
    // A second entry of a key does not bypass the bound.
    let keys = set(&[&[named(5, r#","alg":"RS256""#)], &ties[..4], &[named(5, "")]].concat()).unwrap();
    assert_eq!(candidates(&keys, Some("k"), RS512), Ok(vec![1, 2, 3, 4]));
    assert_eq!(candidates(&keys, Some("k"), RS256), Ok(vec![0]));
    // Keys with another ID do not count.
    let keys = set(&[&many[..4], &[other_rsa(4, r#","kid":"l""#)]].concat()).unwrap();
    assert_eq!(candidates(&keys, Some("l"), RS256), Ok(vec![4]));
}

#[test]
fn find_without_kid_and_several_matching_keys_is_a_mismatch() {
    use Algorithm::{RS256, RS512};
    let (one, mismatch) = (Ok(vec![0]), Err(Rejection::KeyMismatch));
    for (name, entries, expected) in [
        ("one key", vec![rsa("")], &one),
        ("one key twice", vec![rsa(""), rsa("")], &one),
        ("one key without and with kid", vec![rsa(""), rsa(r#","kid":"k""#)], &one),
        ("two keys without kid", vec![rsa(""), other_rsa(0, "")], &mismatch),
        (
            "six keys without kid",
            [vec![rsa("")], (0..5).map(|number| other_rsa(number, "")).collect()].concat(),
            &mismatch,
        ),
        ("two keys with one kid", vec![rsa(r#","kid":"k""#), other_rsa(0, r#","kid":"k""#)], &mismatch),
        (
            "another key for another algorithm",
            vec![rsa(r#","alg":"RS256""#), other_rsa(0, r#","alg":"RS512""#)],
            &one,
        ),
    ] {
        assert_eq!(&candidates(&set(&entries).unwrap(), None, RS256), expected, "{name}");
    }
    let tied = set(&[rsa(r#","alg":"RS256""#)]).unwrap();
    assert_eq!(candidates(&tied, None, RS512), mismatch);
    let named = set(&[rsa("")]).unwrap();
    assert_eq!(
        candidates(&named, Some("k"), RS256),
        Err(Rejection::KeyUnknown),
        "a key without `kid` does not match a `kid`"
    );
}

#[test]
fn remarks_of_skipped_entries_have_the_reason_and_no_byte_of_the_key() {
    let good = || rsa(r#","kid":"good""#);
    for (bad, expected) in [
        ("null".to_owned(), "keys[1] is skipped: it is not an object"),
        (rsa(r#","kid":7"#), "keys[1] is skipped: `kid` is not a string of 1 to 256 bytes"),
        (rsa(r#","kid":"e","use":"enc""#), "keys[1] (kid e) is skipped: `use` is not `sig`"),
        (
            rsa(r#","kid":"a b\nc%","key_ops":[]"#),
            "keys[1] (kid a%20b%0Ac%25) is skipped: `key_ops` does not list `verify`",
        ),
        (rsa(r#","alg":"RSA-OAEP""#), "keys[1] is skipped: `alg` is not a supported signature algorithm"),
        (rsa(r#","alg":"ES256""#), "keys[1] is skipped: `alg` is for another key type"),
        (
            r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
            "keys[1] is skipped: `kty` and `crv` are not a supported key type",
        ),
        (
            r#"{"kty":"RSA","e":"AQAB"}"#.to_owned(),
            "keys[1] is skipped: a key parameter is missing, or is not base64url without padding",
        ),
        (
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
            "keys[1] is skipped: the RSA modulus does not have 2048 to 8192 bits",
        ),
        (rsa("").replace("AQAB", "Ag"), "keys[1] is skipped: modulus and exponent are not a valid RSA key"),
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, "A".repeat(43)),
            "keys[1] is skipped: the point is not on the curve, or is weak",
        ),
    ] {
        let document = format!(r#"{{"keys":[{},{bad}]}}"#, good());
        assert_eq!(KeySet::read(document.as_bytes()).unwrap().remarks(), [expected]);
        let alone = KeySet::read(format!(r#"{{"keys":[{bad}]}}"#).as_bytes()).unwrap_err();
        assert_eq!(
            alone,
            format!("the document has no usable signing key; {}", expected.replace("[1]", "[0]"))
        );
    }
    let long = rsa(&format!(r#","kid":"{}","use":"enc""#, "é ".repeat(80)));
    let keys = set(&[&vec![long; 60][..], &[good()]].concat()).unwrap();
    assert_eq!(keys.remarks().len(), MAX_REMARKS + 1);
    assert_eq!(keys.remarks().last().map(String::as_str), Some("52 more entries of `keys` are skipped"));
    assert!(keys.remarks().iter().all(|remark| remark.len() < 150 && remark.is_ascii()), "{keys:?}");
}
