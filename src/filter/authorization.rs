//! The authorization of a normalized request: policy, token, identity, and the permit.

use std::rc::Rc;

use super::authentication::AuthenticatedToken;
use super::decision_error::DecisionError;
use super::requester::{Requester, report_shadow_decisions};
use super::verified_token::ForwardedIdentity;
use super::{Environment, Filter, Permit, PermitReason};
use crate::observer::{Check, DecisionEvent, DecisionObserver};
use crate::policy::{Access, MatchedPolicy, Mode, NormalizedRequest};
use crate::rejection::Rejection;
use crate::request::{Credential, RequestHead};

impl Filter {
    /// Decides about a request that can be normalized and has no local response.
    pub(super) fn authorize_request(
        &self,
        head: &RequestHead<'_>,
        request: &NormalizedRequest<'_>,
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<Permit, DecisionError> {
        if self.config.bypass_cors_preflight && head.is_cors_preflight() {
            return Ok(Permit::without_token(PermitReason::CorsPreflight));
        }
        let matched = self.select_policy(head, request);
        observer.record(DecisionEvent::PolicySelected(request, matched));
        if let Err(rejection @ Rejection::RemoteIpUnknown) = matched {
            // Which rule applies is unknown, so a token cannot change the decision.
            return Err(rejection.into());
        }
        let shadow_policies = self.shadow_policies(head, request);
        // Only a token can show that this filter has set the identity headers of the request.
        let needs_identity_check = self.may_be_routed_by_identity(head);
        if is_public(matched) && !needs_identity_check && shadow_policies.is_empty() {
            return Ok(Permit::without_token(PermitReason::Public));
        }

        let found = self.config.token_sources.credential(head);
        let credential = found.as_ref().map_err(|rejection| *rejection);
        let reason_without_identity =
            if needs_identity_check { None } else { reason_without_identity(matched, credential) };
        if let Some(reason) = reason_without_identity
            && shadow_policies.is_empty()
        {
            return Ok(Permit::without_token(reason));
        }
        let authenticated = observer
            .checked(Check::Credentials, credential)
            .map_err(DecisionError::from)
            .and_then(|credential| {
                observer.record(DecisionEvent::CredentialFound(credential.scheme));
                self.authenticate(credential, environment, observer)
            });
        let requester = match &authenticated {
            Ok(authenticated) => self.check_resource(request, authenticated, observer).and_then(|()| {
                let introspect = matched.is_ok_and(|matched| matched.action.introspect);
                self.identify(authenticated, (head, request), introspect, environment, observer)
            }),
            Err(error) => Err(error.clone()),
        };
        report_shadow_decisions(shadow_policies, &requester, observer);

        if let Some(reason) = reason_without_identity {
            if let (Ok(authenticated), Ok(_)) = (&authenticated, &requester) {
                self.cache_token(authenticated);
            }
            return Ok(Permit::without_identity(reason, requester.err().as_ref()));
        }
        let requester = requester.map_err(|error| error.with_scopes(matched))?;
        let authenticated = authenticated.as_ref().map_err(DecisionError::clone)?;
        let reason = self.enforce_policy(matched, &requester, observer)?;
        let permit = self.permit_with_identity(reason, authenticated, &requester);
        if needs_identity_check && !self.has_headers_of(&permit, head) {
            let unknown_policy = observer.checked(Check::Policy, Err(Rejection::RoutePolicyUnknown));
            return unknown_policy.map_err(DecisionError::from);
        }
        Ok(permit)
    }

    /// Checks that the token is for the protected resource of the path, if the resource requires it.
    fn check_resource(
        &self,
        request: &NormalizedRequest<'_>,
        authenticated: &AuthenticatedToken<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), DecisionError> {
        let Some(audience) = self.config.protected_resources.required_audience(&request.path) else {
            return Ok(());
        };
        let has_audience = authenticated.verified.token.has_audience(audience);
        let result = if has_audience { Ok(()) } else { Err(Rejection::AudienceNotAllowed) };
        observer.checked(Check::ResourceAudience, result).map_err(DecisionError::from)
    }

    /// Evaluates the policy. With `mode: shadow` the filter allows a request that the policy
    /// denies, and forwards the identity, which is verified.
    fn enforce_policy(
        &self,
        matched: Result<MatchedPolicy<'_>, Rejection>,
        requester: &Requester<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<PermitReason, DecisionError> {
        match requester.authorize(matched, observer) {
            Ok(()) => Ok(PermitReason::Verified),
            Err(denial) if self.config.shadow => Ok(PermitReason::Shadow(denial.rejection)),
            Err(denial) => Err(DecisionError::Denied(denial)),
        }
    }

    /// Makes the permit of an authorized request, and caches its token.
    fn permit_with_identity(
        &self,
        reason: PermitReason,
        authenticated: &AuthenticatedToken<'_>,
        Requester { identity, provider }: &Requester<'_>,
    ) -> Permit {
        let verified = &authenticated.verified;
        verified.forwarded.get_or_init(|| {
            ForwardedIdentity::new(&self.config, &provider.name, identity, verified.payload.as_ref())
        });
        self.cache_token(authenticated);
        Permit::for_verified(reason, Rc::clone(verified))
    }

    /// Adds the token of an allowed request to the token cache, unless it is from there.
    fn cache_token(&self, AuthenticatedToken { credential, verified, is_new }: &AuthenticatedToken<'_>) {
        if *is_new {
            self.token_cache.insert(&credential.token, Rc::clone(verified), verified.heap_bytes());
        }
    }

    /// Returns whether Envoy may have chosen the route, and with it the policy, by identity headers
    /// that the request already has.
    fn may_be_routed_by_identity(&self, head: &RequestHead<'_>) -> bool {
        !self.config.route_policies.is_empty()
            && head.headers.iter().any(|(name, _)| self.config.is_identity_header(name))
    }

    /// Returns whether the identity headers of the request are exactly those that the permit sets.
    /// This holds after an internal redirect, because the filter has set them before. Then the
    /// filter changes no header, and Envoy keeps the route.
    fn has_headers_of(&self, permit: &Permit, head: &RequestHead<'_>) -> bool {
        let expected = permit.identity_headers();
        let count = head.headers.iter().filter(|(name, _)| self.config.is_identity_header(name)).count();
        let is_present =
            |(name, value): &(String, String)| head.headers.contains(&(name.as_str(), value.as_bytes()));
        count == expected.len() && expected.iter().all(is_present)
    }
}

fn is_public(matched: Result<MatchedPolicy<'_>, Rejection>) -> bool {
    matched.is_ok_and(|matched| matches!(matched.action.access, Access::Public))
}

/// Returns why the policy allows the request without a verified identity; `None` if it requires
/// one.
fn reason_without_identity(
    matched: Result<MatchedPolicy<'_>, Rejection>,
    credential: Result<&Credential<'_>, Rejection>,
) -> Option<PermitReason> {
    if is_public(matched) {
        return Some(PermitReason::Public);
    }
    let is_optional = matched.is_ok_and(|matched| matched.action.mode == Mode::Optional);
    (is_optional && matches!(credential, Err(Rejection::TokenMissing))).then_some(PermitReason::Anonymous)
}
