//! The document that the filters poll, with its ETag.

use std::collections::BTreeMap;

use okta_authz_filter::denylist::Denylist;
use okta_authz_filter::refresh::source::Document as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::entry::{self, Key, Times};

/// The size limit of the filter for the document, in bytes.
pub(super) const MAX_BYTES: usize = Denylist::MAX_BYTES;

/// The denylist as a response body.
pub(super) struct Served {
    pub(super) body: String,
    /// A strong entity tag: equal entries have equal tags on every receiver.
    pub(super) etag: String,
    pub(super) count: usize,
    /// The time in seconds at which the first entry ends, and the document changes.
    pub(super) ends_at: i64,
}

impl Served {
    /// Makes the document of the entries that have not ended.
    pub(super) fn new(entries: &BTreeMap<Key, Times>, now: i64) -> Self {
        let current = || entries.iter().filter(|(_, times)| times.until > now);
        let list: Vec<_> = current().map(|(key, times)| entry::to_json(key, *times)).collect();
        let body = json!({ "entries": list }).to_string();
        Self {
            etag: format!("\"{}\"", hex(&Sha256::digest(&body), 16)),
            count: list.len(),
            ends_at: current().map(|(_, times)| times.until).min().unwrap_or(i64::MAX),
            body,
        }
    }
}

/// Returns an upper bound of the length of an entry in the document, with its comma.
pub(super) fn entry_bytes(key: &Key) -> usize {
    let times = Times { authenticated_before: i64::from(u32::MAX), until: i64::from(u32::MAX) };
    entry::to_json(key, times).to_string().len().saturating_add(1)
}

/// Returns the first bytes of a digest as lower-case hexadecimal digits.
pub(super) fn hex(digest: &[u8], bytes: usize) -> String {
    digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}
