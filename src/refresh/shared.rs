//! The store that the workers of one process share: keys and values with compare-and-set.
//!
//! In Envoy it is the shared data of the `vm_id`. It is process-wide, its values never expire, and
//! every plugin with the same `vm_id` can write it. So a key contains a hash of the source, and
//! every value is untrusted input.

use sha2::{Digest as _, Sha256};

use super::response::entity_tag;
use super::source::{self, Document};
use super::state::VERSION;

/// The version of a value that was read. A write with this token succeeds only if the value has not
/// changed since.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CasToken(pub u32);

/// A key-value store with compare-and-set.
pub trait SharedData {
    /// Returns the value of a key, and its token.
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)>;

    /// Writes a value if the value of the key has not changed since it was read. `read` is `None`
    /// if there was no value. Returns false if another worker has written the key.
    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool;
}

/// The keys under which the workers share the values of one source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SharedKeys {
    source_id: String,
    /// The key of the encoded [`RefreshState`](super::state::RefreshState).
    pub state: String,
    /// The key of the document.
    pub document: String,
}

impl SharedKeys {
    /// Derives the keys from the parts that identify a source. Two configurations share the values
    /// of a source if all parts are equal.
    pub fn new(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        // During an update of the module, workers with both versions share the store.
        hash.update(VERSION.to_le_bytes());
        for part in parts {
            // Lengths keep two lists of parts from having the same bytes.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let source_id: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { state: key(&source_id, "record"), document: key(&source_id, "document"), source_id }
    }

    /// Returns the key of another value of this source.
    pub fn key(&self, name: &str) -> String {
        key(&self.source_id, name)
    }
}

fn key(source_id: &str, name: &str) -> String {
    format!("okta-authz.{source_id}.{name}")
}

/// Encodes a document for the shared store: its generation in eight bytes, the length of its ETag
/// in one byte, its ETag, and its text.
pub(super) fn encode_document(generation: u64, etag: Option<&str>, text: &[u8]) -> Vec<u8> {
    let etag = etag.unwrap_or_default();
    let (length, etag) = u8::try_from(etag.len()).map_or((0, ""), |length| (length, etag));
    [&generation.to_le_bytes(), &[length][..], etag.as_bytes(), text].concat()
}

/// Decodes a document and its ETag from untrusted bytes. Returns `None` for another generation, and
/// for a document that does not parse.
pub(super) fn decode_document<D: Document>(generation: u64, shared: &[u8]) -> Option<(D, Option<String>)> {
    let (encoded, rest) = shared.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*encoded) != generation {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (etag, text) = rest.split_at_checked(usize::from(*length))?;
    Some((source::read(text).ok()?, entity_tag(etag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::KeySet;

    #[test]
    fn shared_keys_differ_if_a_part_differs() {
        let keys =
            [&["a"][..], &["b"], &["a", "b"], &["ab"], &["", "ab"], &["ab", ""], &[]].map(SharedKeys::new);
        for (index, shared_keys) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(shared_keys), "{shared_keys:?}");
            assert_eq!(shared_keys.state.len(), "okta-authz..record".len() + 32);
        }
    }

    #[test]
    fn decode_document_truncated_or_of_another_generation_is_none() {
        let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let shared = encode_document(7, Some("\"a\""), jwks);
        let decode = |generation, shared: &[u8]| decode_document::<KeySet>(generation, shared);
        let decoded = decode(7, &shared).map(|(keys, etag)| (keys.len(), etag));
        assert_eq!(decoded, Some((1, Some("\"a\"".to_owned()))));
        assert_eq!(decode(8, &shared), None);
        for length in 0..shared.len() {
            assert_eq!(decode(7, &shared[..length]), None, "{length}");
        }
        let padded = |length: usize| [&jwks[..], &vec![b' '; length - jwks.len()]].concat();
        let decode_padded = |length| decode(7, &encode_document(7, None, &padded(length)));
        assert_eq!(decode_padded(KeySet::MAX_BYTES).map(|(_, etag)| etag), Some(None));
        assert_eq!(decode_padded(KeySet::MAX_BYTES + 1), None);
    }
}
