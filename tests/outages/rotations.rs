//! Rotations of Okta's keys. The filter allows a token of the new key at once, and rejects tokens
//! of a withdrawn key after the next fetch.

use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Fault, Rotation, Server, TokenSpec};
use test_support::client::{Request, get};

use super::Scenario;
use super::harness::{Harness, fetches_of_one_worker, long_cache_duration, now, short_cache_duration};
use super::load::RequestMix;
use super::report::Row;

/// Pause between two changes, longer than the cooldown for unknown key IDs and the cache duration.
const PAUSE: Duration = Duration::from_secs(2);

/// Number of invented key IDs, so large that the filter has not searched the next one recently.
const INVENTED_KEY_IDS: u32 = 60;

pub const ALL: &[Scenario] = &[
    ("Scheduled rotation to a published key", scheduled),
    ("Manual rotation to an unknown key", manual),
    ("Two manual rotations in a row", two_manual),
    ("Emergency rotation: the old key is withdrawn", emergency),
    ("Manual rotation while Okta responds with 500", during_outage),
    ("Manual rotation during a flood of invented key IDs", during_flood),
];

fn scheduled(name: &'static str) -> Row {
    let harness = Harness::warm(name, long_cache_duration());
    let load = harness.start_load();
    std::thread::sleep(PAUSE);
    let (old, before) = (RequestMix::of(&harness.okta), harness.fetches());
    let first = rotate(&harness, Rotation::Automatic);
    load.change(combined(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(PAUSE);
    let extra_fetches = harness.fetches() - before;
    let mut row = harness.finish(load, harness.fetches());
    row.require(extra_fetches == 0, || format!("{extra_fetches} fetches for a known key"));
    row.note(format_latencies(&[first])).fetches_at_most(1)
}

fn manual(name: &'static str) -> Row {
    let harness = Harness::warm(name, long_cache_duration());
    let load = harness.start_load();
    std::thread::sleep(PAUSE);
    let old = RequestMix::of(&harness.okta);
    let first = rotate(&harness, Rotation::Manual);
    // Okta still publishes the previous key, so tokens of both keys are valid.
    load.change(combined(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(PAUSE);
    harness.finish(load, harness.fetches()).note(format_latencies(&[first])).fetches_at_most(2)
}

fn two_manual(name: &'static str) -> Row {
    let harness = Harness::warm(name, long_cache_duration());
    let load = harness.start_load();
    let mut firsts = Vec::new();
    for _ in 0..2 {
        std::thread::sleep(PAUSE);
        let old = RequestMix::of(&harness.okta);
        // Okta publishes one previous key, so the second rotation withdraws the first key.
        load.change(old.clone());
        firsts.push(rotate(&harness, Rotation::Manual));
        load.change(combined(old, RequestMix::of(&harness.okta)));
    }
    std::thread::sleep(PAUSE);
    harness.finish(load, harness.fetches()).note(format_latencies(&firsts)).fetches_at_most(3)
}

fn emergency(name: &'static str) -> Row {
    let harness = Harness::warm(name, short_cache_duration());
    let load = harness.start_load();
    std::thread::sleep(PAUSE);
    let old = harness.okta.mint(Server::Default, &TokenSpec::user());
    // Legitimate clients no longer send tokens of the withdrawn key.
    load.change(RequestMix { legitimate: vec![get("/")], ..RequestMix::of(&harness.okta) });
    let first = rotate(&harness, Rotation::EmergencyDouble);
    let rotated = now();
    load.change(RequestMix::of(&harness.okta));
    let request = get("/me").bearer(&old);
    harness.wait_until("the old key is removed", || harness.envoy.client().send(&request).status == 401);
    let removed = rotated.elapsed();
    // After one more cache duration, every worker has installed the new keys.
    std::thread::sleep(Duration::from_secs(1));
    load.change(RequestMix::of(&harness.okta).with_hostile("withdrawn", &old));
    std::thread::sleep(PAUSE);
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 4);
    row.note(format!(
        "{}; tokens of the old key rejected after {} ms",
        format_latencies(&[first]),
        removed.as_millis()
    ))
    .fetches_at_most(bound)
}

/// The filter cannot fetch the new key. Its tokens get 503 and not 401, until Okta responds again
/// and the pause after the failures has passed.
fn during_outage(name: &'static str) -> Row {
    let harness = Harness::warm(name, short_cache_duration());
    let load = harness.start_load();
    let old = RequestMix::of(&harness.okta);
    load.change(old.clone());
    harness.okta.set_fault(Server::Default, Fault::Status(500));
    std::thread::sleep(PAUSE);
    harness.okta.rotate(Server::Default, Rotation::Manual);
    let request = get("/me").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let unavailable = (503, "keys_unavailable");
    assert!(!is_allowed(&harness, &request, unavailable), "no worker can have the new key");
    harness.okta.set_fault(Server::Default, Fault::None);
    let (latency, denials) = wait_until_allowed(&harness, &request, unavailable);
    load.change(combined(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(PAUSE);
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 4);
    row.with_expected_denials(denials + 1)
        .note(format!("first 200 with the new key {:.1} s after the outage", latency.as_secs_f64()))
        .fetches_at_most(bound)
}

/// The filter fetches for an unknown key ID at most once in a cooldown. A client with an invented
/// ID may have caused that fetch before the rotation.
fn during_flood(name: &'static str) -> Row {
    let mut remote_jwks = long_cache_duration();
    remote_jwks["unknown_kid_cooldown"] = json!("2s");
    let harness = Harness::warm(name, remote_jwks);
    let load = harness.start_load();
    let invented_token = |number: u32| {
        harness.okta.mint(Server::Default, &TokenSpec::user().header("kid", format!("invented-{number}")))
    };
    let old = (0..INVENTED_KEY_IDS).fold(RequestMix::of(&harness.okta), |mix, number| {
        mix.with_hostile("invented key ID", &invented_token(number))
    });
    load.change(old.clone());
    std::thread::sleep(PAUSE);
    harness.okta.rotate(Server::Default, Rotation::Manual);
    let request = get("/me").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let (latency, denials) = wait_until_allowed(&harness, &request, (401, "key_unknown"));
    load.change(combined(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(PAUSE);
    let row = harness.finish(load, harness.fetches());
    // One fetch per cooldown of 2 s.
    let bound = fetches_of_one_worker(row.seconds / 2.0, 2);
    row.with_expected_denials(denials)
        .note(format!("first 200 with the new key after {} ms; the cooldown is 2 s", latency.as_millis()))
        .fetches_at_most(bound)
}

/// Sends a request until the filter allows it. Returns the time and the number of denials, each of
/// which must be `expected_denial`.
fn wait_until_allowed(harness: &Harness, request: &Request, expected_denial: (u16, &str)) -> (Duration, u64) {
    let (begin, mut denials) = (now(), 0);
    harness.wait_until("the filter allows the new key", || {
        let allowed = is_allowed(harness, request, expected_denial);
        denials += u64::from(!allowed);
        allowed
    });
    (begin.elapsed(), denials)
}

/// Sends a request, and returns whether the filter allows it. A denial must be `expected_denial`.
fn is_allowed(harness: &Harness, request: &Request, expected_denial: (u16, &str)) -> bool {
    let response = harness.envoy.client().send(request);
    let denied = (response.status, response.code().as_str()) == expected_denial;
    assert!(denied || response.status == 200, "{}: {response:?}\n{}", harness.name, harness.envoy.log());
    !denied
}

/// Rotates the key, and returns the latency of the first request with a token of the new key. The
/// filter must allow it.
fn rotate(harness: &Harness, rotation: Rotation) -> Duration {
    harness.okta.rotate(Server::Default, rotation);
    let request: Request = get("/me").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let rotated = now();
    let response = harness.envoy.client().send(&request);
    let latency = rotated.elapsed();
    assert_eq!(response.status, 200, "the first token of the new key: {response:?}\n{}", harness.envoy.log());
    latency
}

fn combined(mut one: RequestMix, other: RequestMix) -> RequestMix {
    one.legitimate.extend(other.legitimate);
    one.hostile.extend(other.hostile);
    one
}

fn format_latencies(latencies: &[Duration]) -> String {
    let all: Vec<String> = latencies.iter().map(|latency| format!("{} ms", latency.as_millis())).collect();
    format!("first 200 with the new key after {}", all.join(", "))
}
