//! The policy: an ordered list of rules, and the first that matches decides.
//!
//! Which rule applies depends on the request alone, never on the token; what the rule then asks for depends on the
//! token alone. So a request finds out that it needs no token without one, and a bad token never changes the rule.

mod index;
mod path;
mod request_match;
mod requirement;
mod target;

pub use path::{CanonicalPath, PathMatch, PathTemplateError};
pub use request_match::{HostMatch, RequestMatch};
pub use requirement::{ClaimMatch, ClaimTest, Requirement, Unmet};
pub use target::Target;

use index::Index;

/// All the rules.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    /// Finds rules without looking at each.
    index: Index,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which requests it is for.
    pub matches: RequestMatch,
    /// What it asks of them.
    pub access: Access,
}

/// What a rule asks for.
#[derive(Clone, Debug)]
pub enum Access {
    /// A valid token that meets the requirement.
    Requires(Requirement),
    /// Nothing.
    Public,
}

/// What the policy has to say about a request, before any token is looked at.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// A valid token that meets the requirement is needed.
    Requires(&'a Requirement),
    /// A valid token is needed, and any will do.
    AnyToken,
    /// No rule is for this request. Denied by default, whatever the token.
    NoRule,
    /// No token is needed.
    Public,
}

impl Policy {
    /// A policy of these rules, in this order. Without any, every path needs a valid token, and no more.
    pub fn new(rules: Vec<Rule>) -> Self {
        let index = Index::new(rules.iter().map(|rule| &rule.matches));
        Self { rules, index }
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What applies to a request.
    pub fn decide(&self, target: &Target) -> Decision<'_> {
        if self.rules.is_empty() {
            return Decision::AnyToken;
        }
        let mut candidates = self.index.candidates(target).filter_map(|index| self.rules.get(index));
        match candidates.find(|rule| rule.matches.matches(target)) {
            None => Decision::NoRule,
            Some(Rule { access: Access::Public, .. }) => Decision::Public,
            Some(Rule { access: Access::Requires(requirement), .. }) => Decision::Requires(requirement),
        }
    }
}
