//! The user or machine behind a request, the check of a rule against it, and the reasons why a request cannot go on.

use std::rc::Rc;

use super::sources::PendingFetch;
use super::verified::Verified;
use crate::config::Provider;
use crate::observer::{Check, DecisionEvent, DecisionObserver};
use crate::policy::{Access, AuthzContext, MatchedPolicy, UnmetRequirement};
use crate::rejection::Rejection;
use crate::reply::Denial;
use crate::verify::Identity;

/// The reason why a request cannot go on: a denial, or a document that the filter has yet to fetch.
#[derive(Clone)]
pub(super) enum DecisionError {
    Denied(Denial),
    Pending(PendingFetch),
}

impl DecisionError {
    pub(super) const fn rejection(&self) -> Rejection {
        match self {
            Self::Denied(denial) => denial.rejection,
            Self::Pending(pending) => pending.rejection_on_timeout,
        }
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

/// A verified token, and whether this request is the first that brings it.
pub(super) struct Authenticated {
    pub(super) verified: Rc<Verified>,
    pub(super) is_new: bool,
}

/// The identity of a verified token, and the provider that issued it.
pub(super) struct Requester<'a> {
    pub(super) identity: Identity<'a>,
    pub(super) provider: &'a Provider,
}

impl Requester<'_> {
    /// Checks whether the rule or the policy for the request allows it.
    pub(super) fn authorize(
        &self,
        matched: Result<MatchedPolicy<'_>, Rejection>,
        trace: &mut impl DecisionObserver,
    ) -> Result<(), Denial> {
        let allowed = matched.map_err(Denial::from).and_then(|matched| self.meets(matched, trace));
        let rejection = allowed.as_ref().err().map(|denial| denial.rejection);
        trace.record(DecisionEvent::Checked(Check::Policy, rejection));
        allowed
    }

    /// Checks whether a rule allows this identity.
    pub(super) fn meets(
        &self,
        MatchedPolicy { action, variables, .. }: MatchedPolicy<'_>,
        trace: &mut impl DecisionObserver,
    ) -> Result<(), Denial> {
        match &action.access {
            Access::Public => Ok(()),
            Access::Deny => Err(Rejection::DeniedByRule.into()),
            Access::Requires(requirement) => {
                let subject =
                    AuthzContext { identity: &self.identity, provider: &self.provider.name, variables };
                trace.record(DecisionEvent::RequirementEvaluated(requirement, subject));
                requirement.check(&subject).map_err(Denial::from)
            }
        }
    }
}

impl From<UnmetRequirement> for Denial {
    fn from(unmet: UnmetRequirement) -> Self {
        let denial = |rejection: Rejection| Self::from(rejection);
        match unmet {
            UnmetRequirement::Acr(step_up) => Self { step_up, ..denial(Rejection::AcrInsufficient) },
            UnmetRequirement::AuthenticationAge(step_up) => {
                Self { step_up, ..denial(Rejection::AuthenticationTooOld) }
            }
            UnmetRequirement::Scopes(scopes) => Self { scopes, ..denial(Rejection::InsufficientScope) },
            UnmetRequirement::Other => denial(Rejection::RequirementNotMet),
        }
    }
}
