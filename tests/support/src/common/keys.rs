//! The keys of the tests, and the key sets of the two issuers.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::pkcs8::DecodePrivateKey as _;
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use super::{KID, OTHER_KID, with};

pub static RSA_A: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| rsa_key(include_str!("../../../data/keys/rsa-a.pem")));
pub static RSA_B: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| rsa_key(include_str!("../../../data/keys/rsa-b.pem")));
pub static P256: LazyLock<p256::SecretKey> = LazyLock::new(|| {
    p256::SecretKey::from_pkcs8_der(&der(include_str!("../../../data/keys/p256.pem"))).unwrap()
});

/// Reads a private key in PEM (PKCS#8).
pub fn rsa_key(pem: &str) -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_der(&der(pem)).unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(lines).unwrap()
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn rsa_jwk(key: &RsaPrivateKey) -> Value {
    json!({ "kty": "RSA", "n": b64(key.n().to_bytes_be()), "e": b64(key.e().to_bytes_be()) })
}

fn ec_jwk() -> Value {
    let point = P256.public_key().to_sec1_bytes();
    let (x, y) = uncompressed(&point);
    json!({ "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) })
}

fn uncompressed(point: &[u8]) -> (&[u8], &[u8]) {
    assert_eq!((point.len(), point[0]), (65, 4), "an uncompressed point");
    (&point[1..33], &point[33..])
}

/// Returns the key set of a provider. All keys of the first issuer but one are the same RSA key
/// with different members.
pub fn jwks(provider: &str) -> Value {
    let keys = if provider == "other" {
        vec![with(rsa_jwk(&RSA_B), json!({ "kid": OTHER_KID, "alg": "RS256", "use": "sig" })), shared(&RSA_B)]
    } else {
        vec![
            with(rsa_jwk(&RSA_A), json!({ "kid": KID, "alg": "RS256", "use": "sig" })),
            with(rsa_jwk(&RSA_A), json!({ "kid": "untied" })),
            with(rsa_jwk(&RSA_A), json!({ "kid": "rs384", "alg": "RS384" })),
            with(rsa_jwk(&RSA_A), json!({ "kid": "exponent-3", "e": "Aw" })),
            with(ec_jwk(), json!({ "kid": "ec", "alg": "ES256", "use": "sig" })),
            shared(&RSA_A),
        ]
    };
    json!({ "keys": keys })
}

/// Returns a key with a key ID that both issuers use for different keys.
fn shared(key: &RsaPrivateKey) -> Value {
    with(rsa_jwk(key), json!({ "kid": "shared", "alg": "RS256" }))
}
