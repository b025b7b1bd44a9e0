//! One worker among those that share a record: takes the lease when it is its turn, and tells the others how it went.

use std::time::Duration;

use super::RefreshSchedule;
use super::shared::{CasToken, SharedData, SharedKeys, encode_document};
use super::state::{Lease, RefreshState, WorkerId};
use crate::time::UnixTime;

/// A response may not shorten the time between two fetches below this, or a `max-age=0` would make every tick a fetch.
pub(super) const MIN_CACHE_DURATION: Duration = Duration::from_secs(30);
/// A request that lacks the document waits for a fetch that is at most this far away.
const MAX_WAIT_FOR_DUE: Duration = Duration::from_secs(2);
/// How often a change of the record is tried again when another worker was faster: each of them has written once then.
const ATTEMPTS: usize = 64;
/// Documents are fetched up to this part of their time early, so that the proxies of a fleet do not all ask at once.
const JITTER_PART: u32 = 10;

/// A worker's view of the record.
#[derive(Debug)]
pub(super) struct Worker {
    worker_id: WorkerId,
    schedule: RefreshSchedule,
    names: SharedKeys,
    /// The record as it was last seen.
    seen: RefreshState,
    /// The mark of its value, if there was one.
    mark: Option<CasToken>,
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
    pub(super) const fn new(worker_id: WorkerId, schedule: RefreshSchedule, names: SharedKeys) -> Self {
        Self { worker_id, schedule, names, seen: RefreshState::new(), mark: None }
    }

    /// The record as it was last seen.
    pub(super) const fn seen(&self) -> &RefreshState {
        &self.seen
    }

    pub(super) const fn id(&self) -> WorkerId {
        self.worker_id
    }

    pub(super) const fn schedule(&self) -> &RefreshSchedule {
        &self.schedule
    }

    /// Looks at the record, and says whether a fetch has ended since the last time.
    pub(super) fn observe(&mut self, shared: &dyn SharedData) -> bool {
        let (record, mark) = self.read(shared);
        let changed = (record.generation, record.failures) != (self.seen.generation, self.seen.failures);
        (self.seen, self.mark) = (record, mark);
        changed
    }

    /// Takes the lease, if the record stands as it was seen, nobody has the lease, and a fetch is due or wanted `early`.
    pub(super) fn claim(&mut self, now: UnixTime, early: bool, shared: &dyn SharedData) -> Option<Lease> {
        let (claimed, lease) = self.seen.claimed(now, self.worker_id, early, &self.schedule)?;
        if !shared.set(&self.names.record, &claimed.encode(), self.mark) {
            return None;
        }
        self.seen = claimed;
        Some(lease)
    }

    /// Renews the lease, unless another worker has taken it.
    pub(super) fn renew(&self, now: UnixTime, lease: Lease, shared: &dyn SharedData) -> Option<Lease> {
        let renewed = lease.extended(now);
        self.update(shared, &|record| record.renewed(lease, renewed)).then_some(renewed)
    }

    /// Gives the lease back before its fetch has ended, unless another worker has taken it.
    pub(super) fn release(&self, lease: Lease, shared: &dyn SharedData) {
        self.update(shared, &|record| record.released(lease));
    }

    /// Tells all workers of a document that was fetched. Returns false if another worker has taken the lease.
    pub(super) fn publish(
        &self,
        now: UnixTime,
        lease: Lease,
        shared: &dyn SharedData,
        text: &[u8],
        max_age: Option<Duration>,
    ) -> bool {
        let fresh = self.freshness(max_age);
        self.update(shared, &|record| {
            let published = record.succeeded(now, lease, fresh)?;
            // The document first: a record must never announce what is not there. It is not compared, for only the
            // owner of the lease writes it.
            let document = encode_document(published.generation, text);
            let read = shared.get(&self.names.document).map(|(_, cas)| cas);
            shared.set(&self.names.document, &document, read).then_some(published)
        })
    }

    /// The document that was published last, with its generation.
    pub(super) fn published(&self, shared: &dyn SharedData) -> Option<Vec<u8>> {
        shared.get(&self.names.document).map(|(bytes, _)| bytes)
    }

    /// Tells everybody of a fetch that has failed.
    pub(super) fn fail(&self, now: UnixTime, lease: Lease, shared: &dyn SharedData) {
        self.update(shared, &|record| record.failed(now, lease));
    }

    /// Whether a request that lacks the document should wait. Worth it through a fetch and the short pauses after the first
    /// failures; later ones are told so at once rather than queued behind an outage.
    pub(super) fn wait_advice(&self, now: UnixTime) -> WaitAdvice {
        let soon = self.seen.due_at.saturating_duration_since(now) <= MAX_WAIT_FOR_DUE
            || self.seen.is_due(now, &self.schedule);
        if soon || self.seen.is_leased(now) { WaitAdvice::Wait } else { WaitAdvice::FailNow }
    }

    /// Makes a fetch due now, for what the document of this generation lacks.
    pub(super) fn request_refresh(
        &self,
        now: UnixTime,
        generation: u64,
        cooldown: Duration,
        shared: &dyn SharedData,
    ) -> EarlyRefresh {
        for _ in 0..ATTEMPTS {
            let (record, mark) = self.read(shared);
            // Due and not leased: another worker has wished for it just now, and the next tick of any takes the lease.
            let due = record.failures == 0 && record.is_due(now, &self.schedule);
            if record.generation != generation || due || record.is_leased(now) {
                return EarlyRefresh::InFlight;
            }
            let Some(wanted) = record.with_early_refresh(now, cooldown) else {
                return EarlyRefresh::RateLimited;
            };
            if shared.set(&self.names.record, &wanted.encode(), mark) {
                return EarlyRefresh::Scheduled;
            }
        }
        EarlyRefresh::RateLimited
    }

    /// Changes the record, again if another worker was faster, and says whether it has been changed. `change` says `None`
    /// where there is nothing to change.
    fn update(&self, shared: &dyn SharedData, change: &dyn Fn(RefreshState) -> Option<RefreshState>) -> bool {
        for _ in 0..ATTEMPTS {
            let (record, mark) = self.read(shared);
            let Some(changed) = change(record) else { return false };
            if shared.set(&self.names.record, &changed.encode(), mark) {
                return true;
            }
        }
        false
    }

    /// The record; a new one where there is none or nobody can read it.
    fn read(&self, shared: &dyn SharedData) -> (RefreshState, Option<CasToken>) {
        match shared.get(&self.names.record) {
            Some((bytes, cas)) => (RefreshState::decode(&bytes).unwrap_or_default(), Some(cas)),
            None => (RefreshState::new(), None),
        }
    }

    /// How long a document is fresh: what the schedule allows, what the response allows, and a little less.
    fn freshness(&self, max_age: Option<Duration>) -> Duration {
        let most = self.schedule.cache_duration;
        let fresh = max_age.map_or(most, |age| age.max(MIN_CACHE_DURATION).min(most));
        let part = u32::try_from(self.worker_id.0 % 1024).unwrap_or(0);
        let early = fresh.checked_div(JITTER_PART).unwrap_or_default().saturating_mul(part).checked_div(1024);
        fresh.saturating_sub(early.unwrap_or_default())
    }
}
