//! Algorithms, public keys, and the one capability the core is given from outside: checking a signature.
//!
//! Two things implement [`SignatureVerifier`]: [`software::Software`] everywhere, and the host's native crypto
//! on wasm32. Both are run over the same tests.

pub mod ecdsa;
pub mod envoy;
mod key;
pub mod known_answer;
pub mod software;
pub mod spki;

use std::fmt;

pub use key::{Curve, KeyError, PublicKey};

/// A JWS signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
///
/// The list is closed: `none` and the symmetric `HS*` cannot even be named.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs, reason = "the names are the standard's own")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 10] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
    ];

    /// The algorithm of that name, compared exactly: `rs256` is nobody.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The curve that an ECDSA algorithm is tied to (RFC 7518 section 3.4).
    pub const fn curve(self) -> Option<Curve> {
        match self {
            Self::ES256 => Some(Curve::P256),
            Self::ES384 => Some(Curve::P384),
            Self::ES512 => Some(Curve::P521),
            _ => None,
        }
    }

    /// Whether this is an RSA algorithm, of either padding.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a signature was not found good. The two must never be confused: one is the token's fault, one is ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureError {
    /// It was checked, and it does not hold.
    Invalid,
    /// It could not be checked: neither valid nor invalid.
    Unavailable,
}

/// Something that can check a signature.
pub trait SignatureVerifier {
    /// Checks `signature`, as it stands in a JWS, over exactly these bytes.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] if it does not hold, [`SignatureError::Unavailable`] if that could not be found
    /// out with this algorithm and key.
    fn verify(
        &self,
        algorithm: Algorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError>;
}

/// Asks the first verifier, and the second where the first could not tell.
#[derive(Clone, Copy, Debug)]
pub struct WithFallback<A, B>(pub A, pub B);

impl<A: SignatureVerifier, B: SignatureVerifier> SignatureVerifier for WithFallback<A, B> {
    fn verify(
        &self,
        algorithm: Algorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        match self.0.verify(algorithm, key, message, signature) {
            Err(SignatureError::Unavailable) => self.1.verify(algorithm, key, message, signature),
            told => told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(Result<(), SignatureError>);

    impl SignatureVerifier for Says {
        fn verify(&self, _: Algorithm, _: &PublicKey, _: &[u8], _: &[u8]) -> Result<(), SignatureError> {
            self.0
        }
    }

    #[test]
    fn only_an_unavailable_verifier_is_doubted() {
        let key = PublicKey::ed25519(&[
            215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218,
            166, 35, 37, 175, 2, 26, 104, 247, 7, 81, 26,
        ])
        .unwrap();
        let (good, bad, dumb) = (Ok(()), Err(SignatureError::Invalid), Err(SignatureError::Unavailable));
        for (first, second, expected) in
            [(good, bad, good), (bad, good, bad), (dumb, good, good), (dumb, bad, bad)]
        {
            let both = WithFallback(Says(first), Says(second));
            assert_eq!(both.verify(Algorithm::EdDSA, &key, b"", b""), expected);
        }
    }

    #[test]
    fn names_are_exact_and_nothing_symmetric_has_one() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        for name in ["none", "None", "HS256", "rs256", "RS256 ", "ES256K", "Ed25519", ""] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
