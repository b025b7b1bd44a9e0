//! Fetches whose worker ends before the response: an update replaces its configuration, or its VM
//! traps. Another worker fetches soon, and waiting requests get a response.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Rotation, Server, TokenSpec};
use test_support::backend::HOSTILE;
use test_support::client::{Request, get};

use super::Scenario;
use super::harness::{Harness, now};
use super::load::RequestMix;
use super::report::Row;
use super::updates::{ECDS, LDS, UpdateService, with_another_rule};
use super::xds::{Source, filter, with_filter_from};

/// Okta's response time.
const SLOW: Fault = Fault::Slow { millis: 2_500 };
/// The timeout of a fetch. A lease of twice this time would exceed the limits of every scenario.
const TIMEOUT: &str = "15s";
/// Requests that wait when the VMs trap. Every worker probably has some.
const WAITING_REQUESTS: usize = 40;
/// Requests that trap a VM. Every worker probably gets one.
const TRAPS: usize = 60;
/// Envoy's `stream_idle_timeout` in the reference configuration (7 s), and 2 s for a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(9);

pub const ALL: &[Scenario] = &[
    ("ECDS replaces the filter during a fetch", |name| update_during_fetch(name, &ECDS)),
    ("LDS replaces the listener during a fetch", |name| update_during_fetch(name, &LDS)),
    ("A token is revoked, and ECDS replaces the filter during the poll", revocation_during_update),
    ("Every VM traps during a fetch, with held requests", traps_during_fetch),
];

fn long_timeout() -> Value {
    json!({ "cluster": "okta", "timeout": TIMEOUT, "unknown_kid_cooldown": "1s" })
}

/// The first fetch is in flight when an update replaces the configuration.
fn update_during_fetch(name: &'static str, service: &UpdateService) -> Row {
    let source = Source::new(name, service.name);
    let mut reference = None;
    let harness = Harness::new(name, long_timeout(), |config, okta| {
        okta.set_fault(Server::Default, SLOW);
        reference = Some(config.clone());
        (service.move_to_source)(&source, config)
    });
    harness.wait_until("Okta receives a request for keys", || harness.fetches() > 0);
    std::thread::sleep(Duration::from_millis(500));
    // No request uses the former configuration, so Envoy ends its root contexts and their callouts.
    source.publish(&[(service.resource)(&mut with_another_rule(reference.unwrap()))]);
    let updated = now();
    std::thread::sleep(Duration::from_millis(200));
    let load = harness.start_load();
    let extra = get("/extra").bearer(harness.okta.mint(Server::Default, &TokenSpec::user()));
    harness.wait_for_status(&extra, 200);
    let ready = updated.elapsed();
    std::thread::sleep(Duration::from_secs(1));
    let mut row = harness.finish(load, harness.fetches());
    row.require(ready < Duration::from_secs(5), || format!("keys only {ready:?} after the update"));
    // The first fetch, and fetches of VMs that end while their fetch is in flight.
    row.note(format!("keys on all workers {:.1} s after the update", ready.as_secs_f64())).fetches_at_most(4)
}

/// Three times, a poll of the denylist is in flight when a token is revoked and ECDS replaces the
/// filter.
fn revocation_during_update(name: &'static str) -> Row {
    let source = Source::new(name, "ecds");
    let mut reference = None;
    let harness = Harness::new(name, long_timeout(), |mut config, _| {
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
    let mut slowest = Duration::ZERO;
    for round in 0..3 {
        let jti = format!("AT.{round}");
        let token = harness.okta.mint(Server::Default, &TokenSpec::user().claim("jti", jti.clone()));
        let request = get("/me").bearer(token);
        harness.wait_for_status(&request, 200);
        let before = polls();
        harness.wait_until("a poll begins", || polls() > before);
        harness.okta.revoke(&jti);
        let begin = now();
        let mut next = if round == 1 { reference.clone() } else { with_another_rule(reference.clone()) };
        source.publish(&[filter(&mut next)]);
        harness.wait_for_status(&request, 401);
        slowest = slowest.max(begin.elapsed());
    }
    let mut row = harness.finish(load, harness.fetches());
    // The limit covers a poll that began before the revocation, the pause, and the next poll.
    row.require(slowest < Duration::from_millis(7_500), || format!("revoked token allowed for {slowest:?}"));
    row.note(format!("rejected by all workers within {:.1} s of the revocation", slowest.as_secs_f64()))
        .fetches_at_most(2)
}

/// Requests wait for the fetch of a new key when every VM traps.
fn traps_during_fetch(name: &'static str) -> Row {
    let harness =
        Harness::new(name, long_timeout(), |config, _| config.module(&test_support::wasm("traps_on_demand")));
    harness.wait_until_ready();
    let load = harness.start_load();
    load.change(RequestMix::of(&harness.okta).with_expected_denial(|response| response.status == 503));
    let old = RequestMix::of(&harness.okta);
    harness.okta.set_fault(Server::Default, SLOW);
    harness.okta.rotate(Server::Default, Rotation::Manual);
    let new = harness.okta.mint(Server::Default, &TokenSpec::user());
    let waiting_request = get("/me").bearer(&new).header(HOSTILE, "waits");
    let trap_request = get("/me").bearer(&new).header(HOSTILE, "trap").header("x-trap", "1");
    let before = harness.fetches();
    let (responses, recovery) = std::thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..WAITING_REQUESTS).map(|_| scope.spawn(|| send_timed(&harness, &waiting_request))).collect();
        harness.wait_until("Okta receives a request for keys", || harness.fetches() > before);
        std::thread::sleep(Duration::from_millis(500));
        let traps: Vec<_> = (0..TRAPS).map(|_| scope.spawn(|| send_timed(&harness, &trap_request))).collect();
        let trapped = now();
        traps.into_iter().for_each(|trap| drop(trap.join()));
        harness.wait_for_status(&get("/me").bearer(&new), 200);
        let recovery = trapped.elapsed();
        (waiting.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>(), recovery)
    });
    // From here on the scenario expects no denial.
    load.change(old);
    std::thread::sleep(Duration::from_secs(2));
    let reloads = harness.envoy.stat("wasm.okta-authz.vm_reload_success").unwrap_or(0);
    let mut row = harness.finish_after_traps(load, harness.fetches());
    let slowest = responses.iter().map(|(_, latency)| *latency).max().unwrap_or_default();
    let denials = row.counts.expected_denials;
    let is_expected =
        |(status, latency): &(u16, Duration)| matches!(status, 503 | 504) && *latency < RESPONSE_LIMIT;
    row.require(responses.iter().all(is_expected), || format!("waiting requests: {responses:?}"));
    row.require(recovery < Duration::from_secs(9), || {
        format!("the new key only {recovery:?} after the trap")
    });
    row.require(reloads >= 1, || "no VM was reloaded".to_owned());
    row.note(format!(
        "{WAITING_REQUESTS} held requests got a response within {:.1} s; the new key on all workers {:.1} s \
         after the trap; {denials} other responses with 503",
        slowest.as_secs_f64(),
        recovery.as_secs_f64()
    ))
    .with_expected_denials(u64::try_from(WAITING_REQUESTS).unwrap())
    .fetches_at_most(4)
}

/// Sends a request, and returns the status, or 0 without a response, and the latency.
fn send_timed(harness: &Harness, request: &Request) -> (u16, Duration) {
    let begin = now();
    let status = harness.envoy.client().try_send(request).map_or(0, |response| response.status);
    (status, begin.elapsed())
}
