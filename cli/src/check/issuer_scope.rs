//! Rules that tokens of several issuers can meet. Each issuer chooses the groups, subjects and
//! scopes of its tokens, so a value can have another meaning in a token of another issuer.

use okta_authz_filter::config::Config;
use okta_authz_filter::policy::{Access, ClaimTest, Requirement, RuleAction};

use super::finding::Finding;

/// Warns about rules and route policies that require values of a token but name no provider.
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
    let warning = |(path, action): (String, &RuleAction)| {
        let Access::Requires(requirement) = &action.access else { return None };
        let mut fields = Vec::new();
        collect_unscoped_fields(requirement, &mut fields);
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        let problem = format!(
            "has {} without `providers`: a token of any of the {count} providers can have these values; add `providers`",
            fields.join(", ")
        );
        (!fields.is_empty()).then(|| Finding::warning(format!("{path}.requires"), problem))
    };
    rules.chain(policies).filter_map(warning).collect()
}

/// Adds the fields of a requirement that tokens of every provider can meet.
///
/// A `not` only narrows a requirement, so its fields need no provider.
fn collect_unscoped_fields(requirement: &Requirement, fields: &mut Vec<&'static str>) {
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
        collect_unscoped_fields(part, fields);
    }
}

/// Reports whether only tokens of named providers or issuers meet a requirement.
fn names_provider(requirement: &Requirement) -> bool {
    let is_issuer = requirement.claims.iter().any(|claim| {
        claim.path.iter().eq(["iss"]) && matches!(claim.test, ClaimTest::AnyOf(_) | ClaimTest::Matches(_))
    });
    !requirement.providers.is_empty()
        || is_issuer
        || requirement.all_of.iter().any(names_provider)
        || (!requirement.any_of.is_empty() && requirement.any_of.iter().all(names_provider))
}
