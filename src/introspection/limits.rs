//! The limits of the calls: a rate for all workers, and pauses.
//!
//! The workers share rate and pause in shared data, because the endpoint counts the calls of all of
//! them. Shared data is untrusted: no value in it allows more calls than the rate, or a pause of
//! more than [`MAX_PAUSE`].
//!
//! A part of the bucket is a reserve for known tokens: JWTs, whose signature the filter has verified,
//! and tokens that were active. It fills first, so a flood of invented tokens never takes the calls
//! that they need.

use std::time::Duration;

use super::call::MAX_PAUSE;
use crate::refresh::shared::{SharedData, SharedKeys};
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// The pause of a worker after the endpoint has rejected the credentials of the filter. More calls
/// would fail too, and may lock the client.
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(5);
/// The number of attempts to change the shared value while other workers change it.
const ATTEMPTS: usize = 8;

/// The limits of the calls to one endpoint.
pub(super) struct Limits {
    per_second: u64,
    bucket_key: String,
    pause_key: String,
    /// The bucket of a worker whose host has no shared data.
    own_bucket: Bucket,
    /// The pause of this worker, and the rejection of its requests.
    paused: Option<(UnixTime, Rejection)>,
}

/// A token bucket that holds the calls of one second, and a reserve of a quarter of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Bucket {
    /// The available calls, in thousandths.
    available: u64,
    /// The time of this value, in milliseconds since the epoch.
    at: u64,
}

impl Limits {
    pub(super) fn new(per_second: u32, keys: &SharedKeys) -> Self {
        let per_second = u64::from(per_second);
        Self {
            per_second,
            bucket_key: keys.key("rate"),
            pause_key: keys.key("pause"),
            own_bucket: Bucket::full(per_second),
            paused: None,
        }
    }

    /// Takes one call. `is_known` is whether the call can use the reserve.
    ///
    /// # Errors
    /// [`Rejection::IntrospectionLimited`] above the rate and after 429;
    /// [`Rejection::IntrospectionUnavailable`] after the endpoint has rejected the credentials.
    pub(super) fn take(
        &mut self,
        is_known: bool,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> Result<(), Rejection> {
        if let Some((until, rejection)) = self.paused {
            if now < until && until.saturating_duration_since(now) <= MAX_PAUSE {
                return Err(rejection);
            }
            self.paused = None;
        }
        if self.shared_pause(now, shared) || !self.take_from_bucket(is_known, now, shared) {
            return Err(Rejection::IntrospectionLimited);
        }
        Ok(())
    }

    /// Pauses the calls of all workers until a time.
    pub(super) fn pause_all(&mut self, until: UnixTime, shared: &dyn SharedData) {
        self.paused = Some((until, Rejection::IntrospectionLimited));
        let read = shared.get(&self.pause_key).map(|(_, token)| token);
        // If another worker has written the value at this time, it has the same pause.
        shared.set(&self.pause_key, &until.millis().to_le_bytes(), read);
    }

    /// Pauses the calls of this worker, because the credentials are wrong.
    pub(super) fn pause_for_credentials(&mut self, now: UnixTime) {
        self.paused = Some((now.saturating_add(CREDENTIALS_PAUSE), Rejection::IntrospectionUnavailable));
    }

    fn shared_pause(&self, now: UnixTime, shared: &dyn SharedData) -> bool {
        let until = shared
            .get(&self.pause_key)
            .and_then(|(value, _)| Some(u64::from_le_bytes(value.try_into().ok()?)));
        until.is_some_and(|until| {
            let until = UnixTime::from_millis(until);
            now < until && until.saturating_duration_since(now) <= MAX_PAUSE
        })
    }

    fn take_from_bucket(&mut self, is_known: bool, now: UnixTime, shared: &dyn SharedData) -> bool {
        let mut has_shared_data = false;
        for _ in 0..ATTEMPTS {
            let read = shared.get(&self.bucket_key);
            has_shared_data |= read.is_some();
            let bucket = read.as_ref().and_then(|(value, _)| Bucket::decode(value));
            let mut bucket = bucket.unwrap_or_else(|| Bucket::full(self.per_second));
            if !bucket.take(self.per_second, is_known, now) {
                return false;
            }
            if shared.set(&self.bucket_key, &bucket.encode(), read.map(|(_, token)| token)) {
                return true;
            }
        }
        !has_shared_data && self.own_bucket.take(self.per_second, is_known, now)
    }
}

impl Bucket {
    const fn full(per_second: u64) -> Self {
        Self { available: per_second.saturating_mul(1000).saturating_add(Self::reserve(per_second)), at: 0 }
    }

    /// Returns the part for known tokens, in thousandths of a call.
    const fn reserve(per_second: u64) -> u64 {
        per_second.div_ceil(4).saturating_mul(1000)
    }

    /// Refills the bucket, and takes one call. If the clock was set back, refills nothing.
    fn take(&mut self, per_second: u64, is_known: bool, now: UnixTime) -> bool {
        let elapsed = now.millis().saturating_sub(self.at);
        let refilled = self.available.saturating_add(elapsed.saturating_mul(per_second));
        self.available = refilled.min(Self::full(per_second).available);
        self.at = now.millis();
        let reserved = if is_known { 0 } else { Self::reserve(per_second) };
        match self.available.checked_sub(1000).filter(|rest| *rest >= reserved) {
            Some(rest) => {
                self.available = rest;
                true
            }
            None => false,
        }
    }

    fn encode(self) -> Vec<u8> {
        [self.available.to_le_bytes(), self.at.to_le_bytes()].concat()
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (available, at) = value.split_first_chunk::<8>()?;
        Some(Self { available: u64::from_le_bytes(*available), at: u64::from_le_bytes(at.try_into().ok()?) })
    }
}

#[cfg(test)]
mod tests;
