//! The authorization policy: an ordered list of rules. The first enforced rule that matches a
//! request decides.
//!
//! A rule in shadow mode does not decide. The filter evaluates it, counts and logs the result, and
//! continues with the next rule.
//!
//! The request alone selects the rule, never the token. The token alone decides whether the
//! requirement of the rule is met. So the filter can allow a public path without a token, and an
//! invalid token cannot select another rule.

mod actor;
mod authority;
mod authorization_details;
mod canonical_path;
mod cidr_range;
mod claim_match;
mod headers;
mod index;
mod matched_policy;
mod normalization;
mod normalized_request;
mod path;
mod pattern;
mod query;
mod request_match;
mod required_inputs;
mod requirement;
mod rule;
mod string_matcher;
mod subsumption;

pub use actor::ActorMatch;
pub use authority::HostRequirements;
pub use authorization_details::AuthorizationDetailMatch;
pub use canonical_path::{CanonicalPath, ENCODED_SLASH};
pub use cidr_range::{CidrRange, CidrRangeError, parse_socket_ip};
pub use claim_match::{ClaimMatch, ClaimTest};
pub(crate) use headers::{can_have_commas, is_mcp_encoded};
pub use matched_policy::{MatchedPolicy, PolicySource};
pub use normalization::{AllowedInPaths, NormalizationOptions};
pub use normalized_request::NormalizedRequest;
pub use path::{PathMatch, PathTemplateError, PathVariables};
pub use pattern::Pattern;
pub use request_match::{HostMatch, NamedStringMatcher, RequestMatch};
pub use required_inputs::RequiredInputs;
pub use requirement::{AuthzContext, GroupMatch, Requirement, StepUp, UnmetRequirement};
pub use rule::{Access, Mode, Rule, RuleAction};
pub use string_matcher::StringMatcher;

use crate::rejection::Rejection;
use index::Index;

/// The rules of a configuration, with an index by path and host.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    index: Index,
    /// The action for every request if there are no rules.
    without_rules: RuleAction,
    inputs: RequiredInputs,
    /// Whether any rule is in shadow mode.
    has_shadow: bool,
}

impl Policy {
    /// Creates a policy with these rules, in this order. Without rules, the policy allows every
    /// request with a valid token.
    pub fn new(rules: Vec<Rule>) -> Self {
        let inputs = RequiredInputs::of(&rules);
        let index = Index::new(rules.iter().map(|rule| &rule.matches));
        let has_shadow = rules.iter().any(|rule| rule.action.is_shadow());
        Self { rules, index, without_rules: RuleAction::any_token(), inputs, has_shadow }
    }

    /// Sets whether the rules ignore the port of the host (`ignore_port_in_host_matching`).
    #[must_use]
    pub(crate) const fn with_ignore_port(mut self, ignore_port: bool) -> Self {
        self.inputs.host.ignore_port = ignore_port;
        self
    }

    /// Sets how the filter normalizes requests before it matches them.
    #[must_use]
    pub const fn with_normalization(mut self, normalization: NormalizationOptions) -> Self {
        self.inputs.normalization = normalization;
        self
    }

    /// Returns the number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns whether the policy has no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the rules in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the parts of a request that the rules match.
    pub const fn required_inputs(&self) -> &RequiredInputs {
        &self.inputs
    }

    /// Returns the first enforced rule that matches a request.
    ///
    /// # Errors
    /// [`Rejection::NoRuleMatches`] if no enforced rule matches. [`Rejection::RemoteIpUnknown`] if
    /// the first rule that matches has `remote_ip`, and the address of the client is unknown.
    pub fn select<'a>(&'a self, request: &'a NormalizedRequest<'_>) -> Result<MatchedPolicy<'a>, Rejection> {
        if self.rules.is_empty() {
            return Ok(MatchedPolicy::without_rules(&self.without_rules));
        }
        let is_selected =
            |(_, rule): &(usize, &Rule)| !rule.action.is_shadow() && rule.matches.matches(request);
        let (index, rule) = self.candidates(request).find(is_selected).ok_or(Rejection::NoRuleMatches)?;
        if rule.matches.depends_on_unknown_ip(request) {
            return Err(Rejection::RemoteIpUnknown);
        }
        Ok(MatchedPolicy::rule(index, rule, request))
    }

    /// Yields the rules in shadow mode that match a request and precede the rule that decides.
    ///
    /// The second element is [`Rejection::RemoteIpUnknown`] if the rule would deny the request
    /// because the address of the client is unknown.
    pub(crate) fn select_shadow<'a>(
        &'a self,
        request: &'a NormalizedRequest<'_>,
    ) -> impl Iterator<Item = (MatchedPolicy<'a>, Option<Rejection>)> {
        let candidates = self.has_shadow.then(|| self.candidates(request)).into_iter().flatten();
        let matching = candidates.filter(|(_, rule)| rule.matches.matches(request));
        let shadows = matching.take_while(|(_, rule)| rule.action.is_shadow());
        shadows.map(|(index, rule)| {
            let is_unknown = rule.matches.depends_on_unknown_ip(request);
            let rejection = is_unknown.then_some(Rejection::RemoteIpUnknown);
            (MatchedPolicy::rule(index, rule, request), rejection)
        })
    }

    /// Yields the rules that can match a request, with their indices, in their order.
    fn candidates<'a>(
        &'a self,
        request: &'a NormalizedRequest<'_>,
    ) -> impl Iterator<Item = (usize, &'a Rule)> {
        self.index.candidates(request).filter_map(|index| Some((index, self.rules.get(index)?)))
    }
}
