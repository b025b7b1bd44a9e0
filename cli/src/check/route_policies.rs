//! Routes that name a policy: whether the guard of each admits only requests that this policy has allowed.
//!
//! Envoy may choose the route again behind the filter. The guard runs on the route that the request takes in the end, so
//! only its requirement there ties the decision to the route.

use okta_authz_filter::config::Config;
use okta_authz_filter::percent_encoding::encode_log_value;
use serde_json::Value;

use super::Finding;
use super::chain::{PERMIT, POLICY};
use super::read::text;
use super::routes::{manager_of, routes_of};
use crate::places::{element, member};

/// Patterns that every value matches: with `not_id`, there must be none.
const MATCH_ALL_PATTERNS: [&str; 4] = [".*", "(?s).*", ".+", "(?s).+"];
const PER_FILTER: &str = "typed_per_filter_config";

/// Filters that may have Envoy choose the route again.
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

/// An RBAC filter behind this one.
struct Guard<'a> {
    name: &'a str,
    /// Its configuration for routes that do not replace it.
    rbac: &'a Value,
}

/// The context of all routes of a connection manager.
struct Routes<'a> {
    /// Every one of these must admit a request.
    guards: Vec<Guard<'a>>,
    /// The name of the guard, for messages.
    name: &'a str,
    /// The filter's configuration, if it is in the file.
    config: Option<&'a Config>,
    /// Whether a route without a policy leaves it to the listener's guards, and these also admit policies.
    admits_policies: bool,
    findings: Vec<Finding>,
}

/// Returns each route whose guard admits what another route's policy has allowed. Without a route that names a policy, none.
pub(super) fn warnings(
    behind: Option<&[Value]>,
    config: Option<&Config>,
    documents: &[Value],
) -> Vec<Finding> {
    let has_policies = config.is_some_and(|config| !config.route_policies.is_empty());
    let routes_of = |behind| manager_of(behind, documents).map(|manager| routes_of(manager, documents));
    let Some((behind, found)) = behind.and_then(|behind| Some((behind, routes_of(behind)?))) else {
        return if has_policies { vec![hidden_routes("that are not in this file")] } else { Vec::new() };
    };
    let hidden = found.hidden.filter(|_| has_policies);
    let mut findings: Vec<Finding> =
        hidden.map(|source| hidden_routes(&format!("that come by `{source}`"))).into_iter().collect();
    if !found.configurations.iter().any(|(_, configuration)| names_a_policy(configuration)) {
        return findings;
    }
    let filters = behind.iter().filter(|filter| is_rbac(filter, ".RBAC"));
    let guard = filters.clone().find(|filter| mentions(filter, PERMIT));
    let mut routes = Routes {
        guards: filters.filter_map(Guard::of).collect(),
        name: guard.and_then(|guard| text(guard, "name")).unwrap_or("okta-authz-guard"),
        config,
        admits_policies: false,
        findings: Vec::new(),
    };
    for (place, configuration) in &found.configurations {
        routes.search(place, configuration, &[]);
    }
    if routes.admits_policies {
        let problem = format!(
            "the guard also admits requests that the policy of a route has allowed, on routes without one: it must require \
             that `{POLICY}` is absent (`not_id` around `filter_state`)"
        );
        routes.findings.push(Finding::warning("http_filters", problem));
    }
    let is_last = |filter: &Value| {
        is_rbac(filter, ".RBAC")
            && (mentions(filter, PERMIT)
                || text(filter, "name").is_some_and(|name| {
                    found.configurations.iter().any(|(_, configuration)| has_entry(configuration, name))
                }))
    };
    findings.extend(routes.findings);
    if let Some(last) = behind.iter().rposition(is_last) {
        let after = behind.get(last.saturating_add(1)..).unwrap_or_default();
        findings.extend(after.iter().filter_map(rerouting_filter));
    }
    findings
}

fn hidden_routes(which: &str) -> Finding {
    let problem = format!(
        "check cannot see the routes {which}: each that names a policy needs an `RBACPerRoute` that requires it"
    );
    Finding::note("route_policies", problem)
}

fn rerouting_filter(filter: &Value) -> Option<Finding> {
    let (kind, _) = message(filter.get("typed_config")?)?;
    let name = text(filter, "name").unwrap_or_default();
    let problem = format!(
        "`{name}` stands behind the guard and can have Envoy choose the route again: no guard asks for the policy of that \
         route; place it in front of the guard"
    );
    REROUTING_FILTERS.iter().any(|end| kind.ends_with(end)).then(|| Finding::warning("http_filters", problem))
}

