//! RBAC filters: whether every request that one allows has the permit of this filter.

use serde_json::{Map, Value};

use super::connection_managers::{PERMIT, POLICY};
use super::envoy_json::{any, is_true, list, message, text, text_equals, type_name};

const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";
const RBAC_PER_ROUTE: &str = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
const FILTER_CONFIG: &str = "envoy.config.route.v3.FilterConfig";
const NO_POLICIES: &str = "has no `policies`: it denies every request";
/// Patterns that match every value. A `not_id` around one requires that the filter state is absent.
const MATCH_ALL_PATTERNS: [&str; 4] = [".*", "(?s).*", ".+", "(?s).+"];

/// The effect of an entry of `typed_per_filter_config` on the RBAC filter of that name.
pub(super) enum RouteOverride<'a> {
    /// The filter keeps its configuration.
    Inherited,
    /// This `RBAC` replaces the configuration.
    Replaced(&'a Value),
    /// The filter does not run, or its effect is unknown. The text gives the reason.
    Disabled(String),
}

/// Returns the message of an RBAC filter; `None` for other filters.
pub(super) fn config(filter: &Value) -> Option<&Value> {
    let (name, rbac) = message(filter.get("typed_config")?)?;
    (name == RBAC).then_some(rbac)
}

/// Returns why a filter is not a guard.
///
/// `None` for a filter that is not RBAC.
pub(super) fn prove_guard(filter: &Value) -> Option<Result<(), String>> {
    if let Some(discovery) = filter.get("config_discovery") {
        let is_rbac = list(discovery, "type_urls").iter().any(|url| is_type(url, RBAC));
        let problem = "has its configuration elsewhere (ECDS): check cannot prove it";
        return is_rbac.then(|| Err(problem.to_owned()));
    }
    let Some(rbac) = config(filter) else {
        let (_, other) = message(filter.get("typed_config")?)?;
        let is_inside = any(other, &|value| value.get("@type").is_some_and(|url| is_type(url, RBAC)));
        let problem = "is inside another filter, which may skip it";
        return (is_inside && mentions_permit(other)).then(|| Err(problem.to_owned()));
    };
    if is_true(filter, "disabled") {
        return Some(Err("is `disabled: true`".to_owned()));
    }
    if is_true(filter, "is_optional") {
        return Some(
            Err("is `is_optional: true`: Envoy drops an optional filter of unknown type".to_owned()),
        );
    }
    Some(prove_principals(rbac, &requires_permit))
}

/// Returns why an entry of `typed_per_filter_config` leaves the route without a guard.
pub(super) fn prove_override(entry: &Value) -> Result<(), String> {
    match route_override(entry) {
        RouteOverride::Inherited => Ok(()),
        // The filter sets a policy only together with the permit.
        RouteOverride::Replaced(rbac) => prove_principals(rbac, &requires_permit_or_policy),
        RouteOverride::Disabled(problem) => Err(problem),
    }
}

/// Reads an entry of `typed_per_filter_config`.
pub(super) fn route_override(entry: &Value) -> RouteOverride<'_> {
    match message(entry) {
        Some((FILTER_CONFIG, wrapper)) if is_true(wrapper, "disabled") => {
            RouteOverride::Disabled("disables the guard (`FilterConfig` with `disabled: true`)".to_owned())
        }
        // Without a configuration, or with an empty one, Envoy 1.40 keeps that of the filter.
        Some((FILTER_CONFIG, wrapper)) => match wrapper.get("config") {
            Some(config) if config.get("@type").is_some() => route_override(config),
            _ => RouteOverride::Inherited,
        },
        Some((RBAC_PER_ROUTE, per_route)) => match per_route.get("rbac") {
            Some(rbac) => RouteOverride::Replaced(rbac),
            None => RouteOverride::Disabled("disables the guard (`RBACPerRoute` without `rbac`)".to_owned()),
        },
        Some((name, _)) => RouteOverride::Disabled(format!("must be an `RBACPerRoute`, not `{name}`")),
        None => RouteOverride::Disabled("has no `@type`: Envoy rejects it".to_owned()),
    }
}

/// Reports whether an RBAC filter is probably meant as a guard, and does not serve another purpose.
pub(super) fn is_meant_as_guard(filter: &Value) -> bool {
    let name = text(filter, "name").unwrap_or_default();
    mentions_permit(filter)
        || filter.get("config_discovery").is_some()
        || name.contains("okta")
        || name.contains("guard")
}

/// Reports whether a filter has a condition on the permit.
pub(super) fn mentions_permit(filter: &Value) -> bool {
    any(filter, &|value| text_equals(value, "key", PERMIT))
}

