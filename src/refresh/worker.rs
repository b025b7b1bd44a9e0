//! The view that one worker has of the shared state, and its changes by compare-and-set.

use std::time::Duration;

use super::RefreshSchedule;
use super::shared::{CasToken, SharedData, SharedKeys, encode_document};
use super::source::FetchedDocument;
use super::state::{Lease, RefreshState, WorkerId};
use crate::time::UnixTime;

/// The minimum time between two fetches that a response can set. Without it, `max-age=0` would
/// cause a fetch at every tick.
pub(super) const MIN_CACHE_DURATION: Duration = Duration::from_secs(30);
/// The maximum time until the next fetch for which a request without a document waits.
const MAX_WAIT_FOR_DUE: Duration = Duration::from_secs(2);
/// The maximum number of attempts to change the shared state. Each failed attempt means that
/// another worker has changed it.
const MAX_CAS_ATTEMPTS: usize = 64;
/// The fraction of the cache duration by which a worker may fetch early: 1/10. It spreads the
/// fetches of many proxies over time.
const JITTER_FRACTION: u32 = 10;

/// One worker's view of the shared state.
#[derive(Debug)]
pub(super) struct Worker {
    worker_id: WorkerId,
    schedule: RefreshSchedule,
    shared_keys: SharedKeys,
    /// The shared state as this worker read it last.
    observed: RefreshState,
    /// The compare-and-set token of that state; `None` if the store had no value.
    observed_cas: Option<CasToken>,
}

/// The advice for a request that needs a document which this worker does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WaitAdvice {
    /// A fetch is in flight or due soon: hold the request.
    Wait,
    /// No fetch is in flight or due soon: reject the request now.
    FailNow,
}

/// The result of a request for a fetch before its due time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EarlyRefresh {
    /// A fetch is due now.
    Scheduled,
    /// Another worker fetches, or has fetched a document that this worker has yet to install.
    InFlight,
    /// The cooldown since the last early fetch has not passed, or the last fetch failed.
    RateLimited,
}

impl Worker {
    pub(super) const fn new(worker_id: WorkerId, schedule: RefreshSchedule, shared_keys: SharedKeys) -> Self {
        Self { worker_id, schedule, shared_keys, observed: RefreshState::new(), observed_cas: None }
    }

    /// Returns the shared state as this worker read it last.
    pub(super) const fn observed(&self) -> &RefreshState {
        &self.observed
    }

    pub(super) const fn id(&self) -> WorkerId {
        self.worker_id
    }

    pub(super) const fn schedule(&self) -> &RefreshSchedule {
        &self.schedule
    }

    /// Reads the shared state. Returns whether a fetch has ended since the last call.
    pub(super) fn observe(&mut self, shared: &dyn SharedData) -> bool {
        let (state, cas) = self.read(shared);
        let ends = |state: &RefreshState| (state.generation, state.failures, state.fetched_at);
        let changed = ends(&state) != ends(&self.observed);
        (self.observed, self.observed_cas) = (state, cas);
        changed
    }

    /// Takes the lease if no worker has it, and a fetch is due or `early` is set. Returns `None`
    /// also if another worker has changed the state since [`Worker::observe`].
    pub(super) fn acquire(&mut self, now: UnixTime, early: bool, shared: &dyn SharedData) -> Option<Lease> {
        let (acquired, lease) = self.observed.acquired(now, self.worker_id, early, &self.schedule)?;
        if !shared.set(&self.shared_keys.state, &acquired.encode(), self.observed_cas) {
            return None;
        }
        self.observed = acquired;
        Some(lease)
    }

    /// Renews the lease. Returns `None` if another worker has taken it.
    pub(super) fn renew(&self, now: UnixTime, lease: Lease, shared: &dyn SharedData) -> Option<Lease> {
        let renewed = lease.extended(now);
        self.update(shared, &|state| state.renewed(lease, renewed)).then_some(renewed)
    }

    /// Releases the lease before its fetch has ended, unless another worker has taken it.
    pub(super) fn release(&self, lease: Lease, shared: &dyn SharedData) {
        self.update(shared, &|state| state.released(lease));
    }

    /// Publishes a document to all workers. Returns false if another worker has taken the lease, or
    /// after [`MAX_CAS_ATTEMPTS`] attempts.
    pub(super) fn publish(
        &self,
        now: UnixTime,
        lease: Lease,
        shared: &dyn SharedData,
        fetched: &FetchedDocument,
    ) -> bool {
        let freshness = self.freshness(fetched.max_age);
        for _ in 0..MAX_CAS_ATTEMPTS {
            // The token of the document precedes the state. A suspended worker can lose the lease
            // after it has read the state. Its document must not replace that of the next owner, so
            // its write must fail.
            let read = shared.get(&self.shared_keys.document).map(|(_, cas)| cas);
            let (state, cas) = self.read(shared);
            let Some(published) = state.succeeded(now, lease, freshness) else { return false };
            // The document precedes the state, which must not announce a document that is not
            // there.
            let document = encode_document(published.generation, fetched.etag.as_deref(), &fetched.text);
            if shared.set(&self.shared_keys.document, &document, read)
                && shared.set(&self.shared_keys.state, &published.encode(), cas)
            {
                return true;
            }
        }
        false
    }

