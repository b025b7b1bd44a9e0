//! Assertions for `private_key_jwt` (RFC 7523 section 2.2, OpenID Connect Core section 9), with
//! ES256.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::json;

use crate::json;
use crate::time::UnixTime;

/// The lifetime of an assertion: Okta's maximum is one hour.
const LIFETIME: Duration = Duration::from_secs(3600);
/// The age at which the filter signs a new assertion.
const MAX_AGE: Duration = Duration::from_secs(45 * 60);
/// The time for which the clock of the filter may be ahead: Okta rejects an `exp` more than one
/// hour after its own time.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A private key on P-256. `Debug` omits it.
#[derive(Clone)]
pub struct AssertionKey(SigningKey);

/// An assertion, and the time of its signature.
pub(super) struct Assertion {
    signed_at: UnixTime,
    jwt: String,
}

impl AssertionKey {
    /// Reads a JWK (RFC 7518 section 6.2.2). Returns `None` for every other key, and for a JWK whose
    /// public part does not belong to the private part.
    pub(super) fn from_jwk(jwk: &[u8]) -> Option<Self> {
        let jwk = json::parse_object(jwk).ok()?;
        let text = |name: &str| jwk.get(name).and_then(json::Value::as_str);
        if text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return None;
        }
        let key = SigningKey::from_slice(&URL_SAFE_NO_PAD.decode(text("d")?).ok()?).ok()?;
        let point = key.verifying_key().to_sec1_point(false);
        let is_coordinate = |name: &str, own: Option<&p256::FieldBytes>| match text(name) {
            None => true,
            Some(text) => {
                URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| own.is_some_and(|own| own[..] == bytes))
            }
        };
        (is_coordinate("x", point.x()) && is_coordinate("y", point.y())).then_some(Self(key))
    }

    /// Signs an assertion. It has no `jti`, because Okta accepts an assertion with `jti` only once.
    #[inline(never)]
    pub(super) fn sign(
        &self,
        key_id: Option<&str>,
        client_id: &str,
        audience: &str,
        now: UnixTime,
    ) -> Assertion {
        let seconds = now.seconds();
        let lifetime = LIFETIME.saturating_sub(CLOCK_SKEW).as_secs();
        let mut header = json!({ "alg": "ES256", "typ": "JWT" });
        if let (Some(kid), Some(header)) = (key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), kid.into());
        }
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": seconds,
            "exp": seconds.saturating_add(i64::try_from(lifetime).unwrap_or(i64::MAX)),
        });
        let encode = |value: &json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut jwt = format!("{}.{}", encode(&header), encode(&claims));
        let signature: Signature = self.0.sign(jwt.as_bytes());
        jwt.push('.');
        jwt.push_str(&URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        Assertion { signed_at: now, jwt }
    }
}

impl Assertion {
    /// Returns the assertion if it is recent enough to send. If the clock was set back, `iat` may be
    /// in the future, so the filter signs a new one.
    pub(super) fn current(&self, now: UnixTime) -> Option<&str> {
        let is_recent = self.signed_at <= now && now.saturating_duration_since(self.signed_at) < MAX_AGE;
        is_recent.then_some(self.jwt.as_str())
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionKey(<redacted>)")
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion(<redacted>)")
    }
}
