//! The key pairs of clients.

use std::sync::LazyLock;

use okta_authz_filter::crypto::Algorithm;
use p256::ecdsa::signature::Signer as _;
use ring::digest::{SHA256, digest};
use rsa::RsaPrivateKey;
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use serde_json::{Value, json};

use crate::common::{b64, rsa_jwk, rsa_key};

static RSA: [LazyLock<RsaPrivateKey>; 2] = [
    LazyLock::new(|| rsa_key(include_str!("../../../data/keys/rsa-c.pem"))),
    LazyLock::new(|| rsa_key(include_str!("../../../data/keys/rsa-d.pem"))),
];

/// A key pair of a client, and the algorithm of its signatures.
#[derive(Clone)]
pub struct DpopKey {
    algorithm: Algorithm,
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Rsa(&'static RsaPrivateKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(ed25519_compact::KeyPair),
}

impl DpopKey {
    /// Returns the first key for an algorithm. The keys are fixed.
    pub fn new(algorithm: Algorithm) -> Self {
        Self::numbered(algorithm, 0)
    }

    /// Returns the second key for an algorithm, as that of an attacker.
    pub fn other(algorithm: Algorithm) -> Self {
        Self::numbered(algorithm, 1)
    }

    fn numbered(algorithm: Algorithm, number: u8) -> Self {
        let byte = 11 + number;
        let pair = match algorithm {
            Algorithm::ES256 => Pair::P256(p256::ecdsa::SigningKey::from_slice(&[byte; 32]).unwrap()),
            Algorithm::ES384 => Pair::P384(p384::ecdsa::SigningKey::from_slice(&[byte; 48]).unwrap()),
            Algorithm::ES512 => {
                // The first octet of a scalar has one bit.
                let scalar = [&[0], &[byte; 65][..]].concat();
                Pair::P521(p521::ecdsa::SigningKey::from_slice(&scalar).unwrap())
            }
            Algorithm::EdDSA => {
                Pair::Ed25519(ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([byte; 32])))
            }
            _ => Pair::Rsa(&RSA[usize::from(number)]),
        };
        Self { algorithm, pair }
    }

    /// Returns the algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the public key as a JWK (RFC 7517) with its required members only.
    pub fn jwk(&self) -> Value {
        let ec = |curve: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "x": b64(x), "y": b64(y) })
        };
        match &self.pair {
            Pair::Rsa(key) => rsa_jwk(key),
            Pair::P256(key) => ec("P-256", &key.verifying_key().to_sec1_point(false).to_bytes()),
            Pair::P384(key) => ec("P-384", &key.verifying_key().to_sec1_point(false).to_bytes()),
            Pair::P521(key) => ec("P-521", &key.verifying_key().to_sec1_point(false).to_bytes()),
            Pair::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(*pair.pk) }),
        }
    }

    /// Returns the SHA-256 thumbprint of the public key (RFC 7638), the value of `cnf.jkt`.
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.jwk())
    }

    /// Returns the bytes of the thumbprint.
    pub fn thumbprint_bytes(&self) -> [u8; 32] {
        digest(&SHA256, self.jwk().to_string().as_bytes()).as_ref().try_into().unwrap()
    }

    /// Returns a compact JWS (RFC 7515) over exactly this header and payload.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", b64(header), b64(payload));
        let signature = b64(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// Returns the signature in the form that JWS requires: r and s side by side for ECDSA.
    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(key) => self.rsa_signature(key, message),
            Pair::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Pair::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Pair::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Pair::Ed25519(pair) => pair.sk.sign(message, None).to_vec(),
        }
    }

    /// Returns an ECDSA signature in DER, which JWS does not allow.
    ///
    /// # Panics
    ///
    /// If the key is not an EC key.
    pub fn der_signature(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Pair::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Pair::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Pair::Rsa(_) | Pair::Ed25519(_) => panic!("{}: not ECDSA", self.algorithm.name()),
        }
    }

    /// Returns the public key of ES512.
    pub(super) fn p521(&self) -> p521::ecdsa::VerifyingKey {
        match &self.pair {
            Pair::P521(key) => *key.verifying_key(),
            _ => panic!("{}: not P-521", self.algorithm.name()),
        }
    }

    fn rsa_signature(&self, key: &RsaPrivateKey, message: &[u8]) -> Vec<u8> {
        use rsa::signature::Signer as _;
        let rng = &mut rsa::rand_core::OsRng;
        let key = key.clone();
        match self.algorithm {
            Algorithm::RS256 => rsa::pkcs1v15::SigningKey::<Sha256>::new(key).sign(message).to_vec(),
            Algorithm::RS384 => rsa::pkcs1v15::SigningKey::<Sha384>::new(key).sign(message).to_vec(),
            Algorithm::RS512 => rsa::pkcs1v15::SigningKey::<Sha512>::new(key).sign(message).to_vec(),
            Algorithm::PS256 => rsa::pss::SigningKey::<Sha256>::new(key).sign_with_rng(rng, message).to_vec(),
            Algorithm::PS384 => rsa::pss::SigningKey::<Sha384>::new(key).sign_with_rng(rng, message).to_vec(),
            Algorithm::PS512 => rsa::pss::SigningKey::<Sha512>::new(key).sign_with_rng(rng, message).to_vec(),
            other => unreachable!("{}: not RSA", other.name()),
        }
    }
}

/// Returns the SHA-256 thumbprint of a public key that has only its required members (RFC 7638).
pub fn thumbprint(jwk: &Value) -> String {
    // `serde_json` sorts the members by their names, as RFC 7638 section 3.3 requires.
    b64(digest(&SHA256, jwk.to_string().as_bytes()))
}
