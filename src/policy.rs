//! The policy: an ordered list of rules, and the first that matches decides.
//!
//! A rule in shadow mode decides nothing: the filter asks it, counts and logs the answer, and goes to the next rule.
//!
//! Which rule applies depends on the request alone, never on the token; what the rule then asks for depends on the
//! token alone. So a request finds out that it needs no token without one, and a bad token never changes the rule.

mod authority;
mod canonical_path;
mod cidr_range;
mod claim_match;
mod headers;
mod index;
mod path;
mod pattern;
mod query;
mod request_match;
mod requirement;
mod string_matcher;
mod subsumption;
mod target;

pub use authority::HostNeeds;
pub use canonical_path::{AllowedInPaths, CanonicalPath, DEFAULT_MAX_MATCH_BYTES, ENCODED_SLASH, Reading};
pub use cidr_range::{CidrRange, CidrRangeError, parse_socket_ip};
pub use claim_match::{ClaimMatch, ClaimTest};
pub use headers::can_have_commas;
pub use path::{PathMatch, PathTemplateError, PathVariables};
pub use pattern::Pattern;
pub use request_match::{HostMatch, NamedStringMatcher, RequestMatch};
pub use requirement::{AuthzContext, GroupMatch, Requirement, StepUp, UnmetRequirement};
pub use string_matcher::StringMatcher;
pub use target::NormalizedRequest;

use crate::rejection::Rejection;
use index::Index;

/// All the rules.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    /// Finds rules without looking at each.
    index: Index,
    /// What applies without any rules: every path needs a valid token, and no more.
    without_rules: RuleAction,
    /// What of a request the rules look at, beside its path, method and host.
    needs: RequiredInputs,
    /// Whether any rule is in shadow mode.
    has_shadow: bool,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which requests it is for.
    pub matches: RequestMatch,
    /// What it asks of them.
    pub action: RuleAction,
}

/// What is asked of a request, and how strictly.
#[derive(Clone, Debug)]
pub struct RuleAction {
    /// What is asked for.
    pub access: Access,
    /// What becomes of a request that falls short.
    pub mode: Mode,
}

/// What a rule asks for.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one for each rule, and most of them require something"
)]
pub enum Access {
    /// A valid token that meets the requirement.
    Requires(Box<Requirement>),
    /// Nothing.
    Public,
    /// More than anybody has.
    Deny,
}

/// What becomes of a request that falls short.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// It is denied.
    #[default]
    Enforce,
    /// It is denied, unless it has no token at all: then it passes as nobody's.
    Optional,
    /// The filter counts and logs the denial, and the next rule that matches decides.
    Shadow,
}

/// What rules look at beside the path, the method and the host: what nobody asks for is not read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequiredInputs {
    /// Names of headers, in lower case.
    pub headers: Vec<String>,
    /// Names of query parameters.
    pub query_parameters: Vec<String>,
    /// The address of the client.
    pub remote_ip: bool,
    /// How exact the host must be.
    pub host: HostNeeds,
    /// How paths are read, and how long they and the values may be.
    pub reading: Reading,
}

/// What the policy has to say about a request, before any token is looked at.
#[derive(Clone, Copy, Debug)]
pub struct MatchedPolicy<'a> {
    /// The rule or the route policy in the configuration.
    pub source: PolicySource<'a>,
    /// What is asked for.
    pub action: &'a RuleAction,
    /// What stands in the path where the rule's template has variables.
    pub variables: PathVariables<'a>,
}

/// The part of the configuration that decides about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicySource<'a> {
    /// The rule with this index.
    Rule(usize),
    /// The route policy with this name.
    RoutePolicy(&'a str),
    /// The configuration has no rules: every valid token is allowed.
    NoRules,
}

impl Policy {
    /// A policy of these rules, in this order. Without any, every path needs a valid token, and no more.
    pub fn new(rules: Vec<Rule>) -> Self {
        let needs = RequiredInputs::of(&rules);
        let index = Index::new(rules.iter().map(|rule| &rule.matches));
        let has_shadow = rules.iter().any(|rule| rule.action.is_shadow());
        Self { rules, index, without_rules: RuleAction::any_token(), needs, has_shadow }
    }

