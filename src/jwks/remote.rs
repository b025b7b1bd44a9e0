//! The keys of one provider on one worker, as far as they are fetched: which there are, and when a token is worth a fetch.

use std::time::Duration;

use super::KeySet;
use super::source::KeySource;
use super::unknown_kids::{KidDigest, UnknownKidCache};
use crate::refresh::RefreshSchedule;
use crate::refresh::refresher::{EarlyRefresh, Fetch, FetchProgress, Missing, Refresher, Tick, WaitAdvice};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{FetchError, Response};
use crate::refresh::state::WorkerId;
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// Keys that are fetched, with those that are pinned besides.
#[derive(Debug)]
pub struct RemoteKeys {
    refresher: Refresher<KeySource>,
    unknown_kid_cooldown: Duration,
    unknown_kids: UnknownKidCache,
}

impl RemoteKeys {
    /// Keys of this source. At least the cooldown passes between two fetches that unknown key ids cause.
    pub fn new(
        source: KeySource,
        schedule: RefreshSchedule,
        unknown_kid_cooldown: Duration,
        worker_id: WorkerId,
    ) -> Self {
        let refresher = Refresher::new(source, schedule, worker_id);
        Self { refresher, unknown_kid_cooldown, unknown_kids: UnknownKidCache::default() }
    }

    /// The keys to verify with.
    ///
    /// # Errors
    /// [`Rejection::KeysUnavailable`] before the first set, [`Rejection::KeysStale`] after the last has become too old.
    /// Pinned keys are neither: they are all that is left then.
    pub fn keys(&self, now: UnixTime) -> Result<&KeySet, Rejection> {
        let fetched = self.refresher.document(now);
        fetched.or_else(|missing| self.refresher.source().pinned().ok_or(rejection(missing)))
    }

    /// Why a key may not be there: because nobody has it, or because the issuer cannot be asked, or its keys are missing
    /// and only the pinned ones are left. The token is to blame in the first case only.
    pub fn reason_for_unknown_key(&self, now: UnixTime) -> Rejection {
        match self.refresher.document(now) {
            Err(missing) => rejection(missing),
            Ok(_) if self.refresher.is_failing() => Rejection::KeysUnavailable,
            Ok(_) => Rejection::KeyUnknown,
        }
    }

    /// Whoever keeps them fresh.
    pub const fn refresher(&self) -> &Refresher<KeySource> {
        &self.refresher
    }

    /// See [`Refresher::on_tick`].
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Tick {
        self.refresher.on_tick(now, shared)
    }

    /// See [`Refresher::on_response`].
    pub fn on_response(
        &mut self,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchProgress {
        self.refresher.on_response(now, fetch, shared, response)
    }

    /// Gives up the fetch under way: see [`Refresher::release`].
    pub fn release(&mut self, shared: &dyn SharedData) {
        self.refresher.release(shared);
    }

    /// Takes the remarks on the document: see [`Refresher::take_remarks`].
    pub fn take_remarks(&mut self) -> Vec<String> {
        self.refresher.take_remarks()
    }

    /// A request needs keys, and there are none: see [`Refresher::on_missing`].
    pub fn on_keys_unavailable(&self, now: UnixTime) -> WaitAdvice {
        self.refresher.on_missing(now)
    }

    /// A request names a key that is not there. A key that has just been made is found by asking again, at most once in
    /// a cooldown for the whole process: else every made-up key id would be a request to the issuer.
    pub fn on_unknown_kid(&mut self, kid: KidDigest, now: UnixTime, shared: &dyn SharedData) -> WaitAdvice {
        let (generation, cooldown) = (self.refresher.generation(), self.unknown_kid_cooldown);
        if self.unknown_kids.is_known_missing(kid, generation, now, cooldown) {
            return WaitAdvice::FailNow;
        }
        match self.refresher.request_refresh(now, cooldown, shared) {
            EarlyRefresh::Scheduled => {
                self.unknown_kids.asked(kid, generation, now);
                WaitAdvice::Wait
            }
            EarlyRefresh::InFlight => WaitAdvice::Wait,
            EarlyRefresh::RateLimited => WaitAdvice::FailNow,
        }
    }
}

const fn rejection(missing: Missing) -> Rejection {
    match missing {
        Missing::NotYet => Rejection::KeysUnavailable,
        Missing::Stale => Rejection::KeysStale,
    }
}
