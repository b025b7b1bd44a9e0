//! Traps: a bug of the filter ends a VM. The filter must not allow a hostile request, and the keys
//! in shared data must remain.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::backend::HOSTILE;
use test_support::client::get;

use super::Scenario;
use super::harness::{Harness, long_cache_duration};
use super::load::{Load, RequestMix};
use super::report::Row;

/// Requests that trap the VM of the worker that receives them.
const TRAPS: usize = 5;
const BETWEEN_TRAPS: Duration = Duration::from_millis(700);

pub const ALL: &[Scenario] = &[
    ("Five requests trap a VM, `FAIL_RELOAD`", fail_reload),
    ("One request traps a VM, `FAIL_CLOSED`", fail_closed),
];

fn with_failure_policy(name: &'static str, policy: &Value) -> Harness {
    let harness = Harness::new(name, long_cache_duration(), |config, _| {
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

/// Starts load that expects the 503 responses of a worker without a VM.
fn start_load_expecting_503(harness: &Harness) -> Load {
    let load = harness.start_load();
    load.change(RequestMix::of(&harness.okta).with_expected_denial(|response| response.status == 503));
    load
}

/// Traps a VM with a request that has a valid token, and returns the status.
fn trap(harness: &Harness) -> u16 {
    let token = harness.okta.mint(Server::Default, &TokenSpec::user());
    harness
        .envoy
        .client()
        .send(&get("/me").bearer(token).header(HOSTILE, "trap").header("x-trap", "1"))
        .status
}

fn fail_reload(name: &'static str) -> Row {
    let harness = with_failure_policy(name, &json!("FAIL_RELOAD"));
    let load = start_load_expecting_503(&harness);
    let mut statuses = Vec::new();
    for _ in 0..TRAPS {
        statuses.push(trap(&harness));
        std::thread::sleep(BETWEEN_TRAPS);
    }
    // From here on the scenario expects no denial.
    harness.wait_until_ready();
    load.change(RequestMix::of(&harness.okta));
    std::thread::sleep(Duration::from_secs(2));
    let reloads = harness.envoy.stat("wasm.okta-authz.vm_reload_success").unwrap_or(0);
    let mut row = harness.finish_after_traps(load, harness.fetches());
    row.require(statuses == [503; TRAPS], || format!("a request that traps must get 503, not {statuses:?}"));
    row.require(reloads >= 1, || "no VM was reloaded".to_owned());
    let denials = row.counts.expected_denials;
    row.note(format!("{TRAPS} traps, {reloads} reloads, {denials} other responses with 503"))
        .fetches_at_most(1)
}

fn fail_closed(name: &'static str) -> Row {
    let harness = with_failure_policy(name, &json!("FAIL_CLOSED"));
    let load = start_load_expecting_503(&harness);
    let status = trap(&harness);
    std::thread::sleep(Duration::from_secs(3));
    let earlier = load.counts();
    std::thread::sleep(Duration::from_secs(2));
    let mut row = harness.finish_after_traps(load, harness.fetches());
    row.require(status == 503, || format!("a request that traps must get 503, not {status}"));
    // As Envoy documents, that worker responds with 503 permanently, and the others continue.
    row.require(row.counts.expected_denials > earlier.expected_denials, || {
        "the worker has recovered".to_owned()
    });
    row.require(row.counts.legitimate > 2 * row.counts.expected_denials, || {
        "more than one worker responds with 503".to_owned()
    });
    row.note("the worker of the trap responds with 503 permanently").fetches_at_most(1)
}