impl<'a> Guard<'a> {
    fn of(filter: &'a Value) -> Option<Self> {
        let (_, rbac) = message(filter.get("typed_config")?)?;
        let is_on = filter.get("disabled") != Some(&Value::Bool(true));
        Some(Self { name: text(filter, "name")?, rbac }).filter(|_| is_on)
    }

    /// Returns whether the guard admits only principals like this, under these entries, the most specific last.
    fn requires(&self, entries: &[&Value], is: &dyn Fn(&Value) -> bool) -> bool {
        let entry = entries.iter().rev().find_map(|entries| entries.get(self.name));
        match entry.filter(|entry| !keeps_guard(entry)) {
            Some(entry) => replaces_guard(entry, is),
            None => every_principal(self.rbac, is),
        }
    }
}

impl<'a> Routes<'a> {
    /// Looks at every route in here. `entries` are those of the route configuration and of the virtual host.
    fn search(&mut self, place: &str, value: &'a Value, entries: &[&'a Value]) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.search(&element(place, index), item, entries);
                }
            }
            Value::Object(members) => {
                let entries = [entries, &members.get(PER_FILTER).into_iter().collect::<Vec<_>>()].concat();
                if members.contains_key("match") && !members.contains_key("redirect") {
                    return self.route(place, value, &entries);
                }
                for (name, inner) in members.iter().filter(|(name, _)| *name != PER_FILTER) {
                    self.search(&member(place, name), inner, &entries);
                }
            }
            _ => {}
        }
    }

    fn route(&mut self, place: &str, route: &'a Value, entries: &[&'a Value]) {
        let Some(policy) = policy_of(route) else {
            if self.requires(route, entries, &requires_no_policy) {
                return;
            }
            let of_clusters = clusters(route).iter().filter_map(|cluster| cluster.get(PER_FILTER));
            let mut all = entries.iter().copied().chain(of_clusters);
            if !all.any(|entries| self.guards.iter().any(|guard| entries.get(guard.name).is_some())) {
                self.admits_policies = true;
                return;
            }
            let problem = format!(
                "the guard of this route must require that `{POLICY}` is absent: the route names no policy, and the guard \
                 also admits what the policy of another route has allowed"
            );
            return self.findings.push(Finding::warning(member(place, PER_FILTER), problem));
        };
        let Some(policy) = policy.as_str() else {
            let problem = "must be the name of a policy: the filter denies every request for this route";
            return self.findings.push(Finding::warning(metadata(place), problem));
        };
        if self.config.is_some_and(|config| !config.route_policies.contains_key(policy)) {
            let problem = format!("{policy:?} is not in `route_policies`");
            self.findings.push(Finding::warning(metadata(place), problem));
        }
        // As the filter writes it: encoded for logs. Only the filter writes the policy, and never without the permit.
        let policy = &*encode_log_value(policy);
        if !self.requires(route, entries, &|principal| requires(principal, POLICY, policy)) {
            let problem = format!(
                "must have an `RBACPerRoute` for `{}` that requires `{PERMIT}` to be `granted` and `{POLICY}` to be \
                 `{policy}`: Envoy may choose this route after another route's policy has allowed the request",
                self.name
            );
            self.findings.push(Finding::warning(member(place, PER_FILTER), problem));
        }
    }

    /// Returns whether some guard admits only principals like this, for each cluster that the route may take.
    fn requires(&self, route: &Value, entries: &[&Value], is: &dyn Fn(&Value) -> bool) -> bool {
        let holds = |entries: &[&Value]| self.guards.iter().any(|guard| guard.requires(entries, is));
        match clusters(route) {
            [] => holds(entries),
            clusters => clusters.iter().all(|cluster| match cluster.get(PER_FILTER) {
                Some(own) => holds(&[entries, &[own]].concat()),
                None => holds(entries),
            }),
        }
    }
}

fn clusters(route: &Value) -> &[Value] {
    let clusters = route.pointer("/route/weighted_clusters/clusters").and_then(Value::as_array);
    clusters.map_or(&[], Vec::as_slice)
}

/// Returns whether a route, a virtual host or a cluster in here has an entry for the filter of this name.
fn has_entry(value: &Value, name: &str) -> bool {
    value.get(PER_FILTER).is_some_and(|entries| entries.get(name).is_some())
        || inside(value).any(|inner| has_entry(inner, name))
}

fn metadata(place: &str) -> String {
    member(place, "metadata.filter_metadata.okta_authz.policy")
}

fn policy_of(route: &Value) -> Option<&Value> {
    route.pointer("/metadata/filter_metadata/okta_authz/policy")
}

