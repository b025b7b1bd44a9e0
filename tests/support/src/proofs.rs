//! DPoP proofs (RFC 9449) with exact bytes, and the keys that sign them.
//!
//! The thumbprint is computed from the whole JWK with a JSON library, so it does not share the
//! filter's reader.

use okta_authz_filter::crypto::{Algorithm, PublicKey, SignatureError, SignatureInput, SignatureVerifier};
use p521::ecdsa::signature::Verifier as _;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::common::{RSA_A, b64, with};

/// A key pair of a client.
#[derive(Clone)]
pub enum ClientKey {
    /// The RSA key of the tests, of 2048 bits.
    Rsa,
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(ed25519_compact::KeyPair),
}

impl ClientKey {
    /// Returns a key for an algorithm. EC and Ed25519 keys with different seeds differ.
    pub fn new(algorithm: Algorithm, seed: u8) -> Self {
        match algorithm {
            Algorithm::ES256 => Self::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap()),
            Algorithm::ES384 => Self::P384(p384::ecdsa::SigningKey::from_slice(&[seed; 48]).unwrap()),
            Algorithm::ES512 => {
                let scalar = [&[0; 2][..], &[seed; 64]].concat();
                Self::P521(p521::ecdsa::SigningKey::from_slice(&scalar).unwrap())
            }
            Algorithm::EdDSA => {
                Self::Ed25519(ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([seed; 32])))
            }
            _ => Self::Rsa,
        }
    }

    /// Returns the public JWK.
    pub fn jwk(&self) -> Value {
        let ec = |curve: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "x": b64(x), "y": b64(y) })
        };
        match self {
            Self::Rsa => {
                json!({ "kty": "RSA", "n": b64(RSA_A.n().to_bytes_be()), "e": b64(RSA_A.e().to_bytes_be()) })
            }
            Self::P256(key) => ec("P-256", &key.verifying_key().to_sec1_point(false).to_bytes()),
            Self::P384(key) => ec("P-384", &key.verifying_key().to_sec1_point(false).to_bytes()),
            Self::P521(key) => ec("P-521", &key.verifying_key().to_sec1_point(false).to_bytes()),
            Self::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(*pair.pk) }),
        }
    }

    /// Returns the SHA-256 thumbprint (RFC 7638) of the public key.
    pub fn thumbprint(&self) -> [u8; 32] {
        // The map of serde_json sorts its members.
        Sha256::digest(self.jwk().to_string()).into()
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = &mut rsa::rand_core::OsRng;
        match (self, algorithm) {
            (Self::Rsa, Algorithm::RS256) => rsa::pkcs1v15::SigningKey::<Sha256>::new(RSA_A.clone())
                .sign_with_rng(random, message)
                .to_vec(),
            (Self::Rsa, Algorithm::RS384) => rsa::pkcs1v15::SigningKey::<Sha384>::new(RSA_A.clone())
                .sign_with_rng(random, message)
                .to_vec(),
            (Self::Rsa, Algorithm::RS512) => rsa::pkcs1v15::SigningKey::<Sha512>::new(RSA_A.clone())
                .sign_with_rng(random, message)
                .to_vec(),
            (Self::Rsa, Algorithm::PS256) => {
                rsa::pss::SigningKey::<Sha256>::new(RSA_A.clone()).sign_with_rng(random, message).to_vec()
            }
            (Self::P256(key), _) => signed::<p256::ecdsa::Signature>(key, message).to_bytes().to_vec(),
            (Self::P384(key), _) => signed::<p384::ecdsa::Signature>(key, message).to_bytes().to_vec(),
            (Self::P521(key), _) => signed::<p521::ecdsa::Signature>(key, message).to_bytes().to_vec(),
            (Self::Ed25519(pair), _) => pair.sk.sign(message, None).to_vec(),
            _ => panic!("the key cannot sign with {algorithm}"),
        }
    }
}

fn signed<S>(key: &impl p256::ecdsa::signature::Signer<S>, message: &[u8]) -> S {
    key.sign(message)
}

/// A proof: the exact bytes of header and payload, and the signer.
#[derive(Clone)]
pub struct Proof {
    pub header: String,
    pub payload: String,
    pub algorithm: Algorithm,
    pub key: ClientKey,
}

impl Proof {
    /// Makes the proof of a `GET` request, as a client does.
    pub fn new(algorithm: Algorithm, key: &ClientKey, url: &str, token: &str, now: u64) -> Self {
        let header = json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": key.jwk() });
        let payload = json!({
            "jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": url, "iat": now, "ath": b64(Sha256::digest(token)),
        });
        Self { header: header.to_string(), payload: payload.to_string(), algorithm, key: key.clone() }
    }

    /// Sets claims. A null removes a claim.
    pub fn claims(mut self, changes: Value) -> Self {
        self.payload = with(serde_json::from_str(&self.payload).unwrap(), changes).to_string();
        self
    }

    /// Sets header members. A null removes a member.
    pub fn head(mut self, changes: Value) -> Self {
        self.header = with(serde_json::from_str(&self.header).unwrap(), changes).to_string();
        self
    }

    /// Sets members of `jwk`. A null removes a member.
    pub fn jwk(self, changes: Value) -> Self {
        let header: Value = serde_json::from_str(&self.header).unwrap();
        let jwk = with(header["jwk"].clone(), changes);
        self.head(json!({ "jwk": jwk }))
    }

    /// Signs the proof and returns the compact JWS.
    pub fn compact(&self) -> String {
        let input = format!("{}.{}", b64(&self.header), b64(&self.payload));
        let signature = self.key.sign(self.algorithm, input.as_bytes());
        format!("{input}.{}", b64(signature))
    }
}

/// A verifier of ES512 for one key, because the filter's software verifier has no P-521. Envoy
/// verifies these signatures.
pub struct Es512Verifier(pub p521::ecdsa::VerifyingKey);

impl SignatureVerifier for Es512Verifier {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        let point = self.0.to_sec1_point(false).to_bytes();
        let (x, y) = point[1..].split_at(66);
        let key = PublicKey::ec(okta_authz_filter::crypto::Curve::P521, x, y).unwrap();
        if input.algorithm != Algorithm::ES512 || *input.key != key {
            return Err(SignatureError::Unavailable);
        }
        let signature =
            p521::ecdsa::Signature::from_slice(input.signature).map_err(|_| SignatureError::Invalid)?;
        self.0.verify(input.message, &signature).map_err(|_| SignatureError::Invalid)
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm == Algorithm::ES512
    }
}
