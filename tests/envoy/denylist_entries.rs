//! Entries of the fetched denylist, and responses with status 304.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Kind, Server, TokenSpec};

use super::denylist::{allowed, decision, rejected, with_denylist};
use super::harness::Harness;

/// The present time by the clock of this machine, in seconds.
#[allow(clippy::disallowed_methods, reason = "Envoy reads this clock, too")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Publishes entries, and waits until both workers have them.
fn publish(harness: &Harness, entries: &[Value]) {
    let fetched = harness.envoy.count("denylist_fetch_success");
    harness.okta.deny(entries);
    // The first fetch may have begun before the change.
    harness.wait_for_counter("denylist_fetch_success", fetched + 2);
    std::thread::sleep(Duration::from_millis(300));
}

#[test]
fn entry_matches_email_times_and_refreshed_tokens() {
    let harness = Harness::new("denylist-entries", with_denylist(json!({})));
    harness.warm_up();
    let uid = "00ujmkLgagxeRrAg20g3";
    let mint = |spec: TokenSpec| harness.mint(&spec);
    // The user logged in 21 seconds before the token was issued.
    let user = mint(TokenSpec::user());
    let refreshed = mint(TokenSpec::new(Kind::Refreshed).issued_at(now()).claim("auth_time", now() - 3_600));
    let with_email = mint(TokenSpec::user().claim("sub", "joe").claim("email", "Joe.User@Example.com"));
    let machine = mint(TokenSpec::machine());
    for (name, entry, token, expected) in [
        ("email in another case", json!({ "email": "JOE.user@EXAMPLE.com" }), &user, rejected()),
        ("email of the claim email", json!({ "email": "joe.user@example.com" }), &with_email, rejected()),
        ("another email", json!({ "email": "jane@example.com" }), &user, allowed()),
        ("email, a machine", json!({ "email": "joe.user@example.com" }), &machine, allowed()),
        (
            "issued_before, a refreshed token",
            json!({ "uid": uid, "issued_before": now() - 1_800 }),
            &refreshed,
            allowed(),
        ),
        (
            "authenticated_before, a refreshed token",
            json!({ "uid": uid, "authenticated_before": now() - 1_800 }),
            &refreshed,
            rejected(),
        ),
        (
            "authenticated_before, a later login",
            json!({ "uid": uid, "authenticated_before": now() - 1_800 }),
            &user,
            allowed(),
        ),
        ("until in the past", json!({ "uid": uid, "until": now() - 1 }), &user, allowed()),
        ("until in the future", json!({ "uid": uid, "until": now() + 600 }), &user, rejected()),
    ] {
        publish(&harness, &[entry]);
        assert_eq!(decision(&harness, token), expected, "{name}");
    }
    // An entry ends without a change of the document.
    let until = now() + 8;
    publish(&harness, &[json!({ "uid": uid, "until": until })]);
    assert_eq!(decision(&harness, &user), rejected());
    while now() <= until {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(decision(&harness, &user), allowed());
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

#[test]
fn not_modified_keeps_the_list_and_its_age() {
    let harness = Harness::new("denylist-304", with_denylist(json!({ "max_stale": "3s" })));
    harness.warm_up();
    let user = harness.user_token();
    publish(&harness, &[json!({ "sub": "other@example.com" })]);
    let (confirmed, fetched) =
        (harness.okta.denylist_confirmations(), harness.envoy.count("denylist_fetch_success"));
    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    let start = Instant::now();
    // Longer than `max_stale`: only responses with status 304 keep the list.
    while start.elapsed() < Duration::from_secs(8) {
        assert_eq!(decision(&harness, &user), allowed());
    }
    let confirmations = harness.okta.denylist_confirmations() - confirmed;
    let fetches = harness.envoy.count("denylist_fetch_success") - fetched;
    assert!(confirmations >= 5, "{confirmations} of {fetches} fetches");
    assert!(confirmations + 1 >= fetches, "{confirmations} of {fetches} fetches");
    assert_eq!(harness.envoy.count("denylist_fetch_failed"), 0);
    println!("{confirmations} responses with status 304 in 8 s");
    // A change arrives, with another ETag.
    publish(&harness, &[json!({ "sub": "joe.user@example.com" })]);
    assert_eq!(decision(&harness, &user), rejected());
    // An outage beyond `max_stale` denies, and status 304 ends it.
    publish(&harness, &[json!({ "sub": "other@example.com" })]);
    harness.okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::Status(503));
    harness.wait_for_status(&user, 503, Duration::from_secs(60));
    let confirmed = harness.okta.denylist_confirmations();
    harness.okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::None);
    harness.wait_for_status(&user, 200, Duration::from_secs(40));
    assert!(harness.okta.denylist_confirmations() > confirmed);
    // Not logged: it is the usual result of a poll.
    let log = harness.envoy.log();
    assert!(log.matches("denylist fetch succeeded").count() <= 6, "{log}");
}
