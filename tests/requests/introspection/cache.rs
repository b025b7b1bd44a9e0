//! The tables of results: how long a result is used, and what a flood can evict.

use super::*;

#[test]
fn active_token_is_used_for_cache_duration_and_never_beyond_exp() {
    let shared = Store::default();
    let worker = opaque(&shared);
    assert_eq!(worker.introspect(OPAQUE, NOW, active(json!({ "exp": NOW + 20 }))), Allow);
    assert_eq!(worker.decide("/items", OPAQUE, NOW + 19), Allow);
    assert_eq!(worker.decide("/items", OPAQUE, NOW + 20), Deny(R::TokenExpired), "exp, without the skew");
    assert!(worker.calls(NOW + 20).is_empty());

    let worker = opaque(&shared);
    let token = &OPAQUE[1..];
    assert_eq!(worker.introspect(token, NOW, active(json!({}))), Allow);
    assert_eq!(worker.decide("/items", token, NOW + 29), Allow);
    assert!(worker.calls(NOW + 29).is_empty());
    // Revoked after the first call: the next call says so.
    assert_eq!(worker.introspect(token, NOW + 30, r#"{"active":false}"#), Deny(R::TokenInactive));
    assert_eq!(worker.filter.introspection_counts().cache_hits, 3, "and both requests that waited");
}

#[test]
fn rejected_token_is_asked_about_again_after_its_duration() {
    let shared = Store::default();
    let worker = opaque(&shared);
    assert_eq!(worker.introspect(OPAQUE, NOW, r#"{"active":false}"#), Deny(R::TokenInactive));
    assert_eq!(worker.decide("/items", OPAQUE, NOW + 9), Deny(R::TokenInactive));
    assert_eq!(worker.introspect(OPAQUE, NOW + 10, active(json!({}))), Allow);
}

#[test]
fn failed_call_decides_the_requests_that_waited_for_it_alone() {
    let shared = Store::default();
    let worker = opaque(&shared);
    assert_eq!(worker.introspect(OPAQUE, NOW, "<html>"), Deny(R::IntrospectionUnavailable));
    assert!(worker.calls(NOW).is_empty());
    assert_eq!(worker.introspect(OPAQUE, NOW + 1, active(json!({}))), Allow);
}

#[test]
fn stale_result_is_used_only_while_calls_fail_and_within_max_stale() {
    let shared = Store::default();
    let worker = Worker::new(json!({ "max_stale": "1m" }), json!({}), &shared);
    assert_eq!(worker.introspect(OPAQUE, NOW, active(json!({}))), Allow);
    // A stale result needs a call, and is used after the failure of the call.
    assert_eq!(worker.introspect(OPAQUE, NOW + 30, "<html>"), Allow);
    assert_eq!(worker.introspect(OPAQUE, NOW + 89, "<html>"), Allow);
    assert_eq!(worker.introspect(OPAQUE, NOW + 90, "<html>"), Deny(R::IntrospectionUnavailable));
    // An answer ends it.
    let worker = Worker::new(json!({ "max_stale": "1m" }), json!({}), &shared);
    let token = &OPAQUE[2..];
    assert_eq!(worker.introspect(token, NOW, active(json!({}))), Allow);
    assert_eq!(worker.introspect(token, NOW + 30, r#"{"active":false}"#), Deny(R::TokenInactive));
    assert_eq!(worker.introspect(token, NOW + 45, "<html>"), Deny(R::IntrospectionUnavailable));
    // `exp` ends it too, and so does `max_stale: 0s`, the default.
    let token = &OPAQUE[3..];
    assert_eq!(worker.introspect(token, NOW, active(json!({ "exp": NOW + 40 }))), Allow);
    assert_eq!(worker.introspect(token, NOW + 35, "<html>"), Allow);
    assert_eq!(worker.decide("/items", token, NOW + 40), Deny(R::TokenExpired));
    let worker = opaque(&shared);
    let token = &OPAQUE[4..];
    assert_eq!(worker.introspect(token, NOW, active(json!({}))), Allow);
    assert_eq!(worker.introspect(token, NOW + 30, "<html>"), Deny(R::IntrospectionUnavailable));
}

#[test]
fn result_of_another_worker_saves_a_call() {
    let shared = Store::default();
    let (first, second) = (opaque(&shared), opaque(&shared));
    assert_eq!(first.introspect(OPAQUE, NOW, active(json!({}))), Allow);
    assert_eq!(second.decide("/items", OPAQUE, NOW + 20), Allow);
    assert!(second.calls(NOW + 20).is_empty());
    // The age of the result is the time since the call of the first worker.
    assert_eq!(second.introspect(OPAQUE, NOW + 30, r#"{"active":false}"#), Deny(R::TokenInactive));
    // A worker of another endpoint does not read it.
    let other = json!({ "uri": "https://acme.okta.com/oauth2/other/v1/introspect" });
    let third = Worker::new(other, json!({}), &shared);
    assert_eq!(third.decide("/items", OPAQUE, NOW), Wait(R::IntrospectionUnavailable));
}

#[test]
fn shared_result_is_checked_like_a_response() {
    let shared = Store::default();
    let first = Worker { filter: opaque(&shared).filter, shared: &shared };
    assert_eq!(first.introspect(OPAQUE, NOW, active(json!({}))), Allow);
    let other_audience = json!({
        "audiences": ["api://other"], "introspection": { "cluster": "okta", "auth": { "none": {} } },
    });
    let second = Worker { filter: filter(&config(other_audience, json!({}))), shared: &shared };
    assert_eq!(second.decide("/items", OPAQUE, NOW), Wait(R::IntrospectionUnavailable));
}

#[test]
fn flood_of_random_tokens_is_bounded_and_keeps_valid_tokens() {
    let shared = Store::default();
    let worker = opaque(&shared);
    assert_eq!(worker.introspect(OPAQUE, NOW, active(json!({}))), Allow);
    let mut calls = 0;
    for number in 0..10_000_u64 {
        let at = NOW + number / 1_000;
        let denied = match worker.decide("/items", &format!("random-{number:032}"), at) {
            Deny(rejection) => rejection == R::IntrospectionLimited,
            other => other == Wait(R::IntrospectionUnavailable),
        };
        assert!(denied, "{number}");
        for (call, _) in worker.calls(at) {
            calls += 1;
            worker.respond(call, at, r#"{"active":false}"#);
        }
        if number % 500 == 0 {
            assert_eq!(worker.decide("/items", OPAQUE, at), Allow, "{number}");
        }
    }
    // 20 per second for 10 seconds, and the burst of the first.
    assert!((180..=220).contains(&calls), "{calls}");
    assert!(worker.filter.introspection_counts().limited > 9_000);
}
