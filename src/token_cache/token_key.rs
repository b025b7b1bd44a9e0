//! The keys of the token cache.

use std::hash::{Hash, Hasher};

use quick_cache::Equivalent;

/// The number of bytes at the end of a token that determine its hash. The shortest signature has
/// more bytes than this in base64url.
const HASHED_BYTES: usize = 32;

/// A cached token.
#[derive(Clone, Eq)]
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

/// Compares 16 bytes at a time. In a wasm module, `==` calls the `memcmp` of wasi-libc, which compares
/// single bytes and took half of the instructions of a request with a cached token.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let ((chunks, end), (other_chunks, other_end)) = (one.as_chunks::<16>(), other.as_chunks());
    let equal =
        |(chunk, other): (&[u8; 16], &[u8; 16])| u128::from_ne_bytes(*chunk) == u128::from_ne_bytes(*other);
    one.len() == other.len() && chunks.iter().zip(other_chunks).all(equal) && end == other_end
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        is_equal(&self.0, &other.0)
    }
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
        is_equal(self.0, &token.0)
    }
}

#[cfg(test)]
mod tests {
    use super::is_equal;

    #[test]
    fn equality_considers_every_byte_and_the_length() {
        for len in 0..=65_u8 {
            let token: Vec<u8> = (0..len).collect();
            assert!(is_equal(&token, &token.clone()), "{len}");
            assert!(!is_equal(&token, &[&*token, b"x"].concat()), "{len}");
            for position in 0..token.len() {
                let mut other = token.clone();
                other[position] ^= 0x80;
                assert!(!is_equal(&token, &other), "{len}, {position}");
                assert!(!is_equal(&token, &token[..position]), "{len}, {position}");
            }
        }
    }
}
