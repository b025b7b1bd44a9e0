//! The keys of the token cache.

use std::hash::{Hash, Hasher};

use quick_cache::Equivalent;

/// The number of bytes at the end of a token that determine its hash. The shortest signature has
/// more bytes than this in base64url.
const HASHED_BYTES: usize = 32;

/// A cached token.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct TokenKey(Box<[u8]>);

/// A borrowed token, for a lookup without a copy.
pub(super) struct TokenRef<'a>(pub(super) &'a [u8]);

impl TokenKey {
    pub(super) fn new(token: &[u8]) -> Self {
        Self(token.into())
    }
}

/// Hashes the end of a token. Equality compares all bytes.
fn hash_end<H: Hasher>(token: &[u8], state: &mut H) {
    let start = token.len().saturating_sub(HASHED_BYTES);
    state.write(token.get(start..).unwrap_or_default());
}

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_end(&self.0, state);
    }
}

impl Hash for TokenRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_end(self.0, state);
    }
}

impl Equivalent<TokenKey> for TokenRef<'_> {
    fn equivalent(&self, token: &TokenKey) -> bool {
        *self.0 == *token.0
    }
}
