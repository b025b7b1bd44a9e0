//! Key ids that nobody has: a client that goes on sending one does not keep a key that is really new from being found.

use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::refresher::WaitAdvice;
use okta_authz_filter::refresh::source::FetchError;
use okta_authz_filter::rejection::Rejection;
use test_support::common::Store;

use super::{at, brings, document, kid, knows, warm};

/// Fetches if a fetch is due; the issuer has this key.
fn refresh(worker: &mut RemoteKeys, millis: u64, shared: &Store, has: u64) -> bool {
    let fetch = worker.on_tick(at(millis), shared).fetch;
    let begun = fetch.is_some();
    if let Some(fetch) = fetch {
        worker.on_response(at(millis), fetch, shared, Ok(brings(document(has))));
        worker.on_tick(at(millis), shared);
    }
    begun
}

#[test]
fn a_retired_key_is_asked_for_less_and_less_often() {
    let shared = Store::default();
    let mut worker = warm(&shared);
    let mut asked = Vec::new();
    for second in 1..500 {
        worker.on_unknown_kid(kid(77), at(second * 1_000), &shared);
        if refresh(&mut worker, second * 1_000, &shared, 0) {
            asked.push(second);
        }
    }
    // After 30, 60, 120 and 240 seconds; the token is looked at a second after the keys have come.
    assert_eq!(asked, [1, 32, 93, 214, 455]);
}

#[test]
fn a_retired_key_leaves_room_for_a_new_one() {
    let shared = Store::default();
    let mut worker = warm(&shared);
    for second in 1..100 {
        worker.on_unknown_kid(kid(77), at(second * 1_000), &shared);
        refresh(&mut worker, second * 1_000, &shared, 0);
    }
    // It has been asked for at 93 s, so another may be asked for from 123 s on.
    worker.on_unknown_kid(kid(77), at(124_000), &shared);
    assert!(!refresh(&mut worker, 124_000, &shared, 0), "the retired key does not take the turn");
    assert_eq!(worker.on_unknown_kid(kid(1), at(124_500), &shared), WaitAdvice::Wait);
    assert!(refresh(&mut worker, 124_500, &shared, 1));
    assert!(knows(&worker, 1, at(124_500)));
}

/// Between the wish of one worker and the tick that takes the lease there is a millisecond; the second request that names a
/// new key comes in it as likely as not.
#[test]
fn all_workers_wait_for_what_one_has_asked_for() {
    let shared = Store::default();
    let mut first = warm(&shared);
    let mut second = super::worker(2);
    second.on_tick(at(100), &shared);
    assert_eq!(first.on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    assert_eq!(second.on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    assert_eq!(
        second.on_unknown_kid(kid(77), at(1_000), &shared),
        WaitAdvice::Wait,
        "the answer may have it"
    );
    assert!(refresh(&mut first, 1_001, &shared, 1));
    second.on_tick(at(1_100), &shared);
    assert!(knows(&second, 1, at(1_100)));
    assert_eq!(second.on_unknown_kid(kid(77), at(1_200), &shared), WaitAdvice::FailNow);
}

#[test]
fn a_key_that_comes_later_is_taken_whatever_was_remembered() {
    let shared = Store::default();
    let mut worker = warm(&shared);
    worker.on_unknown_kid(kid(1), at(1_000), &shared);
    refresh(&mut worker, 1_000, &shared, 0);
    assert_eq!(
        worker.on_unknown_kid(kid(1), at(1_100), &shared),
        WaitAdvice::FailNow,
        "the issuer did not have it"
    );
    // The issuer is slow to publish: asked again after the cooldown, it has.
    assert_eq!(worker.on_unknown_kid(kid(1), at(32_000), &shared), WaitAdvice::Wait);
    assert!(refresh(&mut worker, 32_000, &shared, 1));
    assert!(knows(&worker, 1, at(32_000)));
}

#[test]
fn while_the_issuer_cannot_be_asked_the_token_is_not_to_blame() {
    let shared = Store::default();
    let mut worker = warm(&shared);
    assert_eq!(worker.reason_for_unknown_key(at(0)), Rejection::KeyUnknown);
    worker.on_unknown_kid(kid(1), at(1_000), &shared);
    let fetch = worker.on_tick(at(1_000), &shared).fetch.unwrap();
    assert_eq!(worker.reason_for_unknown_key(at(1_000)), Rejection::KeyUnknown, "nothing has failed yet");
    worker.on_response(at(1_100), fetch, &shared, Err(FetchError::Status(500)));
    worker.on_tick(at(1_200), &shared);
    assert_eq!(worker.reason_for_unknown_key(at(1_200)), Rejection::KeysUnavailable);
    assert!(knows(&worker, 0, at(1_200)), "and keys that are there stay");
    assert!(refresh(&mut worker, 1_600, &shared, 0));
    assert_eq!(worker.reason_for_unknown_key(at(1_600)), Rejection::KeyUnknown);
}
