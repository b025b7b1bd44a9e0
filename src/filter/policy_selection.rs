//! The selection of the policy for a request: the policy that its route names, or the first rule
//! that matches.

use super::Filter;
use crate::policy::{MatchedPolicy, NormalizedRequest};
use crate::rejection::Rejection;
use crate::request::RequestHead;

impl Filter {
    /// Returns the enforced policy for a request: the policy that the route names, else the first
    /// rule that matches. Policies in shadow mode decide nothing.
    ///
    /// # Errors
    /// The rejection of the request with any token: [`Rejection::RoutePolicyUnknown`], or an error
    /// of [`Policy::select`](crate::policy::Policy::select).
    pub(super) fn select_policy<'a>(
        &'a self,
        head: &RequestHead<'_>,
        request: &'a NormalizedRequest<'_>,
    ) -> Result<MatchedPolicy<'a>, Rejection> {
        match self.route_policy(head) {
            Some(policy) if !policy.is_ok_and(|policy| policy.action.is_shadow()) => policy,
            _ => self.config.policy.select(request),
        }
    }

    /// Returns the policies in shadow mode that precede the enforced policy: the route policy, and
    /// rules. Each has the rejection with which a rule would deny the request with any token.
    pub(super) fn shadow_policies<'a>(
        &'a self,
        head: &RequestHead<'_>,
        request: &'a NormalizedRequest<'_>,
    ) -> Vec<(MatchedPolicy<'a>, Option<Rejection>)> {
        match self.route_policy(head) {
            None => self.config.policy.select_shadow(request).collect(),
            Some(Ok(policy)) if policy.action.is_shadow() => {
                std::iter::once((policy, None)).chain(self.config.policy.select_shadow(request)).collect()
            }
            Some(_) => Vec::new(),
        }
    }

    /// Returns the policy that the route names; `None` if the route names none.
    fn route_policy(&self, head: &RequestHead<'_>) -> Option<Result<MatchedPolicy<'_>, Rejection>> {
        let name = head.route_policy?;
        let policy =
            str::from_utf8(name).ok().and_then(|name| self.config.route_policies.get_key_value(name));
        let policy = policy.map(|(name, action)| MatchedPolicy::route_policy(name, action));
        Some(policy.ok_or(Rejection::RoutePolicyUnknown))
    }
}
