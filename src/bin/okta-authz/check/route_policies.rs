//! Routes that name a policy: whether the guard of each admits only requests that this policy has allowed.
//!
//! Envoy may choose the route again behind the filter. The guard is asked on the route that the request takes in the end, so
//! only what it requires there ties the decision to the route.

use okta_authz_filter::config::Config;
use okta_authz_filter::headers::encode_for_log;
use serde_json::Value;

use super::Finding;
use super::routes::{manager_of, routes_of};
use crate::places::{element, member};

const PERMIT: &str = "wasm.okta.permit";
const POLICY: &str = "wasm.okta.policy";
/// Patterns that every value matches: with `not_id`, there must be none.
const ANYTHING: [&str; 4] = [".*", "(?s).*", ".+", "(?s).+"];
const PER_FILTER: &str = "typed_per_filter_config";

/// What the routes of a connection manager have in common.
struct Routes<'a> {
    /// The name of the guard.
    guard: Option<&'a str>,
    /// The filter's configuration, if it is in the file.
    config: Option<&'a Config>,
    /// Whether the guard of the listener is in force on a route without a policy.
    uses_listener_guard: bool,
    findings: Vec<Finding>,
}

/// Returns each route whose guard admits what another route's policy has allowed. Without a route that names a policy, none.
pub(super) fn warnings(
    behind: Option<&[Value]>,
    config: Option<&Config>,
    documents: &[Value],
) -> Vec<Finding> {
    let Some(behind) = behind else { return Vec::new() };
    let Some(manager) = manager_of(behind, documents) else { return Vec::new() };
    let configurations = routes_of(manager, documents).configurations;
    if !configurations.iter().any(|(_, configuration)| names_a_policy(configuration)) {
        return Vec::new();
    }
    let guard = behind.iter().find(|filter| is_rbac(filter, ".RBAC") && mentions(filter, PERMIT));
    let name = guard.and_then(|guard| guard.get("name")).and_then(Value::as_str);
    let mut routes = Routes { guard: name, config, uses_listener_guard: false, findings: Vec::new() };
    for (place, configuration) in &configurations {
        routes.search(place, configuration, None);
    }
    let rules = guard.and_then(|guard| message(guard.get("typed_config")?));
    if routes.uses_listener_guard
        && !rules.is_some_and(|(_, rbac)| every_principal(rbac, &requires_no_policy))
    {
        let problem = format!(
            "the guard also admits requests that the policy of a route has allowed, on routes without one: it must require \
             that `{POLICY}` is absent (`not_id` around `filter_state`)"
        );
        routes.findings.push(Finding::warning("http_filters", problem));
    }
    routes.findings
}

impl<'a> Routes<'a> {
    /// Looks at every route in here. `entry` is what the guard has of the route configuration or the virtual host.
    fn search(&mut self, place: &str, value: &'a Value, entry: Option<&'a Value>) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.search(&element(place, index), item, entry);
                }
            }
            Value::Object(members) => {
                let entry = self.entry(value).or(entry);
                if members.contains_key("match") && !members.contains_key("redirect") {
                    return self.route(place, value, entry);
                }
                for (name, inner) in members.iter().filter(|(name, _)| *name != PER_FILTER) {
                    self.search(&member(place, name), inner, entry);
                }
            }
            _ => {}
        }
    }

    fn entry(&self, value: &'a Value) -> Option<&'a Value> {
        value.get(PER_FILTER)?.get(self.guard?)
    }

    fn route(&mut self, place: &str, route: &'a Value, entry: Option<&'a Value>) {
        let clusters = route.pointer("/route/weighted_clusters/clusters").and_then(Value::as_array);
        let of_clusters: Vec<&Value> =
            clusters.into_iter().flatten().filter_map(|cluster| self.entry(cluster)).collect();
        let entries = || entry.into_iter().chain(of_clusters.iter().copied());
        let Some(policy) = policy_of(route) else {
            self.uses_listener_guard |= entry.is_none();
            if !entries().all(|entry| replaces(entry, &requires_no_policy)) {
                let problem = format!(
                    "the guard of this route must require that `{POLICY}` is absent: the route names no policy, and the guard \
                     also admits what the policy of another route has allowed"
                );
                self.findings.push(Finding::warning(member(place, PER_FILTER), problem));
            }
            return;
        };
        let Some(policy) = policy.as_str() else {
            let problem = "must be the name of a policy: the filter denies every request for this route";
            return self.findings.push(Finding::warning(metadata(place), problem));
        };
        if self.config.is_some_and(|config| !config.route_policies.contains_key(policy)) {
            let problem = format!("{policy:?} is not in `route_policies`");
            self.findings.push(Finding::warning(metadata(place), problem));
        }
        // As the filter writes it.
        let policy = &*encode_for_log(policy);
        let requires =
            |principal: &Value| requires(principal, PERMIT, "granted") && requires(principal, POLICY, policy);
        if entry.is_none() || !entries().all(|entry| replaces(entry, &requires)) {
            let guard = self.guard.unwrap_or("okta-authz-guard");
            let problem = format!(
                "must have an `RBACPerRoute` for `{guard}` that requires `{PERMIT}` to be `granted` and `{POLICY}` to be \
                 `{policy}`: Envoy may choose this route after another route's policy has allowed the request"
            );
            self.findings.push(Finding::warning(member(place, PER_FILTER), problem));
        }
    }
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

/// Whether an entry of `typed_per_filter_config` is an RBAC whose every principal is like this.
fn replaces(entry: &Value, is: &dyn Fn(&Value) -> bool) -> bool {
    message(entry).is_some_and(|(kind, per_route)| {
        kind.ends_with(".rbac.v3.RBACPerRoute")
            && per_route.get("rbac").is_some_and(|rbac| every_principal(rbac, is))
    })
}

/// Whether an RBAC admits only requests that have a principal like this.
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

/// Whether every request with this principal has this value in filter state.
fn requires(principal: &Value, key: &str, value: &str) -> bool {
    of_sets(principal, &|principal| requires(principal, key, value)).unwrap_or_else(|| {
        let state = principal.get("filter_state");
        state.is_some_and(|state| {
            state.get("key").and_then(Value::as_str) == Some(key)
                && state.pointer("/string_match/exact").and_then(Value::as_str) == Some(value)
                && state.pointer("/string_match/ignore_case") != Some(&Value::Bool(true))
        })
    })
}

/// Whether no request with this principal was allowed by the policy of a route.
fn requires_no_policy(principal: &Value) -> bool {
    of_sets(principal, &requires_no_policy).unwrap_or_else(|| {
        let state = principal.pointer("/not_id/filter_state");
        state.is_some_and(|state| {
            let pattern = state.pointer("/string_match/safe_regex/regex").and_then(Value::as_str);
            state.get("key").and_then(Value::as_str) == Some(POLICY)
                && pattern.is_some_and(|pattern| ANYTHING.contains(&pattern))
        })
    })
}

/// What holds of a set of principals: of one that all must fit, if it holds of any; of one of which any may fit, if of all.
fn of_sets(principal: &Value, is: &dyn Fn(&Value) -> bool) -> Option<bool> {
    let ids = |name: &str| principal.get(name).map(|set| set.get("ids").and_then(Value::as_array));
    if let Some(all) = ids("and_ids") {
        return Some(all.is_some_and(|all| all.iter().any(is)));
    }
    ids("or_ids").map(|any| any.is_some_and(|any| !any.is_empty() && any.iter().all(is)))
}
