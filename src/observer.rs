//! What an observer is told while a decision is made: each check in the order in which it is made, and how it came out.
//!
//! The decision never depends on the observer. The filter in Envoy has none: `()` listens to nothing and compiles to
//! nothing.

use crate::claims::Claims;
use crate::policy::{AuthzContext, MatchedPolicy, NormalizedRequest, Requirement};
use crate::rejection::Rejection;
use crate::token::JoseHeader;

/// Somebody who watches a decision being made.
pub trait DecisionObserver {
    /// Whether anybody does: who watches is shown every check, also those that a token seen before needs no more.
    const ENABLED: bool = true;

    /// Takes note of a step.
    fn record(&mut self, event: DecisionEvent<'_>);

    /// Takes note of how a check came out, and hands that on.
    ///
    /// # Errors
    /// The rejection that it is given.
    fn checked<T>(&mut self, check: Check, outcome: Result<T, Rejection>) -> Result<T, Rejection> {
        self.record(DecisionEvent::Checked(check, outcome.as_ref().err().copied()));
        outcome
    }
}

/// Nobody.
impl DecisionObserver for () {
    const ENABLED: bool = false;

    fn record(&mut self, _: DecisionEvent<'_>) {}
}

/// A step on the way to a decision.
#[derive(Clone, Copy, Debug)]
pub enum DecisionEvent<'a> {
    /// A check has been made; without a rejection, it was passed.
    Checked(Check, Option<Rejection>),
    /// What a request is aimed at, and what applies to it; or why nothing does.
    PolicySelected(&'a NormalizedRequest<'a>, Result<MatchedPolicy<'a>, Rejection>),
    /// A token has been read. Nothing in it is verified yet.
    TokenParsed(&'a JoseHeader, &'a Claims),
    /// Whose token it says it is.
    ProviderSelected {
        /// The index of the provider in the configuration.
        index: usize,
        /// The name of the provider.
        name: &'a str,
    },
    /// What is asked of whom; whether it holds is found out next.
    RequirementEvaluated(&'a Requirement, AuthzContext<'a>),
    /// The decision of a rule or a route's policy in shadow mode; without a rejection, it would have allowed the request.
    ShadowEvaluated(MatchedPolicy<'a>, Option<Rejection>),
}

/// The checks, in the order in which they are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Check {
    /// Path, host, method and query have one reading.
    Request,
    /// There is one bearer token.
    Credentials,
    /// It has the form of a signed JWT.
    Form,
    /// A provider has its issuer.
    Issuer,
    /// The provider accepts its algorithm.
    Algorithm,
    /// It has the type of an access token.
    Type,
    /// It names a key, if it must.
    KeyId,
    /// Its life is not over.
    Expiration,
    /// The provider's keys are here.
    Keys,
    /// Its key is one of them.
    Key,
    /// The signature holds.
    Signature,
    /// It is neither too young nor too old.
    Times,
    /// It is for this audience.
    Audience,
    /// It has the shape of an access token.
    Shape,
    /// Its client is accepted.
    Client,
    /// It needs no proof of possession.
    Binding,
    /// It has not been revoked.
    Denylist,
    /// The policy allows it.
    Policy,
}

impl Check {
    /// A stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Credentials => "credentials",
            Self::Form => "form",
            Self::Issuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::KeyId => "key_id",
            Self::Expiration => "expiration",
            Self::Keys => "keys",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Times => "times",
            Self::Audience => "audience",
            Self::Shape => "shape",
            Self::Client => "client",
            Self::Binding => "binding",
            Self::Denylist => "denylist",
            Self::Policy => "policy",
        }
    }
}
