//! `close_streams`: which open streams the filter closes, and when.

use std::rc::Rc;

use okta_authz_filter::filter::{Filter, SourceId, StreamState, Verdict};
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::{
    NOW, Request, Store, Token, cold, config, decide_with, deliver, filter, get, jwks, with,
};

/// A filter with open streams.
struct Worker {
    filter: Filter,
    store: Store,
    streams: Vec<Rc<StreamState>>,
}

impl Worker {
    /// Creates a worker that has fetched its keys and an empty denylist at `NOW`.
    fn new(config: &Value) -> Self {
        let mut worker = Self { filter: cold(config), store: Store::default(), streams: Vec::new() };
        worker.deliver(0, Some(&json!({ "entries": [] })), Some(&jwks("okta")));
        worker
    }

    /// Responds to the fetches that are due. A fetch without a document fails.
    fn deliver(&mut self, at: u64, denylist: Option<&Value>, keys: Option<&Value>) {
        deliver(&mut self.filter, NOW + at, &self.store, |_, source| match source {
            SourceId::Keys(_) => keys.cloned(),
            SourceId::Denylist => denylist.cloned(),
        });
    }

    /// Opens a stream, whose ID is its position.
    fn open(&mut self, request: &Request, token: &str, at: u64) {
        let authorization = [b"Bearer ", token.as_bytes()].concat();
        let headers = [("authorization", authorization.as_slice())];
        let verdict = decide_with(&self.filter, request, &headers, NOW + at);
        let Verdict::Allow(permit) = verdict else { panic!("{verdict:?}") };
        let (id, state) = (self.streams.len(), Rc::<StreamState>::default());
        let id = u32::try_from(id).unwrap();
        self.filter.begin_stream(id, &permit, false, &state, time(at));
        self.streams.push(state);
    }

    /// Returns the streams that are no longer authorized, each with the reason.
    fn unauthorized(&mut self, at: u64) -> Vec<(u32, R)> {
        let streams = self.filter.take_unauthorized_streams(time(at));
        streams.iter().map(|stream| (stream.id(), stream.rejection())).collect()
    }

    fn end(&mut self, id: usize) {
        self.filter.end_stream(&self.streams[id]);
        self.streams[id] = Rc::default();
    }
}

fn time(at: u64) -> UnixTime {
    UnixTime::from_seconds(NOW + at)
}

fn closing(provider: Value, rest: Value) -> Value {
    let denylist = json!({ "remote": {
        "cluster": "okta", "uri": "https://acme.okta.example/denylist", "cache_duration": "60s", "max_stale": "10m"
    } });
    let remote = json!({ "cluster": "okta", "cache_duration": "60s", "max_stale": "10m" });
    config(
        with(json!({ "clock_skew": "0s", "remote_jwks": remote }), provider),
        with(json!({ "close_streams": true, "denylist": denylist }), rest),
    )
}

fn token(expires_in: u64) -> Token {
    Token::user().claims(json!({ "iat": NOW, "exp": NOW + expires_in, "jti": "AT.1" }))
}

/// Returns a token with the ID `AT.1` that expires in 100 s.
fn short() -> String {
    token(100).compact()
}

#[test]
fn stream_is_unauthorized_from_the_second_in_which_its_token_becomes_invalid() {
    for (name, provider, token, last_valid, expected) in [
        ("exp", json!({}), token(100), 99, R::TokenExpired),
        ("exp and skew", json!({ "clock_skew": "10s" }), token(100), 109, R::TokenExpired),
        ("age", json!({ "max_token_age": "50s" }), token(100), 50, R::TokenTooOld),
        (
            "age and skew",
            json!({ "max_token_age": "50s", "clock_skew": "10s" }),
            token(100),
            60,
            R::TokenTooOld,
        ),
        ("exp before age", json!({ "max_token_age": "200s" }), token(100), 99, R::TokenExpired),
    ] {
        let mut worker = Worker::new(&closing(provider, json!({})));
        worker.open(&get("/items"), &token.compact(), 0);
        for at in [1, 2, last_valid] {
            assert_eq!(worker.unauthorized(at), [], "{name}, {at} s");
            assert!(!worker.filter.has_due_streams(time(at)), "{name}, {at} s");
        }
        assert_eq!(worker.unauthorized(last_valid + 1), [(0, expected)], "{name}");
        assert_eq!(worker.unauthorized(last_valid + 2), [], "{name}: each stream once");
    }
}

#[test]
fn document_change_closes_only_the_streams_that_it_concerns() {
    let empty = json!({ "entries": [] });
    let revoked = json!({ "entries": [{ "jti": "AT.1" }] });
    let withdrawn = json!({ "keys": [jwks("okta")["keys"][1]] });
    let keys = jwks("okta");
    for (name, denylist, keys, expected) in [
        ("no change", Some(&empty), Some(&keys), None),
        ("revoked", Some(&revoked), Some(&keys), Some(R::TokenRevoked)),
        ("key withdrawn", Some(&empty), Some(&withdrawn), Some(R::KeyUnknown)),
        ("no document arrives", None, None, None),
    ] {
        let mut worker = Worker::new(&closing(json!({}), json!({})));
        worker.open(&get("/items"), &token(3000).compact(), 0);
        let other = token(3000).claims(json!({ "jti": "AT.2" }));
        worker.open(&get("/items"), &other.compact(), 0);
        assert_eq!(worker.unauthorized(1), [], "{name}");
        worker.deliver(60, denylist, keys);
        let mut closed = worker.unauthorized(60);
        closed.sort_unstable_by_key(|(id, _)| *id);
        let both = expected == Some(R::KeyUnknown);
        let expected: Vec<(u32, R)> =
            expected.map(|code| (0, code)).into_iter().chain(both.then_some((1, R::KeyUnknown))).collect();
        assert_eq!(closed, expected, "{name}");
    }
}

