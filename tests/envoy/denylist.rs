//! The denylist: each worker rejects a revoked token after the next fetch, also during an outage.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Options, Server, StandIn, TokenSpec};
use test_support::client::{Response, get};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, response_faults};

/// Configures the denylist of the stand-in Okta with a cache duration of 1 s, and these fields.
pub fn with_denylist(fields: Value) -> impl FnOnce(EnvoyConfig) -> EnvoyConfig {
    move |mut config| {
        let mut remote = json!({
            "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist",
            "timeout": "1s", "cache_duration": "1s",
        });
        for (name, value) in fields.as_object().unwrap() {
            remote[name] = value.clone();
        }
        config.plugin()["denylist"] = json!({ "remote": remote });
        config
    }
}

/// Issues a token that the test revokes, and one that stays valid. Their IDs are `AT.revoked` and
/// `AT.valid`.
fn two_tokens(harness: &Harness) -> (String, String) {
    let mint = |jti: &str| harness.mint(&TokenSpec::user().claim("jti", jti));
    (mint("AT.revoked"), mint("AT.valid"))
}

fn set_denylist_fault(okta: &StandIn, fault: Fault) {
    okta.set_fault_at(Server::Default, Endpoint::Denylist, fault);
}

/// Returns status and code of `GET /me`, which must be equal on both workers.
pub fn decision(harness: &Harness, token: &str) -> (u16, String) {
    let status_and_code = |response: Response| {
        (response.status, if response.status == 200 { String::new() } else { response.code() })
    };
    let first = status_and_code(harness.get_me(token));
    for _ in 1..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(status_and_code(harness.get_me(token)), first, "{}", harness.envoy.log());
    }
    first
}

pub fn rejected() -> (u16, String) {
    (401, "token_revoked".to_owned())
}

pub fn allowed() -> (u16, String) {
    (200, String::new())
}

#[test]
fn revoked_token_is_rejected_during_every_fetch_failure() {
    let harness = Harness::new("denylist", with_denylist(json!({})));
    harness.warm_up();
    let (revoked_token, valid_token) = two_tokens(&harness);
    assert_eq!(
        (decision(&harness, &revoked_token), decision(&harness, &valid_token)),
        (allowed(), allowed())
    );
    harness.okta.revoke("AT.revoked");
    // The cache duration is 1 s. The rest is for a slow machine.
    harness.wait_for_status(&revoked_token, 401, Duration::from_secs(5));
    let response = harness.get_me(&revoked_token);
    let challenge =
        r#"Bearer realm="api",error="invalid_token",error_description="the access token was revoked""#;
    assert_eq!(response.header("www-authenticate"), Some(challenge));
    let documents = [r#"{"entries":[{"nope":"AT.valid"}]}"#, r#"{"entries":[{}]}"#];
    for fault in response_faults().into_iter().chain(documents.map(|text| Fault::Body(text.into()))) {
        let name = format!("{fault:?}");
        let (failed, fetched) =
            (harness.envoy.count("denylist_fetch_failed"), harness.envoy.count("denylist_fetch_success"));
        set_denylist_fault(&harness.okta, fault);
        harness.wait_for_counter("denylist_fetch_failed", failed + 1);
        assert_eq!(
            (decision(&harness, &revoked_token), decision(&harness, &valid_token)),
            (rejected(), allowed()),
            "{name}"
        );
        set_denylist_fault(&harness.okta, Fault::None);
        harness.wait_for_counter("denylist_fetch_success", fetched + 1);
    }
    let log = harness.envoy.log();
    for message in ["denylist fetch succeeded: 1 entries", "denylist fetch failed: status 500"] {
        assert!(log.contains(message), "{message}\n{log}");
    }
    assert!(!log.contains("AT."), "an entry is in the log\n{log}");
    // A token without an entry is allowed again. The new list has the maximum length.
    let other_entries: Vec<Value> =
        (0..10_000).map(|number| json!({ "sub": format!("{number}@example.com") })).collect();
    set_denylist_fault(&harness.okta, Fault::Body(json!({ "entries": other_entries }).to_string()));
    harness.wait_for_status(&revoked_token, 200, Duration::from_secs(5));
    harness.assert_alive();
}

#[test]
fn denylist_expired_denies_every_token_until_refetched() {
    let harness = Harness::new("denylist-stale", with_denylist(json!({ "max_stale": "2s" })));
    harness.warm_up();
    let (revoked_token, valid_token) = two_tokens(&harness);
    harness.okta.revoke("AT.revoked");
    harness.wait_for_status(&revoked_token, 401, Duration::from_secs(5));
    set_denylist_fault(&harness.okta, Fault::Reset);
    // Requests wait while a fetch is due soon, so each may take some seconds.
    harness.wait_for_status(&valid_token, 503, Duration::from_secs(60));
    let denied = harness.get_me(&valid_token);
    assert_eq!((denied.status, denied.code().as_str()), (503, "denylist_unavailable"));
    assert_eq!((denied.header("retry-after"), denied.header("www-authenticate")), (Some("5"), None));
    assert_eq!(decision(&harness, &revoked_token), rejected(), "an expired list still rejects its tokens");
    assert_eq!(harness.send(&get("/")).status, 200, "public paths need no denylist");
    set_denylist_fault(&harness.okta, Fault::None);
    // The deadline is longer than the longest pause between two fetches.
    harness.wait_for_status(&valid_token, 200, Duration::from_secs(40));
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

#[test]
fn first_requests_wait_for_the_denylist() {
    let okta = StandIn::start(Options::default());
    okta.revoke("AT.revoked");
    set_denylist_fault(&okta, Fault::Slow { millis: 800 });
    let harness = Harness::with_okta("denylist-cold", okta, with_denylist(json!({})));
    let (revoked_token, valid_token) = two_tokens(&harness);
    let status = |token: &str| harness.get_me(token).status;
    let statuses: Vec<(u16, u16)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS_FOR_BOTH_WORKERS)
            .map(|_| scope.spawn(|| (status(&revoked_token), status(&valid_token))))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses, [(401, 200); CONNECTIONS_FOR_BOTH_WORKERS], "{}", harness.envoy.log());
}

#[test]
fn denylist_never_fetched_gives_503_and_static_entries_apply() {
    let okta = StandIn::start(Options::default());
    set_denylist_fault(&okta, Fault::Status(503));
    let harness = Harness::with_okta("denylist-none", okta, |config| {
        let mut config = with_denylist(json!({}))(config);
        config.plugin()["denylist"]["entries"] =
            json!([{ "jti": "AT.revoked" }, { "issued_before": 1_600_000_000 }]);
        config
    });
    let (revoked_token, valid_token) = two_tokens(&harness);
    assert_eq!(harness.get_me(&valid_token).code(), "denylist_unavailable");
    assert_eq!(decision(&harness, &revoked_token), rejected());
    assert_eq!(harness.send(&get("/me")).code(), "token_missing");
    assert_eq!(harness.send(&get("/")).status, 200);
}
