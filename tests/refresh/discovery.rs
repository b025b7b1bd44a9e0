//! Keys whose place the issuer names: which requests a fetch makes, and what becomes of it when the metadata cannot be had.

use std::time::Duration;

use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::discovery::{Discovery, MetadataError};
use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::jwks::source::{JwksUri, KeySource};
use okta_authz_filter::refresh::refresher::FetchProgress;
use okta_authz_filter::refresh::shared::{SharedData as _, SharedKeys};
use okta_authz_filter::refresh::source::{FetchError, Response, Source as _};
use okta_authz_filter::refresh::state::{RefreshState, WorkerId};
use okta_authz_filter::time::UnixTime;
use test_support::common::Store;

use super::{COOLDOWN, SCHEDULE, at, brings, document, issuers, knows};

const OKTA_FORM: &str = "/oauth2/default/.well-known/oauth-authorization-server";
const RFC_FORM: &str = "/.well-known/oauth-authorization-server/oauth2/default";
const OPENID_FORM: &str = "/oauth2/default/.well-known/openid-configuration";
const KEYS: &str = "/oauth2/default/v1/keys";
const MOVED: &str = "/moved/keys";
const HOUR: u64 = 3_600_000;

type Answer = Result<Response, FetchError>;

fn source() -> KeySource {
    let issuer = &issuers()[0];
    let url = HttpsUrl::parse(issuer).unwrap();
    let discovery = Discovery::new(issuer, &url, vec![url.authority.clone()]);
    KeySource::new(&issuers(), "okta", JwksUri::Discovered(discovery), None)
}

fn names() -> SharedKeys {
    source().names().clone()
}

fn worker(id: u64) -> RemoteKeys {
    RemoteKeys::new(source(), SCHEDULE, COOLDOWN, WorkerId(id))
}