/// Reports whether every request that the RBAC allows has a principal with this property.
pub(super) fn admits_only(rbac: &Value, has_property: &dyn Fn(&Value) -> bool) -> bool {
    let is_limited = |policy: &Value| {
        let principals = list(policy, "principals");
        !principals.is_empty() && principals.iter().all(has_property)
    };
    policies(rbac).is_ok_and(|policies| policies.values().all(is_limited))
}

/// Returns why the RBAC allows a request without a principal with this property, or denies every
/// request.
fn prove_principals(rbac: &Value, has_property: &dyn Fn(&Value) -> bool) -> Result<(), String> {
    let policies = policies(rbac)?;
    if policies.is_empty() {
        return Err(NO_POLICIES.to_owned());
    }
    let open = policies.iter().find(|(_, policy)| {
        let principals = list(policy, "principals");
        principals.is_empty() || !principals.iter().all(has_property)
    });
    open.map_or(Ok(()), |(name, _)| {
        Err(format!("has the policy `{name}`, which does not require `{PERMIT}` to be `granted`"))
    })
}

/// Returns the policies of an RBAC that denies every request which none of them matches.
fn policies(rbac: &Value) -> Result<&Map<String, Value>, String> {
    if rbac.get("matcher").is_some() {
        return Err("has a `matcher`, which replaces `rules`: check cannot prove it".to_owned());
    }
    let Some(rules) = rbac.get("rules") else {
        let shadow = ["shadow_rules", "shadow_matcher"].iter().find(|name| rbac.get(**name).is_some());
        return Err(match shadow {
            Some(name) => format!("has `{name}` but no `rules`: it denies nothing"),
            None => "has no `rules`: it denies nothing".to_owned(),
        });
    };
    if let Some(action) = rules.get("action").filter(|action| *action != "ALLOW" && *action != 0) {
        let action = action.as_str().map_or_else(|| action.to_string(), str::to_owned);
        return Err(format!("has `action: {action}`: must be `ALLOW`, which denies all other requests"));
    }
    rules.get("policies").and_then(Value::as_object).ok_or_else(|| NO_POLICIES.to_owned())
}

/// Reports whether a request with this principal has the permit.
fn requires_permit(principal: &Value) -> bool {
    every_match(principal, &|principal| exact_state(principal, PERMIT) == Some("granted"))
}

/// Reports whether a request with this principal has the permit, or the policy of a route.
fn requires_permit_or_policy(principal: &Value) -> bool {
    every_match(principal, &|principal| {
        exact_state(principal, PERMIT) == Some("granted") || exact_state(principal, POLICY).is_some()
    })
}

/// Reports whether a request with this principal was allowed by the route policy of this name.
pub(super) fn requires_policy(principal: &Value, policy: &str) -> bool {
    every_match(principal, &|principal| {
        let ignores_case = principal.pointer("/filter_state/string_match/ignore_case");
        exact_state(principal, POLICY) == Some(policy) && ignores_case != Some(&Value::Bool(true))
    })
}

/// Reports whether a request with this principal was not allowed by a route policy.
pub(super) fn requires_no_policy(principal: &Value) -> bool {
    every_match(principal, &|principal| {
        let state = principal.pointer("/not_id/filter_state");
        state.is_some_and(|state| {
            let pattern = state.pointer("/string_match/safe_regex/regex").and_then(Value::as_str);
            text_equals(state, "key", POLICY)
                && pattern.is_some_and(|pattern| MATCH_ALL_PATTERNS.contains(&pattern))
        })
    })
}

/// Returns the exact value of this filter state that a principal requires.
fn exact_state<'a>(principal: &'a Value, key: &str) -> Option<&'a str> {
    let state = principal.get("filter_state").filter(|state| text_equals(state, "key", key))?;
    state.pointer("/string_match/exact").and_then(Value::as_str)
}

/// Reports whether every request that matches the principal has a property: for `and_ids` one
/// member must have it, for `or_ids` all members, and any other principal itself.
fn every_match(principal: &Value, has_property: &dyn Fn(&Value) -> bool) -> bool {
    let members = |field: &str| principal.get(field).map(|set| list(set, "ids"));
    if let Some(all) = members("and_ids") {
        return all.iter().any(|member| every_match(member, has_property));
    }
    if let Some(alternatives) = members("or_ids") {
        return !alternatives.is_empty()
            && alternatives.iter().all(|member| every_match(member, has_property));
    }
    has_property(principal)
}

fn is_type(url: &Value, name: &str) -> bool {
    url.as_str().is_some_and(|url| url.rsplit('/').next() == Some(name))
}

/// Returns the full name of a filter's message.
pub(super) fn filter_type(filter: &Value) -> Option<&str> {
    filter
        .get("typed_config")
        .and_then(|config| message(config).map(|(name, _)| name).or_else(|| type_name(config)))
}
