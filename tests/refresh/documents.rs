//! The refresher with each kind of document: key sets and denylists.

use std::time::Duration;

use okta_authz_filter::denylist::Denylist;
use okta_authz_filter::denylist::source::DenylistSource;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::KeySet;
use okta_authz_filter::jwks::source::KeySource;
use okta_authz_filter::refresh::refresher::{FetchProgress, NoDocument, Refresher};
use okta_authz_filter::refresh::source::{Document, FetchError, Source};
use okta_authz_filter::refresh::state::WorkerId;
use test_support::common::Store;

use super::{SCHEDULE, at, response};

/// A kind of document.
trait Kind {
    type Source: Source<Document: Document>;

    fn source() -> Self::Source;

    /// Returns a valid document with this many entries.
    fn valid(count: usize) -> Vec<u8>;

    /// Returns invalid documents.
    fn invalid() -> Vec<Vec<u8>>;
}

struct Keys;

impl Kind for Keys {
    type Source = KeySource;

    fn source() -> KeySource {
        super::source()
    }

    fn valid(count: usize) -> Vec<u8> {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = |kid| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#);
        let keys: Vec<String> = (0..count).map(key).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes()
    }

    fn invalid() -> Vec<Vec<u8>> {
        vec![br#"{"keys":[]}"#.into(), Revocations::valid(1), padded(Self::valid(1), KeySet::MAX_BYTES + 1)]
    }
}

struct Revocations;

impl Kind for Revocations {
    type Source = DenylistSource;

    fn source() -> DenylistSource {
        DenylistSource::new("revocations", HttpsUrl::parse("https://revocations.example/list").unwrap())
    }

