//! The workloads that resources of Istio select.

use serde_json::{Map, Value};

use super::envoy_json::{contains, list, text_equals};
use super::kubernetes::{metadata, resources_of_kind, spec};
use super::rbac;

/// The namespace whose resources apply to all namespaces.
pub(super) const ROOT_NAMESPACE: &str = "istio-system";

/// Returns the labels that select the workloads of a resource; `None` if it applies to all
/// workloads.
pub(super) fn labels(resource: &Value) -> Option<&Map<String, Value>> {
    let pointers = ["/selector/matchLabels", "/workloadSelector/labels"];
    let labels = pointers.iter().find_map(|pointer| spec(resource).pointer(pointer))?.as_object()?;
    (!labels.is_empty()).then_some(labels)
}

/// Reports whether two selections can have a workload in common: no label has two values.
pub(super) fn overlap(one: Option<&Map<String, Value>>, other: Option<&Map<String, Value>>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    one.iter().all(|(name, value)| other.get(name).is_none_or(|other| other == value))
}

/// Reports whether a resource can apply to a workload of the owner of a configuration.
pub(super) fn may_apply(resource: &Value, owner: &Value) -> bool {
    let namespace = metadata(resource, "namespace");
    (namespace == metadata(owner, "namespace") || namespace == Some(ROOT_NAMESPACE))
        && overlap(labels(resource), labels(owner))
}

/// Reports whether a `WasmPlugin` is only for requests of one mode: `SERVER` or `CLIENT`.
pub(super) fn has_only_mode(plugin: &Value, mode: &str) -> bool {
    let conditions = list(spec(plugin), "match");
    !conditions.is_empty() && conditions.iter().all(|condition| text_equals(condition, "mode", mode))
}

/// Reports whether a `WasmPlugin` is only for one port, the one of a condition of a patch.
pub(super) fn has_only_port(plugin: &Value, condition: &str, value: &Value) -> bool {
    let is_port = |port: &Value| port.get("number") == Some(value);
    let has_port = |condition: &Value| matches!(list(condition, "ports"), [port] if is_port(port));
    let conditions = list(spec(plugin), "match");
    matches!(condition, "/match/listener/portNumber" | "/match/listener/filterChain/destinationPort")
        && !conditions.is_empty()
        && conditions.iter().all(has_port)
}

/// Reports whether the filter of this part of the file is for requests to the workload of a
/// sidecar, and not for a gateway.
pub(super) fn is_inbound(part: &Value, owner: &Value, documents: &[Value]) -> bool {
    let is_inbound =
        |patch: &Value| patch.pointer("/match/context").is_some_and(|context| context == "SIDECAR_INBOUND");
    if text_equals(owner, "kind", "EnvoyFilter") {
        let patches = list(spec(owner), "configPatches").iter();
        return patches.filter(|patch| contains(patch, part)).any(is_inbound);
    }
    // A gateway counts as a client.
    let is_server = |condition: &Value| text_equals(condition, "mode", "SERVER");
    let has_inbound_guard = |filter: &Value| {
        list(spec(filter), "configPatches").iter().any(|patch| {
            is_inbound(patch) && patch.pointer("/patch/value").is_some_and(rbac::mentions_permit)
        })
    };
    list(spec(owner), "match").iter().any(is_server)
        || resources_of_kind(documents, "EnvoyFilter")
            .any(|filter| may_apply(filter, owner) && has_inbound_guard(filter))
}
