//! Limits of JWK Sets, below, at and above; the purposes of keys; and pinned keys whose ID is
//! remote too.

use std::sync::Arc;

use super::duplicate_key_tests::other_rsa;
use super::tests::{rsa, set};
use super::*;
use crate::token::MAX_KEY_ID_BYTES;

#[test]
fn key_set_with_more_than_one_hundred_entries_is_an_error() {
    let with_entries = |count: usize| {
        let mut entries = vec!["{}".to_owned(); count - 1];
        entries.push(rsa(r#","kid":"k""#));
        set(&entries).map(|keys| keys.len())
    };
    for (count, expected) in [
        (MAX_KEYS - 1, Ok(1)),
        (MAX_KEYS, Ok(1)),
        (MAX_KEYS + 1, Err(KeySetError::TooManyKeys)),
        (2 * MAX_KEYS, Err(KeySetError::TooManyKeys)),
    ] {
        assert_eq!(with_entries(count), expected, "{count}");
    }
}

#[test]
fn remarks_beyond_eight_are_counted() {
    for (skipped, remarks, last) in [
        (MAX_REMARKS - 1, MAX_REMARKS - 1, "keys[6] is skipped: it is not an object"),
        (MAX_REMARKS, MAX_REMARKS, "keys[7] is skipped: it is not an object"),
        (MAX_REMARKS + 1, MAX_REMARKS + 1, "1 more entries of `keys` are skipped"),
        (MAX_REMARKS + 2, MAX_REMARKS + 1, "2 more entries of `keys` are skipped"),
    ] {
        let keys = set(&[&vec!["1".to_owned(); skipped][..], &[rsa("")]].concat()).unwrap();
        assert_eq!(keys.remarks().len(), remarks, "{skipped}");
        assert_eq!(keys.remarks().last().map(String::as_str), Some(last), "{skipped}");
    }
}

#[test]
fn kid_of_a_key_has_at_most_256_bytes() {
    for (bytes, expected) in [(1, 1), (MAX_KEY_ID_BYTES, 1), (MAX_KEY_ID_BYTES + 1, 0)] {
        let id = "k".repeat(bytes);
        let found = set(&[rsa(&format!(r#","kid":"{id}""#))]);
        assert_eq!(found.as_ref().map_or(0, KeySet::len), expected, "{bytes}");
        if let Ok(keys) = found {
            assert!(keys.find(Some(&id), Algorithm::RS256).is_ok(), "{bytes}");
            assert_eq!(keys.find(Some(&id[1..]), Algorithm::RS256), Err(Rejection::KeyUnknown), "{bytes}");
        }
    }
}

#[test]
fn key_ops_with_verify_among_others_is_a_signing_key() {
    for (operations, expected) in [
        (r#"["verify"]"#, true),
        (r#"["sign","verify"]"#, true),
        (r#"["verify","sign"]"#, true),
        (r#"["x",1,"verify"]"#, true),
        (r#"["sign"]"#, false),
        (r#"["sign","decrypt"]"#, false),
        (r#"["Verify"]"#, false),
        ("[]", false),
        ("null", false),
        (r#"{"verify":"verify"}"#, false),
    ] {
        let keys = set(&[rsa(&format!(r#","key_ops":{operations}"#))]);
        assert_eq!(keys.is_ok(), expected, "{operations}");
    }
}

/// A pinned key must not become a second key of a remote key ID, wherever that is in the set.
#[test]
fn merged_with_pinned_keys_skips_each_remote_kid() {
    let named = |number: usize, id: &str| other_rsa(number, &format!(r#","kid":"{id}""#));
    let remote = [named(0, "a"), named(1, "b"), named(2, "c")];
    for (name, pinned, added) in [
        ("the first remote ID", vec![named(3, "a")], vec![]),
        ("the second remote ID", vec![named(3, "b")], vec![]),
        ("the last remote ID", vec![named(3, "c")], vec![]),
        ("all remote IDs", vec![named(3, "c"), named(4, "b"), named(5, "a")], vec![]),
        ("another ID", vec![named(3, "d")], vec!["d"]),
        ("a remote ID and another one", vec![named(3, "b"), named(4, "d")], vec!["d"]),
        ("two keys of another ID", vec![named(3, "d"), named(4, "d")], vec!["d", "d"]),
        ("no ID", vec![other_rsa(3, "")], vec![""]),
    ] {
        let fetched = set(&remote).unwrap();
        let merged = fetched.clone().merged_with(&set(&pinned).unwrap());
        let ids: Vec<_> = merged.keys.iter().map(|key| key.id.as_deref().unwrap_or_default()).collect();
        assert_eq!(ids, [&["a", "b", "c"][..], &added].concat(), "{name}");
        for id in ["a", "b", "c"] {
            let of = |keys: &KeySet| -> Vec<_> {
                keys.find(Some(id), Algorithm::RS256).unwrap().iter().map(Arc::clone).collect()
            };
            assert_eq!(of(&merged), of(&fetched), "{name}: the remote key {id}");
        }
    }
}
