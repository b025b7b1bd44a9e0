//! The kind of a document, which determines its reader.

use serde_json::Value;

use super::node::{Content, Node};
use super::proto::snake_case;

/// The program that reads a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum DocumentKind {
    /// Envoy: a bootstrap, a file of resources, a listener, a filter.
    Envoy,
    /// Kubernetes: a resource with `apiVersion` and `kind`.
    Kubernetes,
    /// None: the document is the configuration of the filter.
    Bare,
}

/// Top-level fields of Envoy's messages. The configuration of the filter has no such fields.
const ENVOY_FIELDS: [&str; 24] = [
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

/// The maximum number of nodes that the search for a plugin visits.
const MAX_NODES: usize = 1_000_000;

/// Returns the kind of a document; `None` for an empty one.
pub(super) fn of(document: &Node) -> Option<DocumentKind> {
    if document.is_null() {
        return None;
    }
    let Content::Mapping(members) = &document.content else { return Some(DocumentKind::Envoy) };
    let has_field = |names: &[&str]| {
        let mut keys = members.iter().filter_map(|(key, _)| key.text());
        keys.any(|key| names.contains(&snake_case(key).as_ref()))
    };
    // Envoy drops a member with the tag `!ignore`, so it does not make the document a resource.
    let is_resource =
        members.iter().any(|(key, _)| matches!(key.text(), Some("apiVersion" | "kind")) && !key.is_ignored());
    Some(if is_resource {
        DocumentKind::Kubernetes
    } else if has_field(&ENVOY_FIELDS) || has_plugin(document, &mut { MAX_NODES }) {
        DocumentKind::Envoy
    } else {
        DocumentKind::Bare
    })
}

/// Adds a missing `kind` and `apiVersion` to the items of a typed list of Kubernetes
/// (`WasmPluginList`).
pub(super) fn complete_list_items(list: &mut Value) {
    let text = |name: &str| list.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("kind").and_then(|kind| kind.strip_suffix("List").map(str::to_owned));
    let version = text("apiVersion");
    let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) else { return };
    for item in items {
        complete_list_items(item);
        let Some(members) = item.as_object_mut() else { continue };
        let missing = [("kind", &kind), ("apiVersion", &version)];
        for (name, value) in missing.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            if !value.is_empty() && !members.contains_key(name) {
                members.insert(name.to_owned(), value.as_str().into());
            }
        }
    }
}

/// Reports whether a node inside looks like Envoy's `PluginConfig`. Visits at most `left` nodes,
/// because aliases can multiply the nodes of a file.
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
