//! What the workers of a process share about one document: a small record, changed by compare-and-set only.
//!
//! The record is the whole state of the fetching: who fetches, when the next fetch is due, how many have failed. A worker
//! reads it, decides by a pure function, and writes the changed record; if another was faster, it has lost and does
//! nothing. What is read is input like any other: other plugins can write there. So it is versioned, has one length, and no
//! value in it can stop the fetching for longer than the schedule allows.

use std::time::Duration;

use super::RefreshSchedule;
use crate::time::UnixTime;

/// The first pause after a failed fetch; each further one doubles it.
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// The longest pause: a server that comes back is noticed within this time.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The life of a lease. Its owner renews it while a request of a fetch is under way, so the lease of a worker that has died
/// ends within this time, however long a request may take.
pub const LEASE: Duration = Duration::from_secs(2);
/// The age at which the owner renews a lease: a worker may be held up for the rest of [`LEASE`] and keep it.
const RENEWAL: Duration = Duration::from_millis(250);
/// So much older than another's may a worker's time be: a thread can be held up between its look at the clock and its look at
/// the record. What is written for later than the schedule allows, and this, was not written by a worker.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(10);
/// Changes with the meaning of the bytes.
const VERSION: u64 = 1;
const FIELDS: usize = 8;

/// A worker, told from the others by a random number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WorkerId(pub u64);

/// The right to fetch, as it was given to one worker until one moment: no two are equal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    by: WorkerId,
    until: UnixTime,
}

/// The shared state of one document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshState {
    /// Counts published documents; 0 before the first.
    pub generation: u64,
    /// When the published one was fetched.
    pub fetched_at: UnixTime,
    /// When the next fetch is due.
    pub due_at: UnixTime,
    /// Fetches that have failed since the last success.
    pub failures: u64,
    /// Until when the owner of the lease has the right to fetch; in the past, nobody has.
    pub leased_until: UnixTime,
    /// The owner of the lease.
    pub leased_by: WorkerId,
    /// When a fetch was last made due before its time.
    pub last_early_refresh: UnixTime,
}

impl Lease {
    fn new(by: WorkerId, now: UnixTime) -> Self {
        Self { by, until: now.saturating_add(LEASE) }
    }

    /// Returns a lease of the same owner that lasts for [`LEASE`] from now on.
    pub fn extended(self, now: UnixTime) -> Self {
        Self::new(self.by, now)
    }

    /// Returns whether the lease is old enough to be renewed.
    pub fn needs_renewal(self, now: UnixTime) -> bool {
        self.until.saturating_duration_since(now) <= LEASE.saturating_sub(RENEWAL)
    }
}

impl RefreshState {
    /// Before anything has happened: a fetch is due.
    pub const fn new() -> Self {
        const NEVER: UnixTime = UnixTime::from_millis(0);
        Self {
            generation: 0,
            fetched_at: NEVER,
            due_at: NEVER,
            failures: 0,
            leased_until: NEVER,
            leased_by: WorkerId(0),
            last_early_refresh: NEVER,
        }
    }

    /// Returns whether a worker is fetching. A lease that lasts longer than a worker writes is none.
    pub fn is_leased(&self, now: UnixTime) -> bool {
        now < self.leased_until
            && self.leased_until <= now.saturating_add(CLOCK_TOLERANCE).saturating_add(LEASE)
    }

    /// Whether a fetch is due. One that is set further ahead than the schedule ever sets it is due now.
    pub fn is_due(&self, now: UnixTime, schedule: &RefreshSchedule) -> bool {
        now >= self.due_at
            || self.due_at
                > now.saturating_add(CLOCK_TOLERANCE).saturating_add(schedule.cache_duration.max(MAX_BACKOFF))
    }

    /// The record with the lease taken, if nobody is fetching and a fetch is due, or wanted `early`.
    pub fn claimed(
        self,
        now: UnixTime,
        by: WorkerId,
        early: bool,
        schedule: &RefreshSchedule,
    ) -> Option<(Self, Lease)> {
        if self.is_leased(now) || !(early || self.is_due(now, schedule)) {
            return None;
        }
        let lease = Lease::new(by, now);
        Some((Self { leased_until: lease.until, leased_by: by, ..self }, lease))
    }

    /// Returns the record after a fetch that brought a document; `None` if another worker has the lease.
    pub fn succeeded(self, now: UnixTime, lease: Lease, fresh: Duration) -> Option<Self> {
        self.released(lease).map(|record| Self {
            generation: record.generation.wrapping_add(1).max(1),
            fetched_at: now,
            due_at: now.saturating_add(fresh),
            failures: 0,
            ..record
        })
    }

    /// The record after a fetch that failed.
    pub fn failed(self, now: UnixTime, lease: Lease) -> Option<Self> {
        let doubled = 2u32.saturating_pow(u32::try_from(self.failures).unwrap_or(u32::MAX));
        let pause = MIN_BACKOFF.saturating_mul(doubled).min(MAX_BACKOFF);
        let failures = self.failures.saturating_add(1);
        self.released(lease).map(|record| Self { due_at: now.saturating_add(pause), failures, ..record })
    }

    /// The record with a fetch made due before its time: at most once in a cooldown, and not through a pause after failures.
    pub fn with_early_refresh(self, now: UnixTime, cooldown: Duration) -> Option<Self> {
        let cooling = self.last_early_refresh <= now.saturating_add(CLOCK_TOLERANCE)
            && now.saturating_duration_since(self.last_early_refresh) < cooldown;
        if cooling || self.failures > 0 {
            return None;
        }
        Some(Self { due_at: now, last_early_refresh: now, ..self })
    }

    /// Returns the record with the lease renewed; `None` if another worker has taken it.
    pub fn renewed(self, lease: Lease, renewed: Lease) -> Option<Self> {
        self.is_latest(lease).then_some(Self { leased_until: renewed.until, ..self })
    }

    /// Returns the record without the lease, so that any worker can take it; `None` if another worker has taken it. What was
    /// due stays due.
    pub fn released(self, lease: Lease) -> Option<Self> {
        self.is_latest(lease).then_some(Self { leased_until: UnixTime::from_millis(0), ..self })
    }

    /// Returns whether the lease is the last that was given. One that has run out, and that no other worker has taken, still
    /// stands: its answer is the newest there is, and compare-and-set keeps it from being the second.
    fn is_latest(&self, lease: Lease) -> bool {
        self.leased_by == lease.by && self.leased_until == lease.until
    }

    /// The record as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let fields: [u64; FIELDS] = [
            VERSION,
            self.generation,
            self.fetched_at.millis(),
            self.due_at.millis(),
            self.failures,
            self.leased_until.millis(),
            self.leased_by.0,
            self.last_early_refresh.millis(),
        ];
        fields.iter().flat_map(|field| field.to_le_bytes()).collect()
    }

    /// The record that these bytes are, if they are one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (fields, []) = bytes.as_chunks::<8>() else { return None };
        let fields: &[[u8; 8]; FIELDS] = fields.try_into().ok()?;
        let [version, generation, fetched_at, due_at, failures, leased_until, leased_by, last_early_refresh] =
            fields.map(u64::from_le_bytes);
        (version == VERSION).then_some(Self {
            generation,
            fetched_at: UnixTime::from_millis(fetched_at),
            due_at: UnixTime::from_millis(due_at),
            failures,
            leased_until: UnixTime::from_millis(leased_until),
            leased_by: WorkerId(leased_by),
            last_early_refresh: UnixTime::from_millis(last_early_refresh),
        })
    }
}

impl Default for RefreshState {
    fn default() -> Self {
        Self::new()
    }
}