    /// Publishes to all workers that the server has confirmed the document of `generation`. Returns
    /// false if another document is published, or another worker has taken the lease.
    pub(super) fn confirm(
        &self,
        now: UnixTime,
        lease: Lease,
        shared: &dyn SharedData,
        generation: u64,
        max_age: Option<Duration>,
    ) -> bool {
        let freshness = self.freshness(max_age);
        self.update(shared, &|state| state.confirmed(now, lease, generation, freshness))
    }

    /// Returns the latest published document with its generation, as
    /// [`decode_document`](super::shared::decode_document) reads it.
    pub(super) fn published(&self, shared: &dyn SharedData) -> Option<Vec<u8>> {
        shared.get(&self.shared_keys.document).map(|(bytes, _)| bytes)
    }

    /// Publishes the failure of a fetch to all workers.
    pub(super) fn fail(&self, now: UnixTime, lease: Lease, shared: &dyn SharedData) {
        self.update(shared, &|state| state.failed(now, lease));
    }

    /// Returns whether to hold a request that needs the document: during a fetch and during the
    /// short backoff after the first failures. In a longer outage the filter denies the request at
    /// once.
    pub(super) fn wait_advice(&self, now: UnixTime) -> WaitAdvice {
        let is_due_soon = self.observed.due_at.saturating_duration_since(now) <= MAX_WAIT_FOR_DUE
            || self.observed.is_due(now, &self.schedule);
        if is_due_soon || self.observed.is_leased(now) { WaitAdvice::Wait } else { WaitAdvice::FailNow }
    }

    /// Makes a fetch due now, unless another document than that of `generation` is published, or a
    /// fetch is due or in flight.
    pub(super) fn request_refresh(
        &self,
        now: UnixTime,
        generation: u64,
        cooldown: Duration,
        shared: &dyn SharedData,
    ) -> EarlyRefresh {
        for _ in 0..MAX_CAS_ATTEMPTS {
            let (state, cas) = self.read(shared);
            // Due and not leased: another worker has just requested a refresh, and the next tick of
            // any worker takes the lease.
            let is_due = state.failures == 0 && state.is_due(now, &self.schedule);
            if state.generation != generation || is_due || state.is_leased(now) {
                return EarlyRefresh::InFlight;
            }
            let Some(scheduled) = state.with_early_refresh(now, cooldown) else {
                return EarlyRefresh::RateLimited;
            };
            if shared.set(&self.shared_keys.state, &scheduled.encode(), cas) {
                return EarlyRefresh::Scheduled;
            }
        }
        EarlyRefresh::RateLimited
    }

    /// Changes the shared state, and retries if another worker has changed it at the same time.
    /// Returns false if `change` returns `None`, or after [`MAX_CAS_ATTEMPTS`] attempts.
    fn update(&self, shared: &dyn SharedData, change: &dyn Fn(RefreshState) -> Option<RefreshState>) -> bool {
        for _ in 0..MAX_CAS_ATTEMPTS {
            let (state, cas) = self.read(shared);
            let Some(changed) = change(state) else { return false };
            if shared.set(&self.shared_keys.state, &changed.encode(), cas) {
                return true;
            }
        }
        false
    }

    /// Reads the shared state. Returns the initial state if the store has no value or an invalid
    /// one.
    fn read(&self, shared: &dyn SharedData) -> (RefreshState, Option<CasToken>) {
        match shared.get(&self.shared_keys.state) {
            Some((bytes, cas)) => (RefreshState::decode(&bytes).unwrap_or_default(), Some(cas)),
            None => (RefreshState::new(), None),
        }
    }

    /// Returns how long a document is fresh: the shorter of schedule and `max_age`, minus up to a
    /// tenth that depends on the worker.
    fn freshness(&self, max_age: Option<Duration>) -> Duration {
        let longest = self.schedule.cache_duration;
        let freshness = max_age.map_or(longest, |age| age.max(MIN_CACHE_DURATION).min(longest));
        let part = u32::try_from(self.worker_id.0 % 1024).unwrap_or(0);
        let jitter = freshness.checked_div(JITTER_FRACTION).unwrap_or_default().saturating_mul(part);
        freshness.saturating_sub(jitter.checked_div(1024).unwrap_or_default())
    }
}
