//! Keys under a virtual clock: workers that share a store, an issuer that fails in every way, and time that flies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod discovery;
mod documents;
mod leases;
mod shared_gauges;
mod simulation;
mod unknown_kids;

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
use okta_authz_filter::refresh::state::{RefreshState, WorkerId};
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

fn names() -> SharedKeys {
    source().names().clone()
}

fn brings(body: Vec<u8>) -> Response {
    Response { body, max_age: None, description: String::new() }
}

fn kid(number: u64) -> KidDigest {
    KidDigest::new(Some(&number.to_string()))
}

/// A key set whose one key has that name.
fn document(kid: u64) -> Vec<u8> {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#).into_bytes()
}

fn worker(id: u64) -> RemoteKeys {
    RemoteKeys::new(source(), SCHEDULE, COOLDOWN, WorkerId(id))
}

fn knows(worker: &RemoteKeys, kid: u64, now: UnixTime) -> bool {
    worker.keys(now).is_ok_and(|keys| keys.find(Some(&kid.to_string()), Algorithm::EdDSA).is_ok())
}

/// A worker that has fetched the first key.
fn warm(shared: &Store) -> RemoteKeys {
    let mut worker = worker(1);
    let fetch = worker.on_tick(T0, shared).fetch.unwrap();
    worker.on_response(T0, fetch, shared, Ok(brings(document(0))));
    assert!(worker.on_tick(T0, shared).changed);
    worker
}

#[test]
fn every_worker_sees_a_rotation_within_a_tick() {
    let shared = Store::default();
    let mut leader = warm(&shared);
    let mut others: Vec<_> = (2..9).map(worker).collect();
    for other in &mut others {
        assert!(other.on_tick(at(TICK), &shared).fetch.is_none(), "one fetch is enough");
        assert!(knows(other, 0, at(TICK)));
    }
    // A token with a new key reaches one of them.
    assert_eq!(others[3].on_unknown_kid(kid(1), at(1_000), &shared), WaitAdvice::Wait);
    let mut fetching: Vec<_> =
        others.iter_mut().map(|other| other.on_tick(at(1_001), &shared).fetch).collect();
    assert_eq!(fetching.iter().flatten().count(), 1);
    let by = fetching.iter().position(Option::is_some).unwrap();
    let fetch = fetching.swap_remove(by).unwrap();
    assert_eq!(leader.on_unknown_kid(kid(1), at(1_002), &shared), WaitAdvice::Wait, "it is being fetched");
    others[by].on_response(at(1_100), fetch, &shared, Ok(brings(document(1))));
    for other in others.iter_mut().chain([&mut leader]) {
        assert!(other.on_tick(at(1_200), &shared).changed);
        assert!(
            knows(other, 1, at(1_200)) && !knows(other, 0, at(1_200)),
            "the old key is gone with the old set"
        );
    }
}

#[test]
fn ten_thousand_unknown_keys_a_second_cost_one_fetch_in_a_cooldown() {
    let shared = Store::default();
    let mut workers = vec![warm(&shared), worker(2), worker(3), worker(4)];
    let mut fetches = 0;
    for millis in 100..90_100 {
        for worker in &mut workers {
            if millis % TICK == 0
                && let Some(fetch) = worker.on_tick(at(millis), &shared).fetch
            {
                fetches += 1;
                worker.on_response(at(millis), fetch, &shared, Ok(brings(document(0))));
            }
            for made_up in 0..2 {
                worker.on_unknown_kid(kid(millis * 2 + made_up), at(millis), &shared);
            }
        }
    }
    assert_eq!(fetches, 3);
}

#[test]
fn an_hour_with_four_workers_costs_what_one_would() {
    let fetches = |count: u64| {
        let shared = Store::default();
        let mut workers: Vec<_> = (0..count).map(worker).collect();
        let mut fetches = 0;
        for millis in (0..3_600_000).step_by(100) {
            for worker in &mut workers {
                if let Some(fetch) = worker.on_tick(at(millis), &shared).fetch {
                    fetches += 1;
                    worker.on_response(at(millis), fetch, &shared, Ok(brings(document(0))));
                }
            }
        }
        fetches
    };
    assert_eq!((fetches(1), fetches(4)), (6, 6));
}

#[test]
fn an_outage_costs_no_known_key_until_it_has_lasted_too_long() {
    let shared = Store::default();
    let mut workers = vec![warm(&shared), worker(2)];
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
    assert_eq!(first_stale, Some(86_401_000), "a day and a second");
    assert!((2_800..3_100).contains(&fetches), "{fetches}: about one every 30 s");
    // And when the issuer is back, so are the keys.
    let mut recovered = false;
    for millis in (90_000_000..90_031_000).step_by(1_000) {
        if let Some(fetch) = workers[0].on_tick(at(millis), &shared).fetch {
            workers[0].on_response(at(millis), fetch, &shared, Ok(brings(document(1))));
            recovered = true;
        }
    }
    assert!(
        recovered && workers[0].on_tick(at(90_031_000), &shared).fetch.is_some()
            || knows(&workers[0], 1, at(90_031_000))
    );
}

