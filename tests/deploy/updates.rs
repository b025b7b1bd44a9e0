//! `deploy/envoy/ecds.yaml`: ECDS replaces the configuration of the filter while Envoy runs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::envoy::Envoy;

use super::harness::{
    CONNECTIONS_FOR_BOTH_WORKERS, Harness, assert_statuses, get_with_token, use_built_module, yaml,
};

/// Counter of the updates that Envoy rejected.
const UPDATE_REJECTED: &str = "extension_config_discovery.http_filter.okta-authz.update_rejected";

#[test]
fn policy_update_valid_takes_effect_and_invalid_is_rejected() {
    let source = test_support::scratch("ecds").join("okta-authz.json");
    let mut response = yaml("deploy/envoy/ecds-okta-authz.yaml");
    use_built_module(&mut response);
    publish(&source, &response);
    let harness = Harness::new("ecds", "deploy/envoy/ecds.yaml", |mut config| {
        let filter = &mut config.manager()["http_filters"][0];
        filter["config_discovery"]["config_source"]["path_config_source"]["path"] = json!(source);
        config
    });
    let reader = harness.user_token(&["orders:read"]);
    let client = harness.envoy.client();
    assert_statuses(
        client,
        &[
            ("/orders", Some(&reader), 200),
            ("/orders", None, 401),
            ("/reports", Some(&reader), 403),
            ("/healthz", None, 200),
        ],
    );

    let rules = "/resources/0/typed_config/config/configuration/value/rules";
    let mut updated = response.clone();
    let reports = json!({ "match": { "path": "/reports" }, "requires": { "scopes": ["orders:read"] } });
    updated.pointer_mut(rules).unwrap().as_array_mut().unwrap().push(reports);
    publish(&source, &updated);
    wait_until("both workers have the rule for /reports", || {
        (0..CONNECTIONS_FOR_BOTH_WORKERS)
            .all(|_| get_with_token(client, "/reports", Some(&reader)).status == 200)
    });

    let mut invalid = response;
    *invalid.pointer_mut(rules).unwrap() = json!([{ "match": {}, "publik": true }]);
    let rejected_updates = |envoy: &Envoy| envoy.stat(UPDATE_REJECTED).unwrap_or(0);
    let rejected_before = rejected_updates(&harness.envoy);
    publish(&source, &invalid);
    wait_until("Envoy rejects the invalid update", || rejected_updates(&harness.envoy) > rejected_before);
    assert_statuses(client, &[("/reports", Some(&reader), 200), ("/orders", None, 401)]);
    assert!(harness.envoy.log().contains("rules[0].publik: unknown field"), "{}", harness.envoy.log());
}

#[test]
fn policy_update_withdraws_the_gauges_of_the_old_configuration() {
    let source = test_support::scratch("ecds-metrics").join("okta-authz.json");
    let mut after = yaml("deploy/envoy/ecds-okta-authz.yaml");
    use_built_module(&mut after);
    let mut before = after.clone();
    let providers = "/resources/0/typed_config/config/configuration/value/providers";
    let providers = before.pointer_mut(providers).unwrap();
    let okta = providers["okta"].clone();
    *providers = json!({ "before": okta });
    publish(&source, &before);
    let harness = Harness::new("ecds-metrics", "deploy/envoy/ecds.yaml", |mut config| {
        let filter = &mut config.manager()["http_filters"][0];
        filter["config_discovery"]["config_source"]["path_config_source"]["path"] = json!(source);
        config
    });
    let (client, reader) = (harness.envoy.client(), harness.user_token(&["orders:read"]));
    assert_statuses(client, &[("/orders", Some(&reader), 200)]);
    let stat = |name: &str| harness.envoy.stat(&format!("wasmcustom.okta_authz.{name}")).unwrap_or(0);
    let keys = |provider: &str| {
        ["keys", "keys_fetched_at", "keys_due_at"]
            .map(|name| stat(&format!("provider.{provider}.{name}")) > 0)
    };
    // Each of two workers caches the token.
    wait_until("both workers cache the token", || {
        stat("token_cache_tokens") == 2 && stat("token_cache_bytes") > 1_000
    });
    wait_until("the gauges of the keys are set", || keys("before") == [true; 3]);
    publish(&source, &after);
    wait_until("the gauges of the old provider are 0, and those of the new one are set", || {
        keys("before") == [false; 3] && keys("okta") == [true; 3]
    });
    wait_until("the gauges of the token cache are 0", || {
        stat("token_cache_tokens") == 0 && stat("token_cache_bytes") == 0
    });
    assert_statuses(client, &[("/orders", Some(&reader), 200)]);
    wait_until("both workers cache the token again", || stat("token_cache_tokens") == 2);
    wait_until("the counters of the providers add up to the total", || {
        let by_provider = ["before", "okta"].map(|name| stat(&format!("provider.{name}.decision.allowed")));
        stat("decision.allowed") == by_provider.iter().sum::<u64>()
    });
}

/// Replaces the file by a rename, so that Envoy never reads an incomplete file.
fn publish(source: &Path, response: &Value) {
    let temporary = source.with_extension("new");
    std::fs::write(&temporary, response.to_string()).unwrap();
    std::fs::rename(temporary, source).unwrap();
}

/// Waits up to 10 s until a condition holds.
fn wait_until(description: &str, condition: impl Fn() -> bool) {
    for _ in 0..200 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not within 10 s: {description}");
}
