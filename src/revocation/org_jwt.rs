//! A JWT that an org has signed, with the checks that all uses have in common.

use super::{CLOCK_SKEW, OrgJwtError};
use crate::crypto::{Algorithm, SignatureError, SignatureVerifier};
use crate::json::{self, Object, Value};
use crate::jwks::KeySet;
use crate::time::UnixTime;
use crate::token::{CompactJws, JoseHeaderCache};

/// The maximum length of a token in bytes. Okta's have about 1 KiB.
const MAX_BYTES: usize = 16 * 1024;
/// The maximum length of `jti` in bytes.
const MAX_TOKEN_ID_BYTES: usize = 256;

/// A well-formed JWT of an org. Its signature is not verified before [`OrgJwt::verify`].
#[derive(Debug)]
pub struct OrgJwt<'a> {
    jws: CompactJws<'a>,
    payload: Object,
}

impl<'a> OrgJwt<'a> {
    /// Parses a token, and checks that its `typ` is `expected` (RFC 7515 section 4.1.9: in any
    /// case, with or without the prefix `application/`).
    ///
    /// # Errors
    /// [`OrgJwtError::Malformed`] or [`OrgJwtError::TypeNotAllowed`].
    pub fn parse(token: &'a [u8], expected: &str) -> Result<Self, OrgJwtError> {
        let jws = CompactJws::parse(token, MAX_BYTES, &JoseHeaderCache::default())
            .map_err(|_| OrgJwtError::Malformed)?;
        let typ = jws.header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
        if typ.strip_prefix("application/").unwrap_or(&typ) != expected {
            return Err(OrgJwtError::TypeNotAllowed);
        }
        let payload = json::parse_object(&jws.payload).map_err(|_| OrgJwtError::Malformed)?;
        Ok(Self { jws, payload })
    }

    /// Returns `iss`. It is unverified: use it only to select the org.
    pub fn issuer(&self) -> Option<&str> {
        self.payload.get("iss").and_then(Value::as_str)
    }

    /// Returns `kid`. It is unverified.
    pub fn key_id(&self) -> Option<String> {
        self.jws.header.key_id.clone()
    }

    /// Verifies the signature with the keys of the org. Returns the payload.
    ///
    /// # Errors
    /// [`OrgJwtError::AlgorithmNotAllowed`], [`OrgJwtError::KeyUnknown`],
    /// [`OrgJwtError::SignatureInvalid`], or [`OrgJwtError::KeysUnavailable`] if the verifier cannot
    /// use a key.
    pub fn verify(self, keys: &KeySet, verifier: &dyn SignatureVerifier) -> Result<Object, OrgJwtError> {
        let Self { jws, payload } = self;
        let algorithm = jws.header.algorithm.filter(|algorithm| *algorithm == Algorithm::RS256);
        let algorithm = algorithm.ok_or(OrgJwtError::AlgorithmNotAllowed)?;
        let key_id = jws.header.key_id.as_deref().ok_or(OrgJwtError::KeyUnknown)?;
        let candidates = keys.find(Some(key_id), algorithm).map_err(|_| OrgJwtError::KeyUnknown)?;
        candidates.verify(algorithm, jws.signing_input, &jws.signature, verifier).map_err(
            |error| match error {
                SignatureError::Invalid => OrgJwtError::SignatureInvalid,
                SignatureError::Unavailable => OrgJwtError::KeysUnavailable,
            },
        )?;
        Ok(payload)
    }
}

/// Checks that `aud` has one of the accepted values: a string, or an array of strings.
pub(super) fn check_audience(payload: &Object, accepted: &[String]) -> Result<(), OrgJwtError> {
    let is_accepted = |value: &Value| value.as_str().is_some_and(|aud| accepted.iter().any(|own| own == aud));
    let is_ours = match payload.get("aud") {
        Some(Value::Array(list)) => list.iter().all(Value::is_string) && list.iter().any(is_accepted),
        Some(single) => is_accepted(single),
        None => false,
    };
    if is_ours { Ok(()) } else { Err(OrgJwtError::AudienceNotAllowed) }
}

/// Returns `jti`.
pub(super) fn token_id(payload: &Object) -> Result<String, OrgJwtError> {
    let id = payload.get("jti").and_then(Value::as_str);
    let id = id.filter(|id| (1..=MAX_TOKEN_ID_BYTES).contains(&id.len()));
    id.map(str::to_owned).ok_or(OrgJwtError::TokenIdMissing)
}

/// Returns a time in whole seconds, rounded down; `None` if the claim is absent.
pub(super) fn time(payload: &Object, name: &str) -> Result<Option<i64>, OrgJwtError> {
    let Some(value) = payload.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=json::MAX_SAFE_INTEGER).contains(seconds));
    seconds.map(|seconds| Some(seconds.floor() as i64)).ok_or(OrgJwtError::TimeMalformed)
}

/// Checks `exp`, `nbf` and `iat`, where present, and returns `iat`.
pub(super) fn check_times(payload: &Object, now: UnixTime) -> Result<Option<i64>, OrgJwtError> {
    let latest_now = now.seconds().saturating_add(CLOCK_SKEW);
    let issued_at = time(payload, "iat")?;
    if time(payload, "exp")?.is_some_and(|exp| now.seconds() >= exp.saturating_add(CLOCK_SKEW)) {
        return Err(OrgJwtError::Expired);
    }
    let not_before = time(payload, "nbf")?;
    if [issued_at, not_before].into_iter().flatten().any(|time| time > latest_now) {
        return Err(OrgJwtError::NotYetValid);
    }
    Ok(issued_at)
}
