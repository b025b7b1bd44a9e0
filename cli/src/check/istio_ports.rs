//! Ports of the workload of a sidecar. Istio adds the filter only to HTTP: a TCP connection passes
//! neither the filter nor the guard.

use serde_json::Value;

use super::envoy_json::{list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{metadata, name, owner, resources_of_kind, spec};
use super::workload;

/// Protocols of Istio whose connections have HTTP filters.
const HTTP: [&str; 5] = ["http", "http2", "grpc", "grpc-web", "http_proxy"];

/// Warns about ports of a `Service` that are not HTTP, and notes that the file denies no TCP
/// connections to other ports, or to the ports with HTTP.
pub(super) fn findings(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents).filter(|owner| workload::is_inbound(part, owner, documents))
    else {
        return Vec::new();
    };
    let operations: Vec<&Value> = resources_of_kind(documents, "AuthorizationPolicy")
        .filter(|policy| text_equals(spec(policy), "action", "DENY") && workload::may_apply(policy, owner))
        .flat_map(denied_operations)
        .collect();
    let denies_all = denies_all_tcp(&operations);
    let mut findings = Vec::new();
    let mut is_declared = false;
    for service in resources_of_kind(documents, "Service").filter(|service| selects(service, owner)) {
        is_declared = true;
        for (index, port) in list(spec(service), "ports").iter().enumerate() {
            if !is_http(port) && !denies_all && !operations.iter().any(|operation| denies(operation, port)) {
                let problem = "is not declared as HTTP: a TCP connection passes neither the filter nor the guard; set \
                               `appProtocol: http`, or deny the port with an `AuthorizationPolicy`";
                let path = format!("Service/{}.spec.ports[{index}]", name(service));
                findings.push(Finding::warning(path, problem));
            }
        }
    }
    let denies_others =
        |operation: &&Value| operation.get("notPorts").is_some() && is_for_every_request(operation);
    if !operations.iter().any(denies_others) {
        let problem = "no `AuthorizationPolicy` in this file denies the other ports of the workload (`notPorts`): TCP \
                       connections to them pass neither the filter nor the guard";
        findings.push(Finding::note("", problem));
    } else if !denies_all && !is_declared {
        let problem = "no `AuthorizationPolicy` in this file denies TCP connections to the ports with HTTP (`ports` with \
                       `methods: [NOT-HTTP]`): if the `Service` does not declare the protocol of a port, they pass \
                       neither the filter nor the guard";
        findings.push(Finding::note("", problem));
    }
    findings
}

/// Reports whether a `Service` can select a workload of the owner.
fn selects(service: &Value, owner: &Value) -> bool {
    let selector = spec(service).get("selector").and_then(Value::as_object);
    let namespace = metadata(service, "namespace");
    selector.is_some_and(|selector| !selector.is_empty())
        && workload::overlap(selector, workload::labels(owner))
        && (namespace.is_none() || namespace == metadata(owner, "namespace"))
}

/// Reports whether Istio treats every connection to a port of a `Service` as HTTP. `appProtocol`
/// takes precedence over the name.
fn is_http(port: &Value) -> bool {
    let declared = match text(port, "appProtocol") {
        Some("kubernetes.io/h2c" | "kubernetes.io/ws") => return true,
        Some(protocol) => protocol,
        None => text(port, "name").unwrap_or_default(),
    };
    let declared = declared.to_ascii_lowercase();
    let is_prefix = |protocol: &&str| {
        declared.strip_prefix(protocol).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    text(port, "protocol").is_none_or(|protocol| protocol == "TCP") && HTTP.iter().any(is_prefix)
}

/// Returns the operations that a policy denies for every client: with ports, and with no other
/// conditions than those on HTTP, which istiod omits from rules for TCP.
fn denied_operations(policy: &Value) -> impl Iterator<Item = &Value> {
    const HTTP_FIELDS: [&str; 6] = ["methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"];
    let rules = list(spec(policy), "rules").iter();
    let is_for_all = |rule: &&Value| rule.get("from").is_none() && rule.get("when").is_none();
    let operations = rules.filter(is_for_all).flat_map(|rule| list(rule, "to"));
    operations.filter_map(|to| to.get("operation")).filter(|operation| {
        let is_known = |name: &String| is_port_field(name) || HTTP_FIELDS.contains(&name.as_str());
        operation.as_object().is_some_and(|members| {
            members.keys().all(is_known) && members.keys().filter(|name| is_port_field(name)).count() == 1
        })
    })
}

fn is_port_field(name: &str) -> bool {
    matches!(name, "ports" | "notPorts")
}

/// Reports whether a denied operation has no condition on HTTP.
fn is_for_every_request(operation: &Value) -> bool {
    operation.as_object().is_some_and(|members| members.keys().all(|name| is_port_field(name)))
}

/// Reports whether operations deny TCP connections to every port: one names the ports that another
/// one excludes.
fn denies_all_tcp(operations: &[&Value]) -> bool {
    operations.iter().filter(|operation| operation.get("notPorts").is_some()).any(|others| {
        let ports = list(others, "notPorts");
        let is_named = |port| operations.iter().any(|operation| list(operation, "ports").contains(port));
        !ports.is_empty() && ports.iter().all(is_named)
    })
}

/// Reports whether a denied operation includes TCP connections to the port of the container behind
/// a port of a `Service`. The file does not show the number of a port with a name.
fn denies(operation: &Value, port: &Value) -> bool {
    let number = port.get("targetPort").or_else(|| port.get("port")).and_then(Value::as_u64);
    number.is_some_and(|number| {
        let number = Value::String(number.to_string());
        let has = |field: &str| list(operation, field).contains(&number);
        if operation.get("ports").is_some() { has("ports") } else { !has("notPorts") }
    })
}
