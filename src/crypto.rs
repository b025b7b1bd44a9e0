//! Signature algorithms, public keys, and verification of signatures.
//!
//! [`SignatureVerifier`] has two implementations: [`software::Software`] on every target, and the
//! host's native cryptography on wasm32. Both pass the same test vectors.

mod ecdsa;
pub mod envoy;
mod key;
pub mod known_answer;
mod p521;
pub mod software;
mod spki;

use std::fmt;

pub use key::{Curve, KeyError, PublicKey};

/// A JWS signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
///
/// The type has neither `none` nor the symmetric algorithms `HS256`, `HS384` and `HS512`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs, reason = "registered names")]
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
    /// All algorithms.
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

    /// Returns the algorithm with a registered name; `None` for an unknown name. Case matters.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Returns the name in the IANA registry "JSON Web Signature and Encryption Algorithms".
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

    /// Returns the curve of an ECDSA algorithm (RFC 7518 section 3.4); `None` for another
    /// algorithm.
    pub const fn curve(self) -> Option<Curve> {
        match self {
            Self::ES256 => Some(Curve::P256),
            Self::ES384 => Some(Curve::P384),
            Self::ES512 => Some(Curve::P521),
            _ => None,
        }
    }

    /// Returns whether this is an RSA algorithm with PKCS #1 v1.5 padding.
    pub const fn is_pkcs1(self) -> bool {
        matches!(self, Self::RS256 | Self::RS384 | Self::RS512)
    }

    /// Returns whether this is an RSA algorithm, with PKCS #1 v1.5 or PSS padding.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The reason why a verification failed. An invalid signature results in 401, and an unavailable
/// verifier in 503.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureError {
    /// The verifier checked the signature, and it is invalid.
    Invalid,
    /// The verifier could not check the signature, so it is neither valid nor invalid.
    Unavailable,
}

/// Input of a signature verification.
#[derive(Clone, Copy, Debug)]
pub struct SignatureInput<'a> {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The public key.
    pub key: &'a PublicKey,
    /// The signed bytes; of a JWS, the JWS Signing Input (RFC 7515 section 2).
    pub message: &'a [u8],
    /// The signature in the form of a JWS: ECDSA signatures are r and s without DER (RFC 7518
    /// section 3.4).
    pub signature: &'a [u8],
}

/// Verifier of signatures.
pub trait SignatureVerifier {
    /// Verifies a signature.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] if the signature is invalid or the key is for another algorithm.
    /// [`SignatureError::Unavailable`] if the verifier does not support the algorithm or the key,
    /// or cannot be reached.
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError>;

    /// Returns whether the verifier can verify an algorithm, at least with the usual keys.
    fn supports(&self, _: Algorithm) -> bool {
        true
    }
}

/// A verifier that uses the second verifier if the first is unavailable.
#[derive(Clone, Copy, Debug)]
pub struct WithFallback<A, B>(pub A, pub B);

impl<A: SignatureVerifier, B: SignatureVerifier> SignatureVerifier for WithFallback<A, B> {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        match self.0.verify(input) {
            Err(SignatureError::Unavailable) => self.1.verify(input),
            result => result,
        }
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        self.0.supports(algorithm) || self.1.supports(algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Result<(), SignatureError>);

    impl SignatureVerifier for Fixed {
        fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
            self.0
        }
    }

    #[test]
    fn with_fallback_uses_second_verifier_if_first_is_unavailable() {
        let key = PublicKey::ed25519(&[
            215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218,
            166, 35, 37, 175, 2, 26, 104, 247, 7, 81, 26,
        ])
        .unwrap();
        let (valid, invalid, unavailable) =
            (Ok(()), Err(SignatureError::Invalid), Err(SignatureError::Unavailable));
        for (first, second, expected) in [
            (valid, invalid, valid),
            (invalid, valid, invalid),
            (unavailable, valid, valid),
            (unavailable, invalid, invalid),
        ] {
            let verifier = WithFallback(Fixed(first), Fixed(second));
            let input =
                SignatureInput { algorithm: Algorithm::EdDSA, key: &key, message: b"", signature: b"" };
            assert_eq!(verifier.verify(&input), expected);
        }
    }

    #[test]
    fn from_name_accepts_registered_asymmetric_names_only() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        for name in ["none", "None", "HS256", "rs256", "RS256 ", "ES256K", "Ed25519", ""] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
