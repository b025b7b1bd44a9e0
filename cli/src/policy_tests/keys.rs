//! The public keys of the test issuer and of the clients of policy tests, and the one signature that
//! counts as valid under each of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, Curve, SignatureError, SignatureInput, SignatureVerifier};
use serde_json::{Value, json};

const SIGNATURE: &[u8] = b"okta-authz test: not a signature";

/// A key pair without a private key.
#[derive(Clone, Copy)]
pub(super) enum TestKey {
    /// The key of the issuer, and of each client.
    First,
    /// The key of another client.
    Other,
}

impl TestKey {
    /// Returns the public key as a JWK (RFC 7517) with its required members only: the base point of
    /// the curve or its negative, public keys of RFC 8032 section 7.1, or a number with the size of
    /// an RSA modulus. No signature is ever verified with it.
    pub(super) fn jwk(self, algorithm: Algorithm) -> Value {
        let select = |first: &str, other: &str| match self {
            Self::First => first.to_owned(),
            Self::Other => other.to_owned(),
        };
        match algorithm.curve() {
            _ if algorithm.is_rsa() => {
                let mut modulus = [0xff_u8; 256];
                if let (Self::Other, Some(last)) = (self, modulus.last_mut()) {
                    *last = 0xfd;
                }
                json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" })
            }
            Some(Curve::P256) => json!({
                "kty": "EC", "crv": "P-256",
                "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
                "y": select(
                    "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
                    "sBy9HAHlgGVxGBS1g_Bh6dQxzKmUzqExNEm_l8hArgo",
                ),
            }),
            Some(Curve::P384) => json!({
                "kty": "EC", "crv": "P-384",
                "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
                "y": select(
                    "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
                    "yeghtWnZ05CiYWdAbW0j1gcL4kLXZeuDFiXO7EoPRz71n04w4oF-YoW84oRvFfGg",
                ),
            }),
            Some(Curve::P521) => json!({
                "kty": "EC", "crv": "P-521",
                "x": "AMaFjga3BATpzZ4-y2YjlbRCnGSBOQU_tSH4KK9ga009uqFLXnfv51ko_h3BJ6L_qN4zSLPBhWpCm_l-fjHC5b1m",
                "y": select(
                    "ARg5KWp4mjvABFyKX7QsfRvZmPVESVebRGgXr70XJz5mLJfucple9CZAxVC5AT-tB2E1PHCGonLCQIi-lHaf0WZQ",
                    "AOfG1pWHZcQ_-6N1oEvTguQmZwq7tqhku5foUELo2MGZ02gRjWahC9m_Oq9G_sBS-J7Kw495XY09v3dBa4lgLpmv",
                ),
            }),
            None => json!({
                "kty": "OKP", "crv": "Ed25519",
                "x": select(
                    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
                ),
            }),
        }
    }
}

/// Returns a compact JWS (RFC 7515) with the signature that [`FakeVerifier`] accepts.
pub(super) fn compact(header: &Value, payload: &Value) -> String {
    let segment = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (header, payload) = (header.to_string(), payload.to_string());
    format!("{}.{}.{}", segment(header.as_bytes()), segment(payload.as_bytes()), segment(SIGNATURE))
}

/// A verifier that accepts [`SIGNATURE`] without verification, and verifies every other signature.
pub(super) struct FakeVerifier;

impl SignatureVerifier for FakeVerifier {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        if input.signature == SIGNATURE && input.key.supports(input.algorithm) {
            return Ok(());
        }
        Software.verify(input)
    }
}

#[cfg(test)]
mod tests {
    use okta_authz_filter::dpop::ProofKey;
    use okta_authz_filter::json::Tape;

    use super::*;

    #[test]
    fn jwk_of_every_algorithm_verifies_only_the_fixed_signature() {
        for algorithm in Algorithm::ALL {
            let keys = [TestKey::First, TestKey::Other].map(|key| {
                let header = json!({ "jwk": key.jwk(algorithm) }).to_string();
                let header = Tape::parse(header.into_bytes()).unwrap();
                ProofKey::parse(header.get("jwk"), algorithm).unwrap()
            });
            assert_ne!(keys[0].thumbprint(), keys[1].thumbprint(), "{algorithm}");
            for key in keys {
                let key = key.public_key();
                let verify = |signature| {
                    FakeVerifier.verify(&SignatureInput { algorithm, key, message: b"", signature })
                };
                assert_eq!(verify(SIGNATURE), Ok(()), "{algorithm}");
                assert!(verify(b"another").is_err(), "{algorithm}");
            }
        }
    }
}
