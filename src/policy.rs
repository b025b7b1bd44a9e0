//! The policy: an ordered list of rules, and the first that matches decides.
//!
//! A rule in shadow mode decides nothing: the filter asks it, counts and logs the answer, and goes to the next rule.
//!
//! Which rule applies depends on the request alone, never on the token; what the rule then asks for depends on the
//! token alone. So a request finds out that it needs no token without one, and a bad token never changes the rule.

mod address;
mod authority;
mod canonical_path;
mod claim_match;
mod coverage;
mod headers;
mod index;
mod path;
mod pattern;
mod query;
mod request_match;
mod requirement;
mod target;
mod text_match;

pub use address::{AddressRange, AddressRangeError, parse_peer};
pub use authority::HostNeeds;
pub use canonical_path::{AllowedInPaths, CanonicalPath, DEFAULT_MAX_MATCH_BYTES, ENCODED_SLASH, Reading};
pub use claim_match::{ClaimMatch, ClaimTest};
pub use headers::can_have_commas;
pub use path::{PathMatch, PathTemplateError, PathVariables};
pub use pattern::Pattern;
pub use request_match::{HostMatch, NamedTextMatch, RequestMatch};
pub use requirement::{GroupMatch, Requirement, StepUp, Subject, Unmet};
pub use target::Target;
pub use text_match::TextMatch;

use crate::rejection::Rejection;
use index::Index;

/// All the rules.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    /// Finds rules without looking at each.
    index: Index,
    /// What applies without any rules: every path needs a valid token, and no more.
    without_rules: Grant,
    /// What of a request the rules look at, beside its path, method and host.
    needs: Needs,
    /// Whether any rule is in shadow mode.
    has_shadow: bool,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which requests it is for.
    pub matches: RequestMatch,
    /// What it asks of them.
    pub grant: Grant,
}

/// What is asked of a request, and how strictly.
#[derive(Clone, Debug)]
pub struct Grant {
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
pub struct Needs {
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
pub struct Ruling<'a> {
    /// What is asked for.
    pub grant: &'a Grant,
    /// What stands in the path where the rule's template has variables.
    pub variables: PathVariables<'a>,
}

impl Policy {
    /// A policy of these rules, in this order. Without any, every path needs a valid token, and no more.
    pub fn new(rules: Vec<Rule>) -> Self {
        let needs = Needs::of(&rules);
        let index = Index::new(rules.iter().map(|rule| &rule.matches));
        let has_shadow = rules.iter().any(|rule| rule.grant.is_shadow());
        Self { rules, index, without_rules: Grant::any_token(), needs, has_shadow }
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
    pub const fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Returns the first enforced rule that matches a request.
    ///
    /// # Errors
    /// [`Rejection::NoRuleMatches`]; [`Rejection::RemoteIpUnknown`] if the address of the client, which is unknown, decides
    /// whether a rule is for the request and no rule before it is.
    pub fn decide<'a>(&'a self, target: &'a Target<'_>) -> Result<Ruling<'a>, Rejection> {
        if self.rules.is_empty() {
            return Ok(Ruling::of(&self.without_rules));
        }
        let mut candidates = self.index.candidates(target).filter_map(|index| self.rules.get(index));
        let is_for = |rule: &&Rule| !rule.grant.is_shadow() && rule.matches.matches(target);
        let rule = candidates.find(is_for).ok_or(Rejection::NoRuleMatches)?;
        if rule.matches.lacks_address(target) {
            return Err(Rejection::RemoteIpUnknown);
        }
        Ok(rule.ruling(target))
    }

    /// Returns the rules in shadow mode that match a request and stand before the rule that decides; with
    /// [`Rejection::RemoteIpUnknown`] those that would deny it because the address of the client is unknown.
    pub fn shadows<'a>(
        &'a self,
        target: &'a Target<'_>,
    ) -> impl Iterator<Item = (Ruling<'a>, Option<Rejection>)> {
        let candidates = self.has_shadow.then(|| self.index.candidates(target)).into_iter().flatten();
        let rules = candidates.filter_map(|index| self.rules.get(index));
        let matching = rules.filter(|rule| rule.matches.matches(target));
        let shadows = matching.take_while(|rule| rule.grant.is_shadow());
        shadows.map(|rule| {
            let rejection = rule.matches.lacks_address(target).then_some(Rejection::RemoteIpUnknown);
            (rule.ruling(target), rejection)
        })
    }
}

impl Rule {
    fn ruling<'a>(&'a self, target: &'a Target<'_>) -> Ruling<'a> {
        Ruling { grant: &self.grant, variables: self.matches.variables(&target.path) }
    }
}

impl Grant {
    /// Any valid token.
    pub fn any_token() -> Self {
        Self { access: Access::Requires(Box::default()), mode: Mode::Enforce }
    }

    /// Returns whether the filter only counts and logs what the grant would deny.
    pub fn is_shadow(&self) -> bool {
        self.mode == Mode::Shadow
    }
}

impl<'a> Ruling<'a> {
    /// A grant that no path belongs to.
    pub fn of(grant: &'a Grant) -> Self {
        Self { grant, variables: PathVariables::default() }
    }
}

impl Needs {
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

fn add_names(names: &mut Vec<String>, conditions: &[NamedTextMatch]) {
    for NamedTextMatch { name, .. } in conditions {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}
