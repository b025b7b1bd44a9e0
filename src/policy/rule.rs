//! Rules: the requests that they match, and the access that they give.

use super::request_match::RequestMatch;
use super::requirement::Requirement;

/// A rule of the policy.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The requests that the rule matches.
    pub matches: RequestMatch,
    /// The access that the rule gives to these requests.
    pub action: RuleAction,
}

/// The access that a rule or a route policy gives, and whether the filter enforces it.
#[derive(Clone, Debug)]
pub struct RuleAction {
    /// The condition for access.
    pub access: Access,
    /// How the filter handles a request that does not meet the condition.
    pub mode: Mode,
    /// Whether the filter introspects JWTs (RFC 7662).
    pub introspect: bool,
}

/// The condition for access.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "each rule has one, and most rules have a requirement")]
pub enum Access {
    /// A valid token that meets the requirement.
    Requires(Box<Requirement>),
    /// No condition. The filter reads no token.
    Public,
    /// The filter denies every request.
    Deny,
}

/// How the filter handles a request that does not meet the condition for access.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// The filter denies the request.
    #[default]
    Enforce,
    /// The filter allows a request without a token anonymously, and denies any other.
    Optional,
    /// The filter counts and logs the denial, and continues with the next rule that matches.
    Shadow,
}

impl RuleAction {
    /// Returns the action that allows every request with a valid token.
    pub fn any_token() -> Self {
        Self { access: Access::Requires(Box::default()), mode: Mode::Enforce, introspect: false }
    }

    /// Returns whether the filter only counts and logs what this action denies.
    pub fn is_shadow(&self) -> bool {
        self.mode == Mode::Shadow
    }
}