fn metadata_naming(keys: &str) -> Answer {
    let (issuer, host) = (&issuers()[0], "https://acme.okta.example");
    Ok(brings(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{host}{keys}"}}"#).into_bytes()))
}

fn metadata(error: MetadataError) -> FetchError {
    FetchError::Unusable(error.to_string())
}

fn metadata_status(status: u16) -> FetchError {
    FetchError::Unusable(format!("the authorization server metadata: status {status}"))
}

fn keys() -> Answer {
    Ok(brings(document(0)))
}

fn status(status: u16) -> Answer {
    Err(FetchError::Status(status))
}

/// Runs one fetch that is due, against an issuer; returns what it asked for, and how it ended.
fn run(
    worker: &mut RemoteKeys,
    now: UnixTime,
    shared: &Store,
    issuer: impl Fn(&str) -> Answer,
) -> (Vec<String>, Result<usize, FetchError>) {
    let mut fetch = worker.on_tick(now, shared).fetch.expect("a fetch is due");
    let mut asked = Vec::new();
    loop {
        assert_eq!(fetch.url().authority, "acme.okta.example");
        let path = fetch.url().path.clone();
        let response = issuer(&path);
        asked.push(path);
        match worker.on_response(now, fetch, shared, response) {
            FetchProgress::Request(next) => fetch = next,
            FetchProgress::Done(outcome) => return (asked, outcome),
        }
    }
}

/// The issuer as it should be.
fn well(path: &str) -> Answer {
    match path {
        OKTA_FORM => metadata_naming(KEYS),
        KEYS => keys(),
        _ => status(404),
    }
}

#[test]
fn the_issuer_is_asked_where_and_then_for_an_hour_no_more() {
    let (shared, mut worker) = (Store::default(), worker(1));
    assert_eq!(run(&mut worker, at(0), &shared, well), (vec![OKTA_FORM.into(), KEYS.into()], Ok(1)));
    worker.on_tick(at(100), &shared);
    assert!(knows(&worker, 0, at(100)));
    // Another worker, another VM, the next fetch: the place is known.
    let mut another = super::discovery::worker(2);
    assert!(another.on_tick(at(200), &shared).fetch.is_none());
    assert_eq!(run(&mut another, at(600_000), &shared, well), (vec![KEYS.into()], Ok(1)));
    assert_eq!(
        run(&mut worker, at(HOUR), &shared, well).0,
        [OKTA_FORM, KEYS],
        "now and then it is asked again"
    );
}

#[test]
fn every_place_for_metadata_is_tried_once() {
    for (place, asked) in [
        (OKTA_FORM, &[OKTA_FORM, KEYS][..]),
        (RFC_FORM, &[OKTA_FORM, RFC_FORM, KEYS]),
        (OPENID_FORM, &[OKTA_FORM, RFC_FORM, OPENID_FORM, KEYS]),
    ] {
        let issuer = |path: &str| match path {
            KEYS => keys(),
            path if path == place => metadata_naming(KEYS),
            _ => status(404),
        };
        let outcome = run(&mut worker(1), at(0), &Store::default(), issuer);
        assert_eq!(outcome, (asked.iter().map(ToString::to_string).collect(), Ok(1)));
    }
    let nothing = run(&mut worker(1), at(0), &Store::default(), |_| status(404));
    assert_eq!(nothing.0, [OKTA_FORM, RFC_FORM, OPENID_FORM]);
    assert_eq!(nothing.1, Err(metadata_status(404)));
}

#[test]
fn trouble_ends_the_search() {
    let elsewhere =
        || Ok(brings(br#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example/k"}"#.into()));
    let evil_keys = || {
        let issuer = &issuers()[0];
        Ok(brings(format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://evil.example/k"}}"#).into_bytes()))
    };
    type Make = Box<dyn Fn() -> Answer>;
    let table: [(&str, Make, FetchError); 7] = [
        ("no answer", Box::new(|| Err(FetchError::NoResponse)), FetchError::NoResponse),
        ("500", Box::new(|| status(500)), metadata_status(500)),
        ("429", Box::new(|| status(429)), metadata_status(429)),
        ("a redirect", Box::new(|| status(302)), metadata_status(302)),
        ("HTML", Box::new(|| Ok(brings(b"<html>".into()))), metadata(MetadataError::Malformed)),
        ("another issuer", Box::new(elsewhere), metadata(MetadataError::OtherIssuer)),
        ("keys elsewhere", Box::new(evil_keys), metadata(MetadataError::OtherHost)),
    ];
    for (name, answer, error) in table {
        let outcome = run(&mut worker(1), at(0), &Store::default(), |_| answer());
        assert_eq!(outcome, (vec![OKTA_FORM.into()], Err(error)), "{name}");
    }
}

#[test]
fn broken_metadata_cost_no_keys_whose_place_is_known() {
    let (shared, mut worker) = (Store::default(), worker(1));
    assert_eq!(run(&mut worker, at(0), &shared, well).1, Ok(1));
    worker.on_tick(at(100), &shared);
    let broken = |path: &str| if path == KEYS { keys() } else { status(500) };
    assert_eq!(run(&mut worker, at(HOUR), &shared, broken), (vec![OKTA_FORM.into(), KEYS.into()], Ok(1)));
    worker.on_tick(at(HOUR + 100), &shared);
    assert!(knows(&worker, 0, at(HOUR + 100)));
}

#[test]
fn keys_that_have_moved_are_found_by_the_second_fetch() {
    let (shared, mut worker) = (Store::default(), worker(0));
    assert_eq!(run(&mut worker, at(0), &shared, well).1, Ok(1));
    worker.on_tick(at(100), &shared);
    let moved = |path: &str| match path {
        OKTA_FORM => metadata_naming(MOVED),
        MOVED => keys(),
        _ => status(404),
    };
    let failed = run(&mut worker, at(600_000), &shared, moved);
    assert_eq!(failed, (vec![KEYS.into()], Err(FetchError::Status(404))));
    assert!(knows(&worker, 0, at(600_000)));
    assert_eq!(run(&mut worker, at(600_500), &shared, moved).0, [OKTA_FORM, MOVED]);
    worker.on_tick(at(600_600), &shared);
    assert_eq!(run(&mut worker, at(1_200_500), &shared, moved).0, [MOVED]);
}

#[test]
fn every_request_of_a_fetch_has_its_own_time_and_a_late_one_ends_it() {
    let (shared, mut leader, mut other) = (Store::default(), worker(1), worker(2));
    let fetch = leader.on_tick(at(0), &shared).fetch.unwrap();
    let mut while_the_leader_ticks = |leader: &mut RemoteKeys, from: u64, until: u64| {
        for millis in (from..until).step_by(100) {
            assert!(leader.on_tick(at(millis), &shared).fetch.is_none());
            assert!(other.on_tick(at(millis), &shared).fetch.is_none(), "{millis}: the leader is at work");
        }
    };
    while_the_leader_ticks(&mut leader, 100, 9_000);
    // The time of 10 s begins again with each request.
    let FetchProgress::Request(fetch) = leader.on_response(at(9_000), fetch, &shared, status(404)) else {
        panic!()
    };
    while_the_leader_ticks(&mut leader, 9_000, 19_000);
    let again = leader.on_tick(at(19_000), &shared).fetch;
    assert!(again.is_some(), "the answer is overdue");
    let late = leader.on_response(at(19_100), fetch, &shared, metadata_naming(KEYS));
    assert!(matches!(late, FetchProgress::Done(Err(_))), "{late:?}");
}

#[test]
fn a_place_that_a_stranger_wrote_is_not_asked() {
    for written in [
        &b""[..],
        b"12345678",
        b"12345678https://evil.example/keys",
        b"12345678https://acme.okta.example@evil.example/keys",
        b"12345678http://acme.okta.example/keys",
        b"12345678\xff\xfe",
        b"\xff\xff\xff\xff\xff\xff\xff\x7fhttps://acme.okta.example/keys",
    ] {
        let shared = Store::default();
        assert!(shared.set(&names().key("location"), written, None));
        assert_eq!(run(&mut worker(1), at(0), &shared, well).0, [OKTA_FORM, KEYS], "{written:?}");
    }
}

#[test]
fn discovery_takes_part_in_the_backoff() {
    let (shared, mut worker) = (Store::default(), worker(1));
    for pause in [500, 1_000, 2_000, 4_000] {
        let now = worker_due(&mut worker, &shared);
        assert_eq!(run(&mut worker, now, &shared, |_| status(503)).1, Err(metadata_status(503)));
        let early = now.saturating_add(Duration::from_millis(pause - 1));
        assert!(worker.on_tick(early, &shared).fetch.is_none(), "{pause}");
    }
}

/// The time at which the shared record says that the next fetch is due.
fn worker_due(_: &mut RemoteKeys, shared: &Store) -> UnixTime {
    let record = shared.get(&names().record).map(|(bytes, _)| bytes);
    record.and_then(|bytes| RefreshState::decode(&bytes)).map_or(at(0), |record| record.due_at)
}