fn names_a_policy(value: &Value) -> bool {
    policy_of(value).is_some() || inside(value).any(names_a_policy)
}

fn mentions(value: &Value, text: &str) -> bool {
    value.as_str() == Some(text) || inside(value).any(|inner| mentions(inner, text))
}

fn inside(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// Returns the type and the fields of a `google.protobuf.Any`; of those that only wrap another message, of that.
fn message(any: &Value) -> Option<(&str, &Value)> {
    let kind = any.get("@type")?.as_str()?;
    if kind.ends_with(".TypedStruct") {
        return Some((any.get("type_url")?.as_str()?, any.get("value")?));
    }
    if kind.ends_with(".route.v3.FilterConfig") {
        let is_disabled = any.get("disabled") == Some(&Value::Bool(true));
        return message(any.get("config")?).filter(|_| !is_disabled);
    }
    Some((kind, any))
}

fn is_rbac(filter: &Value, name: &str) -> bool {
    let kind = filter.get("typed_config").and_then(message).map(|(kind, _)| kind);
    kind.is_some_and(|kind| kind.ends_with(&format!(".rbac.v3{name}")))
}

/// Returns whether an entry of `typed_per_filter_config` leaves the guard unchanged: a wrapper with nothing inside.
fn keeps_guard(entry: &Value) -> bool {
    let is_wrapper = text(entry, "@type").is_some_and(|kind| kind.ends_with(".route.v3.FilterConfig"));
    let is_disabled = entry.get("disabled") == Some(&Value::Bool(true));
    is_wrapper && !is_disabled && entry.get("config").is_none_or(|config| config.get("@type").is_none())
}

/// Returns whether an entry of `typed_per_filter_config` is an RBAC whose every principal is like this.
fn replaces_guard(entry: &Value, is: &dyn Fn(&Value) -> bool) -> bool {
    message(entry).is_some_and(|(kind, per_route)| {
        kind.ends_with(".rbac.v3.RBACPerRoute")
            && per_route.get("rbac").is_some_and(|rbac| every_principal(rbac, is))
    })
}

/// Returns whether an RBAC admits only requests that have a principal like this.
fn every_principal(rbac: &Value, is: &dyn Fn(&Value) -> bool) -> bool {
    let rules = rbac.get("rules").filter(|_| rbac.get("matcher").is_none());
    let allows = |rules: &&Value| rules.get("action").is_none_or(|action| action == "ALLOW" || action == 0);
    let policies = rules.filter(allows).and_then(|rules| rules.get("policies")?.as_object());
    policies.is_some_and(|policies| {
        policies.values().all(|policy| {
            let principals = policy.get("principals").and_then(Value::as_array);
            principals.is_some_and(|principals| !principals.is_empty() && principals.iter().all(is))
        })
    })
}

/// Returns whether every request with this principal has this value in filter state.
fn requires(principal: &Value, key: &str, value: &str) -> bool {
    holds_of_set(principal, &|principal| requires(principal, key, value)).unwrap_or_else(|| {
        let state = principal.get("filter_state");
        state.is_some_and(|state| {
            state.get("key").and_then(Value::as_str) == Some(key)
                && state.pointer("/string_match/exact").and_then(Value::as_str) == Some(value)
                && state.pointer("/string_match/ignore_case") != Some(&Value::Bool(true))
        })
    })
}

/// Returns whether no request with this principal was allowed by the policy of a route.
fn requires_no_policy(principal: &Value) -> bool {
    holds_of_set(principal, &requires_no_policy).unwrap_or_else(|| {
        let state = principal.pointer("/not_id/filter_state");
        state.is_some_and(|state| {
            let pattern = state.pointer("/string_match/safe_regex/regex").and_then(Value::as_str);
            state.get("key").and_then(Value::as_str) == Some(POLICY)
                && pattern.is_some_and(|pattern| MATCH_ALL_PATTERNS.contains(&pattern))
        })
    })
}

/// Returns whether a predicate holds of a set of principals, `None` for a principal that is no set: of `and_ids` if it
/// holds of any member, of `or_ids` if it holds of all.
fn holds_of_set(principal: &Value, is: &dyn Fn(&Value) -> bool) -> Option<bool> {
    let ids = |name: &str| principal.get(name).map(|set| set.get("ids").and_then(Value::as_array));
    if let Some(all) = ids("and_ids") {
        return Some(all.is_some_and(|all| all.iter().any(is)));
    }
    ids("or_ids").map(|any| any.is_some_and(|any| !any.is_empty() && any.iter().all(is)))
}
