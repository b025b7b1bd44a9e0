//! The proof of the guard: whether every request that an RBAC filter allows carries this filter's permit.

use serde_json::Value;

use super::chain::{PERMIT, POLICY};
use super::read::{any, is_true, kind, list, message, says, text};

const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";
const RBAC_PER_ROUTE: &str = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
const FILTER_CONFIG: &str = "envoy.config.route.v3.FilterConfig";
const BROKEN_PRINCIPAL: &str = "does not require `wasm.okta.permit` to be `granted`";

/// Returns why a filter does not prove the permit.
///
/// `None` for a filter that has nothing to do with RBAC.
pub(super) fn guard(filter: &Value) -> Option<Result<(), String>> {
    if let Some(discovery) = filter.get("config_discovery") {
        let is_rbac = list(discovery, "type_urls").iter().any(|kind| ends_with(kind, RBAC));
        let problem = "has its configuration elsewhere (ECDS), which proves nothing here";
        return is_rbac.then(|| Err(problem.to_owned()));
    }
    let (kind, rbac) = message(filter.get("typed_config")?)?;
    if kind != RBAC {
        let is_inside = any(rbac, &|value| value.get("@type").is_some_and(|kind| ends_with(kind, RBAC)));
        let problem = "is inside another filter, which decides for each request whether it runs";
        return (is_inside && mentions_permit(rbac)).then(|| Err(problem.to_owned()));
    }
    if is_true(filter, "disabled") {
        return Some(Err("is `disabled: true`".to_owned()));
    }
    if is_true(filter, "is_optional") {
        return Some(Err(
            "is `is_optional: true`: Envoy drops an optional filter that it does not know".to_owned()
        ));
    }
    Some(enforces(rbac, &requires_permit))
}

/// Returns why an entry of `typed_per_filter_config` leaves requests without a guard.
pub(super) fn route_override(entry: &Value) -> Result<(), String> {
    match message(entry) {
        Some((FILTER_CONFIG, wrapper)) if is_true(wrapper, "disabled") => {
            Err("disables the guard (`FilterConfig` with `disabled: true`)".to_owned())
        }
        // Without a configuration, or with an empty one, the guard keeps its own (seen in Envoy 1.40).
        Some((FILTER_CONFIG, wrapper)) => match wrapper.get("config") {
            Some(config) if config.get("@type").is_some() => route_override(config),
            _ => Ok(()),
        },
        Some((RBAC_PER_ROUTE, per_route)) => match per_route.get("rbac") {
            None => Err("disables the guard (`RBACPerRoute` without `rbac`)".to_owned()),
            Some(rbac) => enforces(rbac, &requires_permit_or_policy),
        },
        Some((kind, _)) => Err(format!("is of the type `{kind}`, which proves nothing")),
        None => Err("has no `@type`, which Envoy rejects".to_owned()),
    }
}

/// Tells whether an RBAC filter looks like a guard. RBAC for other purposes is no attempt at one.
pub(super) fn is_meant_as_guard(filter: &Value) -> bool {
    let name = text(filter, "name").unwrap_or_default();
    mentions_permit(filter)
        || filter.get("config_discovery").is_some()
        || name.contains("okta")
        || name.contains("guard")
}

fn mentions_permit(filter: &Value) -> bool {
    any(filter, &|value| says(value, "key", PERMIT))
}

/// Returns why `envoy.extensions.filters.http.rbac.v3.RBAC` allows requests without principals like this.
fn enforces(rbac: &Value, is: &dyn Fn(&Value) -> bool) -> Result<(), String> {
    if rbac.get("matcher").is_some() {
        return Err(
            "has a `matcher`, in place of which `rules` are ignored: check cannot prove it".to_owned()
        );
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
        return Err(format!("has `action: {action}`: only `ALLOW` denies what no policy allows"));
    }
    let policies = rules.get("policies").and_then(Value::as_object);
    let Some(policies) = policies.filter(|policies| !policies.is_empty()) else {
        return Err("has no `policies`: it denies every request".to_owned());
    };
    let open = policies.iter().find(|(_, policy)| {
        let principals = list(policy, "principals");
        principals.is_empty() || !principals.iter().all(is)
    });
    open.map_or(Ok(()), |(name, _)| Err(format!("has the policy `{name}`, which {BROKEN_PRINCIPAL}")))
}

/// Tells whether a request that fits the principal carries the permit.
fn requires_permit(principal: &Value) -> bool {
    requires(principal, &|key, value| key == PERMIT && value == "granted")
}

/// Tells the same of the guard of a route, which may ask for the route's policy alone: the filter writes no policy without
/// the permit.
fn requires_permit_or_policy(principal: &Value) -> bool {
    requires(principal, &|key, value| (key == PERMIT && value == "granted") || key == POLICY)
}

/// Tells whether a request that fits the principal has filter state like this.
fn requires(principal: &Value, is: &dyn Fn(&str, &str) -> bool) -> bool {
    let set = |name: &str| principal.get(name).map(|set| list(set, "ids"));
    if let Some(ids) = set("and_ids") {
        return ids.iter().any(|id| requires(id, is));
    }
    if let Some(ids) = set("or_ids") {
        return !ids.is_empty() && ids.iter().all(|id| requires(id, is));
    }
    principal.get("filter_state").is_some_and(|state| {
        let value = state.get("string_match").and_then(|matcher| text(matcher, "exact"));
        value.zip(text(state, "key")).is_some_and(|(value, key)| is(key, value))
    })
}

fn ends_with(name: &Value, message: &str) -> bool {
    name.as_str().is_some_and(|name| name.rsplit('/').next() == Some(message))
}

/// Returns the full name of a filter's message.
pub(super) fn filter_kind(filter: &Value) -> Option<&str> {
    filter
        .get("typed_config")
        .and_then(|config| message(config).map(|(kind, _)| kind).or_else(|| kind(config)))
}
