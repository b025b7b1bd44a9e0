//! Leases: another worker fetches if the leader departs, dies, is suspended or receives no
//! response.

use std::time::Duration;

use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::refresh::refresher::{Fetch, FetchProgress, WaitAdvice};
use okta_authz_filter::refresh::shared::SharedData as _;
use okta_authz_filter::refresh::source::FetchError;
use okta_authz_filter::refresh::state::{RefreshState, WorkerId};
use test_support::common::Store;

use super::{
    COOLDOWN, SCHEDULE, at, document, has_key, kid, response, shared_keys, source, worker, worker_with_keys,
};

const TIMEOUTS: [u64; 4] = [100, 5_000, 15_000, 60_000];

/// Returns a worker with this timeout, in milliseconds.
fn worker_with_timeout(id: u64, timeout: u64) -> RemoteKeys {
    let schedule = RefreshSchedule { timeout: Duration::from_millis(timeout), ..SCHEDULE };
    RemoteKeys::new(source(), schedule, COOLDOWN, WorkerId(id))
}

fn respond(worker: &mut RemoteKeys, millis: u64, fetch: Fetch, shared: &Store, kid: u64) -> FetchProgress {
    worker.on_response(at(millis), fetch, shared, Ok(response(document(kid))))
}

/// Returns the first tick from a time on at which the worker starts a fetch, in milliseconds.
fn next_fetch(worker: &mut RemoteKeys, from: u64, shared: &Store) -> u64 {
    (from..from + 200_000)
        .step_by(100)
        .find(|millis| worker.on_tick(at(*millis), shared).fetch.is_some())
        .expect("a fetch")
}

#[test]
fn departing_worker_with_any_timeout_releases_its_lease() {
    for timeout in TIMEOUTS {
        let shared = Store::default();
        let (mut leader, mut other) = (worker_with_timeout(1, timeout), worker_with_timeout(2, timeout));
        let fetch = leader.on_tick(at(0), &shared).fetch.expect("a fetch");
        assert!(other.on_tick(at(50), &shared).fetch.is_none());
        leader.release(&shared);
        assert_eq!(other.on_keys_unavailable(at(60)), WaitAdvice::Wait, "requests keep waiting");
        assert_eq!(next_fetch(&mut other, 60, &shared), 60, "{timeout}");
        // The departed worker still receives its response.
        let late = respond(&mut leader, 70, fetch, &shared, 0);
        assert!(matches!(late, FetchProgress::Done(Err(FetchError::TooLate))), "{late:?}");
        other.on_tick(at(100), &shared);
        assert!(!has_key(&other, 0, at(100)));
    }
}

#[test]
fn departing_worker_does_not_release_the_lease_of_another() {
    let shared = Store::default();
    let [mut suspended, mut leader, mut other] = [worker(1), worker(2), worker(3)];
    assert!(suspended.on_tick(at(0), &shared).fetch.is_some());
    let fetch = leader.on_tick(at(2_000), &shared).fetch.expect("the lease expired");
    suspended.release(&shared);
    suspended.release(&shared);
    assert!(other.on_tick(at(2_100), &shared).fetch.is_none(), "the fetch is in flight");
    assert!(matches!(respond(&mut leader, 2_200, fetch, &shared, 0), FetchProgress::Done(Ok(1))));
    // A release after the fetch changes nothing.
    let state = shared.get(&shared_keys().state);
    suspended.release(&shared);
    leader.release(&shared);
    assert_eq!(shared.get(&shared_keys().state), state);
}

#[test]
fn departing_worker_without_lease_changes_nothing() {
    let shared = Store::default();
    let mut idle = worker_with_keys(&shared);
    let state = shared.get(&shared_keys().state);
    idle.release(&shared);
    worker(2).release(&shared);
    assert_eq!(shared.get(&shared_keys().state), state);
}

