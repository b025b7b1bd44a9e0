//! The `Sidecar` resource of Istio, which limits the hosts that the proxy of a workload knows.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::clusters;
use super::envoy_json::{list, list_at};
use super::finding::Finding;
use super::kubernetes::{metadata, name, owner, resources_of_kind, spec};
use super::workload;

/// Warns if a `Sidecar` hides a host that the filter fetches from, and notes that one replaces the
/// egress list of the workload.
pub(super) fn findings(part: &Value, config: &Config, documents: &[Value]) -> Vec<Finding> {
    // A `Sidecar` does not apply to a gateway.
    let Some(owner) = owner(part, documents).filter(|owner| workload::is_inbound(part, owner, documents))
    else {
        return Vec::new();
    };
    let namespace = metadata(owner, "namespace").unwrap_or_default();
    let sources = clusters::remote_sources(config);
    let hosts: Vec<&str> = sources.iter().filter_map(|source| source.cluster.split('|').nth(3)).collect();
    let mut findings = Vec::new();
    let sidecars = resources_of_kind(documents, "Sidecar");
    for sidecar in sidecars.filter(|sidecar| workload::may_apply(sidecar, owner)) {
        let entries: Vec<&str> = list(spec(sidecar), "egress")
            .iter()
            .flat_map(|egress| list(egress, "hosts"))
            .filter_map(Value::as_str)
            .collect();
        if entries.is_empty() {
            continue;
        }
        let path = format!("Sidecar/{}.spec.egress", name(sidecar));
        for host in &hosts {
            let of_host = entry_namespace(host, namespace, documents);
            if !entries.iter().any(|entry| includes(entry, of_host, host, namespace)) {
                let problem = format!(
                    "does not include {host:?}: the proxy has no cluster for it, and requests that need keys get 503"
                );
                findings.push(Finding::warning(&path, problem));
            }
        }
        if !entries.contains(&"*/*") {
            let problem =
                "replaces the egress list of the workload: it cannot reach hosts that are not in this list";
            findings.push(Finding::note(path, problem));
        }
    }
    findings
}

/// Returns the namespace of the `ServiceEntry` for a host; without one that of the filter.
fn entry_namespace<'a>(host: &str, default: &'a str, documents: &'a [Value]) -> &'a str {
    let has_host = |entry: &&Value| list_at(entry, "/spec/hosts").iter().any(|value| value == host);
    let entry = resources_of_kind(documents, "ServiceEntry").find(has_host);
    entry.and_then(|entry| metadata(entry, "namespace")).unwrap_or(default)
}

/// Reports whether an entry such as `./*` or `okta/acme.okta.com` includes the host of a namespace.
/// `own` is the namespace of the `Sidecar`.
fn includes(entry: &str, namespace: &str, host: &str, own: &str) -> bool {
    let Some((of_entry, pattern)) = entry.split_once('/') else { return false };
    let is_namespace = match of_entry {
        "*" => true,
        "." => namespace == own,
        other => namespace == other,
    };
    let is_host = pattern == "*"
        || pattern == host
        || pattern.strip_prefix('*').is_some_and(|suffix| suffix.starts_with('.') && host.ends_with(suffix));
    is_namespace && is_host
}
