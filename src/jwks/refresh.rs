//! One worker's part in keeping the keys of a provider: a machine without a clock or a network.
//!
//! It is told the time and what happened, and says what to do. All workers of a process share a [`Record`] and the
//! document that was fetched last: whoever gets the lease fetches for all, the others take over what was published. A set
//! that was good is kept until a better one has arrived or it has become too old to trust; no state lies in between.

use std::time::Duration;

use super::KeySet;
use super::fetch::{Fetch, FetchError, Fetched, Location, Next, Response, Source};
use super::record::{Lease, Record, WorkerId};
use super::shared::{Cas, Names, SharedData, decode_document, encode_document};
use super::unknown_kids::{KidDigest, UnknownKids};
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// A response may not shorten the time between two fetches below this, or a `max-age=0` would make every tick a fetch.
const MIN_CACHE_DURATION: Duration = Duration::from_secs(30);
/// A request that has no keys waits for a fetch that is at most this far away.
const WORTH_WAITING: Duration = Duration::from_secs(2);
/// How often a change of the record is tried again when another worker was faster: each of them has written once then.
const ATTEMPTS: usize = 64;
/// Keys are fetched up to this part of their time early, so that the proxies of a fleet do not all ask at once.
const JITTER_PART: u32 = 10;

/// How often keys are fetched, and how long they last.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How long a set is fresh, at most.
    pub cache_duration: Duration,
    /// How long a set is used when no newer one can be had.
    pub max_stale: Duration,
    /// At least this long passes between two fetches that an unknown key id causes.
    pub unknown_kid_cooldown: Duration,
    /// How long a fetch may take.
    pub timeout: Duration,
}

/// The keys of one provider on one worker.
#[derive(Debug)]
pub struct Refresher {
    schedule: Schedule,
    source: Source,
    names: Names,
    me: WorkerId,
    pinned: Option<KeySet>,
    unknown_kids: UnknownKids,
    adopted: Option<Adopted>,
    /// The record as it was last seen.
    seen: Record,
}

#[derive(Debug)]
struct Adopted {
    keys: KeySet,
    fetched_at: UnixTime,
    generation: u64,
}

/// What a tick has found, and what is to be done.
#[derive(Debug, Default)]
pub struct Tick {
    /// A fetch, if one is this worker's to do: send its request, and tell [`Refresher::on_response`] how it went.
    pub fetch: Option<Fetch>,
    /// A fetch has ended since the last tick, here or elsewhere: look again at requests that wait.
    pub changed: bool,
}

/// What a response has led to.
#[derive(Debug)]
pub enum Progress {
    /// The fetch goes on with another request.
    Request(Fetch),
    /// It is over, and everybody has been told: how many usable keys it has brought, or why none.
    Done(Result<usize, FetchError>),
}

/// Whether it is worth waiting for the keys that a request lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hope {
    /// A fetch is under way or due now, and may bring them.
    Wait,
    /// None is, and none will be soon.
    None,
}

impl Schedule {
    /// How long the right to fetch is given: a leader that has not told how it went by then is gone.
    pub fn lease(&self) -> Duration {
        self.timeout.saturating_mul(2)
    }
}

impl Refresher {
    /// Keys that are fetched on this schedule, with those that are pinned besides.
    pub fn new(
        schedule: Schedule,
        source: Source,
        names: Names,
        me: WorkerId,
        pinned: Option<KeySet>,
    ) -> Self {
        let unknown_kids = UnknownKids::default();
        Self { schedule, source, names, me, pinned, unknown_kids, adopted: None, seen: Record::new() }
    }

    /// The keys to verify with.
    ///
    /// # Errors
    /// [`Rejection::KeysUnavailable`] before the first set, [`Rejection::KeysStale`] after the last has become too old.
    /// Pinned keys are neither: they are all that is left then.
    pub fn keys(&self, now: UnixTime) -> Result<&KeySet, Rejection> {
        match (&self.adopted, &self.pinned) {
            (Some(adopted), _) if !self.is_stale(adopted, now) => Ok(&adopted.keys),
            (_, Some(pinned)) => Ok(pinned),
            (Some(_), None) => Err(Rejection::KeysStale),
            (None, None) => Err(Rejection::KeysUnavailable),
        }
    }

    /// Why a key may not be there: because nobody has it, or because the issuer cannot be asked, or its keys are missing
    /// and only the pinned ones are left. The token is to blame in the first case only.
    pub fn reason_for_unknown_key(&self, now: UnixTime) -> Rejection {
        match &self.adopted {
            None => Rejection::KeysUnavailable,
            Some(adopted) if self.is_stale(adopted, now) => Rejection::KeysStale,
            Some(_) if self.seen.failures > 0 => Rejection::KeysUnavailable,
            Some(_) => Rejection::KeyUnknown,
        }
    }

    fn is_stale(&self, adopted: &Adopted, now: UnixTime) -> bool {
        now.since(adopted.fetched_at) > self.schedule.max_stale
    }

    /// Looks at what the others have done, and takes the lease if a fetch is due and nobody has it.
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Tick {
        let (record, cas) = self.read(shared);
        let changed = (record.generation, record.failures) != (self.seen.generation, self.seen.failures);
        self.seen = record;
        self.adopt(now, record, shared);
        // What the record announces is not there, or not fit to be used: somebody else has written to it.
        let lost =
            self.generation() != record.generation && now.since(record.fetched_at) >= MIN_CACHE_DURATION;
        let fetch = match record.claimed(now, self.me, lost, &self.schedule) {
            Some((claimed, lease)) if shared.set(&self.names.record, &claimed.encode(), cas) => {
                self.seen = claimed;
                Some(Fetch::new(lease, &self.source, self.location(shared), now))
            }
            // Not due, somebody else's, or somebody was faster.
            _ => None,
        };
        Tick { fetch, changed }
    }

