//! Conditional fetches of a denylist: `If-None-Match` with the ETag of the latest document, and
//! responses with status 304.

use std::time::Duration;

use okta_authz_filter::denylist::source::DenylistSource;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::source::KeySource;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::refresh::refresher::{Fetch, FetchProgress, NoDocument, Refresher};
use okta_authz_filter::refresh::source::{Document as _, FetchError, Response};
use okta_authz_filter::refresh::state::WorkerId;
use test_support::common::Store;

use super::at;

const POLL: RefreshSchedule = RefreshSchedule {
    cache_duration: Duration::from_secs(5),
    max_stale: Duration::from_secs(60),
    timeout: Duration::from_secs(1),
};
const ETAG: &str = "\"a\"";

type Worker = Refresher<DenylistSource>;

/// Returns a worker whose schedule has no jitter.
fn worker(id: u64) -> Worker {
    let url = HttpsUrl::parse("https://revocations.example/denylist").unwrap();
    Refresher::new(DenylistSource::new("revocations", url), POLL, WorkerId(id * 1024))
}

fn list(count: usize, etag: Option<&str>) -> Response {
    let entries: Vec<String> = (0..count).map(|jti| format!(r#"{{"jti":"AT.{jti}"}}"#)).collect();
    let body = format!(r#"{{"entries":[{}]}}"#, entries.join(",")).into_bytes();
    Response { body, etag: etag.map(str::to_owned), ..Response::default() }
}

fn due(worker: &mut Worker, millis: u64, shared: &Store) -> Fetch {
    worker.on_tick(at(millis), shared).fetch.expect("a fetch is due")
}

/// Runs a fetch that is due, and installs its document.
fn fetch(
    worker: &mut Worker,
    millis: u64,
    shared: &Store,
    response: Result<Response, FetchError>,
) -> FetchProgress {
    let fetch = due(worker, millis, shared);
    let progress = worker.on_response(at(millis), fetch, shared, response);
    worker.on_tick(at(millis), shared);
    progress
}

fn count(worker: &Worker, millis: u64) -> Result<usize, NoDocument> {
    worker.document(at(millis)).map(|list| list.count())
}

const NOT_MODIFIED: FetchError = FetchError::NotModified(None);

#[test]
fn etag_of_any_worker_is_sent_by_the_next_one() {
    let (shared, [mut first, mut second]) = (Store::default(), [worker(1), worker(2)]);
    let initial = due(&mut first, 0, &shared);
    assert_eq!(initial.if_none_match(), None);
    first.on_response(at(0), initial, &shared, Ok(list(2, Some(ETAG))));
    assert!(second.on_tick(at(100), &shared).fetch.is_none());
    assert_eq!(due(&mut second, 5_000, &shared).if_none_match(), Some(ETAG));
    // A worker that starts later reads the ETag with the document.
    second.release(&shared);
    let mut reloaded = worker(3);
    assert_eq!(due(&mut reloaded, 5_100, &shared).if_none_match(), Some(ETAG));
}

#[test]
fn not_modified_keeps_the_document_and_renews_its_age_on_every_worker() {
    let (shared, [mut first, mut second]) = (Store::default(), [worker(1), worker(2)]);
    fetch(&mut first, 0, &shared, Ok(list(2, Some(ETAG))));
    second.on_tick(at(100), &shared);
    for poll in 1..40 {
        let progress = fetch(&mut second, poll * 5_000, &shared, Err(NOT_MODIFIED));
        assert!(matches!(progress, FetchProgress::NotModified), "{progress:?}");
        assert!(first.on_tick(at(poll * 5_000 + 100), &shared).changed);
    }
    for worker in [&first, &second] {
        assert_eq!(count(worker, 195_000 + 60_000), Ok(2));
        assert_eq!(count(worker, 195_000 + 60_001), Err(NoDocument::Stale));
    }
    // The next change arrives.
    fetch(&mut first, 200_000, &shared, Ok(list(3, None)));
    second.on_tick(at(200_100), &shared);
    assert_eq!((count(&first, 200_100), count(&second, 200_100)), (Ok(3), Ok(3)));
    assert_eq!(due(&mut second, 205_000, &shared).if_none_match(), None, "the new document has no ETag");
}

#[test]
fn not_modified_ends_an_outage() {
    let (shared, mut worker) = (Store::default(), worker(1));
    fetch(&mut worker, 0, &shared, Ok(list(1, Some(ETAG))));
    let mut now = 5_000;
    while count(&worker, now) == Ok(1) {
        if let Some(fetch) = worker.on_tick(at(now), &shared).fetch {
            assert_eq!(fetch.if_none_match(), Some(ETAG));
            worker.on_response(at(now), fetch, &shared, Err(FetchError::Status(503)));
        }
        now += 100;
    }
    assert_eq!(now, 60_100);
    let fetch = (now..).step_by(100).find_map(|millis| {
        now = millis;
        worker.on_tick(at(millis), &shared).fetch
    });
    worker.on_response(at(now), fetch.unwrap(), &shared, Err(NOT_MODIFIED));
    assert!(worker.on_tick(at(now), &shared).changed);
    assert_eq!(count(&worker, now), Ok(1));
}

#[test]
fn not_modified_without_a_condition_is_a_failure() {
    let (shared, mut worker) = (Store::default(), worker(1));
    let progress = fetch(&mut worker, 0, &shared, Err(NOT_MODIFIED));
    assert!(matches!(progress, FetchProgress::Done(Err(FetchError::NotModified(_)))), "{progress:?}");
    assert_eq!(count(&worker, 0), Err(NoDocument::NeverFetched));
    // A document without an ETag cannot be confirmed.
    fetch(&mut worker, 1_000, &shared, Ok(list(1, None)));
    let progress = fetch(&mut worker, 6_000, &shared, Err(NOT_MODIFIED));
    assert!(matches!(progress, FetchProgress::Done(Err(FetchError::NotModified(_)))), "{progress:?}");
    assert_eq!(count(&worker, 61_001), Err(NoDocument::Stale));
}

#[test]
fn fetch_of_keys_has_no_condition() {
    let shared = Store::default();
    let mut worker: Refresher<KeySource> = Refresher::new(super::source(), POLL, WorkerId(0));
    let fetch = worker.on_tick(at(0), &shared).fetch.unwrap();
    let keys = Response { etag: Some(ETAG.to_owned()), ..super::response(super::document(0)) };
    worker.on_response(at(0), fetch, &shared, Ok(keys));
    let fetch = worker.on_tick(at(5_000), &shared).fetch.unwrap();
    assert_eq!(fetch.if_none_match(), None);
    let progress = worker.on_response(at(5_000), fetch, &shared, Err(NOT_MODIFIED));
    assert!(matches!(progress, FetchProgress::Done(Err(FetchError::NotModified(_)))), "{progress:?}");
}

#[test]
fn worker_without_the_published_document_fetches_it_without_a_condition() {
    let (shared, [mut first, mut second]) = (Store::default(), [worker(1), worker(2)]);
    fetch(&mut first, 0, &shared, Ok(list(2, Some(ETAG))));
    // Another plugin overwrites the document before the second worker reads it.
    shared.corrupt(".document", b"noise");
    let mut unconditional = 0;
    for millis in (100..60_000).step_by(100) {
        for worker in [&mut first, &mut second] {
            let Some(fetch) = worker.on_tick(at(millis), &shared).fetch else { continue };
            let response = match fetch.if_none_match() {
                Some(_) => Err(NOT_MODIFIED),
                None => {
                    unconditional += 1;
                    Ok(list(2, Some(ETAG)))
                }
            };
            worker.on_response(at(millis), fetch, &shared, response);
        }
    }
    assert_eq!((unconditional, count(&second, 60_000)), (1, Ok(2)));
}

#[test]
fn document_published_during_a_conditional_fetch_is_kept() {
    let (shared, [mut slow, mut other]) = (Store::default(), [worker(1), worker(2)]);
    fetch(&mut slow, 0, &shared, Ok(list(1, Some(ETAG))));
    let late = due(&mut slow, 5_000, &shared);
    // The lease expires, and the other worker fetches a new document.
    fetch(&mut other, 7_100, &shared, Ok(list(2, None)));
    let progress = slow.on_response(at(6_900), late, &shared, Err(NOT_MODIFIED));
    assert!(matches!(progress, FetchProgress::Done(Err(FetchError::TooLate))), "{progress:?}");
    slow.on_tick(at(7_200), &shared);
    assert_eq!(count(&slow, 7_200), Ok(2));
}
