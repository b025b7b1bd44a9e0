//! Routes that name a policy: the guard of such a route must admit only requests that this policy
//! allowed.
//!
//! Envoy may select another route after the filter has decided. The guard runs with the
//! configuration of the last route, so only its requirement ties the decision to that route.

use okta_authz_filter::config::Config;
use okta_authz_filter::percent_encoding::encode_log_value;
use serde_json::Value;

use super::connection_managers::{FileContext, PERMIT, POLICY};
use super::envoy_json::{any, is_true, list_at, text};
use super::finding::Finding;
use super::rbac::{self, RouteOverride};
use super::routes::routes_of;
use crate::locate::{element, member};

const OVERRIDES: &str = "typed_per_filter_config";
/// Filters that can make Envoy select the route again.
const REROUTING_FILTERS: [&str; 8] = [
    ".dynamic_modules.v3.DynamicModuleFilter",
    ".ext_authz.v3.ExtAuthz",
    ".ext_proc.v3.ExternalProcessor",
    ".golang.v3alpha.Config",
    ".grpc_json_transcoder.v3.GrpcJsonTranscoder",
    ".jwt_authn.v3.JwtAuthentication",
    ".lua.v3.Lua",
    ".wasm.v3.Wasm",
];

/// An RBAC filter after this filter.
struct Guard<'a> {
    name: &'a str,
    /// Its `RBAC`, for routes that do not override it.
    rbac: &'a Value,
}

/// A check of all routes of a connection manager.
struct RouteChecker<'a> {
    /// The RBAC filters that are not disabled. A request must pass all of them.
    guards: Vec<Guard<'a>>,
    /// The name of the filter that requires the permit.
    guard_name: &'a str,
    /// The configuration, if it is in the file.
    config: Option<&'a Config>,
    /// Whether a route without a policy uses the guard of the listener, which admits requests of
    /// other routes.
    listener_admits_policies: bool,
    findings: Vec<Finding>,
}

/// Returns a warning for each route whose guard admits requests that the policy of another route
/// allowed. There are none if no route names a policy.
pub(super) fn warnings(
    following: Option<&[Value]>,
    config: Option<&Config>,
    file: &FileContext<'_>,
) -> Vec<Finding> {
    let has_policies = config.is_some_and(|config| !config.route_policies.is_empty());
    let routes_before = |following| {
        file.manager_before(following).map(|(manager, _)| routes_of(manager.value, file.documents))
    };
    let Some((following, routes)) = following.and_then(|filters| Some((filters, routes_before(filters)?)))
    else {
        return if has_policies { vec![hidden_routes("that are not in this file")] } else { Vec::new() };
    };
    let hidden = routes.hidden.filter(|_| has_policies);
    let mut findings: Vec<Finding> =
        hidden.map(|source| hidden_routes(&format!("from `{source}`"))).into_iter().collect();
    let any_configuration = |predicate: &dyn Fn(&Value) -> bool| {
        routes.configurations.iter().any(|(_, value)| any(value, predicate))
    };
    if !any_configuration(&|value| policy_of(value).is_some()) {
        return findings;
    }
    let rbac_filters = following.iter().filter(|filter| rbac::config(filter).is_some());
    let guard = rbac_filters.clone().find(|filter| rbac::mentions_permit(filter));
    let mut checker = RouteChecker {
        guards: rbac_filters.filter_map(Guard::new).collect(),
        guard_name: guard.and_then(|guard| text(guard, "name")).unwrap_or("okta-authz-guard"),
        config,
        listener_admits_policies: false,
        findings: Vec::new(),
    };
    for (path, configuration) in &routes.configurations {
        checker.search(path, configuration, &[]);
    }
    findings.extend(checker.into_findings());
    let is_guard = |filter: &Value| {
        let is_overridden = |name| {
            any_configuration(&|value| {
                value.get(OVERRIDES).is_some_and(|entries| entries.get(name).is_some())
            })
        };
        rbac::config(filter).is_some()
            && (rbac::mentions_permit(filter) || text(filter, "name").is_some_and(is_overridden))
    };
    if let Some(last) = following.iter().rposition(is_guard) {
        let after = following.get(last.saturating_add(1)..).unwrap_or_default();
        findings.extend(after.iter().filter_map(rerouting_warning));
    }
    findings
}

fn hidden_routes(which: &str) -> Finding {
    let problem = format!(
        "check cannot see the routes {which}: each route that names a policy needs an `RBACPerRoute` that requires it"
    );
    Finding::note("route_policies", problem)
}

/// Warns about a filter after the guard that can make Envoy select the route again.
fn rerouting_warning(filter: &Value) -> Option<Finding> {
    let filter_type = rbac::filter_type(filter)?;
    let name = text(filter, "name").unwrap_or_default();
    let problem = format!(
        "`{name}` is after the guard and can make Envoy select the route again, and no guard checks the policy of that \
         route; place it before the guard"
    );
    let can_reroute = REROUTING_FILTERS.iter().any(|suffix| filter_type.ends_with(suffix));
    can_reroute.then(|| Finding::warning("http_filters", problem))
}

