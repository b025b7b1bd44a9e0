//! `close_streams` with introspected tokens.

use std::rc::Rc;

use okta_authz_filter::filter::{StreamState, Verdict};

use super::*;

#[test]
fn stream_of_an_opaque_token_ends_at_exp_without_the_clock_skew() {
    let shared = Store::default();
    let mut worker = Worker::new(json!({}), json!({ "close_streams": true }), &shared);
    assert_eq!(worker.introspect(OPAQUE, NOW, active(json!({ "exp": NOW + 20 }))), Allow);
    let value = format!("Bearer {OPAQUE}");
    let headers = [
        (":method", &b"GET"[..]),
        (":authority", b"api.example.com"),
        (":path", b"/items"),
        ("authorization", value.as_bytes()),
    ];
    let environment =
        Environment { shared_data: &shared, ..Environment::new(UnixTime::from_seconds(NOW), &Software) };
    let verdict = worker.filter.decide(&RequestHead::new(&headers), &environment);
    let Verdict::Allow(permit) = verdict else { panic!("{verdict:?}") };
    let state = Rc::<StreamState>::default();
    worker.filter.begin_stream(1, &permit, false, &state, UnixTime::from_seconds(NOW));
    let mut unauthorized = |at: u64| {
        let streams = worker.filter.take_unauthorized_streams(UnixTime::from_seconds(at));
        streams.iter().map(|stream| stream.rejection()).collect::<Vec<_>>()
    };
    assert_eq!(unauthorized(NOW + 2), []);
    assert_eq!(unauthorized(NOW + 19), []);
    assert_eq!(unauthorized(NOW + 20), [R::TokenExpired]);
}