    /// Takes what the request of a fetch has brought. At the end of the fetch everybody is told.
    pub fn on_response(
        &self,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> Progress {
        let (lease, known) = (fetch.lease, fetch.known());
        match fetch.on_response(&self.source, response) {
            Next::Request(fetch) => {
                let renewed = lease.prolonged(now, &self.schedule);
                if self.update(shared, |record| record.renewed(now, lease, renewed)) {
                    Progress::Request(fetch.with_lease(renewed))
                } else {
                    // The lease is over, and another worker has it.
                    Progress::Done(Err(FetchError::NoAnswer))
                }
            }
            Next::Done(Ok(fetched)) => {
                self.publish(now, lease, shared, &fetched);
                if let Some(url) = fetched.discovered {
                    self.share_location(shared, &Location { url, discovered_at: now });
                }
                Progress::Done(Ok(fetched.usable_keys))
            }
            Next::Done(Err(error)) => {
                // Perhaps the keys have moved.
                if let Some(location) = known {
                    self.share_location(shared, &location.doubted());
                }
                self.update(shared, |record| record.failed(now, lease));
                Progress::Done(Err(error))
            }
        }
    }

    fn publish(&self, now: UnixTime, lease: Lease, shared: &dyn SharedData, fetched: &Fetched) {
        let fresh = self.freshness(fetched.max_age);
        self.update(shared, |record| {
            let published = record.succeeded(now, lease, fresh)?;
            // The document first: a record must never announce what is not there. It is not compared, for only the
            // owner of the lease writes it.
            let document = encode_document(published.generation, &fetched.document);
            let read = shared.get(&self.names.document).map(|(_, cas)| cas);
            shared.set(&self.names.document, &document, read).then_some(published)
        });
    }

    /// Where the issuer has said that its keys are, as far as anybody here has asked.
    fn location(&self, shared: &dyn SharedData) -> Option<Location> {
        Location::decode(&shared.get(&self.names.location)?.0, &self.source)
    }

    /// A lost race is no harm: whoever was faster has asked the same issuer.
    fn share_location(&self, shared: &dyn SharedData, location: &Location) {
        let read = shared.get(&self.names.location).map(|(_, cas)| cas);
        shared.set(&self.names.location, &location.encode(), read);
    }

    /// A request needs keys, and there are none. Worth waiting through a fetch and the short pauses after the first
    /// failures; later ones are told so at once rather than queued behind an outage.
    pub fn on_keys_unavailable(&self, now: UnixTime) -> Hope {
        let soon = self.seen.due_at.since(now) <= WORTH_WAITING || self.seen.is_due(now, &self.schedule);
        if soon || self.seen.is_leased(now, &self.schedule) { Hope::Wait } else { Hope::None }
    }

    /// A request names a key that is not there. A key that has just been made is found by asking again, at most once in
    /// a cooldown for the whole process: else every made-up key id would be a request to the issuer.
    pub fn on_unknown_kid(&mut self, kid: KidDigest, now: UnixTime, shared: &dyn SharedData) -> Hope {
        let (generation, cooldown) = (self.generation(), self.schedule.unknown_kid_cooldown);
        if self.unknown_kids.is_known_missing(kid, generation, now, cooldown) {
            return Hope::None;
        }
        for _ in 0..ATTEMPTS {
            let (record, cas) = self.read(shared);
            if record.generation != generation || record.is_leased(now, &self.schedule) {
                return Hope::Wait;
            }
            let Some(wanted) = record.wanted(now, &self.schedule) else { return Hope::None };
            if shared.set(&self.names.record, &wanted.encode(), cas) {
                self.unknown_kids.asked(kid, generation, now);
                return Hope::Wait;
            }
        }
        Hope::None
    }

    /// Takes over the published keys, if they are not those that are here already and can be read.
    fn adopt(&mut self, now: UnixTime, record: Record, shared: &dyn SharedData) {
        if record.generation == self.generation() {
            return;
        }
        let document = shared.get(&self.names.document);
        let Some(keys) = document.and_then(|(bytes, _)| decode_document(record.generation, &bytes)) else {
            return;
        };
        let keys = match &self.pinned {
            Some(pinned) => keys.merged_with(pinned),
            None => keys,
        };
        // A time in the future would keep the keys from ever becoming stale.
        let fetched_at = record.fetched_at.min(now);
        self.adopted = Some(Adopted { keys, fetched_at, generation: record.generation });
    }

    /// The generation of the keys that are here; 0 for none.
    fn generation(&self) -> u64 {
        self.adopted.as_ref().map_or(0, |adopted| adopted.generation)
    }

    /// Changes the record, again if another worker was faster, and says whether it has been changed. `change` says `None`
    /// where there is nothing to change.
    fn update(&self, shared: &dyn SharedData, change: impl Fn(Record) -> Option<Record>) -> bool {
        for _ in 0..ATTEMPTS {
            let (record, cas) = self.read(shared);
            let Some(changed) = change(record) else { return false };
            if shared.set(&self.names.record, &changed.encode(), cas) {
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

    /// How long a set is fresh: what the schedule allows, what the response allows, and a little less.
    fn freshness(&self, max_age: Option<Duration>) -> Duration {
        let most = self.schedule.cache_duration;
        let fresh = max_age.map_or(most, |age| age.max(MIN_CACHE_DURATION).min(most));
        let part = u32::try_from(self.me.0 % 1024).unwrap_or(0);
        let early = fresh.checked_div(JITTER_PART).unwrap_or_default().saturating_mul(part).checked_div(1024);
        fresh.saturating_sub(early.unwrap_or_default())
    }
}
