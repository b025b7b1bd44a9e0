//! Rules with `hosts`: whether Envoy's virtual hosts and the filter read a port and a final dot in the same way.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::Finding;
use super::mesh::resources;
use super::read::{contains, is_true, says};
use super::routes::{manager_of, routes_of};
use crate::places::Surroundings;

const FIELD: &str = "ignore_port_in_host_matching";

/// Returns where Envoy and a filter that has rules with `hosts` do not agree.
pub(super) fn warnings(around: Surroundings<'_>, config: &Config, documents: &[Value]) -> Vec<Finding> {
    let needs = config.policy.required_inputs().host;
    if !needs.exact {
        return Vec::new();
    }
    match around {
        Surroundings::Istio { .. } => in_mesh("Istio", needs.ignore_port),
        Surroundings::EnvoyGateway { .. } => in_mesh("Envoy Gateway", needs.ignore_port),
        Surroundings::Envoy { plugin, behind } => {
            match behind.and_then(|behind| manager_of(behind, documents)) {
                Some(manager) => in_envoy(manager, needs.ignore_port, documents),
                None if is_patch(plugin, documents) => in_mesh("Istio", needs.ignore_port),
                None => Vec::new(),
            }
        }
        Surroundings::None => Vec::new(),
    }
}

/// Warns where the filter looks at ports: Istio and Envoy Gateway make route configurations that ignore them.
fn in_mesh(name: &str, ignores: bool) -> Vec<Finding> {
    let problem = format!(
        "must be `true` with rules that have `hosts`: {name}'s routes ignore the port of a host, and without this the \
         filter rejects a request that has one with 400"
    );
    if ignores { Vec::new() } else { vec![Finding::warning(FIELD, problem)] }
}

fn in_envoy(manager: &Value, ignores: bool, documents: &[Value]) -> Vec<Finding> {
    let mut warnings = Vec::new();
    if !is_true(manager, "strip_trailing_host_dot") {
        let problem = "is not `true`: with rules that have `hosts`, the filter rejects a host with a final dot with 400";
        warnings.push(Finding::warning("strip_trailing_host_dot", problem));
    }
    let strips_any = is_true(manager, "strip_any_host_port");
    let strips = strips_any || is_true(manager, "strip_matching_host_port");
    let routes = routes_of(manager, documents);
    if let Some(hidden) = routes.hidden.filter(|_| routes.configurations.is_empty() && !ignores && !strips) {
        let problem = format!(
            "is not `true`, and the connection manager strips no port: with rules that have `hosts`, the filter rejects a \
             request whose host has a port with 400. Set it here and in the routes that come by `{hidden}`, or set \
             `strip_any_host_port`"
        );
        warnings.push(Finding::warning(FIELD, problem));
    }
    for (place, routes) in &routes.configurations {
        let routes_ignore = is_true(routes, FIELD);
        let problem = match (ignores, routes_ignore) {
            (true, false) if !strips_any => Some(format!(
                "is `true`, but `{place}.{FIELD}` is not: with a port in its host, a request chooses the rule of one host and \
                 the routes of another"
            )),
            (false, true) if !strips_any => Some(format!(
                "is not `true`, but `{place}.{FIELD}` is: the filter rejects a request whose host has a port with 400"
            )),
            (false, false) if !strips => Some(format!(
                "is not `true`, and the connection manager strips no port: with rules that have `hosts`, the filter rejects a \
                 request whose host has a port with 400. Set it here and in `{place}`, or set `strip_any_host_port`"
            )),
            _ => None,
        };
        warnings.extend(problem.map(|problem| Finding::warning(FIELD, problem)));
        warnings.extend(domains_with_port_or_dot(place, routes));
    }
    if let Some(hidden) = routes.hidden.filter(|_| ignores && !strips_any) {
        let problem = format!(
            "is `true`: check cannot see whether the routes that come by `{hidden}` have `{FIELD}: true` as well"
        );
        warnings.push(Finding::note(FIELD, problem));
    }
    warnings
}

/// Warns of domains with a port or a final dot: the filter rejects hosts that have either, or ignores the port.
fn domains_with_port_or_dot(place: &str, routes: &Value) -> Vec<Finding> {
    let hosts = routes.get("virtual_hosts").and_then(Value::as_array).into_iter().flatten().enumerate();
    let domains = hosts.flat_map(|(host, value)| {
        let domains = value.get("domains").and_then(Value::as_array).into_iter().flatten().enumerate();
        domains.filter_map(move |(index, domain)| Some((host, index, domain.as_str()?)))
    });
    let is_odd = |domain: &str| {
        let behind_address = domain.rsplit(']').next().unwrap_or(domain);
        behind_address.contains(':') || behind_address.ends_with('.')
    };
    let odd = domains.filter(|(_, _, domain)| is_odd(domain));
    let warning = |(host, index, domain): (usize, usize, &str)| {
        let problem = format!(
            "{domain:?} has a port or a final dot: rules with `hosts` do not tell it from the domain without"
        );
        Finding::warning(format!("{place}.virtual_hosts[{host}].domains[{index}]"), problem)
    };
    odd.map(warning).collect()
}

/// Returns whether the plugin is in a patch of Istio's.
fn is_patch(plugin: &Value, documents: &[Value]) -> bool {
    let is_filter = |resource: &&Value| says(resource, "kind", "EnvoyFilter");
    resources(documents).filter(is_filter).any(|resource| contains(resource, plugin))
}
