//! Envoy's dynamic configuration from files: what a control plane would send, renamed into place.

use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::config::EnvoyConfig;

use super::harness::directory_name;

/// A file that Envoy watches, with a `DiscoveryResponse` in it.
pub struct Source(PathBuf);

impl Source {
    /// A file in a folder of its own.
    pub fn new(name: &str, kind: &str) -> Self {
        let folder = test_support::scratch(&directory_name(name)).join(kind);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder.join("response.json"))
    }

    /// Replaces the resources, all at once: Envoy must never read half a file.
    pub fn publish(&self, resources: &[Value]) {
        let half = self.0.with_extension("new");
        std::fs::write(&half, json!({ "resources": resources }).to_string()).unwrap();
        std::fs::rename(half, &self.0).unwrap();
    }

    fn config_source(&self) -> Value {
        json!({ "resource_api_version": "V3", "path_config_source": { "path": self.0 } })
    }
}

/// The configuration with its listener from this source (LDS).
pub fn with_listener_from(source: &Source, mut config: EnvoyConfig) -> EnvoyConfig {
    source.publish(&[listener(&mut config)]);
    let document = config.document();
    document["static_resources"]["listeners"] = json!([]);
    document["dynamic_resources"]["lds_config"] = source.config_source();
    with_node(config)
}

/// The listener as a resource.
pub fn listener(config: &mut EnvoyConfig) -> Value {
    let listener = config.document()["static_resources"]["listeners"][0].clone();
    typed("envoy.config.listener.v3.Listener", listener)
}

/// The configuration with the filter from this source (ECDS). Until it has come, Envoy does not listen.
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

/// The filter as a resource.
pub fn filter(config: &mut EnvoyConfig) -> Value {
    let wasm = json!({ "config": config.filter() });
    typed(
        "envoy.config.core.v3.TypedExtensionConfig",
        json!({ "name": "okta-authz", "typed_config": typed("envoy.extensions.filters.http.wasm.v3.Wasm", wasm) }),
    )
}

/// The configuration with the cluster `okta` from this source (CDS), which has none yet; and the cluster as a resource.
pub fn with_okta_from(source: &Source, mut config: EnvoyConfig) -> (EnvoyConfig, Value) {
    let document = config.document();
    let clusters = document["static_resources"]["clusters"].as_array_mut().unwrap();
    let place = clusters.iter().position(|cluster| cluster["name"] == "okta").unwrap();
    let cluster = typed("envoy.config.cluster.v3.Cluster", clusters.remove(place));
    source.publish(&[]);
    document["dynamic_resources"]["cds_config"] = source.config_source();
    (with_node(config), cluster)
}

/// Whoever discovers must have a name.
fn with_node(mut config: EnvoyConfig) -> EnvoyConfig {
    config.document()["node"] = json!({ "id": "outages", "cluster": "outages" });
    config
}

fn typed(name: &str, mut resource: Value) -> Value {
    resource["@type"] = json!(format!("type.googleapis.com/{name}"));
    resource
}
