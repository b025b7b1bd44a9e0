//! Updates of the configuration: the streams of the old one still end with their token.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use test_support::config::EnvoyConfig;

use super::clients::Kind;
use super::{Streams, assert_end};

fn publish(path: &Path, resource: &Value) {
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, json!({ "resources": [resource] }).to_string()).unwrap();
    std::fs::rename(temporary, path).unwrap();
}

fn typed(kind: &str, mut resource: Value) -> Value {
    resource["@type"] = json!(format!("type.googleapis.com/{kind}"));
    resource
}

fn source(path: &Path) -> Value {
    json!({ "resource_api_version": "V3", "path_config_source": { "path": path } })
}

fn filter(config: &mut EnvoyConfig) -> Value {
    let wasm = typed("envoy.extensions.filters.http.wasm.v3.Wasm", json!({ "config": config.filter() }));
    typed("envoy.config.core.v3.TypedExtensionConfig", json!({ "name": "okta-authz", "typed_config": wasm }))
}

fn listener(config: &mut EnvoyConfig) -> Value {
    typed("envoy.config.listener.v3.Listener", config.document()["static_resources"]["listeners"][0].clone())
}

/// Opens streams, applies an update with another rule, and waits for the end of the streams.
fn streams_end_after_an_update(
    name: &str,
    move_to: fn(&mut EnvoyConfig, &Path),
    resource: fn(&mut EnvoyConfig) -> Value,
    counter: &str,
) {
    let path: PathBuf = test_support::scratch(name).join("xds");
    std::fs::create_dir_all(&path).unwrap();
    let path = path.join("resource.json");
    let mut reference = None;
    let streams = Streams::start(name, |mut config| {
        reference = Some(config.clone());
        publish(&path, &resource(&mut config));
        move_to(&mut config, &path);
        config.document()["node"] = json!({ "id": "test", "cluster": "test" });
        config
    });
    let token = streams.token("AT.short", 9);
    let open: Vec<_> =
        Kind::ALL.iter().map(|kind| streams.open(*kind, &token, Duration::from_secs(14))).collect();
    std::thread::sleep(Duration::from_secs(2));
    let mut updated = reference.unwrap();
    updated.plugin()["rules"] = json!([{ "match": { "path": "/me" }, "requires": {} }]);
    let before = streams.harness.envoy.stat(counter).unwrap();
    publish(&path, &resource(&mut updated));
    for _ in 0..50 {
        if streams.harness.envoy.stat(counter) > Some(before) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(streams.harness.envoy.stat(counter) > Some(before), "{}", streams.harness.envoy.log());
    for (kind, end) in streams.join(open) {
        assert_end(kind, &end, "token_expired");
        let after = end.after.unwrap_or_else(|| panic!("{kind:?} is open\n{}", streams.harness.envoy.log()));
        assert!(after > Duration::from_secs(7), "{kind:?} {end:?}");
    }
    assert_eq!(streams.closed("token_expired"), Kind::ALL.len() as u64);
    streams.harness.assert_alive();
}

#[test]
fn stream_of_a_replaced_filter_ends_with_its_token() {
    let move_to = |config: &mut EnvoyConfig, path: &Path| {
        let filters = config.manager()["http_filters"].as_array_mut().unwrap();
        let filter = filters.iter_mut().find(|filter| filter["name"] == "okta-authz").unwrap();
        *filter = json!({ "name": "okta-authz", "config_discovery": {
            "config_source": source(path),
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"]
        } });
    };
    let counter = "extension_config_discovery.http_filter.okta-authz.config_reload";
    streams_end_after_an_update("streams-ecds", move_to, filter, counter);
}

#[test]
fn stream_of_a_replaced_listener_ends_with_its_token() {
    let move_to = |config: &mut EnvoyConfig, path: &Path| {
        config.document()["static_resources"]["listeners"] = json!([]);
        config.document()["dynamic_resources"]["lds_config"] = source(path);
    };
    streams_end_after_an_update("streams-lds", move_to, listener, "listener_manager.lds.update_success");
}