    fn valid(count: usize) -> Vec<u8> {
        let entries: Vec<String> = (0..count).map(|jti| format!(r#"{{"jti":"AT.{jti}"}}"#)).collect();
        format!(r#"{{"entries":[{}]}}"#, entries.join(",")).into_bytes()
    }

    fn invalid() -> Vec<Vec<u8>> {
        vec![
            br#"{"entries":[{"jti":"AT.1"},{"nope":"AT.2"}]}"#.into(),
            br#"{"entries":[{"jti":"AT.1"},{}]}"#.into(),
            Keys::valid(1),
            padded(Self::valid(1), Denylist::MAX_BYTES + 1),
        ]
    }
}

fn padded(mut document: Vec<u8>, length: usize) -> Vec<u8> {
    document.resize(length, b' ');
    document
}

fn all_invalid<K: Kind>() -> Vec<Vec<u8>> {
    let valid = String::from_utf8(K::valid(2)).unwrap();
    let mut invalid = K::invalid();
    invalid.extend([b"".into(), b"[]".into(), b"<!doctype html>".into(), b"\xff\xfe".into()]);
    invalid.push(valid[..valid.len() - 1].into());
    // A duplicate member.
    invalid.push(format!("{},{}", &valid[..valid.len() - 1], &valid[1..]).into_bytes());
    invalid
}

fn worker<K: Kind>(id: u64) -> Refresher<K::Source> {
    Refresher::new(K::source(), SCHEDULE, WorkerId(id))
}

/// Runs the fetch that is due.
fn fetch<S: Source>(
    worker: &mut Refresher<S>,
    millis: u64,
    shared: &Store,
    body: Vec<u8>,
) -> Result<usize, FetchError> {
    let fetch = worker.on_tick(at(millis), shared).fetch.expect("a fetch is due");
    match worker.on_response(at(millis), fetch, shared, Ok(response(body))) {
        FetchProgress::Done(outcome) => {
            assert!(worker.on_tick(at(millis), shared).changed);
            outcome
        }
        FetchProgress::Request(_) | FetchProgress::NotModified => panic!("the fetch has one response"),
    }
}

fn count<S: Source<Document: Document>>(worker: &Refresher<S>, millis: u64) -> Result<usize, NoDocument> {
    worker.document(at(millis)).map(Document::count)
}

fn assert_shared_and_kept_after_reload<K: Kind>(shared: &Store) {
    let (mut leader, mut other) = (worker::<K>(1), worker::<K>(2));
    assert_eq!(count(&leader, 0), Err(NoDocument::NeverFetched));
    assert_eq!(fetch(&mut leader, 0, shared, K::valid(3)), Ok(3));
    assert_eq!(count(&leader, 0), Ok(3));
    for worker in [&mut other, &mut worker::<K>(3)] {
        assert!(worker.on_tick(at(100), shared).fetch.is_none(), "one fetch serves all workers");
        assert_eq!(count(worker, 100), Ok(3));
    }
    assert_eq!(fetch(&mut other, 600_000, shared, K::valid(1)), Ok(1));
    assert!(leader.on_tick(at(600_100), shared).changed);
    assert_eq!(count(&leader, 600_100), Ok(1));
}

#[test]
fn documents_of_two_kinds_in_one_store_are_separate() {
    let shared = Store::default();
    assert_shared_and_kept_after_reload::<Keys>(&shared);
    assert_shared_and_kept_after_reload::<Revocations>(&shared);
}

fn assert_invalid_document_keeps_the_last_valid_one<K: Kind>() {
    let (shared, mut worker) = (Store::default(), worker::<K>(0));
    assert_eq!(fetch(&mut worker, 0, &shared, K::valid(2)), Ok(2));
    let mut now = 600_000;
    for document in all_invalid::<K>() {
        let shown = String::from_utf8_lossy(&document).chars().take(60).collect::<String>();
        let error = fetch(&mut worker, now, &shared, document).expect_err(&shown);
        assert!(!error.to_string().contains("AT."), "the error must not quote the document: {error}");
        assert_eq!(count(&worker, now), Ok(2), "{shown}");
        now += 30_000;
    }
    assert_eq!(fetch(&mut worker, now, &shared, K::valid(1)), Ok(1));
    assert_eq!(count(&worker, now), Ok(1));
}

#[test]
fn invalid_document_keeps_the_last_valid_one() {
    assert_invalid_document_keeps_the_last_valid_one::<Keys>();
    assert_invalid_document_keeps_the_last_valid_one::<Revocations>();
}

fn assert_stale_after_max_stale<K: Kind>() {
    let (shared, mut worker) = (Store::default(), worker::<K>(1));
    assert_eq!(fetch(&mut worker, 0, &shared, K::valid(1)), Ok(1));
    let limit = u64::try_from(SCHEDULE.max_stale.as_millis()).unwrap();
    assert_eq!([count(&worker, limit), count(&worker, limit + 1)], [Ok(1), Err(NoDocument::Stale)]);
    assert!(worker.latest().is_some());
    assert_eq!(fetch(&mut worker, limit + 1, &shared, K::valid(1)), Ok(1));
    assert_eq!(count(&worker, limit + 1), Ok(1));
}

#[test]
fn document_older_than_max_stale_is_missing() {
    assert_stale_after_max_stale::<Keys>();
    assert_stale_after_max_stale::<Revocations>();
}

fn assert_corrupt_shared_document_causes_one_fetch<K: Kind>() {
    let written = all_invalid::<K>().into_iter().flat_map(|document| {
        // Without a generation, and with the published generation and no ETag.
        [document.clone(), [&1_u64.to_le_bytes()[..], &[0], &document].concat()]
    });
    for bytes in written {
        let (shared, mut leader, mut other) = (Store::default(), worker::<K>(1), worker::<K>(2));
        assert_eq!(fetch(&mut leader, 0, &shared, K::valid(1)), Ok(1));
        shared.corrupt(".document", &bytes);
        let mut fetches = 0;
        for millis in (100..40_000).step_by(100) {
            leader.on_tick(at(millis), &shared);
            if let Some(fetch) = other.on_tick(at(millis), &shared).fetch {
                fetches += 1;
                other.on_response(at(millis), fetch, &shared, Ok(response(K::valid(2))));
            }
            assert!(count(&leader, millis).is_ok(), "the leader lost its document");
        }
        assert_eq!((fetches, count(&leader, 40_000), count(&other, 40_000)), (1, Ok(2), Ok(2)));
    }
}

#[test]
fn corrupt_shared_document_causes_one_fetch() {
    assert_corrupt_shared_document_causes_one_fetch::<Keys>();
    assert_corrupt_shared_document_causes_one_fetch::<Revocations>();
}

#[test]
fn denylist_interval_follows_cache_duration_and_max_age() {
    let refresher = |cache_duration| {
        let schedule = okta_authz_filter::refresh::RefreshSchedule { cache_duration, ..SCHEDULE };
        Refresher::new(Revocations::source(), schedule, WorkerId(0))
    };
    for (cache_duration, max_age, due) in [
        (60, None, 60),
        (60, Some(45), 45),
        (60, Some(0), 30),
        (60, Some(600), 60),
        (5, Some(0), 5),
        (1, None, 1),
    ] {
        let (shared, mut worker) = (Store::default(), refresher(Duration::from_secs(cache_duration)));
        let fetch = worker.on_tick(at(0), &shared).fetch.unwrap();
        let response = okta_authz_filter::refresh::source::Response {
            max_age: max_age.map(Duration::from_secs),
            ..response(Revocations::valid(0))
        };
        worker.on_response(at(0), fetch, &shared, Ok(response));
        assert!(worker.on_tick(at(due * 1_000 - 1), &shared).fetch.is_none(), "{max_age:?}");
        assert!(worker.on_tick(at(due * 1_000), &shared).fetch.is_some(), "{max_age:?}");
    }
}