#[test]
fn early_refresh_of_departed_worker_is_done_by_another() {
    let shared = Store::default();
    let (mut first, mut second) = (worker_with_keys(&shared), worker(2));
    second.on_tick(at(900), &shared);
    assert_eq!(first.on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    assert!(first.on_tick(at(1_001), &shared).fetch.is_some());
    first.release(&shared);
    assert_eq!(second.on_unknown_kid(kid(1), at(1_002), &shared), WaitAdvice::Wait);
    let fetch = second.on_tick(at(1_100), &shared).fetch.expect("the lease");
    respond(&mut second, 1_200, fetch, &shared, 1);
    second.on_tick(at(1_200), &shared);
    assert!(has_key(&second, 1, at(1_200)));
}

#[test]
fn dead_worker_with_any_timeout_is_replaced_after_two_seconds() {
    for timeout in TIMEOUTS {
        for ticks in [1, 2, 5, 10, 50] {
            let shared = Store::default();
            let (mut leader, mut other) = (worker_with_timeout(1, timeout), worker_with_timeout(2, timeout));
            let mut last = 0;
            let mut started = leader.on_tick(at(0), &shared).fetch.map(|_| 0);
            for tick in 1..ticks {
                last = tick * 100;
                started = leader.on_tick(at(last), &shared).fetch.map(|_| last).or(started);
                assert!(other.on_tick(at(last), &shared).fetch.is_none(), "{timeout}: the leader ticks");
            }
            let next = next_fetch(&mut other, last + 1, &shared);
            assert!(
                (1_700..=2_100).contains(&(next - last)),
                "{timeout}: dead at {last}, replaced at {next}"
            );
            assert!(started.is_some());
        }
    }
}

#[test]
fn ticking_worker_keeps_its_lease_until_the_response_is_overdue() {
    let shared = Store::default();
    let mut workers: Vec<_> = (0..4).map(worker).collect();
    let mut started = Vec::new();
    // The issuer never responds.
    for millis in (0..60_000).step_by(100) {
        for worker in &mut workers {
            if worker.on_tick(at(millis), &shared).fetch.is_some() {
                started.push(millis);
            }
        }
    }
    assert_eq!(started, [0, 10_000, 20_000, 30_000, 40_000, 50_000], "twice the timeout");
}

#[test]
fn response_of_suspended_worker_is_accepted_unless_another_has_the_lease() {
    for (suspended_for, other_ticks, expected) in [
        (1_500, true, Ok(1)),
        (1_500, false, Ok(1)),
        (4_000, false, Ok(1)),
        (4_000, true, Err(FetchError::TooLate)),
        (9_999, false, Ok(1)),
        // The response is too old, even if no other worker fetched.
        (10_000, false, Err(FetchError::TooLate)),
        (3_600_000, false, Err(FetchError::TooLate)),
    ] {
        for tick_first in [false, true] {
            let (shared, mut leader, mut other) = (Store::default(), worker(1), worker(2));
            let fetch = leader.on_tick(at(0), &shared).fetch.unwrap();
            let mut other_fetch = None;
            for millis in (100..suspended_for.min(5_000)).step_by(100).filter(|_| other_ticks) {
                other_fetch = other_fetch.or(other.on_tick(at(millis), &shared).fetch);
            }
            assert_eq!(other_fetch.is_some(), other_ticks && suspended_for > 2_000);
            if tick_first {
                leader.on_tick(at(suspended_for), &shared);
            }
            let progress = respond(&mut leader, suspended_for, fetch, &shared, 0);
            let FetchProgress::Done(outcome) = progress else { panic!("{progress:?}") };
            assert_eq!(outcome, expected, "{suspended_for} {other_ticks} {tick_first}");
            // Exactly one of the two responses is accepted.
            if let Some(other_fetch) = other_fetch {
                let progress = respond(&mut other, suspended_for, other_fetch, &shared, 1);
                assert!(matches!(progress, FetchProgress::Done(Ok(1))), "{progress:?}");
            }
            let state =
                shared.get(&shared_keys().state).and_then(|(bytes, _)| RefreshState::decode(&bytes)).unwrap();
            assert_eq!(state.generation, u64::from(other_ticks && suspended_for > 2_000 || expected.is_ok()));
        }
    }
}

#[test]
fn response_for_another_configuration_is_discarded() {
    let shared = Store::default();
    let (mut former, mut latter) = (worker(1), worker(2));
    let fetch = former.on_tick(at(0), &shared).fetch.unwrap();
    former.release(&shared);
    assert!(latter.on_tick(at(100), &shared).fetch.is_some());
    let progress = respond(&mut latter, 200, fetch, &shared, 0);
    assert!(matches!(progress, FetchProgress::Done(Err(FetchError::TooLate))), "{progress:?}");
}
