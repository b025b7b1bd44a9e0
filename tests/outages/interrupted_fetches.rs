//! The worker that fetches is gone before the answer comes: its configuration is replaced, or its VM traps. Another fetches
//! soon, however long a request may take, and requests that waited are answered.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Rotation, Server, TokenSpec};
use test_support::backend::HOSTILE;
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;

use super::Scenario;
use super::harness::{Harness, now};
use super::load::RequestMix;
use super::report::Row;
use super::updates::with_another_rule;
use super::xds::{Source, filter, listener, with_filter_from, with_listener_from};

/// How long Okta takes for an answer.
const SLOW: Fault = Fault::Slow { millis: 2_500 };
/// How long the filter would wait for one. A lease for twice that would be the end of every row.
const TIMEOUT: &str = "15s";
/// Requests that are held when the VMs trap: on every worker, as good as certainly.
const HELD: usize = 40;
/// Requests that trap a VM each: enough that every worker gets one.
const TRAPS: usize = 60;
/// Envoy's `stream_idle_timeout` in the reference configuration, and a little more for a busy machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(9);

pub const ALL: &[Scenario] = &[
    ("the filter is replaced (ECDS) during a fetch", |name| replaced(name, "ecds", with_filter_from, filter)),
    ("the listener is replaced (LDS) during a fetch", |name| {
        replaced(name, "lds", with_listener_from, listener)
    }),
    ("a token is revoked, and the filter is replaced (ECDS) during the poll", revoked),
    ("every VM traps during a fetch, with requests that wait", trapped),
];

type From = fn(&Source, EnvoyConfig) -> EnvoyConfig;
type Resource = fn(&mut EnvoyConfig) -> Value;

fn slow_keys() -> Value {
    json!({ "cluster": "okta", "timeout": TIMEOUT, "unknown_kid_cooldown": "1s" })
}

/// A cold start: the first keys are on their way when the configuration changes.
fn replaced(name: &'static str, kind: &str, from: From, resource: Resource) -> Row {
    let source = Source::new(name, kind);
    let mut reference = None;
    let harness = Harness::new(name, slow_keys(), |config, okta| {
        okta.set_fault(Server::Default, SLOW);
        reference = Some(config.clone());
        from(&source, config)
    });
    harness.wait_until("Okta is asked", || harness.fetches() > 0);
    std::thread::sleep(Duration::from_millis(500));
    // No request keeps the former configuration alive, so its roots end at once, and the callout with them.
    source.publish(&[resource(&mut with_another_rule(reference.unwrap()))]);
    let updated = now();
    std::thread::sleep(Duration::from_millis(200));
    let load = harness.start_load();
    let extra = get("/extra").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    harness.wait_for_status(&extra, 200);
    let settled = updated.elapsed();
    std::thread::sleep(Duration::from_secs(1));
    let mut row = harness.finish(load, harness.fetches());
    row.require(settled < Duration::from_secs(5), || format!("keys only {settled:?} after the update"));
    // One fetch at the start, and one for each of the five VMs at most that departs with it.
    row.note(format!("keys on all workers {:.1} s after the update", settled.as_secs_f64()))
        .fetches_at_most(4)
}

