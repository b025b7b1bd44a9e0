//! A verifier of ES512, because the filter's software verifier has no P-521. Envoy verifies these
//! signatures.

use okta_authz_filter::crypto::{
    Algorithm, Curve, PublicKey, SignatureError, SignatureInput, SignatureVerifier,
};
use p521::ecdsa::signature::Verifier as _;
use p521::ecdsa::{Signature, VerifyingKey};

use super::DpopKey;

/// A verifier of the ES512 signatures of one key.
pub struct Es512Verifier {
    key: VerifyingKey,
    public_key: PublicKey,
}

impl Es512Verifier {
    /// # Panics
    ///
    /// If the key is not on P-521.
    pub fn new(key: &DpopKey) -> Self {
        let key = key.p521();
        let point = key.to_sec1_point(false).to_bytes();
        let (x, y) = point[1..].split_at(66);
        Self { key, public_key: PublicKey::ec(Curve::P521, x, y).unwrap() }
    }
}

impl SignatureVerifier for Es512Verifier {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        if input.algorithm != Algorithm::ES512 || *input.key != self.public_key {
            return Err(SignatureError::Unavailable);
        }
        let signature = Signature::from_slice(input.signature).map_err(|_| SignatureError::Invalid)?;
        self.key.verify(input.message, &signature).map_err(|_| SignatureError::Invalid)
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm == Algorithm::ES512
    }
}
