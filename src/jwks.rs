//! JWK Sets (RFC 7517): the signing keys of one issuer.

mod candidates;
pub mod discovery;
#[cfg(test)]
mod duplicate_key_tests;
mod key;
#[cfg(test)]
mod limit_tests;
pub mod remote;
pub mod source;
pub mod unknown_kids;

use std::fmt;

use crate::crypto::Algorithm;
use crate::json::{self, Object, Value};
use crate::refresh::source::Document;
use crate::rejection::Rejection;
use key::{AlgorithmSet, Key, SkipReason};

pub use candidates::{Candidates, MAX_CANDIDATES};

/// The maximum number of entries of a JWK Set. A larger one is invalid.
const MAX_KEYS: usize = 100;

/// The maximum number of skipped entries with a separate remark. One more remark counts the others.
const MAX_REMARKS: usize = 8;

/// The usable signing keys of one issuer, at least one, and remarks on the skipped entries.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<String>,
}

/// The reason why a document is not a usable JWK Set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeySetError {
    /// The document is not a JSON object with an array `keys`, or a member occurs twice.
    Malformed,
    /// The document has more than [`MAX_KEYS`] entries.
    TooManyKeys,
    /// No entry is a usable signing key.
    NoUsableKey,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the document is not a JWK Set"),
            Self::TooManyKeys => write!(f, "the document has more than {MAX_KEYS} keys"),
            Self::NoUsableKey => f.write_str("the document has no usable signing key"),
        }
    }
}

