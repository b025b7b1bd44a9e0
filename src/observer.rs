//! The observer of a decision: it receives each check in the order in which the filter makes it,
//! and the result.
//!
//! The decision never depends on the observer. `()` is the observer that ignores every event; the
//! compiler removes its calls.

use crate::claims::Claims;
use crate::dpop::TargetUri;
use crate::policy::{AuthzContext, MatchedPolicy, NormalizedRequest, Requirement};
use crate::rejection::Rejection;
use crate::request::AuthScheme;
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
    /// The authentication scheme of the token.
    CredentialFound(AuthScheme),
    /// The header and the claims of a token whose signature is not verified yet.
    TokenParsed(&'a JoseHeader, &'a Claims),
    /// The provider that accepts the issuer which the token names.
    ProviderSelected {
        /// The index of the provider in the configuration.
        index: usize,
        /// The name of the provider.
        name: &'a str,
    },
    /// `htu` of a proof as received, and the URL of the request; `None` if the request has none. The
    /// filter compares them next. Only an enabled observer receives it.
    ProofTargetCompared(&'a str, Option<&'a TargetUri>),
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
    /// The request has exactly one token.
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
    /// `aud` has the URL of the protected resource, if the resource requires it.
    ResourceAudience,
    /// The token has the claims of an access token of its profile.
    Shape,
    /// The provider accepts the client ID.
    Client,
    /// `cnf` is absent, or has only members that the filter can check (RFC 7800).
    Confirmation,
    /// The sender of the request is the client that the token is bound to.
    Binding,
    /// The request has one DPoP proof of an allowed length.
    ProofHeader,
    /// The proof is a JWT (RFC 9449 section 4.3).
    ProofForm,
    /// `typ` of the proof is `dpop+jwt`, and its header demands no extension.
    ProofType,
    /// The configuration allows `alg` of the proof, and the host can verify it.
    ProofAlgorithm,
    /// `jwk` of the proof is a public key for the algorithm.
    ProofKey,
    /// The token is bound to this key (RFC 9449 section 6.1).
    ProofBinding,
    /// The proof has all claims, with their types.
    ProofClaims,
    /// `iat`, `exp` and `nbf` of the proof allow the time of the request.
    ProofTimes,
    /// The signature of the proof is valid.
    ProofSignature,
    /// `htm` is the method of the request.
    ProofMethod,
    /// `htu` is the URL of the request.
    ProofUrl,
    /// `ath` is the hash of the token.
    ProofToken,
    /// The nonce of the proof is valid.
    ProofNonce,
    /// No denylist has the token.
    Denylist,
    /// No earlier request had the proof.
    ProofReplay,
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
            Self::ResourceAudience => "resource_audience",
            Self::Shape => "shape",
            Self::Client => "client",
            Self::Confirmation => "confirmation",
            Self::Binding => "binding",
            Self::ProofHeader => "proof_header",
            Self::ProofForm => "proof_form",
            Self::ProofType => "proof_type",
            Self::ProofAlgorithm => "proof_algorithm",
            Self::ProofKey => "proof_key",
            Self::ProofBinding => "proof_binding",
            Self::ProofClaims => "proof_claims",
            Self::ProofTimes => "proof_times",
            Self::ProofSignature => "proof_signature",
            Self::ProofMethod => "proof_method",
            Self::ProofUrl => "proof_url",
            Self::ProofToken => "proof_token",
            Self::ProofNonce => "proof_nonce",
            Self::Denylist => "denylist",
            Self::ProofReplay => "proof_replay",
            Self::Introspection => "introspection",
            Self::Policy => "policy",
        }
    }
}