/// A poll of the denylist is on its way when a token is revoked and the configuration changes, three times.
fn revoked(name: &'static str) -> Row {
    let source = Source::new(name, "ecds");
    let mut reference = None;
    let harness = Harness::new(name, slow_keys(), |mut config, _| {
        config.plugin()["denylist"] = json!({ "remote": {
            "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist",
            "timeout": TIMEOUT, "cache_duration": "1s"
        } });
        reference = Some(config.clone());
        with_filter_from(&source, config)
    });
    let reference = reference.unwrap();
    harness.wait_until_ready();
    let load = harness.start_load();
    harness.okta.set_fault_at(Server::Default, Endpoint::Denylist, SLOW);
    let polls = || harness.okta.requests(Server::Default, Endpoint::Denylist);
    let mut latest = Duration::ZERO;
    for turn in 0..3 {
        let jti = format!("AT.{turn}");
        let token = harness.okta.mint(Server::Default, &TokenSpec::user().claim("jti", jti.clone()));
        let request = get("/me").bearer(token);
        harness.wait_for_status(&request, 200);
        let before = polls();
        harness.wait_until("a poll begins", || polls() > before);
        harness.okta.revoke(&jti);
        let begin = now();
        let mut next = if turn == 1 { reference.clone() } else { with_another_rule(reference.clone()) };
        source.publish(&[filter(&mut next)]);
        harness.wait_for_status(&request, 401);
        latest = latest.max(begin.elapsed());
    }
    let mut row = harness.finish(load, harness.fetches());
    // A poll that began before the revocation, the pause, and one that has it.
    row.require(latest < Duration::from_millis(7_500), || format!("revoked, and accepted for {latest:?}"));
    row.note(format!("refused everywhere {:.1} s after the revocation at the latest", latest.as_secs_f64()))
        .fetches_at_most(2)
}

/// A new key is on its way, and requests wait for it, when every VM traps.
fn trapped(name: &'static str) -> Row {
    let harness =
        Harness::new(name, slow_keys(), |config, _| config.module(&test_support::wasm("traps_on_demand")));
    harness.wait_until_ready();
    let load = harness.start_load();
    load.change(RequestMix::of(&harness.okta).with_expected_denial(|response| response.status == 503));
    let old = RequestMix::of(&harness.okta);
    harness.okta.set_fault(Server::Default, SLOW);
    harness.okta.rotate(Server::Default, Rotation::Manual);
    let new = harness.okta.mint(Server::Default, &TokenSpec::user());
    let held = get("/me").bearer(&new).header(HOSTILE, "waits");
    let trap = get("/me").bearer(&new).header(HOSTILE, "trap").header("x-trap", "1");
    let before = harness.fetches();
    let (answers, recovered) = std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..HELD).map(|_| scope.spawn(|| timed(&harness, &held))).collect();
        harness.wait_until("Okta is asked", || harness.fetches() > before);
        std::thread::sleep(Duration::from_millis(500));
        let traps: Vec<_> = (0..TRAPS).map(|_| scope.spawn(|| timed(&harness, &trap))).collect();
        let trapped = now();
        traps.into_iter().for_each(|trap| drop(trap.join()));
        harness.wait_for_status(&get("/me").bearer(&new), 200);
        let recovered = trapped.elapsed();
        (waiting.into_iter().map(|held| held.join().unwrap()).collect::<Vec<_>>(), recovered)
    });
    // From here on nothing is forgiven.
    load.change(old);
    std::thread::sleep(Duration::from_secs(2));
    let reloads = harness.envoy.stat("wasm.okta-authz.vm_reload_success").unwrap_or(0);
    let mut row = harness.finish_after_traps(load, harness.fetches());
    let (slowest, price) =
        (answers.iter().map(|(_, took)| *took).max().unwrap_or_default(), row.counts.expected_denials);
    let answered = |(status, took): &(u16, Duration)| matches!(status, 503 | 504) && *took < ANSWERED_WITHIN;
    row.require(answers.iter().all(answered), || format!("requests that waited: {answers:?}"));
    row.require(recovered < Duration::from_secs(9), || {
        format!("the new key only {recovered:?} after the trap")
    });
    row.require(reloads >= 1, || "no VM was reloaded".to_owned());
    row.note(format!(
        "{HELD} held requests answered within {:.1} s; the new key on all workers {:.1} s after the trap; {price} \
         answers 503 besides",
        slowest.as_secs_f64(),
        recovered.as_secs_f64()
    ))
    .with_expected_denials(u64::try_from(HELD).unwrap())
    .fetches_at_most(4)
}

/// The status of an answer, 0 for none, and how long it took.
fn timed(harness: &Harness, request: &Request) -> (u16, Duration) {
    let begin = now();
    let status = harness.envoy.client().try_send(request).map_or(0, |response| response.status);
    (status, begin.elapsed())
}
