//! Servers and listeners of a gateway that are not HTTP: their connections pass neither the filter
//! nor the guard.

use serde_json::Value;

use super::envoy_json::{list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{name, owner, resources_of_kind, spec};
use super::workload;

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
        for (index, server) in list(spec(gateway), field).iter().enumerate().filter(|_| applies) {
            if let Some(reason) = not_http(server) {
                let problem = format!("{reason}: its connections pass neither the filter nor the guard");
                let path = format!("Gateway/{}.spec.{field}[{index}]", name(gateway));
                warnings.push(Finding::warning(path, problem));
            }
        }
    }
    warnings
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