/// A thread can be held up between its look at the clock and its look at the record, while another writes there.
#[test]
fn a_worker_whose_time_is_old_takes_nothing_that_others_have() {
    for late in [1, 100, 5_000] {
        let (shared, now) = (Store::default(), at(60_000));
        let [mut leader, mut held_up] = [worker(1024), worker(2)];
        let fetch = leader.on_tick(now, &shared).fetch.expect("the lease");
        assert!(held_up.on_tick(at(60_000 - late), &shared).fetch.is_none(), "a lease of {late} ms later");
        leader.on_response(now, fetch, &shared, Ok(brings(document(0))));
        let tick = held_up.on_tick(at(60_000 - late), &shared);
        assert!(tick.fetch.is_none() && tick.changed, "keys of {late} ms later");
        assert!(knows(&held_up, 0, at(60_000 - late)));
    }
}

#[test]
fn keys_survive_a_reloaded_vm_and_a_new_configuration() {
    let shared = Store::default();
    drop(warm(&shared));
    let mut reloaded = worker(7);
    let tick = reloaded.on_tick(at(50), &shared);
    assert!(tick.fetch.is_none() && knows(&reloaded, 0, at(50)));
}

#[test]
fn what_a_stranger_writes_costs_a_fetch_and_no_key() {
    let far =
        RefreshState { due_at: at(u64::MAX >> 12), leased_until: at(u64::MAX >> 12), ..RefreshState::new() };
    for (name, suffix, bytes) in [
        ("an empty record", ".record", Vec::new()),
        ("half a record", ".record", vec![1; 37]),
        ("noise", ".record", vec![0xff; 64]),
        ("a lease for ever, and a fetch due never", ".record", far.encode()),
        ("an empty document", ".document", Vec::new()),
        ("noise for a document", ".document", vec![0xff; 1_000]),
        ("another generation", ".document", document(9)),
    ] {
        let shared = Store::default();
        let mut workers = [warm(&shared), worker(2)];
        shared.corrupt(suffix, &bytes);
        let mut fetches = 0;
        for millis in (0..700_000).step_by(100) {
            for worker in &mut workers {
                if let Some(fetch) = worker.on_tick(at(millis), &shared).fetch {
                    fetches += 1;
                    worker.on_response(at(millis), fetch, &shared, Ok(brings(document(0))));
                }
            }
            assert!(knows(&workers[0], 0, at(millis)), "{name}: keys that were there are lost");
        }
        assert!(knows(&workers[1], 0, at(700_000)), "{name}: the second worker has none");
        assert!((1..=3).contains(&fetches), "{name}: {fetches} fetches");
    }
}

#[test]
fn max_age_shortens_but_not_below_the_floor_and_never_lengthens() {
    for (max_age, due) in [(None, 600), (Some(0), 30), (Some(60), 60), (Some(3_832_304), 600)] {
        let shared = Store::default();
        let mut worker = worker(0);
        let fetch = worker.on_tick(T0, &shared).fetch.unwrap();
        worker.on_response(
            T0,
            fetch,
            &shared,
            Ok(Response { max_age: max_age.map(Duration::from_secs), ..brings(document(0)) }),
        );
        assert!(worker.on_tick(at(due * 1_000 - 1), &shared).fetch.is_none(), "{max_age:?}");
        assert!(worker.on_tick(at(due * 1_000), &shared).fetch.is_some(), "{max_age:?}");
    }
    // Jitter: up to a tenth earlier, never later.
    for id in [1, 511, 1_023] {
        let shared = Store::default();
        let mut worker = worker(id);
        let fetch = worker.on_tick(T0, &shared).fetch.unwrap();
        worker.on_response(T0, fetch, &shared, Ok(brings(document(0))));
        assert!(
            worker.on_tick(at(539_999), &shared).fetch.is_none()
                && worker.on_tick(at(600_000), &shared).fetch.is_some(),
            "{id}"
        );
    }
}

#[test]
fn waiting_is_worth_it_through_short_pauses_only() {
    let shared = Store::default();
    let mut worker = worker(1);
    let mut now = 0;
    for pause in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let fetch = worker.on_tick(at(now), &shared).fetch.unwrap();
        assert_eq!(worker.on_keys_unavailable(at(now)), WaitAdvice::Wait, "it is being fetched");
        worker.on_response(at(now), fetch, &shared, Err(FetchError::Status(500)));
        worker.on_tick(at(now), &shared);
        let expected = if pause <= 2_000 { WaitAdvice::Wait } else { WaitAdvice::FailNow };
        assert_eq!(worker.on_keys_unavailable(at(now)), expected, "{pause}");
        assert_eq!(
            worker.on_unknown_kid(kid(9), at(now), &shared),
            WaitAdvice::FailNow,
            "no breaking through a pause"
        );
        assert!(worker.on_tick(at(now + pause - 1), &shared).fetch.is_none(), "{pause}");
        now += pause;
    }
}
