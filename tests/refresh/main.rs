//! The refresh of keys and denylist with a virtual clock: workers that share a store, and an issuer
//! that fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod conditional;
mod discovery;
mod documents;
mod leases;
mod publishing;
mod replay;
mod shared_data;
mod shared_gauges;
mod simulation;
mod unknown_kids;
mod wait_advice;

use std::time::Duration;

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::jwks::source::{JwksUri, KeySource};
use okta_authz_filter::jwks::unknown_kids::KidDigest;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::refresh::refresher::WaitAdvice;
use okta_authz_filter::refresh::shared::SharedKeys;
use okta_authz_filter::refresh::source::{FetchError, Response, Source as _};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::time::UnixTime;
use test_support::common::Store;

const T0: UnixTime = UnixTime::from_seconds(1_700_000_000);
const TICK: u64 = 100;
const SCHEDULE: RefreshSchedule = RefreshSchedule {
    cache_duration: Duration::from_secs(600),
    max_stale: Duration::from_secs(86_400),
    timeout: Duration::from_secs(5),
};
const COOLDOWN: Duration = Duration::from_secs(30);

fn at(millis: u64) -> UnixTime {
    T0.saturating_add(Duration::from_millis(millis))
}

fn issuers() -> Vec<String> {
    vec!["https://acme.okta.example/oauth2/default".to_owned()]
}

fn source() -> KeySource {
    let url = HttpsUrl::parse("https://acme.okta.example/keys").unwrap();
    KeySource::new(&issuers(), "okta", JwksUri::Configured(url), None)
}

fn shared_keys() -> SharedKeys {
    source().shared_keys().clone()
}

fn response(body: Vec<u8>) -> Response {
    Response { body, ..Response::default() }
}

fn kid(number: u64) -> KidDigest {
    KidDigest::new(Some(&number.to_string()))
}

/// Returns a key set with one key, which has this `kid`.
fn document(kid: u64) -> Vec<u8> {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#).into_bytes()
}

fn worker(id: u64) -> RemoteKeys {
    RemoteKeys::new(source(), SCHEDULE, COOLDOWN, WorkerId(id))
}

fn has_key(worker: &RemoteKeys, kid: u64, now: UnixTime) -> bool {
    worker.keys(now).is_ok_and(|keys| keys.find(Some(&kid.to_string()), Algorithm::EdDSA).is_ok())
}

/// Returns a worker that fetched the key 0.
fn worker_with_keys(shared: &Store) -> RemoteKeys {
    let mut worker = worker(1);
    let fetch = worker.on_tick(T0, shared).fetch.unwrap();
    worker.on_response(T0, fetch, shared, Ok(response(document(0))));
    assert!(worker.on_tick(T0, shared).changed);
    worker
}