impl KeySet {
    /// Parses a JWK Set. Skips unusable keys (RFC 7517 section 5), because an issuer may publish
    /// encryption keys and key types that this version does not support.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let members = json::parse_object(document).map_err(|_| KeySetError::Malformed)?;
        Self::from_members(&members)
    }

    /// Parses a JWK Set from the members of its JSON object.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn from_members(members: &Object) -> Result<Self, KeySetError> {
        let set = Self::collect(members)?;
        if set.keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(set) }
    }

    /// Parses all entries. The set may have no usable key.
    fn collect(members: &Object) -> Result<Self, KeySetError> {
        let Some(Value::Array(jwks)) = members.get("keys") else { return Err(KeySetError::Malformed) };
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let (mut set, mut unreported) = (Self::default(), 0_usize);
        for (index, jwk) in jwks.iter().enumerate() {
            match Key::parse(jwk).and_then(|key| set.add(key)) {
                Ok(()) => {}
                Err(reason) if set.skipped.len() < MAX_REMARKS => set.skipped.push(reason.remark(index, jwk)),
                Err(_) => unreported = unreported.saturating_add(1),
            }
        }
        if unreported > 0 {
            set.skipped.push(format!("{unreported} more entries of `keys` are skipped"));
        }
        Ok(set)
    }

    /// Adds a key. Entries with equal key and key ID become one key with the algorithms of all of
    /// them, because each entry alone would allow its algorithms.
    ///
    /// # Errors
    /// [`SkipReason::TooManyWithKeyId`] if enough keys with this ID come before it.
    fn add(&mut self, mut key: Key) -> Result<(), SkipReason> {
        key.algorithms = self.available_algorithms(&key);
        let is_equal = |other: &&mut Key| other.id == key.id && other.public_key == key.public_key;
        match self.keys.iter_mut().find(is_equal) {
            Some(equal) => equal.algorithms = equal.algorithms.union(key.algorithms),
            None if key.algorithms.is_empty() => return Err(SkipReason::TooManyWithKeyId),
            None => self.keys.push(key),
        }
        Ok(())
    }

    /// Returns the algorithms of a key for which fewer than [`MAX_CANDIDATES`] keys have its key
    /// ID. Keys without an ID need no bound, because the filter never tries several of them.
    fn available_algorithms(&self, key: &Key) -> AlgorithmSet {
        let count_with_id = |algorithm: Algorithm| {
            let is_candidate = |other: &&Key| other.id == key.id && other.algorithms.contains(algorithm);
            self.keys.iter().filter(is_candidate).count()
        };
        let is_available =
            |algorithm: &Algorithm| key.id.is_none() || count_with_id(*algorithm) < MAX_CANDIDATES;
        key.algorithms.iter().filter(is_available).collect()
    }

    /// Finds the keys with the key ID and the algorithm of a token: usually one, and several if the
    /// issuer has published different keys with one ID.
    ///
    /// If the token has no key ID, exactly one key must have the algorithm. Otherwise an attacker
    /// could choose among several.
    ///
    /// # Errors
    /// [`Rejection::KeyUnknown`] if no key has that ID. [`Rejection::KeyMismatch`] if no key with
    /// that ID has the algorithm, or if the token has no key ID and several keys have the
    /// algorithm.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Candidates<'_>, Rejection> {
        let mut with_id = self.keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id).peekable();
        if with_id.peek().is_none() {
            return Err(Rejection::KeyUnknown);
        }
        let mut matching =
            with_id.filter(|key| key.algorithms.contains(algorithm)).map(|key| &key.public_key);
        let first = matching.next().ok_or(Rejection::KeyMismatch)?;
        if id.is_none() && matching.any(|other| other != first) {
            return Err(Rejection::KeyMismatch);
        }
        Ok(Candidates::new(first, matching))
    }

    /// Adds the keys of `pinned` whose key ID is not in this set.
    pub(crate) fn merged_with(mut self, pinned: &Self) -> Self {
        let more: Vec<Key> =
            pinned.keys.iter().filter(|pin| self.keys.iter().all(|key| key.id != pin.id)).cloned().collect();
        self.keys.extend(more);
        self
    }

    /// Returns the number of keys, which is not zero.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns false: a set without a usable key is a [`KeySetError`].
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Document for KeySet {
    /// Okta's documents have two or three keys and about 1.5 KiB.
    const MAX_BYTES: usize = 256 * 1024;

    fn read(text: &[u8]) -> Result<Self, String> {
        let members = json::parse_object(text).map_err(|_| KeySetError::Malformed.to_string())?;
        let set = Self::collect(&members).map_err(|error| error.to_string())?;
        if set.keys.is_empty() {
            let reasons = set.skipped.iter().map(|remark| format!("; {remark}"));
            return Err(std::iter::once(KeySetError::NoUsableKey.to_string()).chain(reasons).collect());
        }
        Ok(set)
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn remarks(&self) -> &[String] {
        &self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const N: &str = "iKqiD4cr7FZKm6f05K4r-GQOvjRqjOeFmOho9V7SAXYwCyJluaGBLVvDWO1XlduPLOrsG_Wgs67SOG5qeLPR8T1zDK4bfJAo1TvbwYeTwVSfd_0mzRq8WaVc_2JtEK7J-4Z0MdVm_dJmcMHVfDziCRohSZthN__WM2NwGnbewWnla0wpEsU3QMZ05_OxvbBdQZaDUsNSx46is29eCdYwhkAfFd_cFRq3DixLEYUsRwmOqwABwwDjBTNvgZOomrtD8BRFWSTlwsbrNZtJMYU33wuLO9ynFkZnY6qRKVHr3YToIrqNBXw0RWCheTouQ-snfAB6wcE2WDN3N5z760ejqQ";

    pub(super) fn rsa(rest: &str) -> String {
        format!(r#"{{"kty":"RSA","n":"{N}","e":"AQAB"{rest}}}"#)
    }

    pub(super) fn set(keys: &[String]) -> Result<KeySet, KeySetError> {
        KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn key_set_from_an_invalid_document_is_an_error() {
        for (name, document, expected) in [
            ("empty", "", KeySetError::Malformed),
            ("HTML", "<!doctype html><title>Down</title>", KeySetError::Malformed),
            ("truncated", r#"{"keys":[{"kty":"RSA""#, KeySetError::Malformed),
            ("an array", "[]", KeySetError::Malformed),
            ("no keys", "{}", KeySetError::Malformed),
            ("keys of the wrong type", r#"{"keys":{}}"#, KeySetError::Malformed),
            ("duplicate member", r#"{"keys":[],"keys":[]}"#, KeySetError::Malformed),
            ("an Okta error", r#"{"errorCode":"E0000047","errorCauses":[]}"#, KeySetError::Malformed),
            ("empty keys", r#"{"keys":[]}"#, KeySetError::NoUsableKey),
            ("no entry is a key", r#"{"keys":[null,1,"x",[],{}]}"#, KeySetError::NoUsableKey),
        ] {
            assert_eq!(KeySet::parse(document.as_bytes()), Err(expected), "{name}");
        }
        assert_eq!(set(&vec!["{}".to_owned(); MAX_KEYS + 1]), Err(KeySetError::TooManyKeys));
    }

    #[test]
    fn key_set_with_an_unusable_key_skips_only_that_key() {
        let good = rsa(r#","kid":"good","use":"sig","alg":"RS256","x5t":"ignored""#);
        for (name, bad) in [
            ("for encryption", rsa(r#","use":"enc""#)),
            ("use of the wrong type", rsa(r#","use":["sig"]"#)),
            ("for signing only", rsa(r#","key_ops":["sign"]"#)),
            ("key_ops of the wrong type", rsa(r#","key_ops":"verify""#)),
            ("an unknown algorithm", rsa(r#","alg":"RS1""#)),
            ("an algorithm of another key type", rsa(r#","alg":"ES256""#)),
            ("alg of the wrong type", rsa(r#","alg":1"#)),
            ("an empty kid", rsa(r#","kid":"""#)),
            ("kid of the wrong type", rsa(r#","kid":1"#)),
            ("symmetric", r#"{"kty":"oct","k":"c2VjcmV0","kid":"k"}"#.to_owned()),
            ("small", r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned()),
            ("n in padded base64", format!(r#"{{"kty":"RSA","n":"{N}=","e":"AQAB"}}"#)),
            ("n of the wrong type", r#"{"kty":"RSA","n":[],"e":"AQAB"}"#.to_owned()),
            ("no n", r#"{"kty":"RSA","e":"AQAB"}"#.to_owned()),
            ("off the curve", format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, "A".repeat(43))),
            ("a key agreement curve", r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#.to_owned()),
        ] {
            assert_eq!(set(std::slice::from_ref(&bad)), Err(KeySetError::NoUsableKey), "{name}");
            assert_eq!(set(&[bad.clone(), good.clone(), bad]).unwrap().len(), 1, "{name}");
        }
    }

    #[test]
    fn find_by_kid_and_algorithm_returns_that_key_or_an_error() {
        let keys = set(&[
            rsa(r#","kid":"a","alg":"RS256""#),
            rsa(r#","kid":"b""#),
            rsa(r#","kid":"twice""#),
            rsa(r#","kid":"twice""#),
        ])
        .unwrap();
        use Algorithm::{ES256, PS256, RS256};
        assert!(keys.find(Some("a"), RS256).is_ok());
        assert!(keys.find(Some("b"), PS256).is_ok());
        assert_eq!(keys.find(Some("a"), PS256), Err(Rejection::KeyMismatch), "its `alg` is RS256");
        assert_eq!(keys.find(Some("b"), ES256), Err(Rejection::KeyMismatch));
        assert_eq!(keys.find(Some("c"), RS256), Err(Rejection::KeyUnknown));
        assert_eq!(keys.find(Some("twice"), RS256).unwrap().iter().count(), 1, "one key, listed twice");
        assert!(keys.find(None, RS256).is_ok(), "four entries, and one key");
        assert!(set(&[rsa("")]).unwrap().find(None, RS256).is_ok());
    }

    #[test]
    fn merged_with_pinned_keys_adds_and_does_not_replace() {
        let remote = set(&[rsa(r#","kid":"a","alg":"RS256""#)]).unwrap();
        let pinned = set(&[rsa(r#","kid":"a","alg":"RS512""#), rsa(r#","kid":"p""#)]).unwrap();
        let merged = remote.merged_with(&pinned);
        assert_eq!(merged.len(), 2);
        assert!(merged.find(Some("a"), Algorithm::RS256).is_ok());
        assert!(merged.find(Some("p"), Algorithm::RS256).is_ok());
    }
}
