//! Unknown key IDs: a client that keeps sending one must not delay the fetch of a new key.

use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::refresher::WaitAdvice;
use okta_authz_filter::refresh::source::FetchError;
use okta_authz_filter::rejection::Rejection;
use test_support::common::Store;

use super::{at, document, has_key, kid, response, worker_with_keys};

/// Runs the fetch that is due, if there is one, from an issuer with this key.
fn refresh(worker: &mut RemoteKeys, millis: u64, shared: &Store, issuer_kid: u64) -> bool {
    let fetch = worker.on_tick(at(millis), shared).fetch;
    let started = fetch.is_some();
    if let Some(fetch) = fetch {
        worker.on_response(at(millis), fetch, shared, Ok(response(document(issuer_kid))));
        worker.on_tick(at(millis), shared);
    }
    started
}

#[test]
fn retired_kid_causes_fetches_at_doubling_intervals() {
    let shared = Store::default();
    let mut worker = worker_with_keys(&shared);
    let mut fetched_at = Vec::new();
    for second in 1..500 {
        worker.on_unknown_kid(kid(77), at(second * 1_000), &shared);
        if refresh(&mut worker, second * 1_000, &shared, 0) {
            fetched_at.push(second);
        }
    }
    // After 30, 60, 120 and 240 s. The next token arrives 1 s after each fetch.
    assert_eq!(fetched_at, [1, 32, 93, 214, 455]);
}

#[test]
fn new_kid_after_a_retired_one_causes_a_fetch() {
    let shared = Store::default();
    let mut worker = worker_with_keys(&shared);
    for second in 1..100 {
        worker.on_unknown_kid(kid(77), at(second * 1_000), &shared);
        refresh(&mut worker, second * 1_000, &shared, 0);
    }
    // The last fetch was at 93 s, so the cooldown ends at 123 s.
    worker.on_unknown_kid(kid(77), at(124_000), &shared);
    assert!(
        !refresh(&mut worker, 124_000, &shared, 0),
        "the retired key must not use the refresh for a new one"
    );
    assert_eq!(worker.on_unknown_kid(kid(1), at(124_500), &shared), WaitAdvice::Wait);
    assert!(refresh(&mut worker, 124_500, &shared, 1));
    assert!(has_key(&worker, 1, at(124_500)));
}

/// A second request with a new key often arrives between the unknown `kid` of the first request and
/// the tick that takes the lease.
#[test]
fn requests_on_all_workers_wait_for_the_fetch_of_one() {
    let shared = Store::default();
    let mut first = worker_with_keys(&shared);
    let mut second = super::worker(2);
    second.on_tick(at(100), &shared);
    assert_eq!(first.on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    assert_eq!(second.on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    assert_eq!(
        second.on_unknown_kid(kid(77), at(1_000), &shared),
        WaitAdvice::Wait,
        "the response may have it"
    );
    assert!(refresh(&mut first, 1_001, &shared, 1));
    second.on_tick(at(1_100), &shared);
    assert!(has_key(&second, 1, at(1_100)));
    assert_eq!(second.on_unknown_kid(kid(77), at(1_200), &shared), WaitAdvice::FailNow);
}

#[test]
fn kid_published_after_a_miss_is_fetched_after_the_cooldown() {
    let shared = Store::default();
    let mut worker = worker_with_keys(&shared);
    worker.on_unknown_kid(kid(1), at(1_000), &shared);
    refresh(&mut worker, 1_000, &shared, 0);
    assert_eq!(
        worker.on_unknown_kid(kid(1), at(1_100), &shared),
        WaitAdvice::FailNow,
        "the issuer did not have it"
    );
    // The issuer publishes the key before the next fetch.
    assert_eq!(worker.on_unknown_kid(kid(1), at(32_000), &shared), WaitAdvice::Wait);
    assert!(refresh(&mut worker, 32_000, &shared, 1));
    assert!(has_key(&worker, 1, at(32_000)));
}

#[test]
fn unknown_kid_after_failed_fetch_is_keys_unavailable() {
    let shared = Store::default();
    let mut worker = worker_with_keys(&shared);
    assert_eq!(worker.rejection_for_unknown_key(at(0)), Rejection::KeyUnknown);
    worker.on_unknown_kid(kid(1), at(1_000), &shared);
    let fetch = worker.on_tick(at(1_000), &shared).fetch.unwrap();
    assert_eq!(worker.rejection_for_unknown_key(at(1_000)), Rejection::KeyUnknown, "no fetch failed");
    worker.on_response(at(1_100), fetch, &shared, Err(FetchError::Status(500)));
    worker.on_tick(at(1_200), &shared);
    assert_eq!(worker.rejection_for_unknown_key(at(1_200)), Rejection::KeysUnavailable);
    assert!(has_key(&worker, 0, at(1_200)), "the cached keys stay");
    assert!(refresh(&mut worker, 1_600, &shared, 0));
    assert_eq!(worker.rejection_for_unknown_key(at(1_600)), Rejection::KeyUnknown);
}
