//! The worker that takes over when the one that was fetching is gone, held up, or waits in vain.

use std::time::Duration;

use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::refresh::refresher::{Fetch, FetchProgress, WaitAdvice};
use okta_authz_filter::refresh::shared::SharedData as _;
use okta_authz_filter::refresh::source::FetchError;
use okta_authz_filter::refresh::state::{RefreshState, WorkerId};
use test_support::common::Store;

use super::{COOLDOWN, SCHEDULE, at, brings, document, kid, knows, names, source, warm, worker};

const TIMEOUTS: [u64; 4] = [100, 5_000, 15_000, 60_000];

/// A worker whose requests may take so long.
fn patient(id: u64, timeout: u64) -> RemoteKeys {
    let schedule = RefreshSchedule { timeout: Duration::from_millis(timeout), ..SCHEDULE };
    RemoteKeys::new(source(), schedule, COOLDOWN, WorkerId(id))
}

fn answer(worker: &mut RemoteKeys, millis: u64, fetch: Fetch, shared: &Store, kid: u64) -> FetchProgress {
    worker.on_response(at(millis), fetch, shared, Ok(brings(document(kid))))
}

/// The first tick from then on at which the worker fetches.
fn next_fetch(worker: &mut RemoteKeys, from: u64, shared: &Store) -> u64 {
    (from..from + 200_000)
        .step_by(100)
        .find(|millis| worker.on_tick(at(*millis), shared).fetch.is_some())
        .expect("a fetch")
}

#[test]
fn departing_worker_gives_its_lease_back_whatever_the_timeout() {
    for timeout in TIMEOUTS {
        let shared = Store::default();
        let (mut leader, mut other) = (patient(1, timeout), patient(2, timeout));
        let fetch = leader.on_tick(at(0), &shared).fetch.expect("a fetch");
        assert!(other.on_tick(at(50), &shared).fetch.is_none());
        leader.release(&shared);
        assert_eq!(other.on_keys_unavailable(at(60)), WaitAdvice::Wait, "requests wait on");
        assert_eq!(next_fetch(&mut other, 60, &shared), 60, "{timeout}");
        // The departed worker's answer comes all the same.
        let late = answer(&mut leader, 70, fetch, &shared, 0);
        assert!(matches!(late, FetchProgress::Done(Err(FetchError::TooLate))), "{late:?}");
        other.on_tick(at(100), &shared);
        assert!(!knows(&other, 0, at(100)));
    }
}

#[test]
fn departing_worker_leaves_the_lease_of_another() {
    let shared = Store::default();
    let [mut held_up, mut leader, mut other] = [worker(1), worker(2), worker(3)];
    assert!(held_up.on_tick(at(0), &shared).fetch.is_some());
    let fetch = leader.on_tick(at(2_000), &shared).fetch.expect("the lease has run out");
    held_up.release(&shared);
    held_up.release(&shared);
    assert!(other.on_tick(at(2_100), &shared).fetch.is_none(), "the leader is at work");
    assert!(matches!(answer(&mut leader, 2_200, fetch, &shared, 0), FetchProgress::Done(Ok(1))));
    // Nor does it, or the leader, bring back what is over.
    let record = shared.get(&names().record);
    held_up.release(&shared);
    leader.release(&shared);
    assert_eq!(shared.get(&names().record), record);
}

#[test]
fn departing_worker_that_fetches_nothing_changes_nothing() {
    let shared = Store::default();
    let mut idle = warm(&shared);
    let record = shared.get(&names().record);
    idle.release(&shared);
    worker(2).release(&shared);
    assert_eq!(shared.get(&names().record), record);
}

