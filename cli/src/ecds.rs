//! Instances of the filter whose configuration Envoy fetches separately (ECDS, `config_discovery`).

use std::fmt;

use serde_json::Value;

use super::locate::{element, member, roots};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// An instance of the filter without its configuration.
pub(crate) struct EcdsFilter<'a> {
    /// The path in the file: `static_resources.listeners[0]...http_filters[0]`.
    pub(crate) location: String,
    pub(crate) source: ConfigSource<'a>,
    /// The HTTP filters after this one, if the file shows them.
    pub(crate) following_filters: Option<&'a [Value]>,
}

/// The source of the configuration.
pub(crate) enum ConfigSource<'a> {
    /// The path of a file.
    File(&'a str),
    ControlPlane,
}

impl fmt::Display for ConfigSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "Envoy reads the configuration from the file {path} (ECDS)"),
            Self::ControlPlane => f.write_str("Envoy gets the configuration from a control plane (ECDS)"),
        }
    }
}

/// Returns every instance of the filter that has its configuration elsewhere.
pub(crate) fn find(documents: &[Value]) -> Vec<EcdsFilter<'_>> {
    let mut found = Vec::new();
    for (root, document) in roots(documents) {
        search(&root, document, None, &mut found);
    }
    found
}

fn search<'a>(
    location: &str,
    value: &'a Value,
    following: Option<&'a [Value]>,
    found: &mut Vec<EcdsFilter<'a>>,
) {
    match value {
        Value::Array(items) => {
            let are_filters = location.ends_with("http_filters");
            for (index, item) in items.iter().enumerate() {
                let following = if are_filters { items.get(index.saturating_add(1)..) } else { following };
                search(&element(location, index), item, following, found);
            }
        }
        Value::Object(members) => {
            let discovery = members.get("config_discovery");
            if let Some(discovery) = discovery.filter(|discovery| is_this_filter(value, discovery)) {
                found.push(EcdsFilter {
                    location: location.to_owned(),
                    source: config_source(discovery),
                    following_filters: following,
                });
                return;
            }
            for (name, inner) in members {
                search(&member(location, name), inner, following, found);
            }
        }
        _ => {}
    }
}

/// Reports whether a filter is a wasm filter whose description contains `okta`.
fn is_this_filter(filter: &Value, discovery: &Value) -> bool {
    let mut type_urls = discovery.get("type_urls").and_then(Value::as_array).into_iter().flatten();
    type_urls.any(|url| url.as_str().is_some_and(|url| url.ends_with(WASM)))
        && filter.to_string().contains("okta")
}

fn config_source(discovery: &Value) -> ConfigSource<'_> {
    // `path` is the deprecated form of `path_config_source`.
    let path = ["/config_source/path_config_source/path", "/config_source/path"]
        .iter()
        .find_map(|pointer| discovery.pointer(pointer)?.as_str());
    path.map_or(ConfigSource::ControlPlane, ConfigSource::File)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sources(filter: &Value) -> Vec<String> {
        let documents = [json!({ "http_filters": [filter, { "name": "guard" }] })];
        let found = find(&documents);
        for filter in &found {
            assert_eq!(filter.location, "http_filters[0]");
            assert_eq!(filter.following_filters.unwrap().len(), 1);
        }
        found.iter().map(|filter| filter.source.to_string()).collect()
    }

    #[test]
    fn find_ecds_filter_returns_file_or_control_plane() {
        let wasm = format!("type.googleapis.com/{WASM}");
        let filter = |name: &str, source: Value, type_url: &str| {
            let discovery = json!({ "config_source": source, "type_urls": [type_url] });
            json!({ "name": name, "config_discovery": discovery })
        };
        let file = json!({ "path_config_source": { "path": "okta.yaml" } });
        let from_file = ["Envoy reads the configuration from the file okta.yaml (ECDS)"];
        assert_eq!(sources(&filter("okta-authz", file.clone(), &wasm)), from_file);
        assert_eq!(sources(&filter("authz", json!({ "path": "okta.yaml" }), &wasm)), from_file);
        assert_eq!(
            sources(&filter("okta-authz", json!({ "ads": {} }), &wasm)),
            ["Envoy gets the configuration from a control plane (ECDS)"]
        );
        let other_name = filter("stats", json!({ "ads": {} }), &wasm);
        assert_eq!(sources(&other_name), [""; 0], "another wasm filter");
        let not_wasm = filter("okta", file, "type.googleapis.com/x.Lua");
        assert_eq!(sources(&not_wasm), [""; 0], "a Lua filter");
    }
}
