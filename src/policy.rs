//! The policy: an ordered list of rules, and the first that matches decides.
//!
//! Which rule applies depends on the request alone, never on the token; what the rule then asks for depends on the
//! token alone. So a request finds out that it needs no token without one, and a bad token never changes the rule.

mod address;
mod canonical_path;
mod claim_match;
mod coverage;
mod index;
mod path;
mod pattern;
mod query;
mod request_match;
mod requirement;
mod target;
mod text_match;

pub use address::{AddressRange, parse_peer};
pub use canonical_path::{AllowedInPaths, CanonicalPath, DEFAULT_MAX_MATCH_BYTES, ENCODED_SLASH, Reading};
pub use claim_match::{ClaimMatch, ClaimTest};
pub use path::{PathMatch, PathTemplateError, PathVariables};
pub use pattern::Pattern;
pub use request_match::{HostMatch, NamedTextMatch, RequestMatch};
pub use requirement::{GroupMatch, Requirement, StepUp, Subject, Unmet};
pub use target::Target;
pub use text_match::TextMatch;

use index::Index;

use crate::request::Header;

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
    /// It passes all the same, and what would have been is counted and logged.
    Shadow,
}

/// What rules look at beside the path, the method and the host: what nobody asks for is not read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// Names of query parameters.
    pub query_parameters: Vec<String>,
    /// Names of headers, sorted.
    pub headers: Vec<String>,
    /// The address of the client.
    pub remote_ip: bool,
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
        Self { rules, index, without_rules: Grant::any_token(), needs }
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

    /// What applies to a request; `None` if no rule is for it.
    pub fn decide<'a>(&'a self, target: &'a Target<'_>) -> Option<Ruling<'a>> {
        if self.rules.is_empty() {
            return Some(Ruling::of(&self.without_rules));
        }
        let mut candidates = self.index.candidates(target).filter_map(|index| self.rules.get(index));
        let rule = candidates.find(|rule| rule.matches.matches(target))?;
        Some(Ruling { grant: &rule.grant, variables: rule.matches.variables(&target.path) })
    }
}

impl Grant {
    /// Any valid token.
    pub fn any_token() -> Self {
        Self { access: Access::Requires(Box::default()), mode: Mode::Enforce }
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
        for RequestMatch { headers, query_parameters, remote_ip, .. } in
            rules.iter().map(|rule| &rule.matches)
        {
            needs.remote_ip |= remote_ip.is_some();
            needs.headers.extend(headers.iter().map(|header| header.name.clone()));
            for parameter in query_parameters {
                if !needs.query_parameters.contains(&parameter.name) {
                    needs.query_parameters.push(parameter.name.clone());
                }
            }
        }
        needs.headers.sort_unstable();
        needs.headers.dedup();
        needs
    }

    /// Whether a header that a rule looks at is longer than rules match.
    fn has_long_header(&self, headers: &[Header<'_>]) -> bool {
        if self.headers.is_empty() {
            return false;
        }
        let is_looked_at = |name: &str| self.headers.binary_search_by(|ours| ours.as_str().cmp(name)).is_ok();
        headers.iter().any(|(name, value)| value.len() > self.reading.max_match_bytes && is_looked_at(name))
    }
}