#[test]
fn wish_of_a_departed_worker_is_fulfilled_by_another() {
    let shared = Store::default();
    let (mut first, mut second) = (warm(&shared), worker(2));
    second.on_tick(at(900), &shared);
    assert_eq!(first.on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    assert!(first.on_tick(at(1_001), &shared).fetch.is_some());
    first.release(&shared);
    assert_eq!(second.on_unknown_kid(kid(1), at(1_002), &shared), WaitAdvice::Wait);
    let fetch = second.on_tick(at(1_100), &shared).fetch.expect("the lease");
    answer(&mut second, 1_200, fetch, &shared, 1);
    second.on_tick(at(1_200), &shared);
    assert!(knows(&second, 1, at(1_200)));
}

#[test]
fn dead_worker_is_replaced_after_two_seconds_whatever_the_timeout() {
    for timeout in TIMEOUTS {
        for ticks in [1, 2, 5, 10, 50] {
            let shared = Store::default();
            let (mut leader, mut other) = (patient(1, timeout), patient(2, timeout));
            let mut last = 0;
            let mut begun = leader.on_tick(at(0), &shared).fetch.map(|_| 0);
            for tick in 1..ticks {
                last = tick * 100;
                begun = leader.on_tick(at(last), &shared).fetch.map(|_| last).or(begun);
                assert!(other.on_tick(at(last), &shared).fetch.is_none(), "{timeout}: the leader ticks");
            }
            let next = next_fetch(&mut other, last + 1, &shared);
            assert!(
                (1_700..=2_100).contains(&(next - last)),
                "{timeout}: dead at {last}, replaced at {next}"
            );
            assert!(begun.is_some());
        }
    }
}

#[test]
fn worker_that_ticks_keeps_its_lease_until_the_answer_is_overdue() {
    let shared = Store::default();
    let mut workers: Vec<_> = (0..4).map(worker).collect();
    let mut begun = Vec::new();
    // No answer ever comes.
    for millis in (0..60_000).step_by(100) {
        for worker in &mut workers {
            if worker.on_tick(at(millis), &shared).fetch.is_some() {
                begun.push(millis);
            }
        }
    }
    assert_eq!(begun, [0, 10_000, 20_000, 30_000, 40_000, 50_000], "twice the timeout");
}

#[test]
fn answer_of_a_worker_that_was_held_up_counts_unless_another_has_the_lease() {
    for (held_up_for, other_ticks, expected) in [
        (1_500, true, Ok(1)),
        (1_500, false, Ok(1)),
        (4_000, false, Ok(1)),
        (4_000, true, Err(FetchError::TooLate)),
        (9_999, false, Ok(1)),
        // Too old to be taken for new, even if another worker has fetched.
        (10_000, false, Err(FetchError::TooLate)),
        (3_600_000, false, Err(FetchError::TooLate)),
    ] {
        for tick_first in [false, true] {
            let (shared, mut leader, mut other) = (Store::default(), worker(1), worker(2));
            let fetch = leader.on_tick(at(0), &shared).fetch.unwrap();
            let mut others = None;
            for millis in (100..held_up_for.min(5_000)).step_by(100).filter(|_| other_ticks) {
                others = others.or(other.on_tick(at(millis), &shared).fetch);
            }
            assert_eq!(others.is_some(), other_ticks && held_up_for > 2_000);
            if tick_first {
                leader.on_tick(at(held_up_for), &shared);
            }
            let told = answer(&mut leader, held_up_for, fetch, &shared, 0);
            let FetchProgress::Done(told) = told else { panic!("{told:?}") };
            assert_eq!(told, expected, "{held_up_for} {other_ticks} {tick_first}");
            // One of the two is accepted, and never both.
            if let Some(others) = others {
                let told = answer(&mut other, held_up_for, others, &shared, 1);
                assert!(matches!(told, FetchProgress::Done(Ok(1))), "{told:?}");
            }
            let record =
                shared.get(&names().record).and_then(|(bytes, _)| RefreshState::decode(&bytes)).unwrap();
            assert_eq!(record.generation, u64::from(other_ticks && held_up_for > 2_000 || expected.is_ok()));
        }
    }
}

#[test]
fn answer_for_another_configuration_is_dropped() {
    let shared = Store::default();
    let (mut former, mut latter) = (worker(1), worker(2));
    let fetch = former.on_tick(at(0), &shared).fetch.unwrap();
    former.release(&shared);
    assert!(latter.on_tick(at(100), &shared).fetch.is_some());
    let told = answer(&mut latter, 200, fetch, &shared, 0);
    assert!(matches!(told, FetchProgress::Done(Err(FetchError::TooLate))), "{told:?}");
}
