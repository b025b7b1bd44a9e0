//! `EnvoyExtensionPolicy` resources for routes. The guard is for all requests of a listener, and
//! Envoy Gateway enables wasm filters by route.

use serde_json::Value;

use super::envoy_json::{list, text};
use super::finding::Finding;
use super::gateway_servers::gateway_targets;
use super::kubernetes::{metadata, name, owner, resources_of_kind, spec};
use super::{listener_sets, mesh_guard};

/// Warns about routes that have the guard of this file, but not the filter of this part.
pub(super) fn warnings(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents) else { return Vec::new() };
    if mesh_guard::gateway_guards(owner, documents).is_empty() {
        return Vec::new();
    }
    let policies = || {
        resources_of_kind(documents, "EnvoyExtensionPolicy")
            .filter(|policy| metadata(policy, "namespace") == metadata(owner, "namespace"))
    };
    if let Some(kind) = target_kind(owner, |kind| kind.ends_with("Route")) {
        let has_gateway_policy =
            policies().any(|policy| gateway_targets(policy).next().is_some() && has_filter(policy));
        let problem = format!(
            "is an `{kind}`, but the guard is for all requests of the listener: other routes get 403; use a `Gateway`"
        );
        let path = format!("EnvoyExtensionPolicy/{}.spec.targetRefs", name(owner));
        return (!has_gateway_policy).then(|| Finding::warning(path, problem)).into_iter().collect();
    }
    let replaces = |policy: &&Value| {
        !std::ptr::eq(*policy, owner) && !has_filter(policy) && spec(policy).get("mergeType").is_none()
    };
    let warning = |policy: &Value| {
        let kind =
            target_kind(policy, |kind| kind.ends_with("Route") || listener_sets::KINDS.contains(&kind))?;
        let problem = format!(
            "this policy replaces the one of the Gateway for its `{kind}`, whose requests get the 403 of the guard: set \
             `mergeType` (Envoy Gateway 1.9 or later), or repeat the filter here"
        );
        Some(Finding::warning(format!("EnvoyExtensionPolicy/{}.spec", name(policy)), problem))
    };
    policies().filter(replaces).filter_map(warning).collect()
}

/// Returns the kind of the first target whose kind has a property.
fn target_kind(policy: &Value, has_property: impl Fn(&str) -> bool) -> Option<&str> {
    let targets = spec(policy).get("targetRef").into_iter();
    let targets =
        targets.chain(list(spec(policy), "targetRefs")).chain(list(spec(policy), "targetSelectors"));
    targets.filter_map(|target| text(target, "kind")).find(|kind| has_property(kind))
}

/// Reports whether a policy has a configuration of this filter.
fn has_filter(policy: &Value) -> bool {
    let has_providers = |wasm: &Value| wasm.pointer("/config/providers").is_some();
    list(spec(policy), "wasm").iter().any(has_providers)
}
