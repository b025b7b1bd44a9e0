//! The permit of a request: why the host forwards it, and the identity that the upstream receives.
//! Only [`Filter`](super::Filter) makes one.

use std::rc::Rc;

use super::decision_error::DecisionError;
use super::sources::PendingFetch;
use super::verified_token::{ForwardedIdentity, VerifiedToken};
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

    /// Yields the keys and values of the identity for filter state and access logs.
    pub fn log_attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.forwarded().into_iter().flat_map(|forwarded| forwarded.log_attributes.iter())
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
