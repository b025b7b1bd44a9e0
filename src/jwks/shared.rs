//! What the workers of one process have in common: a key-value store with compare-and-set.
//!
//! In Envoy it is the shared data of the `vm_id`: process-wide, never expiring, and open to every plugin with the same
//! `vm_id`. So names carry a hash of what the keys are for, and what is read is checked like any input.

use sha2::{Digest as _, Sha256};

use super::fetch::Source;
use super::{KeySet, MAX_DOCUMENT_BYTES};

/// Marks a value that was read, so that it is replaced only if it still stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cas(pub u32);

/// The store.
pub trait SharedData {
    /// The value under a name, if there is one.
    fn get(&self, name: &str) -> Option<(Vec<u8>, Cas)>;

    /// Writes a value if the one that was read still stands; `None` if there was none. False if another was faster.
    fn set(&self, name: &str, value: &[u8], read: Option<Cas>) -> bool;
}

/// The names under which the keys of one source are shared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// Of the [`super::record::Record`].
    pub record: String,
    /// Of the document.
    pub document: String,
    /// Of the place that the issuer has named for its keys.
    pub location: String,
}

impl Names {
    /// Names for the keys of an issuer, as they come from one place. Two configurations that agree on both share them.
    pub fn new(issuers: &[String], cluster: &str, source: &Source) -> Self {
        let mut hash = Sha256::new();
        for part in issuers.iter().map(String::as_str).chain([cluster]).chain(source.parts()) {
            // With their lengths, for no two lists of parts may come to the same bytes.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let id: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let name = |what: &str| format!("okta-authz.{id}.{what}");
        Self { record: name("record"), document: name("keys"), location: name("location") }
    }
}

/// The document as it is shared: the generation it belongs to, and the text that the issuer sent.
pub fn encode_document(generation: u64, document: &[u8]) -> Vec<u8> {
    [&generation.to_le_bytes(), document].concat()
}

/// The keys of a shared document, if it is of this generation and fit to be used.
pub fn decode_document(generation: u64, shared: &[u8]) -> Option<KeySet> {
    if shared.len() > MAX_DOCUMENT_BYTES.saturating_add(8) {
        return None;
    }
    let (of, document) = shared.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*of) != generation {
        return None;
    }
    KeySet::parse(document).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::https_url::HttpsUrl;
    use crate::jwks::discovery::Discovery;

    #[test]
    fn names_differ_with_every_part() {
        let issuers = |list: &[&str]| list.iter().map(|issuer| (*issuer).to_owned()).collect::<Vec<_>>();
        let uri = |url: &str| Source::Uri(HttpsUrl::parse(url).unwrap());
        let discovery = |hosts: &[&str]| {
            let url = HttpsUrl::parse("https://h/").unwrap();
            Source::Discovery(Discovery::new("https://h", &url, issuers(hosts)))
        };
        let names = [
            Names::new(&issuers(&["a"]), "c", &uri("https://h/k")),
            Names::new(&issuers(&["b"]), "c", &uri("https://h/k")),
            Names::new(&issuers(&["a", "c"]), "c", &uri("https://h/k")),
            Names::new(&issuers(&["a"]), "d", &uri("https://h/k")),
            Names::new(&issuers(&["a"]), "c", &uri("https://h/kk")),
            Names::new(&issuers(&["a"]), "c", &uri("https://hh/k")),
            Names::new(&issuers(&["a"]), "c", &discovery(&["h"])),
            Names::new(&issuers(&["a"]), "c", &discovery(&["h", "g"])),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name:?}");
            assert_eq!(name.record.len(), "okta-authz..record".len() + 32);
        }
    }

    #[test]
    fn a_document_is_taken_only_whole_and_of_its_generation() {
        let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let shared = encode_document(7, jwks);
        assert_eq!(decode_document(7, &shared).map(|keys| keys.len()), Some(1));
        assert_eq!(decode_document(8, &shared), None);
        for length in 0..shared.len() {
            assert_eq!(decode_document(7, &shared[..length]), None, "{length}");
        }
        let huge = encode_document(7, &vec![b' '; MAX_DOCUMENT_BYTES + 1]);
        assert_eq!(decode_document(7, &huge), None);
    }
}
