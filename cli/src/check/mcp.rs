//! Likely mistakes in a configuration for servers of the Model Context Protocol (MCP), and for other
//! clients that find the authorization server by protected resource metadata (RFC 9728).

use okta_authz_filter::config::Config;
use okta_authz_filter::policy::{Access, NamedStringMatcher, RequestMatch, Requirement, Rule, StringMatcher};
use serde_json::Value;

use super::finding::Finding;

/// The scope that requests a refresh token (OpenID Connect Core section 11).
const OFFLINE_ACCESS: &str = "offline_access";

/// Warns about `offline_access`, tokens in queries, and rules for tools that a request without
/// headers of MCP avoids.
pub(super) fn warnings(config: &Config, json: &Value) -> Vec<Finding> {
    let mut warnings = offline_access_warnings(config, json);
    let rules = config.policy.rules();
    if !config.token_sources.params.is_empty()
        && (has_resources(json) || rules.iter().any(|rule| has_mcp_condition(&rule.matches)))
    {
        let problem = "reads tokens from queries, which logs and caches keep: MCP forbids it, and clients that use protected \
                       resource metadata send a header";
        warnings.push(Finding::warning("from_params", problem));
    }
    warnings.extend(avoidable_rule_warnings(rules));
    warnings
}

fn has_resources(json: &Value) -> bool {
    json.get("protected_resources").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}

/// Warns if a response asks clients for `offline_access`. A resource does not need it, and a client
/// requests it by its own decision.
fn offline_access_warnings(config: &Config, json: &Value) -> Vec<Finding> {
    let warning = |path: String| {
        let problem = "asks clients for `offline_access`, which gives refresh tokens and is no permission for a resource; \
                       remove it";
        Finding::warning(path, problem)
    };
    let resources = json.get("protected_resources").and_then(Value::as_array).into_iter().flatten();
    let supports = |resource: &Value| {
        let scopes = resource.get("scopes_supported").and_then(Value::as_array).into_iter().flatten();
        scopes.clone().any(|scope| scope == OFFLINE_ACCESS)
    };
    let resources = resources.enumerate().filter(|(_, resource)| supports(resource));
    let mut warnings: Vec<Finding> = resources
        .map(|(index, _)| warning(format!("protected_resources[{index}].scopes_supported")))
        .collect();
    let rules = config.policy.rules().iter().enumerate();
    let rules = rules.map(|(index, rule)| (format!("rules[{index}].requires"), &rule.action));
    let mut policies: Vec<_> = config
        .route_policies
        .iter()
        .map(|(name, action)| (format!("route_policies.{name}.requires"), action))
        .collect();
    policies.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, action) in rules.chain(policies) {
        if let Access::Requires(requirement) = &action.access
            && asks_for_offline_access(requirement)
        {
            warnings.push(warning(path));
        }
    }
    warnings
}

fn asks_for_offline_access(requirement: &Requirement) -> bool {
    let Requirement { scopes, any_scopes, any_of, all_of, .. } = requirement;
    scopes.iter().chain(any_scopes).any(|scope| scope == OFFLINE_ACCESS)
        || any_of.iter().chain(all_of).any(asks_for_offline_access)
}

/// Warns about each rule with conditions on headers of MCP whose requests a later rule allows if
/// they omit the headers. Clients of versions before 2026-07-28 do not send them.
fn avoidable_rule_warnings(rules: &[Rule]) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let names = required_names(&rule.matches);
        if rule.action.is_shadow() || matches!(rule.action.access, Access::Public) || names.is_empty() {
            continue;
        }
        let later = rules.iter().enumerate().skip(index.saturating_add(1));
        let allows = |(_, later): &(usize, &Rule)| {
            !later.action.is_shadow()
                && !matches!(later.action.access, Access::Deny)
                && !has_mcp_condition(&later.matches)
                && overlaps(&rule.matches, &later.matches)
        };
        let Some((by, _)) = later.clone().find(allows) else { continue };
        let before = || rules.iter().take(by).filter(|rule| !rule.action.is_shadow());
        let denied = |name: &&str| before().any(|earlier| denies_without(earlier, rule, name));
        if let Some(name) = names.iter().find(|name| !denied(name)) {
            let problem = format!(
                "a request without `{name}` avoids this rule, and rules[{by}] decides; before it, add a rule with `deny: true` for \
                 requests without the header (`present_match: true`, `invert_match: true`)"
            );
            warnings.push(Finding::warning(format!("rules[{index}].match.headers"), problem));
        }
    }
    warnings
}

/// Returns whether `earlier` denies each request that lacks the header, and that `rule` would match
/// with it.
fn denies_without(earlier: &Rule, rule: &Rule, name: &str) -> bool {
    let is_absent = |condition: &NamedStringMatcher| condition.name == name && requires_absence(condition);
    let is_of_rule = |condition: &NamedStringMatcher| {
        let text = format!("{condition:?}");
        rule.matches.headers.iter().any(|other| other.name != name && format!("{other:?}") == text)
    };
    let conditions = &earlier.matches.headers;
    matches!(earlier.action.access, Access::Deny)
        && conditions.iter().all(|condition| is_absent(condition) || is_of_rule(condition))
        && RequestMatch { headers: Vec::new(), ..earlier.matches.clone() }
            .subsumes(&RequestMatch { headers: Vec::new(), ..rule.matches.clone() })
}

/// Returns whether some request certainly meets the conditions of both on path, method and host.
fn overlaps(one: &RequestMatch, other: &RequestMatch) -> bool {
    let without_values = |matches: &RequestMatch| RequestMatch {
        path: matches.path.clone(),
        methods: matches.methods.clone(),
        hosts: matches.hosts.clone(),
        ..RequestMatch::default()
    };
    let (one, other) = (without_values(one), without_values(other));
    one.subsumes(&other) || other.subsumes(&one)
}

fn has_mcp_condition(matches: &RequestMatch) -> bool {
    matches.headers.iter().any(is_of_mcp)
}

/// Returns the names of the headers of MCP with conditions, except those that must be absent.
fn required_names(matches: &RequestMatch) -> Vec<&str> {
    let is_required = |condition: &&NamedStringMatcher| is_of_mcp(condition) && !requires_absence(condition);
    matches.headers.iter().filter(is_required).map(|condition| condition.name.as_str()).collect()
}

fn is_of_mcp(condition: &NamedStringMatcher) -> bool {
    let name = condition.name.as_str();
    matches!(name, "mcp-method" | "mcp-name") || name.starts_with("mcp-param-")
}

fn requires_absence(condition: &NamedStringMatcher) -> bool {
    condition.invert && matches!(condition.matcher, StringMatcher::Present)
}
