//! Signature verification by the host. RSA takes about 50 times as long inside the VM: the chapter
//! on performance of the book gives the figures.

use super::abi;
use crate::crypto::known_answer;
use crate::crypto::{Algorithm, SignatureError, SignatureInput, SignatureVerifier, envoy};

/// A verifier that calls Envoy's `verify_signature`, for the key types that passed the known-answer
/// tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostVerifier {
    rsa: bool,
    ecdsa: bool,
}

impl HostVerifier {
    /// Runs the known-answer tests against the host. The verifier does not call the host again for
    /// a key type that failed: the host lacks the function, denies the call, or returns a wrong
    /// result.
    pub fn probe() -> Self {
        let all = Self { rsa: true, ecdsa: true };
        Self { rsa: known_answer::passes_rsa_kat(&all), ecdsa: known_answer::passes_ecdsa_kat(&all) }
    }

    /// Returns the key types that the host verifies, for the log.
    pub const fn describe(self) -> &'static str {
        match (self.rsa, self.ecdsa) {
            (true, true) => "RSA and ECDSA by the host",
            (true, false) => "RSA by the host",
            (false, true) => "ECDSA by the host",
            (false, false) => "none by the host",
        }
    }
}

impl SignatureVerifier for HostVerifier {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        let is_supported = if input.algorithm.is_rsa() { self.rsa } else { self.ecdsa };
        if !is_supported {
            return Err(SignatureError::Unavailable);
        }
        let arguments = envoy::serialize_arguments(input)?;
        match abi::call_foreign_function(envoy::FUNCTION, &arguments) {
            Ok(result) => envoy::parse_result(&result),
            Err(_) => Err(SignatureError::Unavailable),
        }
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        (self.rsa && algorithm.is_pkcs1()) || (self.ecdsa && algorithm.curve().is_some())
    }
}
