//! Servers and listeners of a gateway that are not HTTP: their connections pass neither the filter
//! nor the guard.

use serde_json::Value;

use super::envoy_json::{list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{metadata, name, owner, resources_of_kind, spec};
use super::{listener_sets, workload};

/// Protocols with HTTP filters, in Istio and in the Gateway API.
const HTTP: [&str; 5] = ["HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB"];

/// Warns about servers that are not HTTP of the gateways that have the filter of this part of the
/// file.
pub(super) fn warnings(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents) else { return Vec::new() };
    let is_gateway =
        text_equals(owner, "kind", "EnvoyExtensionPolicy") || !workload::is_inbound(part, owner, documents);
    let mut warnings = Vec::new();
    for gateway in resources_of_kind(documents, "Gateway").filter(|_| is_gateway) {
        let (field, applies) = if spec(gateway).get("servers").is_some() {
            let selector = spec(gateway).get("selector").and_then(Value::as_object);
            ("servers", workload::overlap(selector, workload::labels(owner)) && !has_targets(owner))
        } else {
            ("listeners", gateway_targets(owner).any(|target| text_equals(target, "name", name(gateway))))
        };
        if applies {
            warnings.extend(not_http_warnings(gateway, "Gateway", field));
        }
    }
    for target in gateway_targets(owner) {
        let gateway = text(target, "name").unwrap_or_default();
        for set in listener_sets::of_gateway(gateway, metadata(owner, "namespace"), documents) {
            warnings.extend(not_http_warnings(set, "ListenerSet", "listeners"));
        }
    }
    warnings
}

/// Returns a warning for each server of a resource that is not HTTP.
fn not_http_warnings(resource: &Value, kind: &str, field: &str) -> Vec<Finding> {
    let warning = |(index, server)| {
        let problem = format!("{}: its connections pass neither the filter nor the guard", not_http(server)?);
        Some(Finding::warning(format!("{kind}/{}.spec.{field}[{index}]", name(resource)), problem))
    };
    list(spec(resource), field).iter().enumerate().filter_map(warning).collect()
}

/// Returns the references of a policy to gateways of the Gateway API.
pub(super) fn gateway_targets(policy: &Value) -> impl Iterator<Item = &Value> {
    let targets = spec(policy).get("targetRef").into_iter().chain(list(spec(policy), "targetRefs"));
    targets.filter(|target| text_equals(target, "kind", "Gateway"))
}

fn has_targets(policy: &Value) -> bool {
    spec(policy).get("targetRef").is_some() || spec(policy).get("targetRefs").is_some()
}

/// Returns why a server of Istio or a listener of the Gateway API is not HTTP.
fn not_http(server: &Value) -> Option<String> {
    let protocol = text(server, "protocol").or_else(|| text(server.get("port")?, "protocol"))?;
    let mode = server.get("tls").and_then(|tls| text(tls, "mode")).unwrap_or_default();
    if !HTTP.contains(&protocol.to_ascii_uppercase().as_str()) {
        return Some(format!("has the protocol `{protocol}`"));
    }
    let is_passed = matches!(mode.to_ascii_uppercase().as_str(), "PASSTHROUGH" | "AUTO_PASSTHROUGH");
    is_passed.then(|| format!("has `tls.mode: {mode}`, which does not end TLS"))
}
