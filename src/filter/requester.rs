//! The user or client that sent a request, and the evaluation of a policy for it.

use super::decision_error::DecisionError;
use crate::config::Provider;
use crate::observer::{Check, DecisionEvent, DecisionObserver};
use crate::policy::{Access, AuthzContext, MatchedPolicy};
use crate::rejection::Rejection;
use crate::reply::Denial;
use crate::verify::Identity;

/// The identity of a verified token, and the provider that issued the token.
pub(super) struct Requester<'a> {
    pub(super) identity: Identity<'a>,
    pub(super) provider: &'a Provider,
}

impl Requester<'_> {
    /// Checks whether the policy that decides about the request allows it.
    pub(super) fn authorize(
        &self,
        matched: Result<MatchedPolicy<'_>, Rejection>,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), Denial> {
        let allowed = matched.map_err(Denial::from).and_then(|matched| self.evaluate(matched, observer));
        let rejection = allowed.as_ref().err().map(|denial| denial.rejection);
        observer.record(DecisionEvent::Checked(Check::Policy, rejection));
        allowed
    }

    /// Evaluates a rule or a route policy for this identity.
    fn evaluate(
        &self,
        MatchedPolicy { action, variables, .. }: MatchedPolicy<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), Denial> {
        match &action.access {
            Access::Public => Ok(()),
            Access::Deny => Err(Rejection::DeniedByRule.into()),
            Access::Requires(requirement) => {
                let context =
                    AuthzContext { identity: &self.identity, provider: &self.provider.name, variables };
                observer.record(DecisionEvent::RequirementEvaluated(requirement, context));
                requirement.check(&context).map_err(Denial::from)
            }
        }
    }
}

/// Evaluates policies in shadow mode and reports their decisions to the observer.
///
/// Each policy has the rejection with which it would deny the request with any token, if there is
/// one. `requester` is the result of the checks of the token.
pub(super) fn report_shadow_decisions(
    policies: Vec<(MatchedPolicy<'_>, Option<Rejection>)>,
    requester: &Result<Requester<'_>, DecisionError>,
    observer: &mut impl DecisionObserver,
) {
    for (policy, rejection) in policies {
        let decision = match (rejection, requester) {
            (Some(rejection), _) => Err(rejection),
            (None, Ok(requester)) => requester.evaluate(policy, observer).map_err(|denial| denial.rejection),
            (None, Err(error)) => Err(error.rejection()),
        };
        observer.record(DecisionEvent::ShadowEvaluated(policy, decision.err()));
    }
}
