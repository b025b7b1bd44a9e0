//! TLS of the cluster of a `ServiceEntry`, which Istio's `DestinationRule` adds.

use serde_json::Value;

use super::envoy_json::{is_true, list, list_at, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{resources_of_kind, spec};

/// Returns the problems with the TLS of a cluster such as `outbound|443||acme.okta.com`.
///
/// Other names get a note, because a cluster that Envoy Gateway generates is in no resource.
pub(super) fn findings(path: &str, cluster: &str, hosts: &[String], documents: &[Value]) -> Vec<Finding> {
    let mut segments = cluster.split('|');
    let (Some("outbound"), Some(port), Some(subset), Some(host)) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        let problem = format!("the cluster {cluster:?} is not in this file: check cannot see its TLS");
        return vec![Finding::note(path, problem)];
    };
    let rules: Vec<&Value> = resources_of_kind(documents, "DestinationRule")
        .map(spec)
        .filter(|spec| text_equals(spec, "host", host))
        .collect();
    let has_host = |entry: &Value| list_at(entry, "/spec/hosts").iter().any(|entry_host| entry_host == host);
    if rules.is_empty() {
        let problem = format!("no `DestinationRule` in this file adds TLS for {host:?}: check cannot see it");
        let is_known = resources_of_kind(documents, "ServiceEntry").any(has_host);
        return is_known.then(|| Finding::note(path, problem)).into_iter().collect();
    }
    let settings = || rules.iter().map(|spec| tls_settings(spec, port, subset));
    let problems = settings().flat_map(|tls| match tls {
        Some(tls) => problems(tls, hosts),
        None => vec![format!("the `DestinationRule` for {host:?} adds no TLS")],
    });
    let mut findings: Vec<Finding> = problems.map(|problem| Finding::warning(path, problem)).collect();
    let uses_default_ca =
        |tls: &Value| tls.get("caCertificates").is_none() && tls.get("credentialName").is_none();
    if findings.is_empty() && settings().flatten().any(uses_default_ca) {
        let problem = "the `DestinationRule` has no `caCertificates`: Istio 1.24 and later verify the certificate with the \
                       CAs of the proxy image, earlier versions may not verify it";
        findings.push(Finding::note(path, problem));
    }
    findings
}

/// Returns the most specific TLS settings: those of the subset, of the port, or of the host.
fn tls_settings<'a>(spec: &'a Value, port: &str, subset: &str) -> Option<&'a Value> {
    let subset = list(spec, "subsets").iter().find(|candidate| text_equals(candidate, "name", subset));
    let policies = [subset.and_then(|subset| subset.get("trafficPolicy")), spec.get("trafficPolicy")];
    policies.into_iter().flatten().find_map(|policy| {
        let is_port =
            |settings: &&Value| settings.pointer("/port/number").and_then(Value::as_u64) == port.parse().ok();
        let port_settings = list(policy, "portLevelSettings").iter().find(is_port);
        port_settings.map_or_else(|| policy.get("tls"), |settings| settings.get("tls"))
    })
}

fn problems(tls: &Value, hosts: &[String]) -> Vec<String> {
    let mode = text(tls, "mode").unwrap_or("DISABLE");
    if !matches!(mode, "SIMPLE" | "MUTUAL") {
        return vec![format!(
            "the `DestinationRule` has `mode: {mode}`: use `SIMPLE` for a host outside the mesh"
        )];
    }
    let mut problems = Vec::new();
    let is_expected = |name: &str| hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
    let host = hosts.first().map_or("", String::as_str);
    if is_true(tls, "insecureSkipVerify") {
        problems.push("the `DestinationRule` accepts every certificate: `insecureSkipVerify`".to_owned());
    }
    if let Some(sni) = text(tls, "sni").filter(|sni| !is_expected(sni)) {
        problems.push(format!(
            "the `DestinationRule` sends the SNI {sni:?}, but the filter fetches from {host:?}"
        ));
    }
    let names = list(tls, "subjectAltNames").iter().filter_map(Value::as_str);
    problems.extend(names.filter(|name| !is_expected(name)).map(|name| {
        format!(
            "the `DestinationRule` accepts certificates for {name:?}, but the filter fetches from {host:?}"
        )
    }));
    if tls.get("subjectAltNames").is_none() {
        let problem = "the `DestinationRule` accepts a certificate for any name: it has no `subjectAltNames`";
        problems.push(problem.to_owned());
    }
    problems
}
