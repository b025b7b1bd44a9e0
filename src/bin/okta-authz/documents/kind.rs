//! What a document is for, which decides who reads it.

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
