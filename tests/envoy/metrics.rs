//! Metrics in a real Envoy: sums over workers, and that they stay right when a VM ends.

use std::time::Duration;

use serde_json::json;
use test_support::client::get;
use test_support::config::EnvoyConfig;

use super::setup::{BOTH_WORKERS, Setup};

fn wait_until(setup: &Setup, gauge: &str, value: u64) {
    let name = format!("wasmcustom.okta_authz.{gauge}");
    for _ in 0..300 {
        if setup.envoy.stat(&name) == Some(value) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{gauge} is {:?}, not {value}\n{}", setup.envoy.stat(&name), setup.envoy.log());
}

#[test]
fn the_tokens_of_a_vm_that_traps_leave_the_sum() {
    let setup = Setup::new("metrics-trap", |config| config.module(&test_support::wasm("traps_on_demand")));
    setup.warm_up();
    wait_until(&setup, "token_cache_tokens", 2);
    let trapped = setup.client().try_send(&get("/me").header("x-trap", "1"));
    assert!(trapped.is_ok_and(|response| response.status == 503));
    wait_until(&setup, "token_cache_tokens", 1);
    // The VM that comes in its place counts like any other.
    for _ in 0..BOTH_WORKERS {
        std::thread::sleep(Duration::from_millis(50));
        let _ = setup.client().try_send(&get("/healthz"));
    }
    setup.eventually(&setup.user(), 200, Duration::from_secs(10));
    wait_until(&setup, "token_cache_tokens", 3);
}

/// A list of capabilities from before there was anything to record: what cannot be measured is not, and nothing else changes.
#[test]
fn without_the_right_to_record_the_filter_does_what_it_did() {
    let setup = Setup::new("metrics-restricted", |mut config: EnvoyConfig| {
        let text =
            std::fs::read_to_string(test_support::root().join("deploy/envoy/capabilities.yaml")).unwrap();
        let mut listed: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let list = &mut listed["capability_restriction_config"];
        list["allowed_capabilities"].as_object_mut().unwrap().remove("proxy_record_metric").unwrap();
        config.filter()["capability_restriction_config"] = json!(list);
        config
    });
    setup.warm_up();
    assert!(setup.envoy.count("decision.allowed") > 0);
    setup.assert_alive();
}
