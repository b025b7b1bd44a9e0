//! Ports of the workload of a sidecar. Istio adds the filter only to HTTP: a TCP connection passes
//! neither the filter nor the guard.

use std::collections::BTreeSet;

use serde_json::Value;

use super::envoy_json::{list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{metadata, name, owner, resources_of_kind, spec};
use super::workload;

/// Protocols of Istio whose connections have HTTP filters.
const HTTP: [&str; 5] = ["http", "http2", "grpc", "grpc-web", "http_proxy"];

/// Warns about ports of a `Service` that are not HTTP and about ports that a policy leaves open for
/// TCP, and notes that the file denies no other ports.
pub(super) fn findings(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents).filter(|owner| workload::is_inbound(part, owner, documents))
    else {
        return Vec::new();
    };
    let operations: Vec<&Value> = resources_of_kind(documents, "AuthorizationPolicy")
        .filter(|policy| text_equals(spec(policy), "action", "DENY") && workload::may_apply(policy, owner))
        .flat_map(denied_operations)
        .collect();
    let mut findings = Vec::new();
    for service in resources_of_kind(documents, "Service").filter(|service| selects(service, owner)) {
        for (index, port) in list(spec(service), "ports").iter().enumerate() {
            if !is_http(port) && !operations.iter().any(|operation| denies(operation, port)) {
                let problem = "is not declared as HTTP: a TCP connection passes neither the filter nor the guard; set \
                               `appProtocol: http`, or deny the port with an `AuthorizationPolicy`";
                let path = format!("Service/{}.spec.ports[{index}]", name(service));
                findings.push(Finding::warning(path, problem));
            }
        }
    }
    if !operations.iter().any(|operation| operation.get("notPorts").is_some()) {
        let problem = "no `AuthorizationPolicy` in this file denies the other ports of the workload (`notPorts`): TCP \
                       connections to them pass neither the filter nor the guard";
        findings.push(Finding::note("", problem));
    }
    findings.extend(ports_open_for_tcp(&operations));
    findings
}

/// Warns about each port that `notPorts` exempts and that no other operation denies for TCP. Envoy
/// detects the protocol of a port whose `Service` declares none. What it does not detect as HTTP,
/// such as a request after an empty line, reaches the workload without the filter.
fn ports_open_for_tcp(operations: &[&Value]) -> Vec<Finding> {
    let exempt =
        operations.iter().flat_map(|operation| list(operation, "notPorts")).filter_map(Value::as_str);
    let exempt: BTreeSet<&str> = exempt.collect();
    let open =
        exempt.into_iter().filter(|port| !operations.iter().any(|operation| includes(operation, port)));
    open.map(|port| {
        Finding::warning(
            "",
            format!(
                "the `AuthorizationPolicy` leaves port {port} open for TCP, which passes neither the filter nor the \
                 guard if the `Service` declares no protocol; add the operation \
                 `{{ ports: [\"{port}\"], methods: [NOT-HTTP] }}`"
            ),
        )
    })
    .collect()
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

/// Returns the operations that a policy denies for every client, without other conditions than
/// ports and methods. Istio omits `methods` from a DENY rule for TCP, and then denies every
/// connection.
fn denied_operations(policy: &Value) -> impl Iterator<Item = &Value> {
    let rules = list(spec(policy), "rules").iter();
    let is_for_all = |rule: &&Value| rule.get("from").is_none() && rule.get("when").is_none();
    let operations = rules.filter(is_for_all).flat_map(|rule| list(rule, "to"));
    operations.filter_map(|to| to.get("operation")).filter(|operation| {
        operation.as_object().is_some_and(|members| {
            let has = |name| members.contains_key(name);
            has("ports") != has("notPorts")
                && members.keys().all(|name| matches!(name.as_str(), "ports" | "notPorts" | "methods"))
        })
    })
}

/// Reports whether a denied operation includes the port of the container behind a port of a
/// `Service`. The file does not show the number of a port with a name.
fn denies(operation: &Value, port: &Value) -> bool {
    let number = port.get("targetPort").or_else(|| port.get("port")).and_then(Value::as_u64);
    number.is_some_and(|number| includes(operation, &number.to_string()))
}

/// Reports whether a denied operation includes a port number.
fn includes(operation: &Value, number: &str) -> bool {
    let has = |field| list(operation, field).iter().any(|port| port.as_str() == Some(number));
    if operation.get("ports").is_some() { has("ports") } else { !has("notPorts") }
}
