//! The safety properties of a refresh.
//!
//! - Of the fetches, only that of the latest lease is accepted, and only once.
//! - A worker takes the lease of another one only after its end.
//! - The generation never decreases, and each generation has one document.
//! - A worker installs only published documents, and never an older one than before.
//! - A tick that begins after a document was published installs it or a newer one.
//! - A fetch before its due time begins at most once per cooldown, and not after a failure.

use okta_authz_filter::refresh::state::RefreshState;
use okta_authz_filter::time::UnixTime;

use super::worker::{COOLDOWN, at, worker_id};
use super::{DOCUMENT, Ghost, Op, Outcome, OutstandingFetch, RECORD, Reply};
use crate::explorer::Write;
use crate::history::WorkerIndex;

const NEVER: UnixTime = UnixTime::from_millis(0);

/// Checks a write of the shared data.
pub(super) fn written(ghost: &mut Ghost, write: &Write<'_, Op>) -> Result<(), String> {
    if write.name.ends_with(DOCUMENT) {
        ghost.document_writes += 1;
    }
    if !write.name.ends_with(RECORD) {
        return Ok(());
    }
    let decode = |bytes: &[u8]| RefreshState::decode(bytes).expect("a shared state");
    let (before, after) = (write.before.map(decode).unwrap_or_default(), decode(write.after));
    if after.generation < before.generation {
        return Err("the generation decreases".to_owned());
    }
    match write.op {
        Op::Tick { at: millis } => changed_by_tick(ghost, write.worker, at(millis), &before, &after),
        Op::Respond { fetch, reply, .. } => accepted(ghost, write.worker, fetch, reply, &after),
        Op::Release if ghost.lease.is_some_and(|(owner, _)| owner == write.worker) => {
            ghost.lease = None;
            Ok(())
        }
        Op::Release => Err("a worker releases the lease of another one".to_owned()),
        Op::UnknownKid { at: millis } => scheduled_early(at(millis), &before, &after),
    }
}

/// A tick takes, renews or releases the lease.
fn changed_by_tick(
    ghost: &mut Ghost,
    worker: WorkerIndex,
    now: UnixTime,
    before: &RefreshState,
    after: &RefreshState,
) -> Result<(), String> {
    let is_owner = ghost.lease.is_some_and(|(owner, _)| owner == worker);
    if after.leased_until == NEVER {
        ghost.lease = None;
        return if is_owner { Ok(()) } else { Err("a tick releases the lease of another worker".to_owned()) };
    }
    if after.leased_by != worker_id(worker) {
        return Err("a worker takes a lease for another one".to_owned());
    }
    if !is_owner {
        if ghost.lease.is_some() && before.leased_until > now {
            return Err("a worker takes a lease that has not ended".to_owned());
        }
        // `done` has the number of the fetch.
        ghost.lease = Some((worker, u8::MAX));
    }
    Ok(())
}

/// A response changes the shared state.
fn accepted(
    ghost: &mut Ghost,
    worker: WorkerIndex,
    fetch: u8,
    reply: Reply,
    after: &RefreshState,
) -> Result<(), String> {
    if ghost.lease != Some((worker, fetch)) {
        return Err("a response is accepted that is not that of the lease".to_owned());
    }
    ghost.lease = None;
    if let Reply::Document(document) = reply {
        ghost.published.push(document);
    }
    if u64::try_from(ghost.published.len()).unwrap() != after.generation {
        return Err("the generation is not the number of published documents".to_owned());
    }
    Ok(())
}

/// An unknown key ID makes a fetch due.
fn scheduled_early(now: UnixTime, before: &RefreshState, after: &RefreshState) -> Result<(), String> {
    if (before.leased_by, before.leased_until) != (after.leased_by, after.leased_until) {
        return Err("an early refresh changes the lease".to_owned());
    }
    let since = now.saturating_duration_since(before.last_early_refresh);
    if since < COOLDOWN || before.failures > 0 || before.leased_until > now {
        return Err("an early refresh within the cooldown, after a failure or during a fetch".to_owned());
    }
    Ok(())
}

/// Checks the end of an operation.
pub(super) fn done(ghost: &mut Ghost, worker: WorkerIndex, op: Op, outcome: Outcome) -> Result<(), String> {
    let observed = &mut ghost.workers[usize::from(worker)];
    if let Some(is_conditional) = outcome.fetch {
        ghost.served += 1;
        let fetch = OutstandingFetch { number: observed.fetches, document: ghost.served, is_conditional };
        observed.outstanding.push(fetch);
        observed.fetches += 1;
        if ghost.lease.is_none_or(|(owner, _)| owner != worker) {
            return Err("a fetch begins without a lease".to_owned());
        }
        ghost.lease = Some((worker, fetch.number));
    }
    let generation = |document: u8| match document {
        0 => Some(0),
        _ => ghost.published.iter().position(|published| *published == document).map(|index| index + 1),
    };
    let Some(installed) = generation(outcome.installed) else {
        return Err(format!(
            "worker {worker} installs document {}, which is not published",
            outcome.installed
        ));
    };
    if Some(installed) < generation(observed.installed) {
        return Err("a worker installs an older document".to_owned());
    }
    observed.installed = outcome.installed;
    if let (Op::Tick { .. }, Some((readable, writes))) = (op, observed.readable.take())
        && writes == ghost.document_writes
        && u64::try_from(installed).unwrap() < readable
    {
        return Err(format!("a tick does not install generation {readable}"));
    }
    Ok(())
}