#[test]
fn document_change_within_the_first_second_closes_the_stream() {
    let mut worker = Worker::new(&closing(json!({}), json!({})));
    worker.open(&get("/items"), &token(3000).compact(), 60);
    worker.deliver(60, Some(&json!({ "entries": [{ "jti": "AT.1" }] })), Some(&jwks("okta")));
    assert_eq!(worker.unauthorized(61), [(0, R::TokenRevoked)]);
}

#[test]
fn stream_survives_expired_documents() {
    let mut worker = Worker::new(&closing(json!({}), json!({})));
    worker.open(&get("/items"), &token(3000).compact(), 0);
    assert_eq!(worker.unauthorized(1), []);
    worker.deliver(1200, None, None);
    assert_eq!(worker.unauthorized(1200), []);
    assert_eq!(worker.filter.tracked_streams(), 1);
}

#[test]
fn complete_request_without_a_response_gets_fifteen_seconds() {
    for (name, complete, has_response, closed_at) in [
        ("stream with a response", true, true, 100),
        ("upload", false, false, 100),
        ("request without a response", true, false, 115),
    ] {
        let mut worker = Worker::new(&closing(json!({}), json!({})));
        worker.open(&get("/items"), &short(), 0);
        if complete {
            worker.streams[0].complete_request();
        }
        let closed = (99..200).find(|at| {
            let streams = worker.filter.take_unauthorized_streams(time(*at));
            streams.into_iter().any(|stream| {
                let reply = worker.filter.close_stream(stream, has_response, time(*at));
                assert!(reply.as_ref().is_none_or(|reply| reply.status == 401), "{name}: {reply:?}");
                reply.is_some()
            })
        });
        assert_eq!(closed, Some(closed_at), "{name}");
        assert_eq!(worker.filter.tracked_streams(), 0, "{name}");
    }
}

#[test]
fn untracked_requests_are_those_that_no_token_authorizes_and_short_ones() {
    let rules = json!({ "rules": [{ "match": { "path": "/public" }, "public": true }, { "match": {}, "requires": {} }] });
    for (name, rest, path, expected) in [
        ("a token", rules.clone(), "/items", 1),
        ("public", rules.clone(), "/public", 0),
        ("shadow mode", with(rules.clone(), json!({ "mode": "shadow" })), "/items", 0),
        ("off", with(rules, json!({ "close_streams": false })), "/items", 0),
    ] {
        let mut worker = Worker::new(&closing(json!({}), rest));
        worker.open(&get(path), &short(), 0);
        worker.open(&get(path), &short(), 0);
        assert_eq!(worker.unauthorized(0), [], "{name}");
        assert_eq!(worker.filter.tracked_streams(), 0, "{name}: in the first second");
        worker.end(1);
        assert_eq!(worker.unauthorized(1), [], "{name}");
        assert_eq!(worker.filter.tracked_streams(), expected, "{name}");
        worker.end(0);
        assert_eq!(worker.filter.tracked_streams(), 0, "{name}: after the end");
    }
}

#[test]
fn clock_set_back_keeps_streams_tracked() {
    let mut worker = Worker::new(&closing(json!({}), json!({})));
    worker.open(&get("/items"), &short(), 50);
    assert_eq!(worker.unauthorized(10), []);
    assert_eq!(worker.filter.tracked_streams(), 1);
    assert_eq!(worker.unauthorized(100), [(0, R::TokenExpired)]);
}

#[test]
fn many_streams_with_one_expiry_are_closed_in_batches() {
    let mut worker = Worker::new(&closing(json!({}), json!({})));
    let token = short();
    (0..2000).for_each(|_| worker.open(&get("/items"), &token, 0));
    for _ in 0..2 {
        assert_eq!(worker.unauthorized(1), []);
    }
    assert!(!worker.filter.has_due_streams(time(1)), "1,024 streams at a time");
    // Every second stream ends. The worker drops the entries of ended streams.
    (0..2000).step_by(2).for_each(|id| worker.end(id));
    assert_eq!(worker.filter.tracked_streams(), 1000);
    let mut closed = Vec::new();
    while worker.filter.has_due_streams(time(100)) {
        let batch = worker.unauthorized(100);
        assert!(batch.len() <= 32, "{}", batch.len());
        closed.extend(batch.into_iter().map(|(id, _)| id));
    }
    closed.sort_unstable();
    assert_eq!(closed, (1..2000).step_by(2).collect::<Vec<u32>>());
}

#[test]
fn stream_beyond_the_limit_is_closed() {
    let mut worker = Worker::new(&closing(json!({}), json!({})));
    let permit_source = filter(&closing(json!({}), json!({})));
    let authorization = [b"Bearer ", token(3000).compact().as_bytes()].concat();
    let headers = [("authorization", authorization.as_slice())];
    let Verdict::Allow(permit) = decide_with(&permit_source, &get("/items"), &headers, NOW) else { panic!() };
    let states: Vec<Rc<StreamState>> = (0..65_537).map(|_| Rc::default()).collect();
    for (id, state) in (0..).zip(&states) {
        worker.filter.begin_stream(id, &permit, false, state, time(0));
    }
    let mut closed = Vec::new();
    for _ in 0..66 {
        closed.extend(worker.unauthorized(1));
    }
    assert_eq!(closed, [(65_536, R::TooManyStreams)]);
    assert_eq!(worker.filter.tracked_streams(), 65_536);
}
