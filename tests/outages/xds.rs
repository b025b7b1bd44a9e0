//! Dynamic configuration of Envoy (LDS, ECDS, CDS) from files.

use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::config::EnvoyConfig;

use super::harness::directory_name;

/// A file with a `DiscoveryResponse`, which Envoy watches.
pub struct Source(PathBuf);

impl Source {
    /// Returns the path of a file in a new directory, because Envoy watches the directory.
    pub fn new(name: &str, kind: &str) -> Self {
        let directory = test_support::scratch(&directory_name(name)).join(kind);
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory.join("response.json"))
    }

    /// Replaces the resources by a rename, so that Envoy never reads an incomplete file.
    pub fn publish(&self, resources: &[Value]) {
        let temporary = self.0.with_extension("new");
        std::fs::write(&temporary, json!({ "resources": resources }).to_string()).unwrap();
        std::fs::rename(temporary, &self.0).unwrap();
    }

    fn config_source(&self) -> Value {
        json!({ "resource_api_version": "V3", "path_config_source": { "path": self.0 } })
    }
}

/// Moves the listener of a configuration to this source (LDS).
pub fn with_listener_from(source: &Source, mut config: EnvoyConfig) -> EnvoyConfig {
    source.publish(&[listener(&mut config)]);
    let document = config.document();
    document["static_resources"]["listeners"] = json!([]);
    document["dynamic_resources"]["lds_config"] = source.config_source();
    with_node(config)
}

/// Returns the listener of a configuration as a resource.
pub fn listener(config: &mut EnvoyConfig) -> Value {
    let listener = config.document()["static_resources"]["listeners"][0].clone();
    typed("envoy.config.listener.v3.Listener", listener)
}

/// Moves the filter of a configuration to this source (ECDS). Envoy waits for it before it listens.
pub fn with_filter_from(source: &Source, mut config: EnvoyConfig) -> EnvoyConfig {
    source.publish(&[filter(&mut config)]);
    let filters = config.manager()["http_filters"].as_array_mut().unwrap();
    let filter = filters.iter_mut().find(|filter| filter["name"] == "okta-authz").unwrap();
    *filter = json!({
        "name": "okta-authz",
        "config_discovery": {
            "config_source": source.config_source(),
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"]
        }
    });
    with_node(config)
}

/// Returns the filter of a configuration as a resource.
pub fn filter(config: &mut EnvoyConfig) -> Value {
    let wasm = json!({ "config": config.filter() });
    typed(
        "envoy.config.core.v3.TypedExtensionConfig",
        json!({ "name": "okta-authz", "typed_config": typed("envoy.extensions.filters.http.wasm.v3.Wasm", wasm) }),
    )
}

/// Removes the cluster `okta`, and adds this source for clusters (CDS), which is empty. Returns the
/// configuration and the cluster as a resource.
pub fn with_okta_from(source: &Source, mut config: EnvoyConfig) -> (EnvoyConfig, Value) {
    let document = config.document();
    let clusters = document["static_resources"]["clusters"].as_array_mut().unwrap();
    let index = clusters.iter().position(|cluster| cluster["name"] == "okta").unwrap();
    let cluster = typed("envoy.config.cluster.v3.Cluster", clusters.remove(index));
    source.publish(&[]);
    document["dynamic_resources"]["cds_config"] = source.config_source();
    (with_node(config), cluster)
}

/// Adds the node ID that Envoy requires for dynamic configuration.
fn with_node(mut config: EnvoyConfig) -> EnvoyConfig {
    config.document()["node"] = json!({ "id": "outages", "cluster": "outages" });
    config
}

fn typed(name: &str, mut resource: Value) -> Value {
    resource["@type"] = json!(format!("type.googleapis.com/{name}"));
    resource
}
