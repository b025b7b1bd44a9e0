//! The reasons why the filter cannot allow a request.

use super::sources::PendingFetch;
use crate::policy::{Access, MatchedPolicy, UnmetRequirement};
use crate::rejection::Rejection;
use crate::reply::Denial;

/// The error of a decision: a denial, or a document that the filter has yet to fetch.
#[derive(Clone)]
pub(super) enum DecisionError {
    Denied(Denial),
    Pending(PendingFetch),
}

impl DecisionError {
    /// Returns the rejection of the request, for a pending fetch the one after the timeout.
    pub(super) const fn rejection(&self) -> Rejection {
        match self {
            Self::Denied(denial) => denial.rejection,
            Self::Pending(pending) => pending.rejection_on_timeout,
        }
    }

    /// Adds the scopes of the matched policy to the denial of a request without a token, so that the
    /// client requests them (RFC 6750 section 3).
    #[cold]
    pub(super) fn with_scopes(mut self, matched: Result<MatchedPolicy<'_>, Rejection>) -> Self {
        if let (Self::Denied(denial), Ok(matched)) = (&mut self, matched)
            && denial.rejection == Rejection::TokenMissing
            && let Access::Requires(requirement) = &matched.action.access
        {
            denial.scopes = requirement.initial_scopes();
        }
        self
    }

    pub(super) const fn pending_fetch(&self) -> Option<&PendingFetch> {
        match self {
            Self::Denied(_) => None,
            Self::Pending(pending) => Some(pending),
        }
    }
}

impl From<Rejection> for DecisionError {
    fn from(rejection: Rejection) -> Self {
        Self::Denied(rejection.into())
    }
}

impl From<UnmetRequirement> for Denial {
    fn from(unmet: UnmetRequirement) -> Self {
        let denial = |rejection: Rejection| Self::from(rejection);
        match unmet {
            UnmetRequirement::SenderConstraint => denial(Rejection::SenderConstraintRequired),
            UnmetRequirement::Acr(step_up) => Self { step_up, ..denial(Rejection::AcrInsufficient) },
            UnmetRequirement::AuthenticationAge(step_up) => {
                Self { step_up, ..denial(Rejection::AuthenticationTooOld) }
            }
            UnmetRequirement::Scopes(scopes) => Self { scopes, ..denial(Rejection::InsufficientScope) },
            UnmetRequirement::Other => denial(Rejection::RequirementNotMet),
        }
    }
}
