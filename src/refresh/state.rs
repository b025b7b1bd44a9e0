//! The state machine of a refresh, which the workers of a process share.
//!
//! The state says which worker fetches, when the next fetch is due, and how many fetches have
//! failed. A worker reads it, computes the next state with a pure function, and writes that by
//! compare-and-set. A worker that loses the race reads again, or does nothing.
//!
//! The encoded state is untrusted input, because other plugins can write it. So it has a version
//! and a fixed length, and no value in it delays a fetch for longer than the schedule allows.

use std::time::Duration;

use super::RefreshSchedule;
use crate::time::UnixTime;

/// The backoff after the first failed fetch. Each further failure doubles it.
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// The maximum backoff. The workers notice within this time that a server has recovered.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The lifetime of a lease. Its owner renews it while a request is in flight. So the lease of a
/// worker that has ended expires within this time, however long the timeout of a request is.
pub const LEASE: Duration = Duration::from_secs(2);
/// The age at which the owner renews a lease. A worker keeps the lease if it is delayed for less
/// than the rest of [`LEASE`].
const RENEWAL_AGE: Duration = Duration::from_millis(250);
/// The tolerance for a stale clock reading: a thread can be delayed after it reads the clock and
/// before it reads the state. A time that is later than the schedule allows by more than this is
/// corrupt.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(10);
/// The version of the encoding.
pub(super) const VERSION: u64 = 2;
/// The number of 64-bit fields of the encoding.
const FIELDS: usize = 9;

/// A random number that identifies a worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WorkerId(pub u64);

/// The right of one worker to fetch until a time. No two leases are equal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    owner: WorkerId,
    until: UnixTime,
}

/// The shared state of one refresh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshState {
    /// The number of the published document; 0 before the first.
    pub generation: u64,
    /// The time at which the server last sent or confirmed the published document.
    pub fetched_at: UnixTime,
    /// The time at which the document was published.
    pub published_at: UnixTime,
    /// The time from which the next fetch is due.
    pub due_at: UnixTime,
    /// The number of failed fetches since the last success.
    pub failures: u64,
    /// The end of the lease. A time in the past means that no worker has the lease.
    pub leased_until: UnixTime,
    /// The owner of the latest lease.
    pub leased_by: WorkerId,
    /// The time at which a fetch was last scheduled before its due time.
    pub last_early_refresh: UnixTime,
}

impl Lease {
    fn new(owner: WorkerId, now: UnixTime) -> Self {
        Self { owner, until: now.saturating_add(LEASE) }
    }

    /// Returns a lease of this owner that lasts for [`LEASE`] from now on.
    pub(super) fn extended(self, now: UnixTime) -> Self {
        Self::new(self.owner, now)
    }

    /// Returns whether the lease is old enough to be renewed.
    pub(super) fn needs_renewal(self, now: UnixTime) -> bool {
        self.until.saturating_duration_since(now) <= LEASE.saturating_sub(RENEWAL_AGE)
    }
}

impl RefreshState {
    /// Returns the initial state: no document, and a fetch is due.
    pub const fn new() -> Self {
        const NEVER: UnixTime = UnixTime::from_millis(0);
        Self {
            generation: 0,
            fetched_at: NEVER,
            published_at: NEVER,
            due_at: NEVER,
            failures: 0,
            leased_until: NEVER,
            leased_by: WorkerId(0),
            last_early_refresh: NEVER,
        }
    }

    /// Returns whether a worker has the lease. A lease that lasts longer than [`LEASE`] is corrupt,
    /// and does not count.
    pub(super) fn is_leased(&self, now: UnixTime) -> bool {
        now < self.leased_until
            && self.leased_until <= now.saturating_add(CLOCK_TOLERANCE).saturating_add(LEASE)
    }

    /// Returns whether a fetch is due. A due time later than the schedule allows is corrupt, and
    /// the fetch is due now.
    pub(super) fn is_due(&self, now: UnixTime, schedule: &RefreshSchedule) -> bool {
        now >= self.due_at
            || self.due_at
                > now.saturating_add(CLOCK_TOLERANCE).saturating_add(schedule.cache_duration.max(MAX_BACKOFF))
    }

    /// Returns the state in which `owner` has the lease. Returns `None` if a worker has the lease,
    /// or no fetch is due and `early` is not set.
    pub(super) fn acquired(
        self,
        now: UnixTime,
        owner: WorkerId,
        early: bool,
        schedule: &RefreshSchedule,
    ) -> Option<(Self, Lease)> {
        if self.is_leased(now) || !(early || self.is_due(now, schedule)) {
            return None;
        }
        let lease = Lease::new(owner, now);
        Some((Self { leased_until: lease.until, leased_by: owner, ..self }, lease))
    }

