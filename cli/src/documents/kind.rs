//! The kind of a document, which decides which program reads it.

use serde_json::Value;

use super::node::{Content, Node};

/// The reader of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Envoy: a bootstrap, a file of resources, a listener, a filter.
    Envoy,
    /// Kubernetes: a resource with `apiVersion` and `kind`.
    Kubernetes,
    /// The filter's configuration alone.
    Bare,
}

/// Members at the top of Envoy's messages. No field of the filter's configuration has such a name.
const ENVOY: [&str; 24] = [
    "static_resources",
    "dynamic_resources",
    "resources",
    "admin",
    "node",
    "layered_runtime",
    "stats_config",
    "bootstrap_extensions",
    "name",
    "@type",
    "listeners",
    "clusters",
    "filter_chains",
    "filters",
    "http_filters",
    "typed_config",
    "typed_per_filter_config",
    "route_config",
    "virtual_hosts",
    "config",
    "configuration",
    "vm_config",
    "transport_socket",
    "load_assignment",
];

/// The most nodes that the search for a plugin looks at.
const MAX_NODES: usize = 1_000_000;

/// Returns the kind of a document; `None` for an empty one.
pub(super) fn of(document: &Node) -> Option<Kind> {
    if document.is_null() {
        return None;
    }
    let Content::Mapping(members) = &document.content else { return Some(Kind::Envoy) };
    let is = |names: &[&str]| {
        let mut keys = members.iter().filter_map(|(key, _)| key.text());
        keys.any(|key| names.contains(&super::names::snake_case(key).as_ref()))
    };
    // A member that Envoy drops does not make a resource of Kubernetes of a file for Envoy.
    let is_resource =
        members.iter().any(|(key, _)| matches!(key.text(), Some("apiVersion" | "kind")) && !key.is_ignored());
    Some(if is_resource {
        Kind::Kubernetes
    } else if is(&ENVOY) || has_plugin(document, &mut { MAX_NODES }) {
        Kind::Envoy
    } else {
        Kind::Bare
    })
}

/// Gives the items of a typed list of Kubernetes (`WasmPluginList`) the kind and the version that they may lack.
pub(super) fn complete(list: &mut Value) {
    let text = |name: &str| list.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("kind").and_then(|kind| kind.strip_suffix("List").map(str::to_owned));
    let version = text("apiVersion");
    let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) else { return };
    for item in items {
        complete(item);
        let Some(members) = item.as_object_mut() else { continue };
        let missing = [("kind", &kind), ("apiVersion", &version)];
        for (name, value) in missing.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            if !value.is_empty() && !members.contains_key(name) {
                members.insert(name.to_owned(), value.as_str().into());
            }
        }
    }
}

/// Reports whether anything inside looks like Envoy's `PluginConfig`. Looks at as many nodes as `left` says: aliases can
/// make more of them than there are in the file.
fn has_plugin(node: &Node, left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    match &node.content {
        _ if *left == 0 => false,
        Content::Mapping(members) => {
            node.get("configuration").is_some_and(|inner| inner.get("@type").is_some())
                || members.iter().any(|(_, value)| has_plugin(value, left))
        }
        Content::Sequence(items) => items.iter().any(|item| has_plugin(item, left)),
        Content::Scalar { .. } | Content::Json(_) => false,
    }
}
