//! Gauges, which are sums over workers, after a trap; and a missing capability for metrics.

use std::time::Duration;

use serde_json::json;
use test_support::client::get;
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

fn wait_until(harness: &Harness, gauge: &str, value: u64) {
    let name = format!("wasmcustom.okta_authz.{gauge}");
    for _ in 0..300 {
        if harness.envoy.stat(&name) == Some(value) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{gauge} is {:?}, not {value}\n{}", harness.envoy.stat(&name), harness.envoy.log());
}

#[test]
fn token_gauge_after_a_trap_excludes_the_ended_vm() {
    let harness =
        Harness::new("metrics-trap", |config| config.module(&test_support::wasm("traps_on_demand")));
    harness.warm_up();
    wait_until(&harness, "token_cache_tokens", 2);
    let trapped = harness.client().try_send(&get("/me").header("x-trap", "1"));
    assert!(trapped.is_ok_and(|response| response.status == 503));
    wait_until(&harness, "token_cache_tokens", 1);
    // The new VM contributes to the sum.
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        std::thread::sleep(Duration::from_millis(50));
        let _ = harness.client().try_send(&get("/healthz"));
    }
    harness.wait_for_status(&harness.user_token(), 200, Duration::from_secs(10));
    wait_until(&harness, "token_cache_tokens", 3);
}

/// A capability list without `proxy_record_metric` disables gauges and histograms, and nothing
/// else.
#[test]
fn record_capability_withheld_does_not_affect_requests() {
    let harness = Harness::new("metrics-restricted", |mut config: EnvoyConfig| {
        let text =
            std::fs::read_to_string(test_support::root().join("deploy/envoy/capabilities.yaml")).unwrap();
        let mut listed: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let list = &mut listed["capability_restriction_config"];
        list["allowed_capabilities"].as_object_mut().unwrap().remove("proxy_record_metric").unwrap();
        config.filter()["capability_restriction_config"] = json!(list);
        config
    });
    harness.warm_up();
    harness.wait_for_counter("decision.allowed", 1);
    harness.assert_alive();
}