    /// Takes note that Envoy's routes ignore the port of a host, as the rules do.
    #[must_use]
    pub const fn ignoring_ports(mut self, ignore_port: bool) -> Self {
        self.needs.host.ignore_port = ignore_port;
        self
    }

    /// Reads requests in this way.
    #[must_use]
    pub const fn reading(mut self, reading: Reading) -> Self {
        self.needs.reading = reading;
        self
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What of a request the rules look at.
    pub const fn needs(&self) -> &RequiredInputs {
        &self.needs
    }

    /// Returns the first enforced rule that matches a request.
    ///
    /// # Errors
    /// [`Rejection::NoRuleMatches`]; [`Rejection::RemoteIpUnknown`] if the address of the client, which is unknown, decides
    /// whether a rule is for the request and no rule before it is.
    pub fn decide<'a>(&'a self, target: &'a NormalizedRequest<'_>) -> Result<MatchedPolicy<'a>, Rejection> {
        if self.rules.is_empty() {
            return Ok(MatchedPolicy::without_rules(&self.without_rules));
        }
        let is_for = |(_, rule): &(usize, &Rule)| !rule.action.is_shadow() && rule.matches.matches(target);
        let (index, rule) = self.candidates(target).find(is_for).ok_or(Rejection::NoRuleMatches)?;
        if rule.matches.lacks_address(target) {
            return Err(Rejection::RemoteIpUnknown);
        }
        Ok(rule.matched_policy(index, target))
    }

    /// Returns the rules in shadow mode that match a request and stand before the rule that decides; with
    /// [`Rejection::RemoteIpUnknown`] those that would deny it because the address of the client is unknown.
    pub fn shadows<'a>(
        &'a self,
        target: &'a NormalizedRequest<'_>,
    ) -> impl Iterator<Item = (MatchedPolicy<'a>, Option<Rejection>)> {
        let candidates = self.has_shadow.then(|| self.candidates(target)).into_iter().flatten();
        let matching = candidates.filter(|(_, rule)| rule.matches.matches(target));
        let shadows = matching.take_while(|(_, rule)| rule.action.is_shadow());
        shadows.map(|(index, rule)| {
            let rejection = rule.matches.lacks_address(target).then_some(Rejection::RemoteIpUnknown);
            (rule.matched_policy(index, target), rejection)
        })
    }

    /// Yields the rules that can match a request, with their indexes, in their order.
    fn candidates<'a>(
        &'a self,
        target: &'a NormalizedRequest<'_>,
    ) -> impl Iterator<Item = (usize, &'a Rule)> {
        self.index.candidates(target).filter_map(|index| Some((index, self.rules.get(index)?)))
    }
}

impl Rule {
    fn matched_policy<'a>(&'a self, index: usize, target: &'a NormalizedRequest<'_>) -> MatchedPolicy<'a> {
        let source = PolicySource::Rule(index);
        MatchedPolicy { source, action: &self.action, variables: self.matches.variables(&target.path) }
    }
}

impl RuleAction {
    /// Any valid token.
    pub fn any_token() -> Self {
        Self { access: Access::Requires(Box::default()), mode: Mode::Enforce }
    }

    /// Returns whether the filter only counts and logs what the grant would deny.
    pub fn is_shadow(&self) -> bool {
        self.mode == Mode::Shadow
    }
}

impl<'a> MatchedPolicy<'a> {
    /// Returns the policy that a route names.
    pub fn route_policy(name: &'a str, action: &'a RuleAction) -> Self {
        Self { source: PolicySource::RoutePolicy(name), action, variables: PathVariables::default() }
    }

    /// Returns the policy of a configuration without rules.
    fn without_rules(action: &'a RuleAction) -> Self {
        Self { source: PolicySource::NoRules, action, variables: PathVariables::default() }
    }
}

impl RequiredInputs {
    fn of(rules: &[Rule]) -> Self {
        let mut needs = Self::default();
        for matches in rules.iter().map(|rule| &rule.matches) {
            needs.remote_ip |= matches.remote_ip.is_some();
            needs.host.exact |= matches.hosts.is_some();
            add_names(&mut needs.headers, &matches.headers);
            add_names(&mut needs.query_parameters, &matches.query_parameters);
        }
        needs
    }
}

fn add_names(names: &mut Vec<String>, conditions: &[NamedStringMatcher]) {
    for NamedStringMatcher { name, .. } in conditions {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}
