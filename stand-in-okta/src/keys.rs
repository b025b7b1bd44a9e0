//! Signing keys, and what an authorization server publishes of them.
//!
//! Okta knows a key that signs (ACTIVE), one that will (NEXT, published weeks ahead), and one that did (EXPIRED).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::rand_core::{OsRng, RngCore as _};
use rsa::sha2::Sha256;
use rsa::signature::{Keypair as _, SignatureEncoding as _, Signer as _, Verifier as _};
use rsa::traits::PublicKeyParts as _;
use serde::{Deserialize, Serialize};

/// How keys change places.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// By schedule: the key published ahead takes over. Who has fetched the keys lately notices nothing.
    Automatic,
    /// By an administrator: a key that nobody has seen signs at once. The former one stays published.
    Manual,
    /// Two manual ones, one after the other: the former key is gone, and its tokens with it.
    EmergencyDouble,
}

/// Which keys are published.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The one that signs.
    Active,
    /// That one, and the one that will sign: how the stand-in starts.
    ActiveNext,
    /// Those, and one that did sign: as after a rotation.
    ActiveNextExpired,
}

/// The keys of one authorization server.
pub(crate) struct KeyRing {
    active: Key,
    next: Option<Key>,
    expired: Option<Key>,
    lag: Duration,
    /// What is still published, and until when (Unix milliseconds).
    lagging: Option<(Vec<Jwk>, i64)>,
}

impl KeyRing {
    /// Fresh keys: one that signs and one that will.
    pub(crate) fn new() -> Self {
        Self {
            active: Key::generate(),
            next: Some(Key::generate()),
            expired: None,
            lag: Duration::ZERO,
            lagging: None,
        }
    }

    /// The key that signs.
    pub(crate) const fn active(&self) -> &Key {
        &self.active
    }

    /// The keys there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        [Some(&self.active), self.next.as_ref(), self.expired.as_ref()].into_iter().flatten()
    }

    /// Okta's JWKS document, in random order: the order must tell nothing.
    pub(crate) fn document(&self, now_millis: i64) -> String {
        let mut keys = match &self.lagging {
            Some((former, until)) if now_millis < *until => former.clone(),
            Some(_) | None => self.all().map(Key::jwk).collect(),
        };
        keys.sort_by_cached_key(|_| OsRng.next_u32());
        serde_json::to_string(&Jwks { keys }).unwrap_or_default()
    }

    /// Changes the keys' places. The fresh keys come from outside, for it takes long to find them.
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

    /// Sets which keys there are; fresh ones fill the gaps.
    pub(crate) fn set_stage(&mut self, stage: Stage) {
        let (next, expired) = (self.next.take(), self.expired.take());
        if stage != Stage::Active {
            self.next = Some(next.unwrap_or_else(Key::generate));
        }
        if stage == Stage::ActiveNextExpired {
            self.expired = Some(expired.unwrap_or_else(Key::generate));
        }
    }

    /// How long a rotation takes to show. "Information returned could lag slightly", as Okta puts it.
    pub(crate) fn set_lag(&mut self, lag: Duration) {
        self.lag = lag;
    }
}

/// A key pair with its id.
pub struct Key {
    kid: String,
    pair: SigningKey<Sha256>,
}

impl Key {
    /// Makes an RSA-2048 key.
    pub fn generate() -> Self {
        // 43 characters like Okta's, and like those not the key's thumbprint.
        Self { kid: random_text(32), pair: SigningKey::random(&mut OsRng, 2048).unwrap_or_else(unlucky) }
    }

    /// Its id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// A compact JWS of exactly these bytes.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()).to_bytes());
        format!("{message}.{signature}")
    }

    /// Whether the signature over the message is this key's.
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

/// Random bytes as base64url text: ids of all kinds look like that.
pub(crate) fn random_text(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    OsRng.fill_bytes(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}

#[derive(Serialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// The public half, with Okta's members in Okta's order.
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
    reason = "2048 bits are always possible; without keys there is nothing to stand in with"
)]
fn unlucky(error: rsa::Error) -> SigningKey<Sha256> {
    panic!("no RSA key: {error}")
}