#[test]
fn rotated_keys_reach_every_worker_within_a_tick() {
    let shared = Store::default();
    let mut leader = worker_with_keys(&shared);
    let mut others: Vec<_> = (2..9).map(worker).collect();
    for other in &mut others {
        assert!(other.on_tick(at(TICK), &shared).fetch.is_none(), "one fetch serves all workers");
        assert!(has_key(other, 0, at(TICK)));
    }
    // One worker receives a token with a new key.
    assert_eq!(others[3].on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    let mut fetching: Vec<_> =
        others.iter_mut().map(|other| other.on_tick(at(1_001), &shared).fetch).collect();
    assert_eq!(fetching.iter().flatten().count(), 1);
    let index = fetching.iter().position(Option::is_some).unwrap();
    let fetch = fetching.swap_remove(index).unwrap();
    assert_eq!(leader.on_unknown_kid(kid(1), at(1_002), &shared), WaitAdvice::Wait, "a fetch is in flight");
    others[index].on_response(at(1_100), fetch, &shared, Ok(response(document(1))));
    for other in others.iter_mut().chain([&mut leader]) {
        assert!(other.on_tick(at(1_200), &shared).changed);
        assert!(
            has_key(other, 1, at(1_200)) && !has_key(other, 0, at(1_200)),
            "the new set replaces the old one"
        );
    }
}

#[test]
fn many_unknown_kids_cause_one_fetch_per_cooldown() {
    let shared = Store::default();
    let mut workers = vec![worker_with_keys(&shared), worker(2), worker(3), worker(4)];
    let mut fetches = 0;
    for millis in 100..90_100 {
        for worker in &mut workers {
            if millis % TICK == 0
                && let Some(fetch) = worker.on_tick(at(millis), &shared).fetch
            {
                fetches += 1;
                worker.on_response(at(millis), fetch, &shared, Ok(response(document(0))));
            }
            for made_up in 0..2 {
                worker.on_unknown_kid(kid(millis * 2 + made_up), at(millis), &shared);
            }
        }
    }
    assert_eq!(fetches, 3);
}

#[test]
fn four_workers_fetch_as_often_as_one() {
    let fetches = |count: u64| {
        let shared = Store::default();
        let mut workers: Vec<_> = (0..count).map(worker).collect();
        let mut fetches = 0;
        for millis in (0..3_600_000).step_by(100) {
            for worker in &mut workers {
                if let Some(fetch) = worker.on_tick(at(millis), &shared).fetch {
                    fetches += 1;
                    worker.on_response(at(millis), fetch, &shared, Ok(response(document(0))));
                }
            }
        }
        fetches
    };
    assert_eq!((fetches(1), fetches(4)), (6, 6));
}

#[test]
fn outage_keeps_keys_until_max_stale() {
    let shared = Store::default();
    let mut workers = vec![worker_with_keys(&shared), worker(2)];
    let (mut fetches, mut first_stale) = (0, None);
    for millis in (0..90_000_000).step_by(1_000) {
        for worker in &mut workers {
            if let Some(fetch) = worker.on_tick(at(millis), &shared).fetch {
                fetches += 1;
                worker.on_response(at(millis), fetch, &shared, Err(FetchError::NoResponse));
            }
        }
        if workers.iter().any(|worker| worker.keys(at(millis)) == Err(Rejection::KeysStale)) {
            first_stale.get_or_insert(millis);
        }
    }
    assert_eq!(first_stale, Some(86_401_000), "max_stale and one step");
    assert!((2_800..3_100).contains(&fetches), "{fetches}: about one every 30 s");
    // The issuer responds again.
    let mut recovered = false;
    for millis in (90_000_000..90_031_000).step_by(1_000) {
        if let Some(fetch) = workers[0].on_tick(at(millis), &shared).fetch {
            workers[0].on_response(at(millis), fetch, &shared, Ok(response(document(1))));
            recovered = true;
        }
    }
    assert!(
        recovered && workers[0].on_tick(at(90_031_000), &shared).fetch.is_some()
            || has_key(&workers[0], 1, at(90_031_000))
    );
}

#[test]
fn max_age_shortens_the_interval_to_its_minimum_and_never_extends_it() {
    for (max_age, due) in [(None, 600), (Some(0), 30), (Some(60), 60), (Some(3_832_304), 600)] {
        let shared = Store::default();
        let mut worker = worker(0);
        let fetch = worker.on_tick(T0, &shared).fetch.unwrap();
        worker.on_response(
            T0,
            fetch,
            &shared,
            Ok(Response { max_age: max_age.map(Duration::from_secs), ..response(document(0)) }),
        );
        assert!(worker.on_tick(at(due * 1_000 - 1), &shared).fetch.is_none(), "{max_age:?}");
        assert!(worker.on_tick(at(due * 1_000), &shared).fetch.is_some(), "{max_age:?}");
    }
    // Jitter makes a fetch up to a tenth earlier, never later.
    for id in [1, 511, 1_023] {
        let shared = Store::default();
        let mut worker = worker(id);
        let fetch = worker.on_tick(T0, &shared).fetch.unwrap();
        worker.on_response(T0, fetch, &shared, Ok(response(document(0))));
        assert!(
            worker.on_tick(at(539_999), &shared).fetch.is_none()
                && worker.on_tick(at(600_000), &shared).fetch.is_some(),
            "{id}"
        );
    }
}

#[test]
fn request_waits_only_during_short_backoff() {
    let shared = Store::default();
    let mut worker = worker(1);
    let mut now = 0;
    for pause in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let fetch = worker.on_tick(at(now), &shared).fetch.unwrap();
        assert_eq!(worker.on_keys_unavailable(at(now)), WaitAdvice::Wait, "a fetch is in flight");
        worker.on_response(at(now), fetch, &shared, Err(FetchError::Status(500)));
        worker.on_tick(at(now), &shared);
        let expected = if pause <= 2_000 { WaitAdvice::Wait } else { WaitAdvice::FailNow };
        assert_eq!(worker.on_keys_unavailable(at(now)), expected, "{pause}");
        assert_eq!(
            worker.on_unknown_kid(kid(9), at(now), &shared),
            WaitAdvice::FailNow,
            "an unknown key does not end the backoff"
        );
        assert!(worker.on_tick(at(now + pause - 1), &shared).fetch.is_none(), "{pause}");
        now += pause;
    }
}
