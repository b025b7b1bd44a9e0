//! Verification of signatures without the host, with jwt-simple and its libraries.
//!
//! jwt-simple constructs and checks the keys. It verifies only whole tokens, with its own rules for
//! headers and claims. The filter verifies a signature over given bytes, so it calls the library
//! that jwt-simple uses.

use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, ES256PublicKey, ES384PublicKey,
    Ed25519PublicKey, EdDSAPublicKeyLike as _, RSAPublicKey,
};
use p256::ecdsa::signature::Verifier as _;
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;
use superboring::sign::Verifier;

use super::key::Material;
use super::{Algorithm, Curve, SignatureError, SignatureInput, SignatureVerifier};

/// Verifier in Rust.
///
/// Because of the limits of jwt-simple, it is [unavailable](SignatureError::Unavailable) for P-521,
/// for RSA keys of more than 4096 bits, and for RSA exponents other than 65537.
#[derive(Clone, Copy, Debug, Default)]
pub struct Software;

impl SignatureVerifier for Software {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        let SignatureInput { algorithm, key, message, signature } = *input;
        if !key.supports(algorithm) {
            return Err(SignatureError::Invalid);
        }
        match key.material() {
            Material::Rsa { n, e } => verify_rsa(input, n, e),
            Material::Ec { curve: Curve::P256, point } => {
                let key = ES256PublicKey::from_bytes(point).map_err(|_| SignatureError::Unavailable)?;
                let signature =
                    p256::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
                key.public_key().as_ref().verify(message, &signature).map_err(|_| SignatureError::Invalid)
            }
            Material::Ec { curve: Curve::P384, point } => {
                let key = ES384PublicKey::from_bytes(point).map_err(|_| SignatureError::Unavailable)?;
                let signature =
                    p384::ecdsa::Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
                key.public_key().as_ref().verify(message, &signature).map_err(|_| SignatureError::Invalid)
            }
            Material::Ec { curve: Curve::P521, .. } => Err(SignatureError::Unavailable),
            Material::Ed25519 { x } => {
                let key = Ed25519PublicKey::from_bytes(x).map_err(|_| SignatureError::Unavailable)?;
                let signature =
                    ed25519_compact::Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
                key.public_key().as_ref().verify(message, &signature).map_err(|_| SignatureError::Invalid)
            }
        }
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm != Algorithm::ES512
    }
}

fn verify_rsa(input: &SignatureInput<'_>, n: &[u8], e: &[u8]) -> Result<(), SignatureError> {
    let SignatureInput { algorithm, message, signature, .. } = *input;
    let (digest, padding) = match algorithm {
        Algorithm::RS256 => (MessageDigest::sha256(), Padding::PKCS1),
        Algorithm::RS384 => (MessageDigest::sha384(), Padding::PKCS1),
        Algorithm::RS512 => (MessageDigest::sha512(), Padding::PKCS1),
        Algorithm::PS256 => (MessageDigest::sha256(), Padding::PKCS1_PSS),
        Algorithm::PS384 => (MessageDigest::sha384(), Padding::PKCS1_PSS),
        Algorithm::PS512 => (MessageDigest::sha512(), Padding::PKCS1_PSS),
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 | Algorithm::EdDSA => {
            return Err(SignatureError::Invalid);
        }
    };
    // RFC 8017 sections 8.1.2 and 8.2.2, step 1: the signature has the length of the modulus.
    if signature.len() != n.len() {
        return Err(SignatureError::Invalid);
    }
    let verify = || -> Option<bool> {
        let key = RSAPublicKey::from_components(n, e).ok()?;
        let key = PKey::from_rsa(key.as_ref().clone()).ok()?;
        let mut verifier = Verifier::new(digest, &key).ok()?;
        verifier.set_rsa_padding(padding).ok()?;
        verifier.update(message).ok()?;
        // The library's default for the length of the salt is that of RFC 7518 section 3.5: the
        // length of the digest.
        verifier.verify(signature).ok()
    };
    match verify() {
        Some(true) => Ok(()),
        Some(false) => Err(SignatureError::Invalid),
        None => Err(SignatureError::Unavailable),
    }
}
