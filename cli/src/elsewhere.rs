//! Filters that are named in a file, and whose configuration Envoy fetches from elsewhere (ECDS).

use std::fmt;

use serde_json::Value;

use super::places::{element, member, roots};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// A filter of ours without its configuration.
pub(crate) struct Elsewhere<'a> {
    /// `static_resources.listeners[0]...http_filters[0]`
    pub(crate) place: String,
    pub(crate) origin: Origin<'a>,
    /// The HTTP filters behind it, where they can be told.
    pub(crate) behind: Option<&'a [Value]>,
}

/// Where the configuration is.
pub(crate) enum Origin<'a> {
    File(&'a str),
    ControlPlane,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "Envoy reads the configuration from the file {path} (ECDS)"),
            Self::ControlPlane => f.write_str("Envoy gets the configuration from a control plane (ECDS)"),
        }
    }
}

/// Every filter of ours in these documents that has its configuration elsewhere.
pub(crate) fn find(documents: &[Value]) -> Vec<Elsewhere<'_>> {
    let mut found = Vec::new();
    for (root, document) in roots(documents) {
        search(&root, document, None, &mut found);
    }
    found
}

fn search<'a>(place: &str, value: &'a Value, behind: Option<&'a [Value]>, found: &mut Vec<Elsewhere<'a>>) {
    match value {
        Value::Array(items) => {
            let are_filters = place.ends_with("http_filters");
            for (index, item) in items.iter().enumerate() {
                let behind = if are_filters { items.get(index.saturating_add(1)..) } else { behind };
                search(&element(place, index), item, behind, found);
            }
        }
        Value::Object(members) => {
            if let Some(discovery) = members.get("config_discovery").filter(|inner| is_ours(value, inner)) {
                found.push(Elsewhere { place: place.to_owned(), origin: origin(discovery), behind });
                return;
            }
            for (name, inner) in members {
                search(&member(place, name), inner, behind, found);
            }
        }
        _ => {}
    }
}

/// A wasm filter, and by some name this one.
fn is_ours(filter: &Value, discovery: &Value) -> bool {
    let mut types = discovery.get("type_urls").and_then(Value::as_array).into_iter().flatten();
    types.any(|kind| kind.as_str().is_some_and(|kind| kind.ends_with(WASM)))
        && filter.to_string().contains("okta")
}

fn origin(discovery: &Value) -> Origin<'_> {
    // `path` is what Envoy had before `path_config_source`.
    let path = ["/config_source/path_config_source/path", "/config_source/path"]
        .iter()
        .find_map(|pointer| discovery.pointer(pointer)?.as_str());
    path.map_or(Origin::ControlPlane, Origin::File)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(filter: &Value) -> Vec<String> {
        let documents = [json!({ "http_filters": [filter, { "name": "guard" }] })];
        let found = find(&documents);
        assert!(found.iter().all(|one| one.place == "http_filters[0]" && one.behind.unwrap().len() == 1));
        found.iter().map(|one| one.origin.to_string()).collect()
    }

    #[test]
    fn by_file_and_by_control_plane() {
        let wasm = format!("type.googleapis.com/{WASM}");
        let filter = |name: &str, source: Value, kind: &str| {
            let discovery = json!({ "config_source": source, "type_urls": [kind] });
            json!({ "name": name, "config_discovery": discovery })
        };
        let file = json!({ "path_config_source": { "path": "okta.yaml" } });
        let by_file = ["Envoy reads the configuration from the file okta.yaml (ECDS)"];
        assert_eq!(told(&filter("okta-authz", file.clone(), &wasm)), by_file);
        assert_eq!(told(&filter("authz", json!({ "path": "okta.yaml" }), &wasm)), by_file);
        assert_eq!(
            told(&filter("okta-authz", json!({ "ads": {} }), &wasm)),
            ["Envoy gets the configuration from a control plane (ECDS)"]
        );
        assert_eq!(told(&filter("stats", json!({ "ads": {} }), &wasm)), [""; 0], "somebody else's");
        assert_eq!(told(&filter("okta", file, "type.googleapis.com/x.Lua")), [""; 0], "no wasm");
    }
}
