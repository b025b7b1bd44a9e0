//! TLS of a cluster that Envoy Gateway makes for a rule of a route: the `Backend` and its `BackendTLSPolicy`.

use serde_json::Value;

use super::Finding;
use super::mesh::resources;
use super::read::{is_true, list, says, text};

/// Returns the problems with the TLS of `httproute/default/okta/rule/0`.
///
/// `None` for other names, and where the file does not have the route and its backends.
pub(super) fn findings(
    at: &str,
    cluster: &str,
    hosts: &[String],
    documents: &[Value],
) -> Option<Vec<Finding>> {
    let mut parts = cluster.split('/');
    let (Some("httproute"), Some(namespace), Some(route), Some("rule"), Some(rule)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let named = |kind: &'static str, name: &str| find(documents, kind, namespace, name);
    let rule = list(named("HTTPRoute", route)?.get("spec")?, "rules").get(rule.parse::<usize>().ok()?)?;
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    for name in list(rule, "backendRefs").iter().filter_map(|backend| text(backend, "name")) {
        let tls = named("Backend", name)?.pointer("/spec/tls").unwrap_or(&Value::Null);
        if is_true(tls, "insecureSkipVerify") {
            problems.push(format!("the `Backend` {name:?} accepts every certificate: `insecureSkipVerify`"));
        }
        let policies = resources(documents).filter(|policy| says(policy, "kind", "BackendTLSPolicy"));
        let mut policies = policies.filter_map(|policy| policy.get("spec")).filter(|spec| {
            list(spec, "targetRefs").iter().any(|to| says(to, "kind", "Backend") && says(to, "name", name))
        });
        match policies.next().map(|spec| spec.pointer("/validation/hostname").and_then(Value::as_str)) {
            None if tls.is_null() => {
                let problem =
                    format!("no `BackendTLSPolicy` in this file adds TLS for {name:?}: check cannot see it");
                notes.push(Finding::note(at, problem));
            }
            Some(hostname) if !hostname.is_some_and(|hostname| hosts.iter().any(|host| host == hostname)) => {
                let (hostname, host) =
                    (hostname.unwrap_or_default(), hosts.first().map_or("", String::as_str));
                problems.push(format!(
                    "the `BackendTLSPolicy` is for the host {hostname:?}, but the filter asks the host {host:?}"
                ));
            }
            _ => {}
        }
    }
    let warnings = problems.into_iter().map(|problem| Finding::warning(at, problem));
    Some(warnings.chain(notes).collect())
}

/// Returns the resource of a kind with this name, in the namespace or in none.
fn find<'a>(documents: &'a [Value], kind: &str, namespace: &str, name: &str) -> Option<&'a Value> {
    let metadata = |resource: &'a Value, field: &str| resource.get("metadata").and_then(|of| text(of, field));
    resources(documents).filter(|resource| says(resource, "kind", kind)).find(|resource| {
        metadata(resource, "name") == Some(name)
            && metadata(resource, "namespace").is_none_or(|its| its == namespace)
    })
}
