//! Gauges that are sums over all workers, and stay so when one of them dies.
//!
//! A gauge of the host is one number for the whole process, so each worker adds how its own share has changed. A VM that traps
//! takes back nothing: its share would stay in the sum for ever. So the shares stand in a book that the workers have in common,
//! each with the time of the last entry, and whoever finds one whose worker has been silent takes it out of the book and of the
//! sum. A worker that was only slow finds its line gone, and adds its share again.

use std::time::Duration;

use crate::refresh::shared::{CasToken, SharedData};
use crate::refresh::state::WorkerId;
use crate::time::UnixTime;

/// Where the book is in the shared data.
pub const SHARED_KEY: &str = "okta-authz.ledger";
/// How many numbers a share has.
const SIZE: usize = 3;
/// A worker with nothing new writes this often, to say that it is there.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// One that has not written for so long is gone.
const WORKER_TIMEOUT: Duration = Duration::from_secs(5);
/// More lines than any process has workers. Who finds no room is not counted.
const MAX_LINES: usize = 1024;
const LINE_BYTES: usize = 16 + 8 * SIZE;

/// A worker's part of the sums: tokens in memory, their bytes, requests that wait.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WorkerGauges(pub [u64; SIZE]);

/// What is to be added to each gauge.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GaugeDelta(pub [i64; SIZE]);

#[derive(Clone, Copy, Debug)]
struct WorkerEntry {
    worker: WorkerId,
    written_at: UnixTime,
    share: WorkerGauges,
}

/// Writes this worker's share, and says what has to be added to the sums for it and for whoever is gone. Nothing has if
/// another worker writes at the same time: the next tick comes soon.
pub fn report(
    worker_id: WorkerId,
    share: WorkerGauges,
    now: UnixTime,
    shared: &dyn SharedData,
) -> GaugeDelta {
    let (lines, mark) = read(shared);
    let is_gone = |line: &WorkerEntry| line.worker != worker_id && line.is_silent(now);
    if let Some(mine) = lines.iter().find(|line| line.worker == worker_id)
        && mine.share == share
        && !mine.is_older_than(HEARTBEAT, now)
        && !lines.iter().any(is_gone)
    {
        return GaugeDelta::default();
    }
    let others = lines.iter().filter(|line| line.worker != worker_id && !line.is_silent(now)).copied();
    let others: Vec<WorkerEntry> = others.collect();
    let mine = WorkerEntry { worker: worker_id, written_at: now, share };
    let mine = (others.len() < MAX_LINES).then_some(mine);
    write(&lines, others.into_iter().chain(mine).collect(), mark, shared)
}

/// Takes this worker's share out, for it is about to end.
pub fn withdraw(worker_id: WorkerId, shared: &dyn SharedData) -> GaugeDelta {
    let (lines, mark) = read(shared);
    let others = lines.iter().filter(|line| line.worker != worker_id).copied().collect();
    write(&lines, others, mark, shared)
}

fn read(shared: &dyn SharedData) -> (Vec<WorkerEntry>, Option<CasToken>) {
    match shared.get(SHARED_KEY) {
        // What cannot be read somebody else has written: a new book is begun.
        Some((bytes, mark)) => (WorkerEntry::decode_all(&bytes).unwrap_or_default(), Some(mark)),
        None => (Vec::new(), None),
    }
}

fn write(
    before: &[WorkerEntry],
    after: Vec<WorkerEntry>,
    mark: Option<CasToken>,
    shared: &dyn SharedData,
) -> GaugeDelta {
    if !shared.set(SHARED_KEY, &WorkerEntry::encode_all(&after), mark) {
        return GaugeDelta::default();
    }
    let sum = |lines: &[WorkerEntry], index: usize| {
        lines
            .iter()
            .filter_map(|line| line.share.0.get(index))
            .fold(0, |sum: u64, part| sum.saturating_add(*part))
    };
    GaugeDelta(std::array::from_fn(|index| {
        let signed = |sum: u64| i64::try_from(sum).unwrap_or(i64::MAX);
        signed(sum(&after, index)).saturating_sub(signed(sum(before, index)))
    }))
}

impl WorkerEntry {
    fn is_older_than(&self, span: Duration, now: UnixTime) -> bool {
        now.saturating_duration_since(self.written_at) > span
    }

    /// Also from a time that has not come: the clock was set back, and who is there will write again.
    fn is_silent(&self, now: UnixTime) -> bool {
        self.is_older_than(WORKER_TIMEOUT, now)
            || self.written_at.saturating_duration_since(now) > WORKER_TIMEOUT
    }

    fn encode_all(lines: &[Self]) -> Vec<u8> {
        let numbers = |line: &Self| [line.worker.0, line.written_at.millis()].into_iter().chain(line.share.0);
        lines.iter().flat_map(numbers).flat_map(u64::to_le_bytes).collect()
    }

    fn decode_all(bytes: &[u8]) -> Option<Vec<Self>> {
        if !bytes.len().is_multiple_of(LINE_BYTES) || bytes.len() / LINE_BYTES > MAX_LINES {
            return None;
        }
        Some(bytes.chunks_exact(LINE_BYTES).filter_map(Self::decode).collect())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut numbers =
            bytes.chunks_exact(8).filter_map(|eight| Some(u64::from_le_bytes(eight.try_into().ok()?)));
        let (worker, written_at) = (WorkerId(numbers.next()?), UnixTime::from_millis(numbers.next()?));
        let mut share = WorkerGauges::default();
        for part in &mut share.0 {
            *part = numbers.next()?;
        }
        Some(Self { worker, written_at, share })
    }
}
