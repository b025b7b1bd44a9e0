//! Okta's keys change. A token of the new key is good from its first moment; one of a withdrawn key is not for long.

use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Fault, Rotation, Server, TokenSpec};
use test_support::client::{Request, get};

use super::Happening;
use super::load::Mix;
use super::row::Row;
use super::scene::{Scene, long_lived, now, one_worker, short_lived};

/// How long things go on between two changes: longer than the cooldown for unknown key ids, and than a cache period.
const A_WHILE: Duration = Duration::from_secs(2);

/// Enough that each of them is always one that has not been asked for lately.
const MADE_UP: u32 = 60;

pub const ALL: &[Happening] = &[
    ("automatic rotation: to the key published ahead", automatic),
    ("manual rotation: to a key nobody has seen", manual),
    ("two manual rotations in a row", twice),
    ("emergency rotation: the old key is gone", emergency),
    ("manual rotation while Okta answers 500", during_an_outage),
    ("manual rotation in a flood of made-up key ids", in_a_flood),
];

fn automatic(name: &'static str) -> Row {
    let scene = Scene::warm(name, long_lived());
    let load = scene.load();
    std::thread::sleep(A_WHILE);
    let (old, before) = (Mix::of(&scene.okta), scene.fetches());
    let first = rotate(&scene, Rotation::Automatic);
    load.change(both(old, Mix::of(&scene.okta)));
    std::thread::sleep(A_WHILE);
    let caused = scene.fetches() - before;
    let mut row = scene.end(load, scene.fetches());
    row.must(caused == 0, || format!("{caused} fetches for a key that was there"));
    row.note(in_ms(&[first])).fetches_at_most(1)
}

fn manual(name: &'static str) -> Row {
    let scene = Scene::warm(name, long_lived());
    let load = scene.load();
    std::thread::sleep(A_WHILE);
    let old = Mix::of(&scene.okta);
    let first = rotate(&scene, Rotation::Manual);
    // The former key stays published, so tokens of both are good.
    load.change(both(old, Mix::of(&scene.okta)));
    std::thread::sleep(A_WHILE);
    scene.end(load, scene.fetches()).note(in_ms(&[first])).fetches_at_most(2)
}

fn twice(name: &'static str) -> Row {
    let scene = Scene::warm(name, long_lived());
    let load = scene.load();
    let mut firsts = Vec::new();
    for _ in 0..2 {
        std::thread::sleep(A_WHILE);
        let old = Mix::of(&scene.okta);
        // Okta publishes one former key, and the second rotation withdraws the first one's.
        load.change(old.clone());
        firsts.push(rotate(&scene, Rotation::Manual));
        load.change(both(old, Mix::of(&scene.okta)));
    }
    std::thread::sleep(A_WHILE);
    scene.end(load, scene.fetches()).note(in_ms(&firsts)).fetches_at_most(3)
}

fn emergency(name: &'static str) -> Row {
    let scene = Scene::warm(name, short_lived());
    let load = scene.load();
    std::thread::sleep(A_WHILE);
    let old = scene.okta.mint(Server::Default, &TokenSpec::user());
    // Its tokens are withdrawn, and nobody who means well sends them any more.
    load.change(Mix { legitimate: vec![get("/")], ..Mix::of(&scene.okta) });
    let first = rotate(&scene, Rotation::EmergencyDouble);
    let rotated = now();
    load.change(Mix::of(&scene.okta));
    let request = get("/me").bearer(&old);
    scene.until("the old key is gone", || scene.envoy.client().send(&request).status == 401);
    let gone = rotated.elapsed();
    // The grace: one period, in which every worker has taken over what was published.
    std::thread::sleep(Duration::from_secs(1));
    load.change(Mix::of(&scene.okta).and_hostile("withdrawn", &old));
    std::thread::sleep(A_WHILE);
    let row = scene.end(load, scene.fetches());
    let bound = one_worker(row.seconds, 4);
    row.note(format!("{}; the old key's refused after {} ms", in_ms(&[first]), gone.as_millis()))
        .fetches_at_most(bound)
}

