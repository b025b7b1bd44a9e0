//! Discovery of `jwks_uri` (RFC 8414): the requests of a fetch, and its result if the metadata
//! fail.

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

use super::{COOLDOWN, SCHEDULE, at, document, has_key, issuers, response};

const OKTA_FORM: &str = "/oauth2/default/.well-known/oauth-authorization-server";
const RFC_FORM: &str = "/.well-known/oauth-authorization-server/oauth2/default";
const OPENID_FORM: &str = "/oauth2/default/.well-known/openid-configuration";
const KEYS: &str = "/oauth2/default/v1/keys";
const MOVED: &str = "/moved/keys";
const HOUR: u64 = 3_600_000;

type FetchResult = Result<Response, FetchError>;

fn source() -> KeySource {
    let issuer = &issuers()[0];
    let url = HttpsUrl::parse(issuer).unwrap();
    let discovery = Discovery::new(issuer, &url, vec![url.authority.clone()]);
    KeySource::new(&issuers(), "okta", JwksUri::Discovered(discovery), None)
}

fn shared_keys() -> SharedKeys {
    source().shared_keys().clone()
}

fn worker(id: u64) -> RemoteKeys {
    RemoteKeys::new(source(), SCHEDULE, COOLDOWN, WorkerId(id))
}

fn metadata_naming(keys: &str) -> FetchResult {
    let (issuer, host) = (&issuers()[0], "https://acme.okta.example");
    Ok(response(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{host}{keys}"}}"#).into_bytes()))
}

fn metadata(error: MetadataError) -> FetchError {
    FetchError::Unusable(error.to_string())
}

fn metadata_status(status: u16) -> FetchError {
    FetchError::Unusable(format!("the authorization server metadata: status {status}"))
}

fn keys() -> FetchResult {
    Ok(response(document(0)))
}

fn status(status: u16) -> FetchResult {
    Err(FetchError::Status(status))
}

/// Runs the fetch that is due, and returns the paths of its requests and its result.
fn run(
    worker: &mut RemoteKeys,
    now: UnixTime,
    shared: &Store,
    issuer: impl Fn(&str) -> FetchResult,
) -> (Vec<String>, Result<usize, FetchError>) {
    let mut fetch = worker.on_tick(now, shared).fetch.expect("a fetch is due");
    let mut requested = Vec::new();
    loop {
        assert_eq!(fetch.url().authority, "acme.okta.example");
        let path = fetch.url().path.clone();
        let response = issuer(&path);
        requested.push(path);
        match worker.on_response(now, fetch, shared, response) {
            FetchProgress::Request(next) => fetch = next,
            FetchProgress::Done(outcome) => return (requested, outcome),
            FetchProgress::NotModified => panic!("a fetch of keys has no condition"),
        }
    }
}

/// The responses of an issuer without failures.
fn healthy(path: &str) -> FetchResult {
    match path {
        OKTA_FORM => metadata_naming(KEYS),
        KEYS => keys(),
        _ => status(404),
    }
}

#[test]
fn discovered_uri_is_cached_for_an_hour() {
    let (shared, mut worker) = (Store::default(), worker(1));
    assert_eq!(run(&mut worker, at(0), &shared, healthy), (vec![OKTA_FORM.into(), KEYS.into()], Ok(1)));
    worker.on_tick(at(100), &shared);
    assert!(has_key(&worker, 0, at(100)));
    // Another worker makes the next fetch with the cached URI.
    let mut another = super::discovery::worker(2);
    assert!(another.on_tick(at(200), &shared).fetch.is_none());
    assert_eq!(run(&mut another, at(600_000), &shared, healthy), (vec![KEYS.into()], Ok(1)));
    assert_eq!(run(&mut worker, at(HOUR), &shared, healthy).0, [OKTA_FORM, KEYS], "the cached URI expired");
}

#[test]
fn metadata_not_found_is_requested_at_the_next_candidate_url() {
    for (location, requested) in [
        (OKTA_FORM, &[OKTA_FORM, KEYS][..]),
        (RFC_FORM, &[OKTA_FORM, RFC_FORM, KEYS]),
        (OPENID_FORM, &[OKTA_FORM, RFC_FORM, OPENID_FORM, KEYS]),
    ] {
        let issuer = |path: &str| match path {
            KEYS => keys(),
            path if path == location => metadata_naming(KEYS),
            _ => status(404),
        };
        let outcome = run(&mut worker(1), at(0), &Store::default(), issuer);
        assert_eq!(outcome, (requested.iter().map(ToString::to_string).collect(), Ok(1)));
    }
    let not_found = run(&mut worker(1), at(0), &Store::default(), |_| status(404));
    assert_eq!(not_found.0, [OKTA_FORM, RFC_FORM, OPENID_FORM]);
    assert_eq!(not_found.1, Err(metadata_status(404)));
}

#[test]
fn metadata_failure_other_than_404_ends_the_fetch() {
    let other_issuer =
        || Ok(response(br#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example/k"}"#.into()));
    let other_host = || {
        let issuer = &issuers()[0];
        Ok(response(format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://evil.example/k"}}"#).into_bytes()))
    };
    type Make = Box<dyn Fn() -> FetchResult>;
    let table: [(&str, Make, FetchError); 7] = [
        ("no response", Box::new(|| Err(FetchError::NoResponse)), FetchError::NoResponse),
        ("500", Box::new(|| status(500)), metadata_status(500)),
        ("429", Box::new(|| status(429)), metadata_status(429)),
        ("a redirect", Box::new(|| status(302)), metadata_status(302)),
        ("HTML", Box::new(|| Ok(response(b"<html>".into()))), metadata(MetadataError::Malformed)),
        ("another issuer", Box::new(other_issuer), metadata(MetadataError::OtherIssuer)),
        ("keys on another host", Box::new(other_host), metadata(MetadataError::OtherHost)),
    ];
    for (name, result, error) in table {
        let outcome = run(&mut worker(1), at(0), &Store::default(), |_| result());
        assert_eq!(outcome, (vec![OKTA_FORM.into()], Err(error)), "{name}");
    }
}

#[test]
fn metadata_failure_with_cached_uri_still_fetches_keys() {
    let (shared, mut worker) = (Store::default(), worker(1));
    assert_eq!(run(&mut worker, at(0), &shared, healthy).1, Ok(1));
    worker.on_tick(at(100), &shared);
    let broken = |path: &str| if path == KEYS { keys() } else { status(500) };
    assert_eq!(run(&mut worker, at(HOUR), &shared, broken), (vec![OKTA_FORM.into(), KEYS.into()], Ok(1)));
    worker.on_tick(at(HOUR + 100), &shared);
    assert!(has_key(&worker, 0, at(HOUR + 100)));
}

#[test]
fn moved_keys_are_fetched_after_one_failed_fetch() {
    let (shared, mut worker) = (Store::default(), worker(0));
    assert_eq!(run(&mut worker, at(0), &shared, healthy).1, Ok(1));
    worker.on_tick(at(100), &shared);
    let moved = |path: &str| match path {
        OKTA_FORM => metadata_naming(MOVED),
        MOVED => keys(),
        _ => status(404),
    };
    let failed = run(&mut worker, at(600_000), &shared, moved);
    assert_eq!(failed, (vec![KEYS.into()], Err(FetchError::Status(404))));
    assert!(has_key(&worker, 0, at(600_000)));
    assert_eq!(run(&mut worker, at(600_500), &shared, moved).0, [OKTA_FORM, MOVED]);
    worker.on_tick(at(600_600), &shared);
    assert_eq!(run(&mut worker, at(1_200_500), &shared, moved).0, [MOVED]);
}

#[test]
fn each_request_of_a_fetch_has_its_own_timeout() {
    let (shared, mut leader, mut other) = (Store::default(), worker(1), worker(2));
    let fetch = leader.on_tick(at(0), &shared).fetch.unwrap();
    let mut tick_both = |leader: &mut RemoteKeys, from: u64, until: u64| {
        for millis in (from..until).step_by(100) {
            assert!(leader.on_tick(at(millis), &shared).fetch.is_none());
            assert!(other.on_tick(at(millis), &shared).fetch.is_none(), "{millis}: the fetch is in flight");
        }
    };
    tick_both(&mut leader, 100, 9_000);
    // The timeout of 10 s begins again with each request.
    let FetchProgress::Request(fetch) = leader.on_response(at(9_000), fetch, &shared, status(404)) else {
        panic!()
    };
    tick_both(&mut leader, 9_000, 19_000);
    let again = leader.on_tick(at(19_000), &shared).fetch;
    assert!(again.is_some(), "the response is overdue");
    let late = leader.on_response(at(19_100), fetch, &shared, metadata_naming(KEYS));
    assert!(matches!(late, FetchProgress::Done(Err(_))), "{late:?}");
}

#[test]
fn corrupt_cached_uri_is_ignored() {
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
        assert!(shared.set(&shared_keys().key("location"), written, None));
        assert_eq!(run(&mut worker(1), at(0), &shared, healthy).0, [OKTA_FORM, KEYS], "{written:?}");
    }
}

#[test]
fn failed_discovery_starts_backoff() {
    let (shared, mut worker) = (Store::default(), worker(1));
    for pause in [500, 1_000, 2_000, 4_000] {
        let now = due_at(&shared);
        assert_eq!(run(&mut worker, now, &shared, |_| status(503)).1, Err(metadata_status(503)));
        let early = now.saturating_add(Duration::from_millis(pause - 1));
        assert!(worker.on_tick(early, &shared).fetch.is_none(), "{pause}");
    }
}

/// Returns the time at which the next fetch is due, from the shared state.
fn due_at(shared: &Store) -> UnixTime {
    let state = shared.get(&shared_keys().state).map(|(bytes, _)| bytes);
    state.and_then(|bytes| RefreshState::decode(&bytes)).map_or(at(0), |state| state.due_at)
}
