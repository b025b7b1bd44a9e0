//! deploy/envoy/ecds.yaml: the filter's configuration from a file, replaced while Envoy runs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::envoy::Envoy;

use super::harness::{
    CONNECTIONS_FOR_BOTH_WORKERS, Harness, assert_statuses, get_with_token, use_built_module, yaml,
};

const REFUSED: &str = "extension_config_discovery.http_filter.okta-authz.update_rejected";

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
    let mut better = response.clone();
    let reports = json!({ "match": { "path": "/reports" }, "requires": { "scopes": ["orders:read"] } });
    better.pointer_mut(rules).unwrap().as_array_mut().unwrap().push(reports);
    publish(&source, &better);
    until("/reports is there", || {
        (0..CONNECTIONS_FOR_BOTH_WORKERS)
            .all(|_| get_with_token(client, "/reports", Some(&reader)).status == 200)
    });

    let mut bad = response;
    *bad.pointer_mut(rules).unwrap() = json!([{ "match": {}, "publik": true }]);
    let refused = |envoy: &Envoy| envoy.stat(REFUSED).unwrap_or(0);
    let before = refused(&harness.envoy);
    publish(&source, &bad);
    until("Envoy refuses it", || refused(&harness.envoy) > before);
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
    // A token on each of two workers.
    until("both have the token", || stat("token_cache_tokens") == 2 && stat("token_cache_bytes") > 1_000);
    until("the keys are seen", || keys("before") == [true; 3]);
    publish(&source, &after);
    until("the old provider is gone, and the new one there", || {
        keys("before") == [false; 3] && keys("okta") == [true; 3]
    });
    until("the tokens went with the old filter", || {
        stat("token_cache_tokens") == 0 && stat("token_cache_bytes") == 0
    });
    assert_statuses(client, &[("/orders", Some(&reader), 200)]);
    until("both have it again", || stat("token_cache_tokens") == 2);
    until("what the providers count is what is counted", || {
        let by_provider = ["before", "okta"].map(|name| stat(&format!("provider.{name}.decision.allowed")));
        stat("decision.allowed") == by_provider.iter().sum::<u64>()
    });
}

/// Renamed into place: Envoy must never read half a file.
fn publish(source: &Path, response: &Value) {
    let half = source.with_extension("new");
    std::fs::write(&half, response.to_string()).unwrap();
    std::fs::rename(half, source).unwrap();
}

fn until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..200 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not in ten seconds: {what}");
}
