//! Keys for every algorithm but ES512, and tokens that they sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::crypto::Algorithm;
use p256::ecdsa::signature::Signer as _;
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

/// One key for each key type and curve.
pub struct Keys {
    rsa: rsa::RsaPrivateKey,
    p256: p256::ecdsa::SigningKey,
    p384: p384::ecdsa::SigningKey,
    ed25519: ed25519_compact::KeyPair,
}

impl Keys {
    /// Generates an RSA key of 2048 bits. The other keys are fixed.
    pub fn generate() -> Self {
        Self {
            rsa: rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap(),
            p256: p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap(),
            p384: p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap(),
            ed25519: ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([7; 32])),
        }
    }

    /// Returns the algorithms that [`Keys::sign`] supports: all but ES512, which the test vectors
    /// cover.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + use<> {
        Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::ES512)
    }

    /// Returns the key set.
    pub fn jwks(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (n, e) = (self.rsa.n().to_bytes_be(), self.rsa.e().to_bytes_be());
        let ec = |curve: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "kid": curve, "x": text(x), "y": text(y) })
        };
        json!({ "keys": [
            { "kty": "RSA", "kid": "RSA", "n": text(&n), "e": text(&e) },
            ec("P-256", &self.p256.verifying_key().to_sec1_point(false).to_bytes()),
            ec("P-384", &self.p384.verifying_key().to_sec1_point(false).to_bytes()),
            { "kty": "OKP", "crv": "Ed25519", "kid": "Ed25519", "x": text(&*self.ed25519.pk) },
        ] })
    }

    /// Returns a compact JWS (RFC 7515) of the payload.
    ///
    /// # Panics
    ///
    /// For ES512.
    pub fn sign(&self, algorithm: Algorithm, payload: &[u8]) -> String {
        let kid = match algorithm {
            Algorithm::ES256 => "P-256",
            Algorithm::ES384 => "P-384",
            Algorithm::EdDSA => "Ed25519",
            _ => "RSA",
        };
        let header = json!({ "kid": kid, "alg": algorithm.name() }).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.signature(algorithm, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        use rsa::signature::Signer as _;
        let rng = &mut rsa::rand_core::OsRng;
        let rsa = || self.rsa.clone();
        match algorithm {
            Algorithm::RS256 => rsa::pkcs1v15::SigningKey::<Sha256>::new(rsa()).sign(message).to_vec(),
            Algorithm::RS384 => rsa::pkcs1v15::SigningKey::<Sha384>::new(rsa()).sign(message).to_vec(),
            Algorithm::RS512 => rsa::pkcs1v15::SigningKey::<Sha512>::new(rsa()).sign(message).to_vec(),
            Algorithm::PS256 => {
                rsa::pss::SigningKey::<Sha256>::new(rsa()).sign_with_rng(rng, message).to_vec()
            }
            Algorithm::PS384 => {
                rsa::pss::SigningKey::<Sha384>::new(rsa()).sign_with_rng(rng, message).to_vec()
            }
            Algorithm::PS512 => {
                rsa::pss::SigningKey::<Sha512>::new(rsa()).sign_with_rng(rng, message).to_vec()
            }
            Algorithm::ES256 => {
                let signature: p256::ecdsa::Signature = self.p256.sign(message);
                signature.to_bytes().to_vec()
            }
            Algorithm::ES384 => {
                let signature: p384::ecdsa::Signature = self.p384.sign(message);
                signature.to_bytes().to_vec()
            }
            Algorithm::EdDSA => self.ed25519.sk.sign(message, None).to_vec(),
            Algorithm::ES512 => unreachable!("see `algorithms`"),
        }
    }
}
