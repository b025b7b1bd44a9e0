//! A bug of the filter ends a VM. What that costs is measured; what must hold is that it gives nothing away, and that the
//! keys, which are in shared data, are still there afterwards.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::backend::HOSTILE;
use test_support::client::get;

use super::Scenario;
use super::harness::{Harness, long_lived};
use super::load::{Load, RequestMix};
use super::report::Row;

/// Five times a request that ends the VM of the worker that gets it.
const TRAPS: usize = 5;
const BETWEEN_TRAPS: Duration = Duration::from_millis(700);

pub const ALL: &[Scenario] =
    &[("five requests trap a VM, FAIL_RELOAD", reload), ("one request traps a VM, FAIL_CLOSED", closed)];

fn harness(name: &'static str, policy: &Value) -> Harness {
    let harness = Harness::new(name, long_lived(), |config, _| {
        let mut config = config.module(&test_support::wasm("traps_on_demand"));
        config.filter()["failure_policy"] = policy.clone();
        if policy != "FAIL_RELOAD" {
            config.filter().as_object_mut().unwrap().remove("reload_config");
        }
        config
    });
    harness.wait_until_ready();
    harness
}

/// The load, with the 503s of a worker without a VM taken for what they are: the price.
fn forgiving(harness: &Harness) -> Load {
    let load = harness.start_load();
    load.change(RequestMix::of(&harness.okta).with_expected_denial(|response| response.status == 503));
    load
}

/// With a good token even: whoever traps the VM is not let through.
fn trap(harness: &Harness) -> u16 {
    let token = harness.okta.mint(Server::Default, &TokenSpec::user());
    harness
        .envoy
        .client()
        .send(&get("/me").bearer(token).header(HOSTILE, "trap").header("x-trap", "1"))
        .status
}

fn reload(name: &'static str) -> Row {
    let harness = harness(name, &json!("FAIL_RELOAD"));
    let load = forgiving(&harness);
    let mut answers = Vec::new();
    for _ in 0..TRAPS {
        answers.push(trap(&harness));
        std::thread::sleep(BETWEEN_TRAPS);
    }
    // From here on nothing is forgiven.
    harness.wait_until_ready();
    load.change(RequestMix::of(&harness.okta));
    std::thread::sleep(Duration::from_secs(2));
    let reloads = harness.envoy.stat("wasm.okta-authz.vm_reload_success").unwrap_or(0);
    let mut row = harness.finish_after_traps(load, harness.fetches());
    row.require(answers == [503; TRAPS], || format!("who traps gets 503, not {answers:?}"));
    row.require(reloads >= 1, || "no VM was reloaded".to_owned());
    let (traps, price) = (TRAPS, row.counts.expected_denials);
    row.note(format!("{traps} traps, {reloads} reloads, {price} answers 503 besides")).fetches_at_most(1)
}

fn closed(name: &'static str) -> Row {
    let harness = harness(name, &json!("FAIL_CLOSED"));
    let load = forgiving(&harness);
    let answer = trap(&harness);
    std::thread::sleep(Duration::from_secs(3));
    let soon = load.counts();
    std::thread::sleep(Duration::from_secs(2));
    let mut row = harness.finish_after_traps(load, harness.fetches());
    row.require(answer == 503, || format!("who traps gets 503, not {answer}"));
    // As Envoy documents: that worker answers 503 for ever, and the others go on.
    row.require(row.counts.expected_denials > soon.expected_denials, || {
        "the worker has come back".to_owned()
    });
    row.require(row.counts.legitimate > 2 * row.counts.expected_denials, || {
        "more than one worker is gone".to_owned()
    });
    row.note("the worker of the trap answers 503 for ever").fetches_at_most(1)
}
