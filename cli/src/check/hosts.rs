//! Rules with `hosts`: Envoy and the filter must treat a port and a trailing dot in a host alike.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::connection_managers::FileContext;
use super::envoy_json::{contains, is_true, list};
use super::finding::Finding;
use super::kubernetes::resources_of_kind;
use super::routes::routes_of;
use crate::locate::ConfigContext;

const FIELD: &str = "ignore_port_in_host_matching";

/// Returns where Envoy and a filter that has rules with `hosts` treat a host differently.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let requirements = config.policy.required_inputs().host;
    if !requirements.exact {
        return Vec::new();
    }
    match context {
        ConfigContext::Istio { .. } => mesh_warnings("Istio", requirements.ignore_port),
        ConfigContext::EnvoyGateway { .. } => mesh_warnings("Envoy Gateway", requirements.ignore_port),
        ConfigContext::Envoy { plugin, following_filters } => {
            match following_filters.and_then(|filters| file.manager_before(filters)) {
                Some((manager, _)) => envoy_warnings(manager.value, requirements.ignore_port, file.documents),
                None if is_in_patch(plugin, file.documents) => {
                    mesh_warnings("Istio", requirements.ignore_port)
                }
                None => Vec::new(),
            }
        }
        ConfigContext::None => Vec::new(),
    }
}

/// Warns if the filter does not ignore ports: the routes of Istio and Envoy Gateway ignore them.
fn mesh_warnings(name: &str, ignores_port: bool) -> Vec<Finding> {
    let problem = format!(
        "must be `true` if rules have `hosts`: the routes of {name} ignore the port of a host, but the filter rejects a \
         host with a port (400)"
    );
    if ignores_port { Vec::new() } else { vec![Finding::warning(FIELD, problem)] }
}

fn envoy_warnings(manager: &Value, ignores_port: bool, documents: &[Value]) -> Vec<Finding> {
    let mut warnings = Vec::new();
    if !is_true(manager, "strip_trailing_host_dot") {
        let problem = "must be `true` if rules have `hosts`: otherwise the filter rejects a host with a trailing dot (400)";
        warnings.push(Finding::warning("strip_trailing_host_dot", problem));
    }
    let strips_any_port = is_true(manager, "strip_any_host_port");
    let strips_port = strips_any_port || is_true(manager, "strip_matching_host_port");
    let rejects_port = |place: &str| {
        format!(
            "must be `true` here and in {place} if rules have `hosts`, because the connection manager strips no port: \
             otherwise the filter rejects a host with a port (400); or set `strip_any_host_port`"
        )
    };
    let routes = routes_of(manager, documents);
    let only_hidden = routes.hidden.filter(|_| routes.configurations.is_empty());
    if let Some(hidden) = only_hidden.filter(|_| !ignores_port && !strips_port) {
        let problem = rejects_port(&format!("the routes from `{hidden}`"));
        warnings.push(Finding::warning(FIELD, problem));
    }
    for (path, routes) in &routes.configurations {
        let problem = match (ignores_port, is_true(routes, FIELD)) {
            (true, false) if !strips_any_port => Some(format!(
                "is `true`, but `{path}.{FIELD}` is not: for a host with a port, Envoy and the filter can select different \
                 hosts; use equal values"
            )),
            (false, true) if !strips_any_port => Some(format!(
                "is not `true`, but `{path}.{FIELD}` is: the filter rejects a host with a port (400); use equal values"
            )),
            (false, false) if !strips_port => Some(rejects_port(&format!("`{path}`"))),
            _ => None,
        };
        warnings.extend(problem.map(|problem| Finding::warning(FIELD, problem)));
        warnings.extend(domain_warnings(path, routes));
    }
    if let Some(hidden) = routes.hidden.filter(|_| ignores_port && !strips_any_port) {
        let problem = format!(
            "is `true`: check cannot see whether the routes from `{hidden}` also have `{FIELD}: true`"
        );
        warnings.push(Finding::note(FIELD, problem));
    }
    warnings
}

/// Warns about domains with a port or a trailing dot. The filter rejects such hosts, or ignores the
/// port.
fn domain_warnings(path: &str, routes: &Value) -> Vec<Finding> {
    let hosts = list(routes, "virtual_hosts").iter().enumerate();
    let domains = hosts.flat_map(|(host, value)| {
        let domains = list(value, "domains").iter().enumerate();
        domains.filter_map(move |(index, domain)| Some((host, index, domain.as_str()?)))
    });
    let has_port_or_dot = |domain: &str| {
        let after_address = domain.rsplit(']').next().unwrap_or(domain);
        after_address.contains(':') || after_address.ends_with('.')
    };
    let warning = |(host, index, domain): (usize, usize, &str)| {
        let problem = format!(
            "{domain:?} has a port or a trailing dot, which rules with `hosts` ignore; use the domain without it"
        );
        Finding::warning(format!("{path}.virtual_hosts[{host}].domains[{index}]"), problem)
    };
    domains.filter(|(_, _, domain)| has_port_or_dot(domain)).map(warning).collect()
}

/// Reports whether the plugin is in an `EnvoyFilter`.
fn is_in_patch(plugin: &Value, documents: &[Value]) -> bool {
    resources_of_kind(documents, "EnvoyFilter").any(|resource| contains(resource, plugin))
}
