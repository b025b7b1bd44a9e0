//! One entry of a JWK Set (RFC 7517 section 4): a public key with its algorithms, or the reason to
//! skip it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::{Algorithm, Curve, KeyError, PublicKey};
use crate::json::{Object, Value};
use crate::refresh::response::encode_log_excerpt;
use crate::token::MAX_KEY_ID_BYTES;

/// A signing key of a JWK Set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key {
    /// The `kid`.
    pub(super) id: Option<String>,
    /// The algorithms that the entry allows and the key type supports.
    pub(super) algorithms: AlgorithmSet,
    /// The public key. Cached tokens that it has verified share it.
    pub(super) public_key: Arc<PublicKey>,
}

/// A set of algorithms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct AlgorithmSet(u16);

/// The reason to skip an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SkipReason {
    NotAnObject,
    KeyId,
    Use,
    KeyOps,
    Algorithm,
    KeyType,
    Parameters,
    Key(KeyError),
    AlgorithmMismatch,
    TooManyWithKeyId,
}

impl Key {
    /// Parses an entry.
    ///
    /// # Errors
    /// The first reason to skip the entry.
    pub(super) fn parse(jwk: &Value) -> Result<Self, SkipReason> {
        let jwk = jwk.as_object().ok_or(SkipReason::NotAnObject)?;
        let bytes = |name| parameter(jwk, name);
        let id = match jwk.get("kid") {
            None => None,
            Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_KEY_ID_BYTES => Some(id.clone()),
            Some(_) => return Err(SkipReason::KeyId),
        };
        // RFC 7517 sections 4.2 and 4.3: `use` and `key_ops` are optional.
        if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
            return Err(SkipReason::Use);
        }
        let lists_verify =
            |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
        if jwk.get("key_ops").is_some_and(|ops| !lists_verify(ops)) {
            return Err(SkipReason::KeyOps);
        }
        let only = match jwk.get("alg") {
            None => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::from_name).ok_or(SkipReason::Algorithm)?),
        };
        let public_key = match (string(jwk, "kty"), string(jwk, "crv")) {
            (Some("RSA"), _) => PublicKey::rsa(&bytes("n")?, &bytes("e")?),
            (Some("EC"), Some("P-256")) => PublicKey::ec(Curve::P256, &bytes("x")?, &bytes("y")?),
            (Some("EC"), Some("P-384")) => PublicKey::ec(Curve::P384, &bytes("x")?, &bytes("y")?),
            (Some("EC"), Some("P-521")) => PublicKey::ec(Curve::P521, &bytes("x")?, &bytes("y")?),
            (Some("OKP"), Some("Ed25519")) => PublicKey::ed25519(&bytes("x")?),
            _ => return Err(SkipReason::KeyType),
        };
        let public_key = public_key.map_err(SkipReason::Key)?;
        let is_allowed = |algorithm: &Algorithm| {
            public_key.supports(*algorithm) && only.is_none_or(|only| only == *algorithm)
        };
        let algorithms: AlgorithmSet = Algorithm::ALL.into_iter().filter(is_allowed).collect();
        if algorithms.is_empty() {
            return Err(SkipReason::AlgorithmMismatch);
        }
        Ok(Self { id, algorithms, public_key: Arc::new(public_key) })
    }
}

/// Returns a member that is a string.
fn string<'a>(jwk: &'a Object, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

/// Decodes a number or coordinate of a key (RFC 7518 section 6).
// Inlining would put the decoder into the module seven times.
#[inline(never)]
fn parameter(jwk: &Object, name: &str) -> Result<Vec<u8>, SkipReason> {
    let decoded = string(jwk, name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    decoded.ok_or(SkipReason::Parameters)
}

impl AlgorithmSet {
    const fn bit(algorithm: Algorithm) -> u16 {
        1_u16.wrapping_shl(algorithm as u32)
    }

    pub(super) const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & Self::bit(algorithm) != 0
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |bits, algorithm| bits | Self::bit(algorithm)))
    }
}

impl SkipReason {
    /// Returns the remark on a skipped entry, with its index and key ID and without a byte of the
    /// key.
    pub(super) fn remark(self, index: usize, jwk: &Value) -> String {
        let id = jwk.as_object().and_then(|jwk: &Object| jwk.get("kid")).and_then(Value::as_str);
        let id = id.map_or_else(String::new, |id| format!(" (kid {})", encode_log_excerpt(id.as_bytes())));
        format!("keys[{index}]{id} is skipped: {self}")
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "it is not an object",
            Self::KeyId => "`kid` is not a string of 1 to 256 bytes",
            Self::Use => "`use` is not `sig`",
            Self::KeyOps => "`key_ops` does not list `verify`",
            Self::Algorithm => "`alg` is not a supported signature algorithm",
            Self::KeyType => "`kty` and `crv` are not a supported key type",
            Self::Parameters => "a key parameter is missing, or is not base64url without padding",
            Self::Key(KeyError::ModulusSize) => "the RSA modulus does not have 2048 to 8192 bits",
            Self::Key(KeyError::NotRsa) => "modulus and exponent are not a valid RSA key",
            Self::Key(KeyError::NotOnCurve) => "the point is not on the curve, or is weak",
            Self::AlgorithmMismatch => "`alg` is for another key type",
            Self::TooManyWithKeyId => "four other keys with this `kid` come before it",
        })
    }
}