/// A key that cannot be had: its tokens are not to blame, so they get 503 and never 401, until Okta answers again and the
/// pause after the failures is over.
fn during_an_outage(name: &'static str) -> Row {
    let scene = Scene::warm(name, short_lived());
    let load = scene.load();
    let old = Mix::of(&scene.okta);
    load.change(old.clone());
    scene.okta.set_fault(Server::Default, Fault::Status(500));
    std::thread::sleep(A_WHILE);
    scene.okta.rotate(Server::Default, Rotation::Manual);
    let request = get("/me").bearer(scene.okta.mint(Server::Default, &TokenSpec::user()));
    let unavailable = (503, "keys_unavailable");
    assert!(!lets_through(&scene, &request, unavailable), "a key that nobody could fetch");
    scene.okta.set_fault(Server::Default, Fault::None);
    let (took, refused) = until_let_through(&scene, &request, unavailable);
    load.change(both(old, Mix::of(&scene.okta)));
    std::thread::sleep(A_WHILE);
    let row = scene.end(load, scene.fetches());
    let bound = one_worker(row.seconds, 4);
    row.and_refused(refused + 1)
        .note(format!("first 200 with the new key {:.1} s after the end", took.as_secs_f64()))
        .fetches_at_most(bound)
}

/// The price of asking for unknown keys at most once in a cooldown: who makes up an id may have used it up for all.
fn in_a_flood(name: &'static str) -> Row {
    let mut keys = long_lived();
    keys["unknown_kid_cooldown"] = json!("2s");
    let scene = Scene::warm(name, keys);
    let load = scene.load();
    let made_up = |number: u32| {
        scene.okta.mint(Server::Default, &TokenSpec::user().header("kid", format!("made-up-{number}")))
    };
    let old = (0..MADE_UP)
        .fold(Mix::of(&scene.okta), |mix, number| mix.and_hostile("made-up key id", &made_up(number)));
    load.change(old.clone());
    std::thread::sleep(A_WHILE);
    scene.okta.rotate(Server::Default, Rotation::Manual);
    let request = get("/me").bearer(scene.okta.mint(Server::Default, &TokenSpec::user()));
    let (took, refused) = until_let_through(&scene, &request, (401, "key_unknown"));
    load.change(both(old, Mix::of(&scene.okta)));
    std::thread::sleep(A_WHILE);
    let row = scene.end(load, scene.fetches());
    // One a cooldown of two seconds.
    let bound = one_worker(row.seconds / 2.0, 2);
    row.and_refused(refused)
        .note(format!("first 200 with the new key after {} ms, of a cooldown of 2 s", took.as_millis()))
        .fetches_at_most(bound)
}

/// How long it takes until this gets through, and how often it does not before that.
fn until_let_through(scene: &Scene, request: &Request, or: (u16, &str)) -> (Duration, u64) {
    let (begin, mut refused) = (now(), 0);
    scene.until("the new key is there", || {
        let passed = lets_through(scene, request, or);
        refused += u64::from(!passed);
        passed
    });
    (begin.elapsed(), refused)
}

/// Or answers this, and nothing else.
fn lets_through(scene: &Scene, request: &Request, or: (u16, &str)) -> bool {
    let response = scene.envoy.client().send(request);
    let refused = (response.status, response.code().as_str()) == or;
    assert!(refused || response.status == 200, "{}: {response:?}\n{}", scene.name, scene.envoy.log());
    !refused
}

/// Rotates, and tells how long the first request with a token of the new key took: it must get through.
fn rotate(scene: &Scene, rotation: Rotation) -> Duration {
    scene.okta.rotate(Server::Default, rotation);
    let request: Request = get("/me").bearer(scene.okta.mint(Server::Default, &TokenSpec::user()));
    let rotated = now();
    let response = scene.envoy.client().send(&request);
    let took = rotated.elapsed();
    assert_eq!(response.status, 200, "the first token of the new key: {response:?}\n{}", scene.envoy.log());
    took
}

fn both(mut one: Mix, other: Mix) -> Mix {
    one.legitimate.extend(other.legitimate);
    one.hostile.extend(other.hostile);
    one
}

fn in_ms(firsts: &[Duration]) -> String {
    let all: Vec<String> = firsts.iter().map(|first| format!("{} ms", first.as_millis())).collect();
    format!("first 200 with the new key after {}", all.join(", "))
}
