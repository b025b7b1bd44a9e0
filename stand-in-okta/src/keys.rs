//! Signing keys, and the key set that an authorization server publishes.
//!
//! Okta has three stages of keys: ACTIVE signs, NEXT signs after the next rotation and is published
//! weeks before, and EXPIRED signed before the last rotation.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::rand_core::{OsRng, RngCore as _};
use rsa::sha2::Sha256;
use rsa::signature::{Keypair as _, SignatureEncoding as _, Signer as _, Verifier as _};
use rsa::traits::PublicKeyParts as _;
use serde::{Deserialize, Serialize};

/// A kind of key rotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// By schedule: the NEXT key becomes ACTIVE. A client with a recent key set has the key
    /// already.
    Automatic,
    /// By an administrator: a key that was never published becomes ACTIVE. The former key stays
    /// published.
    Manual,
    /// Two manual rotations in a row. The former key is no longer published, so its tokens are
    /// invalid.
    EmergencyDouble,
}

/// The keys that a server publishes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Only the ACTIVE key.
    Active,
    /// The ACTIVE and the NEXT key. The stand-in starts with them.
    ActiveNext,
    /// The ACTIVE, the NEXT and an EXPIRED key, as after a rotation.
    ActiveNextExpired,
}

/// The keys of one authorization server.
pub(crate) struct KeyRing {
    active: Key,
    next: Option<Key>,
    expired: Option<Key>,
    lag: Duration,
    /// The key set that is still published after a rotation, and the end of that time in Unix
    /// milliseconds.
    lagging: Option<(Vec<Jwk>, i64)>,
}

impl KeyRing {
    /// Generates an ACTIVE and a NEXT key.
    pub(crate) fn new() -> Self {
        Self {
            active: Key::generate(),
            next: Some(Key::generate()),
            expired: None,
            lag: Duration::ZERO,
            lagging: None,
        }
    }

    /// Returns the ACTIVE key.
    pub(crate) const fn active(&self) -> &Key {
        &self.active
    }

    /// Returns all keys.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        [Some(&self.active), self.next.as_ref(), self.expired.as_ref()].into_iter().flatten()
    }

    /// Returns Okta's JWKS document. The order is random, so that no client can depend on it.
    pub(crate) fn document(&self, now_millis: i64) -> String {
        let mut keys = match &self.lagging {
            Some((former, until)) if now_millis < *until => former.clone(),
            Some(_) | None => self.all().map(Key::jwk).collect(),
        };
        keys.sort_by_cached_key(|_| OsRng.next_u32());
        serde_json::to_string(&Jwks { keys }).unwrap_or_default()
    }

    /// Rotates the keys. The caller generates the new keys, because that takes a fraction of a
    /// second and the key ring is locked here.
    pub(crate) fn rotate(&mut self, rotation: Rotation, [fresh, another]: [Key; 2], now_millis: i64) {
        let former: Vec<Jwk> = self.all().map(Key::jwk).collect();
        let lag = i64::try_from(self.lag.as_millis()).unwrap_or(i64::MAX);
        self.lagging = (lag > 0).then(|| (former, now_millis.saturating_add(lag)));
        match rotation {
            Rotation::Automatic => {
                let next = self.next.replace(fresh).unwrap_or(another);
                self.expired = Some(std::mem::replace(&mut self.active, next));
            }
            Rotation::Manual => self.expired = Some(std::mem::replace(&mut self.active, fresh)),
            Rotation::EmergencyDouble => {
                self.active = fresh;
                self.expired = Some(another);
            }
        }
    }

    /// Sets the keys that exist. Generates those that are missing.
    pub(crate) fn set_stage(&mut self, stage: Stage) {
        let (next, expired) = (self.next.take(), self.expired.take());
        if stage != Stage::Active {
            self.next = Some(next.unwrap_or_else(Key::generate));
        }
        if stage == Stage::ActiveNextExpired {
            self.expired = Some(expired.unwrap_or_else(Key::generate));
        }
    }

    /// Sets how long a rotation takes until it is published. Okta documents that "information
    /// returned could lag slightly".
    pub(crate) fn set_lag(&mut self, lag: Duration) {
        self.lag = lag;
    }
}

/// A key pair with its key ID.
pub struct Key {
    kid: String,
    pair: SigningKey<Sha256>,
}

impl Key {
    /// Generates an RSA key of 2048 bits.
    ///
    /// # Panics
    ///
    /// If the key cannot be generated.
    pub fn generate() -> Self {
        // 43 characters like Okta's key IDs, which are not thumbprints of the keys either.
        let pair = SigningKey::random(&mut OsRng, 2048).unwrap_or_else(panic_on_keygen_failure);
        Self { kid: random_text(32), pair }
    }

    /// Returns the key ID.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns a compact JWS (RFC 7515) over exactly these bytes.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()).to_bytes());
        format!("{message}.{signature}")
    }

    /// Returns whether the signature over the message is valid under this key.
    pub fn verifies(&self, message: &str, signature: &[u8]) -> bool {
        Signature::try_from(signature)
            .is_ok_and(|signature| self.pair.verifying_key().verify(message.as_bytes(), &signature).is_ok())
    }

    fn jwk(&self) -> Jwk {
        let public = self.pair.verifying_key();
        Jwk {
            alg: "RS256",
            e: URL_SAFE_NO_PAD.encode(public.as_ref().e().to_bytes_be()),
            n: URL_SAFE_NO_PAD.encode(public.as_ref().n().to_bytes_be()),
            kid: self.kid.clone(),
            kty: "RSA",
            r#use: "sig",
        }
    }
}

/// Returns random bytes as base64url text. Okta's identifiers have this form.
pub(crate) fn random_text(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    OsRng.fill_bytes(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}

#[derive(Serialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// A public key, with Okta's members in Okta's order.
#[derive(Clone, Serialize)]
struct Jwk {
    alg: &'static str,
    e: String,
    n: String,
    kid: String,
    kty: &'static str,
    r#use: &'static str,
}

#[allow(
    clippy::panic,
    reason = "generating 2048 bits fails only without a random source; the stand-in cannot run without keys"
)]
fn panic_on_keygen_failure(error: rsa::Error) -> SigningKey<Sha256> {
    panic!("cannot generate an RSA key: {error}")
}
