//! The permit of a request: why the host forwards it, and the identity that the upstream receives.
//! Only [`Filter`](super::Filter) makes one.

use std::rc::Rc;

use super::decision_error::DecisionError;
use super::sources::PendingFetch;
use super::verified_token::{ForwardedIdentity, VerifiedToken};
use crate::filter_state::FilterStateName;
use crate::rejection::Rejection;

/// The proof that the filter allows a request, with the identity for the upstream.
#[derive(Debug)]
pub struct Permit {
    reason: PermitReason,
    /// The document that the verification of the token needed; the request did not wait for it.
    pending_fetch: Option<PendingFetch>,
    verified: Option<Rc<VerifiedToken>>,
}

/// The reason why the filter allows a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PermitReason {
    /// The token is valid and the policy allows the request.
    Verified,
    /// The rule or the route policy is public.
    Public,
    /// The request has no token, and its policy has `mode: optional`.
    Anonymous,
    /// The request is a CORS preflight request, and `bypass_cors_preflight` is true.
    CorsPreflight,
    /// The filter would have denied the request with this rejection, but the configuration has
    /// `mode: shadow`.
    Shadow(Rejection),
}

impl Permit {
    /// Makes the permit of a request with a verified identity.
    pub(super) const fn for_verified(reason: PermitReason, verified: Rc<VerifiedToken>) -> Self {
        Self { reason, pending_fetch: None, verified: Some(verified) }
    }

    /// Makes the permit of a request whose token the filter has not examined.
    pub(super) const fn without_token(reason: PermitReason) -> Self {
        Self { reason, pending_fetch: None, verified: None }
    }

    /// Makes the permit of a request that is allowed with any token. Records the fetch that the
    /// verification of its token needs.
    pub(super) fn without_identity(reason: PermitReason, error: Option<&DecisionError>) -> Self {
        Self {
            pending_fetch: error.and_then(DecisionError::pending_fetch).copied(),
            ..Self::without_token(reason)
        }
    }

    /// Returns why the filter allows the request.
    pub const fn reason(&self) -> PermitReason {
        self.reason
    }

    /// Returns whether the permit has a verified identity.
    pub const fn is_verified(&self) -> bool {
        self.verified.is_some()
    }

    /// Returns whether the decision depended on a token of the request, valid or not.
    pub const fn has_examined_token(&self) -> bool {
        match self.reason {
            PermitReason::Verified => true,
            PermitReason::Public | PermitReason::Anonymous | PermitReason::CorsPreflight => false,
            PermitReason::Shadow(rejection) => self.verified.is_some() || !rejection.precedes_token(),
        }
    }

    /// Returns the fetch for which the request would have waited under an enforced policy.
    pub const fn pending_fetch(&self) -> Option<&PendingFetch> {
        self.pending_fetch.as_ref()
    }

    /// Returns the names and values of the identity headers to set. The host first removes every
    /// identity header of the client, whatever the permit.
    pub fn identity_headers(&self) -> &[(String, String)] {
        self.forwarded().map_or(&[], |forwarded| &forwarded.headers)
    }

    /// Returns the token that authorizes the request.
    pub(super) const fn verified_token(&self) -> Option<&Rc<VerifiedToken>> {
        self.verified.as_ref()
    }

    /// Yields the names and values for filter state that the configuration selects: `selected` is
    /// its `filter_state`. A request that only shadow mode allows has a decision and a code like a
    /// denied one, whatever the configuration selects.
    pub fn filter_state(
        &self,
        selected: &[FilterStateName],
    ) -> impl Iterator<Item = (FilterStateName, &str)> {
        let identity = self.forwarded().into_iter().flat_map(|forwarded| forwarded.logged.iter());
        let is_shadow = matches!(self.reason, PermitReason::Shadow(_));
        let decision = if is_shadow { "shadow" } else { "allow" };
        let decision = [(FilterStateName::Decision, decision), (FilterStateName::Code, self.reason.code())];
        identity.chain(decision.into_iter().filter(move |(name, _)| is_shadow || selected.contains(name)))
    }

    fn forwarded(&self) -> Option<&ForwardedIdentity> {
        self.verified.as_ref()?.forwarded.get()
    }
}

impl PermitReason {
    /// Every reason except [`PermitReason::Shadow`], whose codes are those of rejections.
    pub const ALL: [Self; 4] = [Self::Verified, Self::Public, Self::Anonymous, Self::CorsPreflight];

    /// Returns the stable code of the reason; for [`PermitReason::Shadow`] that of the rejection.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verified => "allowed",
            Self::Public => "public",
            Self::Anonymous => "anonymous",
            Self::CorsPreflight => "cors_preflight",
            Self::Shadow(rejection) => rejection.code(),
        }
    }
}
