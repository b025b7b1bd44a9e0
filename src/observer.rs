//! The observer of a decision: it receives each check in the order in which the filter makes it,
//! and the result.
//!
//! The decision never depends on the observer. `()` is the observer that ignores every event; the
//! compiler removes its calls.

use crate::claims::Claims;
use crate::policy::{AuthzContext, MatchedPolicy, NormalizedRequest, Requirement};
use crate::rejection::Rejection;
use crate::token::JoseHeader;

/// An observer of a decision.
pub trait DecisionObserver {
    /// Whether the filter makes and reports every check. If false, the filter may take a verified
    /// token from the token cache, and then omits the events of the checks before
    /// [`Check::Denylist`] except [`DecisionEvent::ProviderSelected`].
    const ENABLED: bool = true;

    /// Receives an event.
    fn record(&mut self, event: DecisionEvent<'_>);

    /// Records the result of a check and returns it.
    ///
    /// # Errors
    /// The error of `result`, unchanged.
    fn checked<T>(&mut self, check: Check, result: Result<T, Rejection>) -> Result<T, Rejection> {
        self.record(DecisionEvent::Checked(check, result.as_ref().err().copied()));
        result
    }
}

/// The observer that ignores every event.
impl DecisionObserver for () {
    const ENABLED: bool = false;

    fn record(&mut self, _: DecisionEvent<'_>) {}
}

/// An event of a decision.
#[derive(Clone, Copy, Debug)]
pub enum DecisionEvent<'a> {
    /// The result of a check; without a rejection, the check succeeded.
    Checked(Check, Option<Rejection>),
    /// The normalized request, and the policy that decides about it or the reason why there is
    /// none.
    PolicySelected(&'a NormalizedRequest<'a>, Result<MatchedPolicy<'a>, Rejection>),
    /// The header and the claims of a token whose signature is not verified yet.
    TokenParsed(&'a JoseHeader, &'a Claims),
    /// The provider that accepts the issuer which the token names.
    ProviderSelected {
        /// The index of the provider in the configuration.
        index: usize,
        /// The name of the provider.
        name: &'a str,
    },
    /// A requirement and its inputs. The filter evaluates the requirement next.
    RequirementEvaluated(&'a Requirement, AuthzContext<'a>),
    /// The decision of a rule or a route policy in shadow mode; without a rejection, it would allow
    /// the request.
    ShadowEvaluated(MatchedPolicy<'a>, Option<Rejection>),
}

/// The checks, in the order in which the filter makes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Check {
    /// Path, host, method, query and headers have one interpretation.
    Request,
    /// The request has exactly one bearer token.
    Credentials,
    /// The token is a compact JWS with valid claims (RFC 7515 section 7.1).
    Form,
    /// A provider accepts `iss`.
    Issuer,
    /// The provider accepts `alg`.
    Algorithm,
    /// The token profile accepts `typ`.
    Type,
    /// The token has a `kid`, if the profile requires one.
    KeyId,
    /// `exp` has not passed.
    Expiration,
    /// The keys of the provider are available.
    Keys,
    /// One of these keys has the `kid` and supports the algorithm.
    Key,
    /// The signature is valid.
    Signature,
    /// `exp`, `nbf` and `iat` allow the current time, and the token is not older than
    /// `max_token_age`.
    Times,
    /// The provider accepts `aud`.
    Audience,
    /// The token has the claims of an access token of its profile.
    Shape,
    /// The provider accepts the client ID.
    Client,
    /// `cnf` is absent, or has only members that the filter can check (RFC 7800).
    Confirmation,
    /// The sender of the request is the client that the token is bound to.
    Binding,
    /// No denylist has the token.
    Denylist,
    /// The introspection endpoint says that the token is active (RFC 7662). For an opaque token, the
    /// filter makes this check after [`Check::Form`].
    Introspection,
    /// The policy allows the request.
    Policy,
}

impl Check {
    /// Returns the stable name of the check, which the output of `okta-authz explain` contains.
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
            Self::Confirmation => "confirmation",
            Self::Binding => "binding",
            Self::Denylist => "denylist",
            Self::Introspection => "introspection",
            Self::Policy => "policy",
        }
    }
}
