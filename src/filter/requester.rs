//! The user or machine behind a request, the check of a rule against it, and the reasons why a request cannot go on.

use std::rc::Rc;

use super::sources::Lack;
use super::verified::Verified;
use crate::config::Provider;
use crate::policy::{Access, Ruling, Subject, Unmet};
use crate::rejection::Rejection;
use crate::reply::Denial;
use crate::trace::{Check, Step, Trace};
use crate::verify::Identity;

/// The reason why a request cannot go on: a denial, or a document that the filter has yet to fetch.
#[derive(Clone)]
pub(super) enum Refusal {
    Denied(Denial),
    Lacking(Lack),
}

impl Refusal {
    pub(super) const fn rejection(&self) -> Rejection {
        match self {
            Self::Denied(denial) => denial.rejection,
            Self::Lacking(lack) => lack.otherwise,
        }
    }

    pub(super) const fn lack(&self) -> Option<&Lack> {
        match self {
            Self::Denied(_) => None,
            Self::Lacking(lack) => Some(lack),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Denied(rejection.into())
    }
}

/// A verified token, and whether this request is the first that brings it.
pub(super) struct Admitted {
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
        ruling: Result<Ruling<'_>, Rejection>,
        trace: &mut impl Trace,
    ) -> Result<(), Denial> {
        let allowed = ruling.map_err(Denial::from).and_then(|ruling| self.meets(ruling, trace));
        let rejection = allowed.as_ref().err().map(|denial| denial.rejection);
        trace.step(Step::Checked(Check::Policy, rejection));
        allowed
    }

    /// Checks whether a rule allows this identity.
    pub(super) fn meets(
        &self,
        Ruling { grant, variables }: Ruling<'_>,
        trace: &mut impl Trace,
    ) -> Result<(), Denial> {
        match &grant.access {
            Access::Public => Ok(()),
            Access::Deny => Err(Rejection::DeniedByRule.into()),
            Access::Requires(requirement) => {
                let subject = Subject { identity: &self.identity, provider: &self.provider.name, variables };
                trace.step(Step::Asked(requirement, subject));
                requirement.check(&subject).map_err(Denial::from)
            }
        }
    }
}

impl From<Unmet> for Denial {
    fn from(unmet: Unmet) -> Self {
        let denial = |rejection: Rejection| Self::from(rejection);
        match unmet {
            Unmet::Acr(step_up) => Self { step_up, ..denial(Rejection::AcrInsufficient) },
            Unmet::AuthenticationAge(step_up) => Self { step_up, ..denial(Rejection::AuthenticationTooOld) },
            Unmet::Scopes(scopes) => Self { scopes, ..denial(Rejection::InsufficientScope) },
            Unmet::Other => denial(Rejection::RequirementNotMet),
        }
    }
}
