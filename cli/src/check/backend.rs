//! TLS of a cluster that Envoy Gateway generates for a rule of an `HTTPRoute`: the `Backend` and
//! its `BackendTLSPolicy`.

use serde_json::Value;

use super::envoy_json::{is_true, list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{metadata, resources_of_kind, spec};

/// Returns the problems with the TLS of a cluster such as `httproute/default/okta/rule/0`.
///
/// `None` for other names, and if the file does not have the route and its backends.
pub(super) fn findings(
    path: &str,
    cluster: &str,
    hosts: &[String],
    documents: &[Value],
) -> Option<Vec<Finding>> {
    let mut segments = cluster.split('/');
    let (Some("httproute"), Some(namespace), Some(route), Some("rule"), Some(rule)) =
        (segments.next(), segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return None;
    };
    let resource = |kind: &'static str, name: &str| find(documents, kind, namespace, name);
    let rules = list(resource("HTTPRoute", route)?.get("spec")?, "rules");
    let rule = rules.get(rule.parse::<usize>().ok()?)?;
    let (mut warnings, mut notes) = (Vec::new(), Vec::new());
    for name in list(rule, "backendRefs").iter().filter_map(|backend| text(backend, "name")) {
        let tls = resource("Backend", name)?.pointer("/spec/tls").unwrap_or(&Value::Null);
        if is_true(tls, "insecureSkipVerify") {
            let problem = format!("the `Backend` {name:?} accepts every certificate: `insecureSkipVerify`");
            warnings.push(Finding::warning(path, problem));
        }
        let mut policies =
            resources_of_kind(documents, "BackendTLSPolicy").map(spec).filter(|spec| targets(spec, name));
        match policies.next().map(|spec| spec.pointer("/validation/hostname").and_then(Value::as_str)) {
            None if tls.is_null() => {
                let problem =
                    format!("no `BackendTLSPolicy` in this file adds TLS for {name:?}: check cannot see it");
                notes.push(Finding::note(path, problem));
            }
            Some(hostname) if !hostname.is_some_and(|hostname| hosts.iter().any(|host| host == hostname)) => {
                let (hostname, host) =
                    (hostname.unwrap_or_default(), hosts.first().map_or("", String::as_str));
                let problem = format!(
                    "the `BackendTLSPolicy` is for the host {hostname:?}, but the filter fetches from {host:?}"
                );
                warnings.push(Finding::warning(path, problem));
            }
            _ => {}
        }
    }
    warnings.extend(notes);
    Some(warnings)
}

/// Reports whether a `BackendTLSPolicy` applies to a `Backend`.
fn targets(policy: &Value, backend: &str) -> bool {
    list(policy, "targetRefs")
        .iter()
        .any(|target| text_equals(target, "kind", "Backend") && text_equals(target, "name", backend))
}

/// Returns the resource of a kind with this name, in the namespace or without one.
fn find<'a>(documents: &'a [Value], kind: &str, namespace: &str, name: &str) -> Option<&'a Value> {
    resources_of_kind(documents, kind).find(|resource| {
        metadata(resource, "name") == Some(name)
            && metadata(resource, "namespace").is_none_or(|own| own == namespace)
    })
}