impl<'a> Guard<'a> {
    /// Returns the guard, unless the filter is disabled or has no name.
    fn new(filter: &'a Value) -> Option<Self> {
        if is_true(filter, "disabled") {
            return None;
        }
        Some(Self { name: text(filter, "name")?, rbac: rbac::config(filter)? })
    }

    /// Reports whether the guard admits only principals with this property, with these overrides,
    /// the most specific last.
    fn admits_only(&self, overrides: &[&Value], has_property: &dyn Fn(&Value) -> bool) -> bool {
        let entry = overrides.iter().rev().find_map(|entries| entries.get(self.name));
        match entry.map(rbac::route_override) {
            None | Some(RouteOverride::Inherited) => rbac::admits_only(self.rbac, has_property),
            Some(RouteOverride::Replaced(rbac)) => rbac::admits_only(rbac, has_property),
            Some(RouteOverride::Disabled(_)) => false,
        }
    }
}

impl<'a> RouteChecker<'a> {
    /// Checks every route inside the value. `overrides` are those of the route configuration and of
    /// the virtual host.
    fn search(&mut self, path: &str, value: &'a Value, overrides: &[&'a Value]) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.search(&element(path, index), item, overrides);
                }
            }
            Value::Object(members) => {
                let own = members.get(OVERRIDES).into_iter();
                let overrides: Vec<&Value> = overrides.iter().copied().chain(own).collect();
                if members.contains_key("match") && !members.contains_key("redirect") {
                    return self.check_route(path, value, &overrides);
                }
                for (name, inner) in members.iter().filter(|(name, _)| *name != OVERRIDES) {
                    self.search(&member(path, name), inner, &overrides);
                }
            }
            _ => {}
        }
    }

    fn check_route(&mut self, path: &str, route: &'a Value, overrides: &[&'a Value]) {
        let policy_path = member(path, "metadata.filter_metadata.okta_authz.policy");
        match policy_of(route) {
            None => self.check_route_without_policy(path, route, overrides),
            Some(Value::String(policy)) => {
                if self.config.is_some_and(|config| !config.route_policies.contains_key(policy)) {
                    let problem = format!("{policy:?} is not in `route_policies`");
                    self.findings.push(Finding::warning(policy_path, problem));
                }
                self.check_route_with_policy(path, route, overrides, policy);
            }
            Some(_) => {
                let problem = "must be the name of a policy: the filter denies every request on this route";
                self.findings.push(Finding::warning(policy_path, problem));
            }
        }
    }

    fn check_route_without_policy(&mut self, path: &str, route: &'a Value, overrides: &[&'a Value]) {
        if self.route_admits_only(route, overrides, &rbac::requires_no_policy) {
            return;
        }
        let of_clusters = clusters(route).iter().filter_map(|cluster| cluster.get(OVERRIDES));
        let mut all = overrides.iter().copied().chain(of_clusters);
        if !all.any(|entries| self.guards.iter().any(|guard| entries.get(guard.name).is_some())) {
            self.listener_admits_policies = true;
            return;
        }
        let problem = format!(
            "the guard of this route must require that `{POLICY}` is absent: the route names no policy, and the guard also \
             admits requests that the policy of another route allowed"
        );
        self.findings.push(Finding::warning(member(path, OVERRIDES), problem));
    }

    fn check_route_with_policy(
        &mut self,
        path: &str,
        route: &'a Value,
        overrides: &[&'a Value],
        policy: &str,
    ) {
        // The filter encodes the name in filter state.
        let policy = &*encode_log_value(policy);
        if self.route_admits_only(route, overrides, &|principal| rbac::requires_policy(principal, policy)) {
            return;
        }
        let problem = format!(
            "must have an `RBACPerRoute` for `{}` that requires `{PERMIT}` to be `granted` and `{POLICY}` to be \
             `{policy}`: Envoy may select this route after the policy of another route allowed the request",
            self.guard_name
        );
        self.findings.push(Finding::warning(member(path, OVERRIDES), problem));
    }

    /// Reports whether a guard admits only principals with this property, for each cluster of the
    /// route.
    fn route_admits_only(
        &self,
        route: &Value,
        overrides: &[&Value],
        has_property: &dyn Fn(&Value) -> bool,
    ) -> bool {
        let is_guarded =
            |overrides: &[&Value]| self.guards.iter().any(|guard| guard.admits_only(overrides, has_property));
        match clusters(route) {
            [] => is_guarded(overrides),
            clusters => clusters.iter().all(|cluster| match cluster.get(OVERRIDES) {
                Some(own) => is_guarded(&[overrides, &[own]].concat()),
                None => is_guarded(overrides),
            }),
        }
    }

    fn into_findings(mut self) -> Vec<Finding> {
        if self.listener_admits_policies {
            let problem = format!(
                "the guard also admits requests that the policy of a route allowed, on routes without a policy: it must \
                 require that `{POLICY}` is absent (`not_id` around `filter_state`)"
            );
            self.findings.push(Finding::warning("http_filters", problem));
        }
        self.findings
    }
}

fn clusters(route: &Value) -> &[Value] {
    list_at(route, "/route/weighted_clusters/clusters")
}

/// Returns the policy that the metadata of a route names.
fn policy_of(route: &Value) -> Option<&Value> {
    route.pointer("/metadata/filter_metadata/okta_authz/policy")
}
