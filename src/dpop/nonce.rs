//! Nonces of the filter for proofs (RFC 9449 sections 8 and 9).
//!
//! A nonce is stateless: the number of a time interval and its MAC. Every worker and every process
//! with a common key accepts it. It limits how far in advance a client, or an attacker with access
//! to its key for a moment, can make proofs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::token;

/// The beginning of the authenticated text. It separates nonces from other uses of a key.
const CONTEXT: &[u8] = b"okta-authz dpop nonce 1";
/// The length of the truncated MAC, in bytes.
const MAC_BYTES: usize = 16;

/// The nonces of a configuration.
#[derive(Clone)]
pub struct Nonces {
    /// The first key issues nonces.
    keys: Vec<[u8; 32]>,
    /// The realm of the challenges. A nonce of another realm is invalid.
    realm: String,
    /// The length of an interval, in milliseconds: half of the lifetime.
    interval: u64,
}

impl Nonces {
    /// Creates the nonces of a realm; `None` without a key, or for a lifetime below 2 milliseconds.
    ///
    /// A nonce is valid for at least half of `lifetime`, and at most for `lifetime`, at the clock
    /// that issued it.
    pub fn new(keys: Vec<[u8; 32]>, lifetime: Duration, realm: &str) -> Option<Self> {
        let interval = u64::try_from(lifetime.as_millis()).ok()? / 2;
        let is_valid = !keys.is_empty() && interval > 0;
        is_valid.then(|| Self { keys, realm: realm.to_owned(), interval })
    }

    /// Returns the nonce for the next proof of a client: 27 characters of base64url.
    pub fn issue(&self, now: UnixTime) -> String {
        let number = self.interval_at(now).to_be_bytes();
        let mac = self.keys.first().map(|key| self.mac(key, number).finalize().into_bytes());
        let mac = mac.as_ref().and_then(|mac| mac.get(..MAC_BYTES)).unwrap_or_default();
        URL_SAFE_NO_PAD.encode([&number, mac].concat())
    }

    /// Checks a nonce. It is valid in its interval, in the next one, and, because the clocks of
    /// processes differ, in the one before. Returns the first second, since the epoch, at which the
    /// filter rejects it.
    ///
    /// # Errors
    /// [`Rejection::DpopNonceRequired`] for a text that the filter did not issue.
    /// [`Rejection::DpopNonceStale`] for a nonce of another interval.
    pub(super) fn check(&self, nonce: &str, now: UnixTime) -> Result<i64, Rejection> {
        let decoded = token::decode(nonce.as_bytes()).map_err(|_| Rejection::DpopNonceRequired)?;
        let Some((number, mac)) = decoded.split_first_chunk().filter(|(_, mac)| mac.len() == MAC_BYTES)
        else {
            return Err(Rejection::DpopNonceRequired);
        };
        if !self.keys.iter().any(|key| self.mac(key, *number).verify_truncated_left(mac).is_ok()) {
            return Err(Rejection::DpopNonceRequired);
        }
        let number = u32::from_be_bytes(*number);
        if self.interval_at(now).abs_diff(number) > 1 {
            return Err(Rejection::DpopNonceStale);
        }
        let end_millis = u64::from(number).saturating_add(2).saturating_mul(self.interval);
        Ok(i64::try_from(end_millis.div_ceil(1000)).unwrap_or(i64::MAX))
    }

    /// Returns the number of the interval that contains a time.
    fn interval_at(&self, now: UnixTime) -> u32 {
        u32::try_from(now.millis().checked_div(self.interval).unwrap_or_default()).unwrap_or(u32::MAX)
    }

    #[inline(never)]
    fn mac(&self, key: &[u8; 32], number: [u8; 4]) -> Hmac<Sha256> {
        // The MAC pads its key with zeros to the block of the hash function (RFC 2104 section 2).
        let mut block = [0; 64];
        if let Some(start) = block.first_chunk_mut() {
            *start = *key;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in [CONTEXT, b"\0", self.realm.as_bytes(), b"\0", &number] {
            mac.update(part);
        }
        mac
    }
}

/// Omits the keys.
impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(<redacted>)")
    }
}
