//! Okta's keys change. A token of the new key is good from its first moment; one of a withdrawn key is not for long.

use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Fault, Rotation, Server, TokenSpec};
use test_support::client::{Request, get};

use super::Scenario;
use super::harness::{Harness, fetches_of_one_worker, long_lived, now, short_lived};
use super::load::RequestMix;
use super::report::Row;

/// How long things go on between two changes: longer than the cooldown for unknown key ids, and than a cache period.
const A_WHILE: Duration = Duration::from_secs(2);

/// Enough that each of them is always one that has not been asked for lately.
const MADE_UP: u32 = 60;

pub const ALL: &[Scenario] = &[
    ("automatic rotation: to the key published ahead", automatic),
    ("manual rotation: to a key nobody has seen", manual),
    ("two manual rotations in a row", twice),
    ("emergency rotation: the old key is gone", emergency),
    ("manual rotation while Okta answers 500", during_an_outage),
    ("manual rotation in a flood of made-up key ids", in_a_flood),
];

fn automatic(name: &'static str) -> Row {
    let harness = Harness::warm(name, long_lived());
    let load = harness.start_load();
    std::thread::sleep(A_WHILE);
    let (old, before) = (RequestMix::of(&harness.okta), harness.fetches());
    let first = rotate(&harness, Rotation::Automatic);
    load.change(both(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(A_WHILE);
    let caused = harness.fetches() - before;
    let mut row = harness.finish(load, harness.fetches());
    row.require(caused == 0, || format!("{caused} fetches for a key that was there"));
    row.note(in_ms(&[first])).fetches_at_most(1)
}

fn manual(name: &'static str) -> Row {
    let harness = Harness::warm(name, long_lived());
    let load = harness.start_load();
    std::thread::sleep(A_WHILE);
    let old = RequestMix::of(&harness.okta);
    let first = rotate(&harness, Rotation::Manual);
    // The former key stays published, so tokens of both are good.
    load.change(both(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(A_WHILE);
    harness.finish(load, harness.fetches()).note(in_ms(&[first])).fetches_at_most(2)
}

fn twice(name: &'static str) -> Row {
    let harness = Harness::warm(name, long_lived());
    let load = harness.start_load();
    let mut firsts = Vec::new();
    for _ in 0..2 {
        std::thread::sleep(A_WHILE);
        let old = RequestMix::of(&harness.okta);
        // Okta publishes one former key, and the second rotation withdraws the first one's.
        load.change(old.clone());
        firsts.push(rotate(&harness, Rotation::Manual));
        load.change(both(old, RequestMix::of(&harness.okta)));
    }
    std::thread::sleep(A_WHILE);
    harness.finish(load, harness.fetches()).note(in_ms(&firsts)).fetches_at_most(3)
}

fn emergency(name: &'static str) -> Row {
    let harness = Harness::warm(name, short_lived());
    let load = harness.start_load();
    std::thread::sleep(A_WHILE);
    let old = harness.okta.mint(Server::Default, &TokenSpec::user());
    // Its tokens are withdrawn, and nobody who means well sends them any more.
    load.change(RequestMix { legitimate: vec![get("/")], ..RequestMix::of(&harness.okta) });
    let first = rotate(&harness, Rotation::EmergencyDouble);
    let rotated = now();
    load.change(RequestMix::of(&harness.okta));
    let request = get("/me").bearer(&old);
    harness.wait_until("the old key is gone", || harness.envoy.client().send(&request).status == 401);
    let gone = rotated.elapsed();
    // The grace: one period, in which every worker has taken over what was published.
    std::thread::sleep(Duration::from_secs(1));
    load.change(RequestMix::of(&harness.okta).and_hostile("withdrawn", &old));
    std::thread::sleep(A_WHILE);
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 4);
    row.note(format!("{}; the old key's refused after {} ms", in_ms(&[first]), gone.as_millis()))
        .fetches_at_most(bound)
}

/// A key that cannot be had: its tokens are not to blame, so they get 503 and never 401, until Okta answers again and the
/// pause after the failures is over.
fn during_an_outage(name: &'static str) -> Row {
    let harness = Harness::warm(name, short_lived());
    let load = harness.start_load();
    let old = RequestMix::of(&harness.okta);
    load.change(old.clone());
    harness.okta.set_fault(Server::Default, Fault::Status(500));
    std::thread::sleep(A_WHILE);
    harness.okta.rotate(Server::Default, Rotation::Manual);
    let request = get("/me").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let unavailable = (503, "keys_unavailable");
    assert!(!lets_through(&harness, &request, unavailable), "a key that nobody could fetch");
    harness.okta.set_fault(Server::Default, Fault::None);
    let (took, refused) = until_let_through(&harness, &request, unavailable);
    load.change(both(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(A_WHILE);
    let row = harness.finish(load, harness.fetches());
    let bound = fetches_of_one_worker(row.seconds, 4);
    row.with_expected_denials(refused + 1)
        .note(format!("first 200 with the new key {:.1} s after the end", took.as_secs_f64()))
        .fetches_at_most(bound)
}

/// The price of asking for unknown keys at most once in a cooldown: who makes up an id may have used it up for all.
fn in_a_flood(name: &'static str) -> Row {
    let mut keys = long_lived();
    keys["unknown_kid_cooldown"] = json!("2s");
    let harness = Harness::warm(name, keys);
    let load = harness.start_load();
    let made_up = |number: u32| {
        harness.okta.mint(Server::Default, &TokenSpec::user().header("kid", format!("made-up-{number}")))
    };
    let old = (0..MADE_UP).fold(RequestMix::of(&harness.okta), |mix, number| {
        mix.and_hostile("made-up key id", &made_up(number))
    });
    load.change(old.clone());
    std::thread::sleep(A_WHILE);
    harness.okta.rotate(Server::Default, Rotation::Manual);
    let request = get("/me").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let (took, refused) = until_let_through(&harness, &request, (401, "key_unknown"));
    load.change(both(old, RequestMix::of(&harness.okta)));
    std::thread::sleep(A_WHILE);
    let row = harness.finish(load, harness.fetches());
    // One a cooldown of two seconds.
    let bound = fetches_of_one_worker(row.seconds / 2.0, 2);
    row.with_expected_denials(refused)
        .note(format!("first 200 with the new key after {} ms, of a cooldown of 2 s", took.as_millis()))
        .fetches_at_most(bound)
}

/// How long it takes until this gets through, and how often it does not before that.
fn until_let_through(harness: &Harness, request: &Request, or: (u16, &str)) -> (Duration, u64) {
    let (begin, mut refused) = (now(), 0);
    harness.wait_until("the new key is there", || {
        let passed = lets_through(harness, request, or);
        refused += u64::from(!passed);
        passed
    });
    (begin.elapsed(), refused)
}

/// Or answers this, and nothing else.
fn lets_through(harness: &Harness, request: &Request, or: (u16, &str)) -> bool {
    let response = harness.envoy.client().send(request);
    let refused = (response.status, response.code().as_str()) == or;
    assert!(refused || response.status == 200, "{}: {response:?}\n{}", harness.name, harness.envoy.log());
    !refused
}

/// Rotates, and tells how long the first request with a token of the new key took: it must get through.
fn rotate(harness: &Harness, rotation: Rotation) -> Duration {
    harness.okta.rotate(Server::Default, rotation);
    let request: Request = get("/me").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    let rotated = now();
    let response = harness.envoy.client().send(&request);
    let took = rotated.elapsed();
    assert_eq!(response.status, 200, "the first token of the new key: {response:?}\n{}", harness.envoy.log());
    took
}

fn both(mut one: RequestMix, other: RequestMix) -> RequestMix {
    one.legitimate.extend(other.legitimate);
    one.hostile.extend(other.hostile);
    one
}

fn in_ms(firsts: &[Duration]) -> String {
    let all: Vec<String> = firsts.iter().map(|first| format!("{} ms", first.as_millis())).collect();
    format!("first 200 with the new key after {}", all.join(", "))
}
