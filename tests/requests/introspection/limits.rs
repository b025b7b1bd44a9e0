//! Calls in flight, the rate, and pauses.

use super::*;

fn random(number: u64) -> String {
    format!("random-{number:032}")
}

fn waits() -> Outcome {
    Wait(R::IntrospectionUnavailable)
}

/// The outcome of a request whose token needs a call beyond a limit.
pub(super) fn limited() -> Outcome {
    Deny(R::IntrospectionLimited)
}

#[test]
fn requests_with_one_token_share_one_call() {
    let shared = Store::default();
    let worker = opaque(&shared);
    for _ in 0..100 {
        assert_eq!(worker.decide("/items", OPAQUE, NOW), waits());
    }
    let calls = worker.calls(NOW);
    assert_eq!(calls.len(), 1);
    assert_eq!(worker.decide("/items", OPAQUE, NOW), waits(), "the call is in flight");
    assert!(worker.calls(NOW).is_empty());
    assert_eq!(worker.respond(calls[0].0, NOW, active(json!({}))), CallOutcome::Active);
    assert_eq!(worker.decide("/items", OPAQUE, NOW), Allow);
    // A second response to the call has no effect.
    assert_ne!(worker.respond(calls[0].0, NOW, r#"{"active":false}"#), CallOutcome::Rejected);
    assert_eq!(worker.decide("/items", OPAQUE, NOW), Allow);
}

#[test]
fn calls_in_flight_are_at_most_max_in_flight() {
    let shared = Store::default();
    let worker = Worker::new(json!({ "max_in_flight": 3, "max_per_second": 100 }), json!({}), &shared);
    let outcomes: Vec<_> = (0..5).map(|number| worker.decide("/items", &random(number), NOW)).collect();
    assert_eq!(outcomes, [waits(), waits(), waits(), limited(), limited()]);
    let calls = worker.calls(NOW);
    worker.respond(calls[0].0, NOW, r#"{"active":false}"#);
    assert_eq!(worker.decide("/items", &random(3), NOW), waits());
    assert_eq!(worker.decide("/items", &random(4), NOW), limited());
    // A call whose response never arrives ends after twice the timeout.
    worker.calls(NOW + 4);
    assert_eq!(worker.decide("/items", &random(4), NOW + 4), waits());
}

#[test]
fn rate_is_at_most_max_per_second_of_all_workers() {
    let shared = Store::default();
    let worker = || Worker::new(json!({ "max_per_second": 2 }), json!({}), &shared);
    let (first, second) = (worker(), worker());
    assert_eq!(first.decide("/items", &random(0), NOW), waits());
    assert_eq!(second.decide("/items", &random(1), NOW), waits());
    assert_eq!(first.decide("/items", &random(2), NOW), limited());
    assert_eq!(second.decide("/items", &random(2), NOW + 1), waits());
}

#[test]
fn flood_of_random_tokens_leaves_calls_for_known_tokens() {
    let shared = Store::default();
    let worker = Worker::new(json!({ "tokens": "opaque" }), introspected_rule(), &shared);
    assert_eq!(worker.introspect(OPAQUE, NOW, active(json!({}))), Allow);
    let jwt = test_support::common::Token::user().compact();
    for at in NOW..NOW + 200 {
        for number in 0..200 {
            let outcome = worker.decide("/items", &random(at * 1_000 + number), at);
            assert!([waits(), limited()].contains(&outcome), "{outcome:?}");
            for (call, _) in worker.calls(at) {
                worker.respond(call, at, r#"{"active":false}"#);
            }
        }
        // The result of a token that was active ends every 30 s, and the flood never stops the call.
        for (path, token) in [("/items", OPAQUE), ("/payments", &jwt)] {
            if worker.decide(path, token, at) == waits() {
                let calls = worker.calls(at);
                assert_eq!(calls.len(), 1);
                worker.respond(calls[0].0, at, active(json!({})));
            }
            assert_eq!(worker.decide(path, token, at), Allow, "{path} at {}", at - NOW);
        }
    }
}

fn introspected_rule() -> Value {
    json!({ "rules": [
        { "match": { "path": "/payments" }, "requires": {}, "introspect": true },
        { "match": {}, "requires": {} },
    ] })
}

#[test]
fn status_429_pauses_all_workers_as_the_response_asks() {
    let reset = (NOW + 7).to_string();
    for (headers, pause) in [
        (&[("retry-after", "3")][..], 3),
        (&[("Retry-After", " 3 "), ("x-rate-limit-reset", &reset)], 3),
        (&[("x-rate-limit-reset", &reset)], 7),
        (&[("x-rate-limit-reset", "1")], 1),
        (&[("retry-after", "0")], 1),
        (&[("retry-after", "99999999999")], 300),
        (&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], 10),
        (&[], 10),
    ] {
        let shared = Store::default();
        let (first, second) = (opaque(&shared), opaque(&shared));
        assert_eq!(first.introspect(&random(9), NOW, active(json!({}))), Allow);
        assert_eq!(first.decide("/items", &random(0), NOW), waits());
        let calls = first.calls(NOW);
        first.fail(calls[0].0, NOW, Ok((429, headers)));
        assert_eq!(first.decide("/items", &random(0), NOW), limited(), "{headers:?}");
        for worker in [&first, &second] {
            assert_eq!(worker.decide("/items", &random(1), NOW + pause - 1), limited(), "{headers:?}");
            assert_eq!(worker.decide("/items", &random(1), NOW + pause), waits(), "{headers:?}");
        }
        assert_eq!(first.decide("/items", &random(9), NOW), Allow, "a cached token");
    }
}

#[test]
fn failed_call_is_503_and_the_outcome_names_the_error() {
    let unauthorized = CallError::Unauthorized;
    let status = |status: u16| Ok((status, &[][..]));
    for (response, error) in [
        (status(401), unauthorized(401)),
        (status(403), unauthorized(403)),
        (status(400), CallError::Status(400)),
        (status(404), CallError::Status(404)),
        (status(302), CallError::Status(302)),
        (status(204), CallError::Status(204)),
        (status(500), CallError::Status(500)),
        (status(503), CallError::Status(503)),
        (status(504), CallError::Status(504)),
        (status(0), CallError::Status(0)),
        (Ok((200, &[("content-encoding", "gzip")][..])), CallError::Encoded("gzip".to_owned())),
        (status(200), CallError::Malformed),
        (Err(CallError::NoResponse), CallError::NoResponse),
        (Err(CallError::TooLarge), CallError::TooLarge),
    ] {
        let shared = Store::default();
        let worker = opaque(&shared);
        assert_eq!(worker.decide("/items", OPAQUE, NOW), waits());
        let calls = worker.calls(NOW);
        let outcome = worker.fail(calls[0].0, NOW, response);
        assert_eq!(outcome, CallOutcome::Failed(error.clone()));
        assert_eq!(worker.decide("/items", OPAQUE, NOW), Deny(R::IntrospectionUnavailable), "{error}");
        // After 401, the worker pauses: more calls would fail too.
        let is_paused = matches!(error, CallError::Unauthorized(_));
        let expected = if is_paused { Deny(R::IntrospectionUnavailable) } else { waits() };
        assert_eq!(worker.decide("/items", &random(1), NOW + 4), expected, "{error}");
        assert_eq!(worker.decide("/items", &random(2), NOW + 5), waits(), "{error}");
    }
}
