//! The denylist: what is revoked is refused on every worker within a poll, and an outage lets nobody in who was refused.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Options, Server, StandIn, TokenSpec};
use test_support::client::{Response, get};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, response_faults};

/// The list of the stand-in, polled every second.
fn polling(more: Value) -> impl FnOnce(EnvoyConfig) -> EnvoyConfig {
    move |mut config| {
        let mut remote = json!({
            "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist",
            "timeout": "1s", "cache_duration": "1s",
        });
        for (name, value) in more.as_object().unwrap() {
            remote[name] = value.clone();
        }
        config.plugin()["denylist"] = json!({ "remote": remote });
        config
    }
}

fn token(harness: &Harness, jti: &str) -> String {
    harness.mint(&TokenSpec::user().claim("jti", jti))
}

fn fail(okta: &StandIn, fault: Fault) {
    okta.set_fault_at(Server::Default, Endpoint::Denylist, fault);
}

/// Asks all workers; they must agree.
fn all(harness: &Harness, token: &str) -> (u16, String) {
    let answer = |response: Response| {
        (response.status, if response.status == 200 { String::new() } else { response.code() })
    };
    let first = answer(harness.get_me(token));
    for _ in 1..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(answer(harness.get_me(token)), first, "{}", harness.envoy.log());
    }
    first
}

fn revoked() -> (u16, String) {
    (401, "token_revoked".to_owned())
}

fn allowed() -> (u16, String) {
    (200, String::new())
}

#[test]
fn revoked_token_is_rejected_during_every_fetch_failure() {
    let harness = Harness::new("denylist", polling(json!({})));
    harness.warm_up();
    let (gone, stays) = (token(&harness, "AT.gone"), token(&harness, "AT.stays"));
    assert_eq!((all(&harness, &gone), all(&harness, &stays)), (allowed(), allowed()));
    harness.okta.revoke("AT.gone");
    // A poll interval, and time for a slow machine.
    harness.wait_for_status(&gone, 401, Duration::from_secs(5));
    let refused = harness.get_me(&gone);
    let challenge =
        r#"Bearer realm="api",error="invalid_token",error_description="the access token was revoked""#;
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    let documents = [r#"{"entries":[{"nope":"AT.stays"}]}"#, r#"{"entries":[{}]}"#];
    for fault in response_faults().into_iter().chain(documents.map(|text| Fault::Body(text.into()))) {
        let name = format!("{fault:?}");
        let (failed, fetched) =
            (harness.envoy.count("denylist_fetch_failed"), harness.envoy.count("denylist_fetch_success"));
        fail(&harness.okta, fault);
        harness.wait_for_counter("denylist_fetch_failed", failed + 1);
        assert_eq!((all(&harness, &gone), all(&harness, &stays)), (revoked(), allowed()), "{name}");
        fail(&harness.okta, Fault::None);
        harness.wait_for_counter("denylist_fetch_success", fetched + 1);
    }
    let log = harness.envoy.log();
    for says in ["denylist: 1 entries fetched", "denylist: entries not fetched: status 500"] {
        assert!(log.contains(says), "{says}\n{log}");
    }
    assert!(!log.contains("AT."), "no entry in the log\n{log}");
    // What is taken from the list is good again; and one that is as long as can be is no burden.
    let others: Vec<Value> =
        (0..10_000).map(|number| json!({ "sub": format!("{number}@example.com") })).collect();
    fail(&harness.okta, Fault::Body(json!({ "entries": others }).to_string()));
    harness.wait_for_status(&gone, 200, Duration::from_secs(5));
    harness.assert_alive();
}

#[test]
fn denylist_expired_denies_every_token_until_refetched() {
    let harness = Harness::new("denylist-stale", polling(json!({ "max_stale": "2s" })));
    harness.warm_up();
    let (gone, stays) = (token(&harness, "AT.gone"), token(&harness, "AT.stays"));
    harness.okta.revoke("AT.gone");
    harness.wait_for_status(&gone, 401, Duration::from_secs(5));
    fail(&harness.okta, Fault::Reset);
    // Requests wait for a fetch while the next one is near, so this takes some seconds.
    harness.wait_for_status(&stays, 503, Duration::from_secs(60));
    let refused = harness.get_me(&stays);
    assert_eq!((refused.status, refused.code().as_str()), (503, "denylist_unavailable"));
    assert_eq!((refused.header("retry-after"), refused.header("www-authenticate")), (Some("5"), None));
    assert_eq!(all(&harness, &gone), revoked(), "who was refused stays refused");
    assert_eq!(harness.send(&get("/")).status, 200, "what is public needs no list");
    fail(&harness.okta, Fault::None);
    // After the longest pause between two fetches.
    harness.wait_for_status(&stays, 200, Duration::from_secs(40));
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

#[test]
fn first_requests_wait_for_the_denylist() {
    let okta = StandIn::start(Options::default());
    okta.revoke("AT.gone");
    fail(&okta, Fault::Slow { millis: 800 });
    let harness = Harness::with_okta("denylist-cold", okta, polling(json!({})));
    let (gone, stays) = (token(&harness, "AT.gone"), token(&harness, "AT.stays"));
    let ask = |token: &str| harness.get_me(token).status;
    let answers: Vec<(u16, u16)> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..CONNECTIONS_FOR_BOTH_WORKERS).map(|_| scope.spawn(|| (ask(&gone), ask(&stays)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers, [(401, 200); CONNECTIONS_FOR_BOTH_WORKERS], "{}", harness.envoy.log());
}

#[test]
fn denylist_never_fetched_gives_503_and_static_entries_apply() {
    let okta = StandIn::start(Options::default());
    fail(&okta, Fault::Status(503));
    let harness = Harness::with_okta("denylist-none", okta, |config| {
        let mut config = polling(json!({}))(config);
        config.plugin()["denylist"]["entries"] =
            json!([{ "jti": "AT.gone" }, { "issued_before": 1_600_000_000 }]);
        config
    });
    let (gone, stays) = (token(&harness, "AT.gone"), token(&harness, "AT.stays"));
    assert_eq!(harness.get_me(&stays).code(), "denylist_unavailable");
    assert_eq!(all(&harness, &gone), revoked());
    assert_eq!(harness.send(&get("/me")).code(), "token_missing");
    assert_eq!(harness.send(&get("/")).status, 200);
}
