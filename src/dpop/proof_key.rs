//! The key of a proof, and its thumbprint.

use sha2::{Digest as _, Sha256};

use crate::crypto::{Algorithm, PublicKey};
use crate::json::{Members, ValueRef};
use crate::rejection::Rejection;
use crate::token;

/// The members of a JWK that are private or symmetric (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1,
/// RFC 8037 section 2).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// The maximum of 4096 bits. The modulus of a proof comes from the client, and the time of a
/// signature check grows with its square.
const MAX_MODULUS_BYTES: usize = 512;
/// The maximum length of an exponent: it is at most 2^32 - 1.
const MAX_EXPONENT_BYTES: usize = 4;

/// The public key of a proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProofKey {
    public_key: PublicKey,
    thumbprint: [u8; 32],
}

impl ProofKey {
    /// Parses the `jwk` of a proof that has this algorithm.
    ///
    /// # Errors
    /// [`Rejection::DpopKeyPrivate`] for a private or symmetric member with any value.
    /// [`Rejection::DpopKeyMalformed`] for a key that is missing, that is malformed, or that is for
    /// another algorithm or use.
    #[inline(never)]
    pub fn parse(jwk: Option<ValueRef<'_>>, algorithm: Algorithm) -> Result<Self, Rejection> {
        let Some(ValueRef::Object(jwk)) = jwk else { return Err(Rejection::DpopKeyMalformed) };
        if jwk.clone().any(|(name, _)| PRIVATE_MEMBERS.contains(&name)) {
            return Err(Rejection::DpopKeyPrivate);
        }
        Self::read(&jwk, algorithm).ok_or(Rejection::DpopKeyMalformed)
    }

    /// Returns the public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the SHA-256 thumbprint (RFC 7638): the value of `cnf.jkt` before base64url.
    pub const fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    fn read(jwk: &Members<'_>, algorithm: Algorithm) -> Option<Self> {
        let text = |name| jwk.get(name)?.as_str();
        let has = |name, expected: &str| text(name) == Some(expected);
        // RFC 7517 sections 4.2 to 4.4: `use`, `key_ops` and `alg` are optional.
        let is_optional = |name, expected: &str| jwk.get(name).is_none() || has(name, expected);
        let verifies = |ops: ValueRef<'_>| {
            ops.as_array().is_some_and(|mut ops| ops.any(|op| op.as_str() == Some("verify")))
        };
        if !is_optional("use", "sig")
            || !is_optional("alg", algorithm.name())
            || !jwk.get("key_ops").is_none_or(verifies)
        {
            return None;
        }
        // The parameters are canonical base64url, so each number has one text, and the thumbprint
        // of the received text is that of the parsed number. None of them needs an escape in JSON.
        let (public_key, members) = if let Some(curve) = algorithm.curve() {
            let (x, y) = (text("x")?, text("y")?);
            if !has("kty", "EC") || !has("crv", curve.name()) {
                return None;
            }
            let key = PublicKey::ec(curve, &parameter(x)?, &parameter(y)?).ok()?;
            (key, ["{\"crv\":\"", curve.name(), "\",\"kty\":\"EC\",\"x\":\"", x, "\",\"y\":\"", y])
        } else if algorithm.is_rsa() {
            let (n, e) = (text("n")?, text("e")?);
            let (modulus, exponent) = (parameter(n)?, parameter(e)?);
            let is_minimal = modulus.first() != Some(&0) && exponent.first() != Some(&0);
            let is_small = modulus.len() <= MAX_MODULUS_BYTES && exponent.len() <= MAX_EXPONENT_BYTES;
            if !has("kty", "RSA") || !is_minimal || !is_small {
                return None;
            }
            let key = PublicKey::rsa(&modulus, &exponent).ok()?;
            (key, ["{\"e\":\"", e, "\",\"kty\":\"RSA\",\"n\":\"", n, "", ""])
        } else {
            let x = text("x")?;
            if !has("kty", "OKP") || !has("crv", "Ed25519") {
                return None;
            }
            let key = PublicKey::ed25519(&parameter(x)?).ok()?;
            (key, ["{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"", x, "", "", "", ""])
        };
        let mut hash = Sha256::new();
        for part in members.into_iter().chain(["\"}"]) {
            hash.update(part);
        }
        Some(Self { public_key, thumbprint: hash.finalize().into() })
    }
}

/// Decodes a number or coordinate of a key (RFC 7518 section 6).
fn parameter(text: &str) -> Option<Vec<u8>> {
    token::decode(text.as_bytes()).ok()
}
