//! Rules that several issuers can satisfy. Each issuer chooses the groups, subjects and scopes of its tokens, so a value of
//! one issuer may mean something else in a token of another.

use okta_authz_filter::config::Config;
use okta_authz_filter::policy::{Access, ClaimTest, Requirement, RuleAction};

use super::Finding;

/// Warns of each rule and route policy that requires values of tokens but names no provider.
pub(super) fn warnings(config: &Config) -> Vec<Finding> {
    let count = config.providers.len();
    if count < 2 {
        return Vec::new();
    }
    let rules = config.policy.rules().iter().enumerate();
    let rules = rules.map(|(index, rule)| (format!("rules[{index}]"), &rule.action));
    let mut policies: Vec<(String, &RuleAction)> = config
        .route_policies
        .iter()
        .map(|(name, action)| (format!("route_policies.{name}"), action))
        .collect();
    policies.sort_by(|(one, _), (other, _)| one.cmp(other));
    let warning = |(at, action): (String, &RuleAction)| {
        let Access::Requires(requirement) = &action.access else { return None };
        let mut fields = Vec::new();
        collect(requirement, &mut fields);
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        let problem = format!(
            "{} without `providers`: a token of any of the {count} providers can have these values; name those that you \
             mean",
            fields.join(", ")
        );
        (!fields.is_empty()).then(|| Finding::warning(format!("{at}.requires"), problem))
    };
    rules.chain(policies).filter_map(warning).collect()
}

/// Adds the fields that tokens of every provider can satisfy.
///
/// A `not` narrows the rest for every provider, so it needs none.
fn collect(requirement: &Requirement, fields: &mut Vec<&'static str>) {
    if names_provider(requirement) {
        return;
    }
    for (name, is_used) in [
        ("groups", requirement.groups.is_some()),
        ("subjects", !requirement.subjects.is_empty()),
        ("scopes", !requirement.scopes.is_empty()),
        ("any_scopes", !requirement.any_scopes.is_empty()),
        ("client_ids", !requirement.client_ids.is_empty()),
        ("acr_values", !requirement.step_up.acr_values.is_empty()),
        ("claims", !requirement.claims.is_empty()),
    ] {
        if is_used && !fields.contains(&name) {
            fields.push(name);
        }
    }
    for part in requirement.all_of.iter().chain(&requirement.any_of) {
        collect(part, fields);
    }
}

/// Tells whether only tokens of named providers, or of a named issuer, meet it.
fn names_provider(requirement: &Requirement) -> bool {
    let is_issuer = requirement.claims.iter().any(|claim| {
        claim.path.iter().eq(["iss"]) && matches!(claim.test, ClaimTest::AnyOf(_) | ClaimTest::Matches(_))
    });
    !requirement.providers.is_empty()
        || is_issuer
        || requirement.all_of.iter().any(names_provider)
        || (!requirement.any_of.is_empty() && requirement.any_of.iter().all(names_provider))
}
