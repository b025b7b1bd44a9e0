//! The fetched keys of one provider on one worker, and the fetches that unknown key IDs cause.

use std::time::Duration;

use super::KeySet;
use super::source::KeySource;
use super::unknown_kids::{KidDigest, UnknownKidCache};
use crate::refresh::RefreshSchedule;
use crate::refresh::refresher::{
    EarlyRefresh, Fetch, FetchProgress, NoDocument, Refresher, Tick, WaitAdvice,
};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{FetchError, Response};
use crate::refresh::state::WorkerId;
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// The fetched and the pinned keys of one provider.
#[derive(Debug)]
pub struct RemoteKeys {
    refresher: Refresher<KeySource>,
    unknown_kid_cooldown: Duration,
    unknown_kids: UnknownKidCache,
}

impl RemoteKeys {
    /// Creates the keys of a source, none of which is fetched yet. `unknown_kid_cooldown` is the
    /// minimum time between two fetches that unknown key IDs cause.
    pub fn new(
        source: KeySource,
        schedule: RefreshSchedule,
        unknown_kid_cooldown: Duration,
        worker_id: WorkerId,
    ) -> Self {
        let refresher = Refresher::new(source, schedule, worker_id);
        Self { refresher, unknown_kid_cooldown, unknown_kids: UnknownKidCache::default() }
    }

    /// Returns the keys to verify with: the fetched and the pinned ones, or the pinned ones if
    /// there are no fetched keys or these have expired.
    ///
    /// # Errors
    /// Without pinned keys, [`Rejection::KeysUnavailable`] before the first successful fetch, and
    /// [`Rejection::KeysStale`] after the fetched keys have expired.
    pub fn keys(&self, now: UnixTime) -> Result<&KeySet, Rejection> {
        let fetched = self.refresher.document(now);
        fetched.or_else(|error| self.refresher.source().pinned().ok_or(rejection(error)))
    }

    /// Returns the latest fetched keys, whatever their age, with the pinned ones; the pinned ones
    /// alone before the first fetch.
    pub fn latest(&self) -> Option<&KeySet> {
        self.refresher.latest().or_else(|| self.refresher.source().pinned())
    }

    /// Returns the rejection of a token whose key is not among the keys. It is
    /// [`Rejection::KeyUnknown`], an error of the token, only if the fetched keys have not expired
    /// and the latest fetch has succeeded.
    pub fn rejection_for_unknown_key(&self, now: UnixTime) -> Rejection {
        match self.refresher.document(now) {
            Err(error) => rejection(error),
            Ok(_) if self.refresher.is_failing() => Rejection::KeysUnavailable,
            Ok(_) => Rejection::KeyUnknown,
        }
    }

    /// Returns the refresher of the fetched keys.
    pub const fn refresher(&self) -> &Refresher<KeySource> {
        &self.refresher
    }

    /// Runs [`Refresher::on_tick`].
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Tick {
        self.refresher.on_tick(now, shared)
    }

    /// Runs [`Refresher::on_response`].
    pub fn on_response(
        &mut self,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchProgress {
        self.refresher.on_response(now, fetch, shared, response)
    }

    /// Runs [`Refresher::release`].
    pub fn release(&mut self, shared: &dyn SharedData) {
        self.refresher.release(shared);
    }

    /// Runs [`Refresher::take_remarks`].
    pub(crate) fn take_remarks(&mut self) -> Vec<String> {
        self.refresher.take_remarks()
    }

    /// Returns whether to hold a request that needs keys which this worker does not have.
    pub fn on_keys_unavailable(&self, now: UnixTime) -> WaitAdvice {
        self.refresher.on_missing(now)
    }

    /// Returns whether to hold a request whose token has an unknown key ID. Schedules a fetch,
    /// because the key may be new, at most once per cooldown for the whole process. Without that
    /// limit, every invented key ID would cause a request to the issuer.
    pub fn on_unknown_kid(&mut self, kid: KidDigest, now: UnixTime, shared: &dyn SharedData) -> WaitAdvice {
        let (generation, cooldown) = (self.refresher.generation(), self.unknown_kid_cooldown);
        if self.unknown_kids.is_known_missing(kid, generation, now, cooldown) {
            return WaitAdvice::FailNow;
        }
        match self.refresher.request_refresh(now, cooldown, shared) {
            EarlyRefresh::Scheduled => {
                self.unknown_kids.record_fetch(kid, generation, now);
                WaitAdvice::Wait
            }
            EarlyRefresh::InFlight => WaitAdvice::Wait,
            EarlyRefresh::RateLimited => WaitAdvice::FailNow,
        }
    }
}

/// Returns the rejection of a token that needs keys which this worker does not have.
const fn rejection(error: NoDocument) -> Rejection {
    match error {
        NoDocument::NeverFetched => Rejection::KeysUnavailable,
        NoDocument::Stale => Rejection::KeysStale,
    }
}
