//! Tokens that clients sign: client assertions (RFC 7523) and DPoP proofs (RFC 9449).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use rsa::sha2::{Digest as _, Sha256};
use serde_json::{Map, Value, json};

/// The algorithms that Okta accepts for client assertions and DPoP proofs with asymmetric keys.
pub(crate) const ALGORITHMS: [&str; 6] = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"];

/// A compact JWS (RFC 7515) whose signature is not verified yet.
pub(crate) struct Jws<'a> {
    /// The members of the header.
    pub header: Map<String, Value>,
    /// The members of the payload.
    pub payload: Map<String, Value>,
    message: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads three base64url segments. Returns `None` if header or payload is not a JSON object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let object = |segment| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).ok()?).ok();
        Some(Self {
            header: object(header)?,
            payload: object(payload)?,
            message,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Returns whether the signature is valid under this public key (RFC 7517), by the algorithm of
    /// the header.
    pub(crate) fn verifies(&self, jwk: &Map<String, Value>) -> bool {
        let Some(algorithm) = text(&self.header, "alg") else { return false };
        let message = self.message.as_bytes();
        let number = |name| URL_SAFE_NO_PAD.decode(text(jwk, name)?).ok();
        let fits = |name, value| text(jwk, name) == Some(value);
        let rsa = |parameters| {
            let (Some(n), Some(e)) = (number("n"), number("e")) else { return false };
            fits("kty", "RSA")
                && RsaPublicKeyComponents { n, e }.verify(parameters, message, &self.signature).is_ok()
        };
        let point = |curve, size: usize| {
            let (x, y) = (number("x")?, number("y")?);
            let valid = fits("kty", "EC") && fits("crv", curve) && x.len() == size && y.len() == size;
            valid.then(|| [&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat())
        };
        match algorithm {
            "RS256" => rsa(&RSA_PKCS1_2048_8192_SHA256),
            "RS384" => rsa(&RSA_PKCS1_2048_8192_SHA384),
            "RS512" => rsa(&RSA_PKCS1_2048_8192_SHA512),
            "ES256" => point("P-256", 32).is_some_and(|point| {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, &self.signature)
                    .is_ok()
            }),
            "ES384" => point("P-384", 48).is_some_and(|point| {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                    .verify(message, &self.signature)
                    .is_ok()
            }),
            "ES512" => point("P-521", 66).is_some_and(|point| es512(&point, message, &self.signature)),
            _ => false,
        }
    }

    /// Returns the time in this claim, in Unix seconds.
    pub(crate) fn time(&self, claim: &str) -> Option<i64> {
        let value = self.payload.get(claim)?;
        #[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64))
    }
}

fn es512(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    use p521::ecdsa::signature::Verifier as _;
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(point);
    let signature = p521::ecdsa::Signature::from_slice(signature);
    key.is_ok_and(|key| signature.is_ok_and(|signature| key.verify(message, &signature).is_ok()))
}

/// Returns the SHA-256 thumbprint of a public key (RFC 7638), or `None` if a required member is
/// missing.
pub(crate) fn thumbprint(jwk: &Map<String, Value>) -> Option<String> {
    let text = |name| text(jwk, name);
    // The members are in lexicographic order (RFC 7638 section 3.3).
    let members = match text("kty")? {
        "RSA" => json!({ "e": text("e")?, "kty": "RSA", "n": text("n")? }),
        "EC" => json!({ "crv": text("crv")?, "kty": "EC", "x": text("x")?, "y": text("y")? }),
        _ => return None,
    };
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(members.to_string())))
}

/// Returns a member that is a string.
pub(crate) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// The first byte of an uncompressed point (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;
