//! Resources of Kubernetes in a file.

use serde_json::Value;

use super::envoy_json::{contains, list, text, text_equals};

/// Returns the resources, also those in a list (`kubectl get -o yaml`) or in a list of lists.
pub(super) fn resources(documents: &[Value]) -> impl Iterator<Item = &Value> {
    let mut pending: Vec<&Value> = documents.iter().rev().collect();
    let next = move || {
        let document = pending.pop()?;
        pending.extend(list(document, "items").iter().rev());
        Some(document)
    };
    let all = std::iter::from_fn(next);
    all.filter(|resource| text(resource, "kind").is_some() && resource.get("items").is_none())
}

/// Returns the resources of a kind.
pub(super) fn resources_of_kind<'a>(documents: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    resources(documents).filter(move |resource| text_equals(resource, "kind", kind))
}

/// Returns the resource that contains this part of the file.
pub(super) fn owner<'a>(part: &Value, documents: &'a [Value]) -> Option<&'a Value> {
    // Most parts are near the root. A deep search in each resource is slow in a large file.
    let is_near = |resource: &&Value| {
        let wasm = spec(resource).get("wasm").unwrap_or(&Value::Null);
        let near = [spec(resource), wasm].into_iter().chain(list(spec(resource), "wasm"));
        near.into_iter().any(|near| std::ptr::eq(near, part))
    };
    resources(documents)
        .find(is_near)
        .or_else(|| resources(documents).find(|resource| contains(resource, part)))
}

/// Returns the `spec` of a resource; null if there is none.
pub(super) fn spec(resource: &Value) -> &Value {
    resource.get("spec").unwrap_or(&Value::Null)
}

/// Returns a text of the metadata, such as `name` or `namespace`.
pub(super) fn metadata<'a>(resource: &'a Value, field: &str) -> Option<&'a str> {
    resource.get("metadata").and_then(|metadata| text(metadata, field))
}

/// Returns the name of a resource; empty if there is none.
pub(super) fn name(resource: &Value) -> &str {
    metadata(resource, "name").unwrap_or_default()
}
