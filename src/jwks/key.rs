//! One entry of a JWK Set: a key with the algorithms that its issuer allows, or the reason why it is skipped.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::{Algorithm, Curve, KeyError, PublicKey};
use crate::json::{Object, Value};
use crate::refresh::response::for_log;
use crate::token::MAX_KEY_ID_BYTES;

/// A key that signatures can be verified with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    /// The algorithms that the issuer allows and that fit the kind of key.
    pub(super) algorithms: Algorithms,
    /// Shared with the tokens whose signature held under it.
    pub(super) public: Arc<PublicKey>,
}

/// A set of algorithms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Algorithms(u16);

/// Why an entry is skipped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unusable {
    NotAnObject,
    KeyId,
    Use,
    KeyOps,
    Algorithm,
    Kind,
    Parameters,
    Key(KeyError),
    OtherKind,
    TooMany,
}

impl Key {
    /// Reads an entry.
    ///
    /// # Errors
    /// The first reason not to verify with it.
    pub(super) fn parse(jwk: &Value) -> Result<Self, Unusable> {
        let jwk = jwk.as_object().ok_or(Unusable::NotAnObject)?;
        let bytes = |name| parameter(jwk, name);
        let id = match jwk.get("kid") {
            None => None,
            Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_KEY_ID_BYTES => Some(id.clone()),
            Some(_) => return Err(Unusable::KeyId),
        };
        // RFC 7517 sections 4.2 and 4.3: for signatures, and for verifying them, where the issuer says so.
        if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
            return Err(Unusable::Use);
        }
        let verifies = |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
        if jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
            return Err(Unusable::KeyOps);
        }
        let only = match jwk.get("alg") {
            None => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::from_name).ok_or(Unusable::Algorithm)?),
        };
        let public = match (string(jwk, "kty"), string(jwk, "crv")) {
            (Some("RSA"), _) => PublicKey::rsa(&bytes("n")?, &bytes("e")?),
            (Some("EC"), Some("P-256")) => PublicKey::ec(Curve::P256, &bytes("x")?, &bytes("y")?),
            (Some("EC"), Some("P-384")) => PublicKey::ec(Curve::P384, &bytes("x")?, &bytes("y")?),
            (Some("EC"), Some("P-521")) => PublicKey::ec(Curve::P521, &bytes("x")?, &bytes("y")?),
            (Some("OKP"), Some("Ed25519")) => PublicKey::ed25519(&bytes("x")?),
            _ => return Err(Unusable::Kind),
        };
        let public = public.map_err(Unusable::Key)?;
        let allowed =
            |algorithm: &Algorithm| public.fits(*algorithm) && only.is_none_or(|only| only == *algorithm);
        let algorithms: Algorithms = Algorithm::ALL.into_iter().filter(allowed).collect();
        if algorithms.is_empty() {
            return Err(Unusable::OtherKind);
        }
        Ok(Self { id, algorithms, public: Arc::new(public) })
    }
}

fn string<'a>(jwk: &'a Object, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

/// Decodes a number or coordinate of a key.
// Once for all parameters: inlined, the decoder would be in the module seven times.
#[inline(never)]
fn parameter(jwk: &Object, name: &str) -> Result<Vec<u8>, Unusable> {
    let decoded = string(jwk, name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    decoded.ok_or(Unusable::Parameters)
}

impl Algorithms {
    const fn bit(algorithm: Algorithm) -> u16 {
        1_u16.wrapping_shl(algorithm as u32)
    }

    pub(super) const fn has(self, algorithm: Algorithm) -> bool {
        self.0 & Self::bit(algorithm) != 0
    }

    pub(super) const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.has(*algorithm))
    }
}

impl FromIterator<Algorithm> for Algorithms {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |all, algorithm| all | Self::bit(algorithm)))
    }
}

impl Unusable {
    /// Returns the remark that an entry is skipped: with its key id, and without a byte of the key.
    pub(super) fn remark(self, index: usize, jwk: &Value) -> String {
        let id = jwk.as_object().and_then(|jwk: &Object| jwk.get("kid")).and_then(Value::as_str);
        let id = id.map_or_else(String::new, |id| format!(" (kid {})", for_log(id.as_bytes())));
        format!("keys[{index}]{id} is skipped: {self}")
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "it is not an object",
            Self::KeyId => "`kid` is not a string of 1 to 256 bytes",
            Self::Use => "`use` is not `sig`",
            Self::KeyOps => "`key_ops` does not list `verify`",
            Self::Algorithm => "`alg` is not a signature algorithm that the filter knows",
            Self::Kind => "`kty` and `crv` name no kind of key that the filter knows",
            Self::Parameters => "a parameter of the key is missing, or is not base64url without padding",
            Self::Key(KeyError::ModulusSize) => "the RSA modulus does not have 2048 to 8192 bits",
            Self::Key(KeyError::NotRsa) => "modulus and exponent are not those of an RSA key",
            Self::Key(KeyError::NotOnCurve) => "the point is not on the curve, or is weak",
            Self::OtherKind => "`alg` is for another kind of key",
            Self::TooMany => "four other keys with this `kid` come before it",
        })
    }
}
