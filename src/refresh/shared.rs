//! What the workers of one process have in common: a key-value store with compare-and-set.
//!
//! In Envoy it is the shared data of the `vm_id`: process-wide, never expiring, and open to every plugin with the same
//! `vm_id`. So names carry a hash of what the keys are for, and what is read is checked like any input.

use sha2::{Digest as _, Sha256};

use super::source::{self, Document};

/// Marks a value that was read, so that it is replaced only if it still stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CasToken(pub u32);

/// The store.
pub trait SharedData {
    /// The value under a name, if there is one.
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)>;

    /// Writes a value if the one that was read still stands; `None` if there was none. False if another was faster.
    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool;
}

/// The names under which the values of one source are shared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SharedKeys {
    id: String,
    /// Of the [`super::state::RefreshState`].
    pub record: String,
    /// Of the document.
    pub document: String,
}

impl SharedKeys {
    /// Names for what comes from one place. Two configurations that agree on all these parts share them.
    pub fn new(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // With their lengths, for no two lists of parts may come to the same bytes.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let id: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { record: name(&id, "record"), document: name(&id, "document"), id }
    }

    /// The name of something else that is shared about the same source.
    pub fn of(&self, what: &str) -> String {
        name(&self.id, what)
    }
}

fn name(id: &str, what: &str) -> String {
    format!("okta-authz.{id}.{what}")
}

/// The document as it is shared: the generation it belongs to, and the text that was fetched.
pub(super) fn encode_document(generation: u64, text: &[u8]) -> Vec<u8> {
    [&generation.to_le_bytes(), text].concat()
}

/// A shared document, if it is of this generation and fit to be used.
pub(super) fn decode_document<D: Document>(generation: u64, shared: &[u8]) -> Option<D> {
    let (of, text) = shared.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*of) != generation {
        return None;
    }
    source::read(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::KeySet;

    #[test]
    fn names_differ_with_every_part() {
        let names =
            [&["a"][..], &["b"], &["a", "b"], &["ab"], &["", "ab"], &["ab", ""], &[]].map(SharedKeys::new);
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name:?}");
            assert_eq!(name.record.len(), "okta-authz..record".len() + 32);
        }
    }

    #[test]
    fn a_document_is_taken_only_whole_and_of_its_generation() {
        let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let shared = encode_document(7, jwks);
        let decode = decode_document::<KeySet>;
        assert_eq!(decode(7, &shared).map(|keys| keys.len()), Some(1));
        assert_eq!(decode(8, &shared), None);
        for length in 0..shared.len() {
            assert_eq!(decode(7, &shared[..length]), None, "{length}");
        }
        let padded = |length: usize| [&jwks[..], &vec![b' '; length - jwks.len()]].concat();
        assert!(decode(7, &encode_document(7, &padded(KeySet::MAX_BYTES))).is_some());
        assert_eq!(decode(7, &encode_document(7, &padded(KeySet::MAX_BYTES + 1))), None);
    }
}
