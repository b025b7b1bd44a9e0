//! One worker among those that share a record: takes the lease when it is its turn, and tells the others how it went.

use std::time::Duration;

use super::Schedule;
use super::record::{Lease, Record, WorkerId};
use super::shared::{Cas, Names, SharedData, encode_document};
use crate::time::UnixTime;

/// A response may not shorten the time between two fetches below this, or a `max-age=0` would make every tick a fetch.
pub(super) const MIN_CACHE_DURATION: Duration = Duration::from_secs(30);
/// A request that lacks the document waits for a fetch that is at most this far away.
const WORTH_WAITING: Duration = Duration::from_secs(2);
/// How often a change of the record is tried again when another worker was faster: each of them has written once then.
const ATTEMPTS: usize = 64;
/// Documents are fetched up to this part of their time early, so that the proxies of a fleet do not all ask at once.
const JITTER_PART: u32 = 10;

/// A worker's view of the record.
#[derive(Debug)]
pub(super) struct Worker {
    me: WorkerId,
    schedule: Schedule,
    names: Names,
    /// The record as it was last seen.
    seen: Record,
    /// The mark of its value, if there was one.
    mark: Option<Cas>,
}

/// Whether it is worth waiting for what a request lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hope {
    /// A fetch is under way or due now, and may bring it.
    Wait,
    /// None is, and none will be soon.
    None,
}

/// What has become of the wish for a fetch before its time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// It is due now.
    Granted,
    /// There is one already, or its document has only to be taken over.
    UnderWay,
    /// It is too early for another.
    Refused,
}

impl Worker {
    pub(super) const fn new(me: WorkerId, schedule: Schedule, names: Names) -> Self {
        Self { me, schedule, names, seen: Record::new(), mark: None }
    }

    /// The record as it was last seen.
    pub(super) const fn seen(&self) -> &Record {
        &self.seen
    }

    pub(super) const fn id(&self) -> WorkerId {
        self.me
    }

    pub(super) const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Looks at the record, and says whether a fetch has ended since the last time.
    pub(super) fn look(&mut self, shared: &dyn SharedData) -> bool {
        let (record, mark) = self.read(shared);
        let changed = (record.generation, record.failures) != (self.seen.generation, self.seen.failures);
        (self.seen, self.mark) = (record, mark);
        changed
    }

    /// Takes the lease, if the record stands as it was seen, nobody has the lease, and a fetch is due or wanted `early`.
    pub(super) fn claim(&mut self, now: UnixTime, early: bool, shared: &dyn SharedData) -> Option<Lease> {
        let (claimed, lease) = self.seen.claimed(now, self.me, early, &self.schedule)?;
        if !shared.set(&self.names.record, &claimed.encode(), self.mark) {
            return None;
        }
        self.seen = claimed;
        Some(lease)
    }

    /// Renews the lease, unless another worker has taken it.
    pub(super) fn renew(&self, now: UnixTime, lease: Lease, shared: &dyn SharedData) -> Option<Lease> {
        let renewed = lease.prolonged(now);
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
    pub(super) fn hope(&self, now: UnixTime) -> Hope {
        let soon = self.seen.due_at.since(now) <= WORTH_WAITING || self.seen.is_due(now, &self.schedule);
        if soon || self.seen.is_leased(now) { Hope::Wait } else { Hope::None }
    }

    /// Makes a fetch due now, for what the document of this generation lacks.
    pub(super) fn wish(
        &self,
        now: UnixTime,
        generation: u64,
        cooldown: Duration,
        shared: &dyn SharedData,
    ) -> Wish {
        for _ in 0..ATTEMPTS {
            let (record, mark) = self.read(shared);
            // Due and not leased: another worker has wished for it just now, and the next tick of any takes the lease.
            let due = record.failures == 0 && record.is_due(now, &self.schedule);
            if record.generation != generation || due || record.is_leased(now) {
                return Wish::UnderWay;
            }
            let Some(wanted) = record.wanted(now, cooldown) else { return Wish::Refused };
            if shared.set(&self.names.record, &wanted.encode(), mark) {
                return Wish::Granted;
            }
        }
        Wish::Refused
    }

    /// Changes the record, again if another worker was faster, and says whether it has been changed. `change` says `None`
    /// where there is nothing to change.
    fn update(&self, shared: &dyn SharedData, change: &dyn Fn(Record) -> Option<Record>) -> bool {
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
    fn read(&self, shared: &dyn SharedData) -> (Record, Option<Cas>) {
        match shared.get(&self.names.record) {
            Some((bytes, cas)) => (Record::decode(&bytes).unwrap_or_default(), Some(cas)),
            None => (Record::new(), None),
        }
    }

    /// How long a document is fresh: what the schedule allows, what the response allows, and a little less.
    fn freshness(&self, max_age: Option<Duration>) -> Duration {
        let most = self.schedule.cache_duration;
        let fresh = max_age.map_or(most, |age| age.max(MIN_CACHE_DURATION).min(most));
        let part = u32::try_from(self.me.0 % 1024).unwrap_or(0);
        let early = fresh.checked_div(JITTER_PART).unwrap_or_default().saturating_mul(part).checked_div(1024);
        fresh.saturating_sub(early.unwrap_or_default())
    }
}
