//! The digest that identifies a token in tables, so that they do not contain the token.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of a token.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TokenDigest(pub(crate) [u8; 32]);

impl TokenDigest {
    /// Returns the digest of a token.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(<redacted>)")
    }
}
