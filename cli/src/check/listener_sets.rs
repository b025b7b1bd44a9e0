//! `ListenerSet` resources of the Gateway API, which add listeners to a Gateway.

use serde_json::Value;

use super::envoy_json::text;
use super::kubernetes::{metadata, resources, spec};

/// The kind, also with the name of the experimental channel.
pub(super) const KINDS: [&str; 2] = ["ListenerSet", "XListenerSet"];

/// Returns the `ListenerSet` resources of a Gateway. A namespace that the file does not show can be
/// any.
pub(super) fn of_gateway<'a>(
    gateway: &'a str,
    namespace: Option<&'a str>,
    documents: &'a [Value],
) -> impl Iterator<Item = &'a Value> {
    resources(documents).filter(move |set| {
        let parent = spec(set).get("parentRef").unwrap_or(&Value::Null);
        let of_parent = text(parent, "namespace").or_else(|| metadata(set, "namespace"));
        text(set, "kind").is_some_and(|kind| KINDS.contains(&kind))
            && text(parent, "name") == Some(gateway)
            && (of_parent.is_none() || namespace.is_none() || of_parent == namespace)
    })
}