    /// Returns the state after a successful fetch, whose document is fresh for `freshness`. Returns
    /// `None` if another worker has taken the lease.
    pub(super) fn succeeded(self, now: UnixTime, lease: Lease, freshness: Duration) -> Option<Self> {
        self.released(lease).map(|state| Self {
            generation: state.generation.wrapping_add(1).max(1),
            fetched_at: now,
            published_at: now,
            due_at: now.saturating_add(freshness),
            failures: 0,
            ..state
        })
    }

    /// Returns the state after a fetch whose response confirms the document of `generation`, which
    /// is then fresh for `freshness`. Returns `None` if another document is published, or another
    /// worker has taken the lease.
    pub(super) fn confirmed(
        self,
        now: UnixTime,
        lease: Lease,
        generation: u64,
        freshness: Duration,
    ) -> Option<Self> {
        let state = self.released(lease).filter(|state| state.generation == generation)?;
        Some(Self { fetched_at: now, due_at: now.saturating_add(freshness), failures: 0, ..state })
    }

    /// Returns the state after a failed fetch, with exponential backoff. Returns `None` if another
    /// worker has taken the lease.
    pub(super) fn failed(self, now: UnixTime, lease: Lease) -> Option<Self> {
        let factor = 2u32.saturating_pow(u32::try_from(self.failures).unwrap_or(u32::MAX));
        let backoff = MIN_BACKOFF.saturating_mul(factor).min(MAX_BACKOFF);
        let failures = self.failures.saturating_add(1);
        self.released(lease).map(|state| Self { due_at: now.saturating_add(backoff), failures, ..state })
    }

    /// Returns the state in which a fetch is due now. Returns `None` within a cooldown of the last
    /// such fetch, and after a failure, when the backoff decides.
    pub(super) fn with_early_refresh(self, now: UnixTime, cooldown: Duration) -> Option<Self> {
        let is_cooling_down = self.last_early_refresh <= now.saturating_add(CLOCK_TOLERANCE)
            && now.saturating_duration_since(self.last_early_refresh) < cooldown;
        if is_cooling_down || self.failures > 0 {
            return None;
        }
        Some(Self { due_at: now, last_early_refresh: now, ..self })
    }

    /// Returns the state with the lease renewed. Returns `None` if another worker has taken it.
    pub(super) fn renewed(self, lease: Lease, renewed: Lease) -> Option<Self> {
        self.owns_lease(lease).then_some(Self { leased_until: renewed.until, ..self })
    }

    /// Returns the state without the lease, so that any worker can take it. A due fetch stays due.
    /// Returns `None` if another worker has taken the lease.
    pub(super) fn released(self, lease: Lease) -> Option<Self> {
        self.owns_lease(lease).then_some(Self { leased_until: UnixTime::from_millis(0), ..self })
    }

    /// Returns whether a lease is the latest. An expired lease that no other worker has taken still
    /// counts: its response is the newest, and compare-and-set prevents a second one.
    fn owns_lease(&self, lease: Lease) -> bool {
        self.leased_by == lease.owner && self.leased_until == lease.until
    }

    /// Encodes the state for the shared store.
    pub fn encode(&self) -> Vec<u8> {
        let fields: [u64; FIELDS] = [
            VERSION,
            self.generation,
            self.fetched_at.millis(),
            self.published_at.millis(),
            self.due_at.millis(),
            self.failures,
            self.leased_until.millis(),
            self.leased_by.0,
            self.last_early_refresh.millis(),
        ];
        fields.iter().flat_map(|field| field.to_le_bytes()).collect()
    }

    /// Decodes a state from untrusted bytes. Returns `None` for another length or version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (fields, []) = bytes.as_chunks::<8>() else { return None };
        let fields: &[[u8; 8]; FIELDS] = fields.try_into().ok()?;
        let [
            version,
            generation,
            fetched_at,
            published_at,
            due_at,
            failures,
            leased_until,
            leased_by,
            last_early_refresh,
        ] = fields.map(u64::from_le_bytes);
        (version == VERSION).then_some(Self {
            generation,
            fetched_at: UnixTime::from_millis(fetched_at),
            published_at: UnixTime::from_millis(published_at),
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

#[cfg(test)]
mod tests;
