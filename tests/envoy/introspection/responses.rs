//! The responses of the endpoint.

use super::*;

fn fault(change: impl FnOnce(&mut FaultResponse)) -> Fault {
    let mut response = FaultResponse::default();
    change(&mut response);
    Fault::Response(response)
}

fn status(status: u16) -> Fault {
    fault(|response| response.status = Some(status))
}

fn body(body: impl Into<String>) -> Fault {
    fault(|response| response.body = Some(body.into()))
}

#[test]
fn active_and_inactive_responses_decide() {
    let harness = Harness::new("introspection-claims", with_introspection(json!({})));
    let user = TokenSpec::user;
    for (case, spec, expected) in [
        ("active", user(), allowed()),
        ("machine", TokenSpec::machine(), allowed()),
        ("active is text", user().claim("active", "true"), denied(503, "introspection_unavailable")),
        ("no exp", user().without("exp"), denied(401, "expiration_missing")),
        ("other aud", user().claim("aud", "api://other"), denied(401, "audience_not_allowed")),
        ("no aud", user().without("aud"), denied(401, "audience_not_allowed")),
        ("other iss", user().claim("iss", "https://other.example"), denied(401, "issuer_unknown")),
        ("refresh token", user().claim("token_type", "N_A"), denied(401, "not_an_access_token")),
        // The filter checks no proof here, so a bound token is not a bearer token.
        (
            "cnf",
            user().bound_to_key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
            denied(401, "token_bound"),
        ),
    ] {
        assert_both_workers(&harness, &opaque(&harness, spec), &expected, case);
    }
    let unknown = "an-opaque-token-that-the-endpoint-does-not-know";
    assert_both_workers(&harness, unknown, &denied(401, "token_inactive"), "unknown");
    harness.assert_alive();
}

#[test]
fn failed_call_is_503_and_cached_tokens_still_pass() {
    let fields = json!({ "timeout": "500ms", "cache_duration": "1h" });
    let harness = Harness::new("introspection-failures", with_introspection(fields));
    let cached = opaque(&harness, TokenSpec::user());
    assert_both_workers(&harness, &cached, &allowed(), "active");
    let active = r#"{"active":true,"aud":"api://default","exp":9999999999,"exp":1}"#;
    for (case, fault) in [
        ("500", status(500)),
        ("503", status(503)),
        ("404", status(404)),
        ("HTML", Fault::Html),
        ("empty", Fault::Empty),
        ("truncated JSON", Fault::TruncatedJson),
        ("truncated transfer", Fault::TruncatedTransfer),
        ("duplicate member", body(active)),
        ("list", body("[true]")),
        ("1 MB", body(format!("{{\"active\":true,\"a\":\"{}\"}}", "a".repeat(1_000_000)))),
        ("reset", Fault::Reset),
        ("timeout", Fault::Slow { millis: 2_000 }),
        // The last, because the filter pauses.
        ("401", status(401)),
    ] {
        set_fault(&harness, fault);
        let token = opaque(&harness, TokenSpec::user());
        let response = harness.get_me(&token);
        assert_eq!(decision(&response), denied(503, "introspection_unavailable"), "{case}: {response:?}");
        assert_eq!((response.header("retry-after"), response.header("www-authenticate")), (Some("5"), None));
        assert_both_workers(&harness, &cached, &allowed(), case);
    }
    harness.wait_for_counter("introspection.unauthorized", 1);
    harness.wait_for_counter("introspection.failed", 12);
    set_fault(&harness, Fault::None);
    // The pause after 401 is 5 s.
    let token = opaque(&harness, TokenSpec::user());
    harness.wait_for_status(&token, 200, Duration::from_secs(20));
    let log = harness.envoy.log();
    assert!(log.contains("provider okta: introspection failed: status 500"), "{log}");
    harness.assert_alive();
}

#[test]
fn status_429_pauses_the_calls_of_both_workers() {
    let harness = Harness::new("introspection-429", with_introspection(json!({ "cache_duration": "1h" })));
    let cached = opaque(&harness, TokenSpec::user());
    assert_both_workers(&harness, &cached, &allowed(), "active");
    set_fault(
        &harness,
        fault(|response| {
            response.status = Some(429);
            response.headers = vec![("retry-after".to_owned(), "4".to_owned())];
        }),
    );
    let token = opaque(&harness, TokenSpec::user());
    assert_eq!(decision(&harness.get_me(&token)), denied(503, "introspection_limited"));
    set_fault(&harness, Fault::None);
    let before = calls(&harness);
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let token = opaque(&harness, TokenSpec::user());
        assert_eq!(decision(&harness.get_me(&token)), denied(503, "introspection_limited"));
    }
    assert_eq!(calls(&harness), before, "no call during the pause");
    assert_both_workers(&harness, &cached, &allowed(), "cached");
    harness.wait_for_status(&token, 200, Duration::from_secs(15));
    harness.wait_for_counter("introspection.limited", 1);
}

#[test]
fn cluster_that_does_not_exist_gives_503() {
    let harness = Harness::new("introspection-cluster", with_introspection(json!({ "cluster": "missing" })));
    harness.warm_up();
    let token = opaque(&harness, TokenSpec::user());
    assert_both_workers(&harness, &token, &denied(503, "introspection_unavailable"), "no cluster");
    assert_eq!(calls(&harness), 0);
    harness.assert_alive();
}
