//! TLS that Istio's `DestinationRule` adds to the cluster of a `ServiceEntry`.

use serde_json::Value;

use super::Finding;
use super::mesh::resources;
use super::read::{is_true, list, says, text};

/// Returns the problems with the TLS of `outbound|443||acme.okta.com`.
///
/// Other names get a note: a cluster of Envoy Gateway is in no resource.
pub(super) fn findings(at: &str, cluster: &str, hosts: &[String], documents: &[Value]) -> Vec<Finding> {
    let mut parts = cluster.split('|');
    let (Some("outbound"), Some(port), Some(subset), Some(host)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        let problem = format!("the cluster {cluster:?} is not in this file: check cannot see its TLS");
        return vec![Finding::note(at, problem)];
    };
    let rules: Vec<&Value> = resources(documents)
        .filter(|resource| says(resource, "kind", "DestinationRule"))
        .filter_map(|rule| rule.get("spec"))
        .filter(|spec| says(spec, "host", host))
        .collect();
    let is_entry = |resource: &Value| {
        let entry = resource.pointer("/spec/hosts").and_then(Value::as_array);
        says(resource, "kind", "ServiceEntry")
            && entry.is_some_and(|hosts| hosts.iter().any(|one| one == host))
    };
    if rules.is_empty() {
        let problem = format!("no `DestinationRule` in this file adds TLS for {host:?}: check cannot see it");
        let finding = resources(documents).any(is_entry).then(|| Finding::note(at, problem));
        return finding.into_iter().collect();
    }
    let problems = rules.iter().flat_map(|spec| match tls(spec, port, subset) {
        Some(tls) => problems(tls, hosts),
        None => vec![format!("the `DestinationRule` for {host:?} adds no TLS")],
    });
    let mut findings: Vec<Finding> = problems.map(|problem| Finding::warning(at, problem)).collect();
    let trusts_default =
        |tls: &&Value| tls.get("caCertificates").is_none() && tls.get("credentialName").is_none();
    let default = rules.iter().filter_map(|spec| tls(spec, port, subset)).find(trusts_default);
    if findings.is_empty() && default.is_some() {
        let problem = "the `DestinationRule` has no `caCertificates`: it depends on Istio's settings whether any certificate \
                       will do";
        findings.push(Finding::note(at, problem));
    }
    findings
}

/// Returns the most specific TLS settings: those of the subset, of the port, of the host.
fn tls<'a>(spec: &'a Value, port: &str, subset: &str) -> Option<&'a Value> {
    let subset = list(spec, "subsets").iter().find(|one| says(one, "name", subset));
    let policies = [subset.and_then(|subset| subset.get("trafficPolicy")), spec.get("trafficPolicy")];
    policies.into_iter().flatten().find_map(|policy| {
        let is_port =
            |settings: &&Value| settings.pointer("/port/number").and_then(Value::as_u64) == port.parse().ok();
        let of_port = list(policy, "portLevelSettings").iter().find(is_port);
        of_port.map_or_else(|| policy.get("tls"), |settings| settings.get("tls"))
    })
}

fn problems(tls: &Value, hosts: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let is_ours = |name: &str| hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
    let host = hosts.first().map_or("", String::as_str);
    match text(tls, "mode") {
        Some("SIMPLE" | "MUTUAL") => {}
        mode => {
            let mode = mode.unwrap_or("DISABLE");
            return vec![format!(
                "the `DestinationRule` has `mode: {mode}`: use `SIMPLE` for a host outside the mesh"
            )];
        }
    }
    if is_true(tls, "insecureSkipVerify") {
        problems.push("the `DestinationRule` accepts every certificate: `insecureSkipVerify`".to_owned());
    }
    if let Some(sni) = text(tls, "sni").filter(|sni| !is_ours(sni)) {
        problems.push(format!(
            "the `DestinationRule` sends the SNI {sni:?}, but the filter asks the host {host:?}"
        ));
    }
    let names = list(tls, "subjectAltNames").iter().filter_map(Value::as_str);
    problems.extend(names.filter(|name| !is_ours(name)).map(|name| {
        format!(
            "the `DestinationRule` accepts certificates for {name:?}, but the filter asks the host {host:?}"
        )
    }));
    if tls.get("subjectAltNames").is_none() {
        let problem = "the `DestinationRule` takes a certificate for any name: it has no `subjectAltNames`";
        problems.push(problem.to_owned());
    }
    problems
}
