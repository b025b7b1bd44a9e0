//! Gauges that are sums over all workers, and stay correct when a worker crashes.
//!
//! A gauge of the host is one number for the whole process, so each worker adds the changes of
//! its value. A VM that traps subtracts nothing, so its value would remain in the sum. The workers
//! therefore share a table with the values of each worker and the time of its last report. A worker
//! that finds an expired entry removes it from the table and from the sum. A worker that was only
//! slow finds its entry missing, and adds its values again.

use std::time::Duration;

use crate::refresh::shared::{CasToken, SharedData};
use crate::refresh::state::WorkerId;
use crate::time::UnixTime;

/// The key of the table in the shared data.
pub const SHARED_KEY: &str = "okta-authz.gauges";
/// The number of gauges.
const GAUGES: usize = 4;
/// The interval at which a worker without changes reports.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The time without a report after which an entry expires.
const WORKER_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum number of entries, more than a process has workers. The sums omit further workers.
const MAX_ENTRIES: usize = 1024;
/// The size of an entry: worker ID, time and values, as little-endian 64-bit integers.
const ENTRY_BYTES: usize = 16 + 8 * GAUGES;

/// The values of one worker: cached tokens, their size in bytes, waiting requests, tracked streams.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WorkerGauges(pub [u64; GAUGES]);

/// The amount to add to each gauge of the host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GaugeDelta(pub [i64; GAUGES]);

#[derive(Clone, Copy, Debug)]
struct WorkerEntry {
    worker_id: WorkerId,
    reported_at: UnixTime,
    gauges: WorkerGauges,
}

/// Reports the values of a worker, and removes expired entries of others. Returns the amount to add
/// to the gauges. It is zero if another worker writes at the same time; the caller repeats the
/// report at the next tick.
pub fn report(
    worker_id: WorkerId,
    gauges: WorkerGauges,
    now: UnixTime,
    shared: &dyn SharedData,
) -> GaugeDelta {
    let (entries, cas) = read(shared);
    let is_other_expired = |entry: &WorkerEntry| entry.worker_id != worker_id && entry.is_expired(now);
    if let Some(own) = entries.iter().find(|entry| entry.worker_id == worker_id)
        && own.gauges == gauges
        && !own.is_older_than(HEARTBEAT, now)
        && !entries.iter().any(is_other_expired)
    {
        return GaugeDelta::default();
    }
    let others = entries.iter().filter(|entry| entry.worker_id != worker_id && !entry.is_expired(now));
    let others: Vec<WorkerEntry> = others.copied().collect();
    let own = WorkerEntry { worker_id, reported_at: now, gauges };
    let own = (others.len() < MAX_ENTRIES).then_some(own);
    write(&entries, others.into_iter().chain(own).collect(), cas, shared)
}

/// Removes the values of a worker that ends. Returns the amount to add to the gauges.
pub fn withdraw(worker_id: WorkerId, shared: &dyn SharedData) -> GaugeDelta {
    let (entries, cas) = read(shared);
    let others = entries.iter().filter(|entry| entry.worker_id != worker_id).copied().collect();
    write(&entries, others, cas, shared)
}

fn read(shared: &dyn SharedData) -> (Vec<WorkerEntry>, Option<CasToken>) {
    match shared.get(SHARED_KEY) {
        // Another program wrote a malformed table. The next report replaces it.
        Some((bytes, cas)) => (WorkerEntry::decode_all(&bytes).unwrap_or_default(), Some(cas)),
        None => (Vec::new(), None),
    }
}

/// Replaces the table, and returns the change of the sums; zero if another worker wrote first.
fn write(
    before: &[WorkerEntry],
    after: Vec<WorkerEntry>,
    cas: Option<CasToken>,
    shared: &dyn SharedData,
) -> GaugeDelta {
    if !shared.set(SHARED_KEY, &WorkerEntry::encode_all(&after), cas) {
        return GaugeDelta::default();
    }
    GaugeDelta(std::array::from_fn(|index| {
        let signed = |sum: u64| i64::try_from(sum).unwrap_or(i64::MAX);
        signed(sum(&after, index)).saturating_sub(signed(sum(before, index)))
    }))
}

/// Returns the sum of a gauge over all workers. Not inlined, because the caller would contain a copy
/// for each gauge.
#[inline(never)]
fn sum(entries: &[WorkerEntry], index: usize) -> u64 {
    let values = entries.iter().filter_map(|entry| entry.gauges.0.get(index));
    values.fold(0, |sum: u64, value| sum.saturating_add(*value))
}

impl WorkerEntry {
    fn is_older_than(&self, span: Duration, now: UnixTime) -> bool {
        now.saturating_duration_since(self.reported_at) > span
    }

    /// Returns whether the entry is too old, or too far in the future because the clock was set
    /// back. A live worker then reports again.
    fn is_expired(&self, now: UnixTime) -> bool {
        self.is_older_than(WORKER_TIMEOUT, now)
            || self.reported_at.saturating_duration_since(now) > WORKER_TIMEOUT
    }

    fn encode_all(entries: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(entries.len().saturating_mul(ENTRY_BYTES));
        for entry in entries {
            for number in [entry.worker_id.0, entry.reported_at.millis()].iter().chain(&entry.gauges.0) {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }

    fn decode_all(bytes: &[u8]) -> Option<Vec<Self>> {
        if !bytes.len().is_multiple_of(ENTRY_BYTES) || bytes.len() / ENTRY_BYTES > MAX_ENTRIES {
            return None;
        }
        Some(bytes.chunks_exact(ENTRY_BYTES).filter_map(Self::decode).collect())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut numbers =
            bytes.chunks_exact(8).filter_map(|number| Some(u64::from_le_bytes(number.try_into().ok()?)));
        let (worker_id, reported_at) = (WorkerId(numbers.next()?), UnixTime::from_millis(numbers.next()?));
        let mut gauges = WorkerGauges::default();
        for value in &mut gauges.0 {
            *value = numbers.next()?;
        }
        Some(Self { worker_id, reported_at, gauges })
    }
}
