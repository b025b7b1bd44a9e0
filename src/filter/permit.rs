//! The permit: that a request may go on, why, and what is told of who sent it. [`Filter`](super::Filter) alone makes one.

use std::rc::Rc;

use super::verified::{ForwardedIdentity, Verified};
use super::{DecisionError, PendingFetch};
use crate::rejection::Rejection;

/// The proof that a request may go on, and what the backend is told of who sent it.
#[derive(Debug)]
pub struct Permit {
    reason: PermitReason,
    /// Keys that could not be had; the request did not wait for them.
    pending_fetch: Option<PendingFetch>,
    verified: Option<Rc<Verified>>,
}

/// Why a request may go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PermitReason {
    /// Its token is good, and the policy allows it.
    Verified,
    /// Its rule is public.
    Public,
    /// It has no token, and its rule does not insist on one.
    Anonymous,
    /// It is a CORS preflight request, and those pass.
    CorsPreflight,
    /// The filter would have denied it for this, but the configuration has `mode: shadow`.
    Shadow(Rejection),
}

impl Permit {
    /// A request whose token is good, or good enough to say whose it is.
    pub(super) const fn for_verified(reason: PermitReason, verified: Rc<Verified>) -> Self {
        Self { reason, pending_fetch: None, verified: Some(verified) }
    }

    pub(super) const fn without_token(reason: PermitReason) -> Self {
        Self { reason, pending_fetch: None, verified: None }
    }

    /// Makes the permit of a request that passes whatever its token, and records the keys that its token lacks.
    pub(super) fn without_identity(reason: PermitReason, error: Option<&DecisionError>) -> Self {
        Self {
            pending_fetch: error.and_then(DecisionError::pending_fetch).copied(),
            ..Self::without_token(reason)
        }
    }

    /// Why the request may go on.
    pub const fn reason(&self) -> PermitReason {
        self.reason
    }

    /// Returns whether the filter has examined a token of the request, whatever became of it.
    pub const fn has_examined_token(&self) -> bool {
        match self.reason {
            PermitReason::Verified => true,
            PermitReason::Public | PermitReason::Anonymous | PermitReason::CorsPreflight => false,
            PermitReason::Shadow(rejection) => self.verified.is_some() || !rejection.precedes_token(),
        }
    }

    /// Keys that an enforced rule would have made the request wait for.
    pub const fn pending_fetch(&self) -> Option<&PendingFetch> {
        self.pending_fetch.as_ref()
    }

    /// Headers to set towards the backend. All that could be in here are removed first, whatever the reason.
    pub fn identity_headers(&self) -> &[(String, String)] {
        self.forwarded().map_or(&[], |forwarded| &forwarded.headers)
    }

    /// Names and values for filter state.
    pub fn log_attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.forwarded().into_iter().flat_map(|forwarded| forwarded.log_attributes.iter())
    }

    fn forwarded(&self) -> Option<&ForwardedIdentity> {
        self.verified.as_ref()?.forwarded.get()
    }
}

impl PermitReason {
    /// A stable name: that of the rejection which was not enforced, or one beside these.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verified => "allowed",
            Self::Public => "public",
            Self::Anonymous => "anonymous",
            Self::CorsPreflight => "cors_preflight",
            Self::Shadow(rejection) => rejection.code(),
        }
    }

    /// Every reason but those in shadow, which have the names of rejections.
    pub const ALL: [Self; 4] = [Self::Verified, Self::Public, Self::Anonymous, Self::CorsPreflight];
}
