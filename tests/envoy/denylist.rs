//! The denylist: what is revoked is refused on every worker within a poll, and an outage lets nobody in who was refused.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Options, Server, StandIn, TokenSpec};
use test_support::client::{Response, get};
use test_support::config::EnvoyConfig;

use super::setup::{BOTH_WORKERS, Setup, failures};

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

fn token(setup: &Setup, jti: &str) -> String {
    setup.mint(&TokenSpec::user().claim("jti", jti))
}

fn fail(okta: &StandIn, fault: Fault) {
    okta.set_fault_at(Server::Default, Endpoint::Denylist, fault);
}

/// Asks all workers; they must agree.
fn all(setup: &Setup, token: &str) -> (u16, String) {
    let answer = |response: Response| {
        (response.status, if response.status == 200 { String::new() } else { response.code() })
    };
    let first = answer(setup.me(token));
    for _ in 1..BOTH_WORKERS {
        assert_eq!(answer(setup.me(token)), first, "{}", setup.envoy.log());
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
fn what_is_revoked_is_refused_through_every_way_of_failing() {
    let setup = Setup::new("denylist", polling(json!({})));
    setup.warm_up();
    let (gone, stays) = (token(&setup, "AT.gone"), token(&setup, "AT.stays"));
    assert_eq!((all(&setup, &gone), all(&setup, &stays)), (allowed(), allowed()));
    setup.okta.revoke("AT.gone");
    // A poll interval, and time for a slow machine.
    setup.eventually(&gone, 401, Duration::from_secs(5));
    let refused = setup.me(&gone);
    let challenge =
        r#"Bearer realm="api",error="invalid_token",error_description="the access token was revoked""#;
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    let documents = [r#"{"entries":[{"nope":"AT.stays"}]}"#, r#"{"entries":[{}]}"#];
    for fault in failures().into_iter().chain(documents.map(|text| Fault::Body(text.into()))) {
        let name = format!("{fault:?}");
        let (failed, fetched) =
            (setup.envoy.count("denylist_fetch_failed"), setup.envoy.count("denylist_fetch_success"));
        fail(&setup.okta, fault);
        setup.wait_for("denylist_fetch_failed", failed + 1);
        assert_eq!((all(&setup, &gone), all(&setup, &stays)), (revoked(), allowed()), "{name}");
        fail(&setup.okta, Fault::None);
        setup.wait_for("denylist_fetch_success", fetched + 1);
    }
    let log = setup.envoy.log();
    for says in ["denylist fetch succeeded: 1 entries", "denylist fetch failed: status 500"] {
        assert!(log.contains(says), "{says}\n{log}");
    }
    assert!(!log.contains("AT."), "no entry in the log\n{log}");
    // What is taken from the list is good again; and one that is as long as can be is no burden.
    let others: Vec<Value> =
        (0..10_000).map(|number| json!({ "sub": format!("{number}@example.com") })).collect();
    fail(&setup.okta, Fault::Body(json!({ "entries": others }).to_string()));
    setup.eventually(&gone, 200, Duration::from_secs(5));
    setup.assert_alive();
}

#[test]
fn a_list_that_is_too_old_lets_nobody_pass_until_there_is_a_new_one() {
    let setup = Setup::new("denylist-stale", polling(json!({ "max_stale": "2s" })));
    setup.warm_up();
    let (gone, stays) = (token(&setup, "AT.gone"), token(&setup, "AT.stays"));
    setup.okta.revoke("AT.gone");
    setup.eventually(&gone, 401, Duration::from_secs(5));
    fail(&setup.okta, Fault::Reset);
    // Requests wait for a fetch while the next one is near, so this takes some seconds.
    setup.eventually(&stays, 503, Duration::from_secs(60));
    let refused = setup.me(&stays);
    assert_eq!((refused.status, refused.code().as_str()), (503, "denylist_unavailable"));
    assert_eq!((refused.header("retry-after"), refused.header("www-authenticate")), (Some("5"), None));
    assert_eq!(all(&setup, &gone), revoked(), "who was refused stays refused");
    assert_eq!(setup.send(&get("/")).status, 200, "what is public needs no list");
    fail(&setup.okta, Fault::None);
    // After the longest pause between two fetches.
    setup.eventually(&stays, 200, Duration::from_secs(40));
    assert!(!setup.envoy.has_trapped(), "{}", setup.envoy.log());
}

#[test]
fn the_first_requests_wait_for_the_list() {
    let okta = StandIn::start(Options::default());
    okta.revoke("AT.gone");
    fail(&okta, Fault::Slow { millis: 800 });
    let setup = Setup::with_okta("denylist-cold", okta, polling(json!({})));
    let (gone, stays) = (token(&setup, "AT.gone"), token(&setup, "AT.stays"));
    let ask = |token: &str| setup.me(token).status;
    let answers: Vec<(u16, u16)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..BOTH_WORKERS).map(|_| scope.spawn(|| (ask(&gone), ask(&stays)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers, [(401, 200); BOTH_WORKERS], "{}", setup.envoy.log());
}

#[test]
fn without_a_list_requests_end_in_503_and_entries_need_none() {
    let okta = StandIn::start(Options::default());
    fail(&okta, Fault::Status(503));
    let setup = Setup::with_okta("denylist-none", okta, |config| {
        let mut config = polling(json!({}))(config);
        config.plugin()["denylist"]["entries"] =
            json!([{ "jti": "AT.gone" }, { "issued_before": 1_600_000_000 }]);
        config
    });
    let (gone, stays) = (token(&setup, "AT.gone"), token(&setup, "AT.stays"));
    assert_eq!(setup.me(&stays).code(), "denylist_unavailable");
    assert_eq!(all(&setup, &gone), revoked());
    assert_eq!(setup.send(&get("/me")).code(), "token_missing");
    assert_eq!(setup.send(&get("/")).status, 200);
}
