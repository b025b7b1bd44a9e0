//! The part of the policy that applies to a request.

use super::normalized_request::NormalizedRequest;
use super::path::PathVariables;
use super::rule::{Rule, RuleAction};

/// The part of the policy that applies to a request. The token does not influence it.
#[derive(Clone, Copy, Debug)]
pub struct MatchedPolicy<'a> {
    /// The rule or route policy in the configuration.
    pub source: PolicySource<'a>,
    /// The access that it gives.
    pub action: &'a RuleAction,
    /// The values of the variables of the rule's path template.
    pub variables: PathVariables<'a>,
}

/// The position of a matched policy in the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicySource<'a> {
    /// The rule with this index.
    Rule(usize),
    /// The route policy with this name.
    RoutePolicy(&'a str),
    /// The configuration has no rules: every request with a valid token is allowed.
    NoRules,
}

impl<'a> MatchedPolicy<'a> {
    /// Returns the policy of a rule that matches a request.
    pub(super) fn rule(index: usize, rule: &'a Rule, request: &'a NormalizedRequest<'_>) -> Self {
        let source = PolicySource::Rule(index);
        Self { source, action: &rule.action, variables: rule.matches.variables(&request.path) }
    }

    /// Returns the policy that a route names.
    pub fn route_policy(name: &'a str, action: &'a RuleAction) -> Self {
        Self { source: PolicySource::RoutePolicy(name), action, variables: PathVariables::default() }
    }

    /// Returns the policy of a configuration without rules.
    pub(super) fn without_rules(action: &'a RuleAction) -> Self {
        Self { source: PolicySource::NoRules, action, variables: PathVariables::default() }
    }
}
