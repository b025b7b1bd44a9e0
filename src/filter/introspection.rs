//! The introspection of tokens (RFC 7662): when a decision needs it, and the calls of the host.

use std::cell::{OnceCell, RefCell, RefMut};
use std::rc::Rc;

use super::authentication::AuthenticatedToken;
use super::decision_error::DecisionError;
use super::verified_token::VerifiedToken;
use super::{Awaited, Environment, Filter, PendingFetch, ProviderId};
use crate::claims::Claims;
use crate::config::{Config, Provider};
use crate::introspection::{
    Accepted, Cached, CallError, CallOutcome, CallRequest, CallResponse, IntrospectedTokens,
    IntrospectionCounts, IntrospectionSettings, Introspector, TokenDigest,
};
use crate::observer::{Check, DecisionObserver};
use crate::refresh::shared::SharedData;
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::verify::{AccessToken, TokenRequirements};

/// The minimum length of an opaque token, in bytes. RFC 6749 section 10.10 requires 128 random
/// bits; a shorter text is a mistake or an attack, and costs no call.
const MIN_OPAQUE_BYTES: usize = 16;

/// A call of an introspection endpoint: the provider, and the token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CallId {
    provider: ProviderId,
    digest: TokenDigest,
}

/// The state of introspection on one worker.
#[derive(Debug)]
pub(super) struct Introspection {
    /// For each provider, in the order of the configuration.
    introspectors: Vec<Option<RefCell<Introspector<VerifiedToken>>>>,
    /// The provider of opaque tokens.
    opaque: Option<ProviderId>,
}

impl CallId {
    /// Returns the provider whose endpoint the host calls.
    pub const fn provider(self) -> ProviderId {
        self.provider
    }

    /// Returns what the requests of this call wait for.
    pub const fn awaited(self) -> Awaited {
        Awaited::Introspection(self.provider, self.digest)
    }
}

impl Introspection {
    pub(super) fn new(config: &Config) -> Self {
        let introspector =
            |provider: &Provider| Some(RefCell::new(Introspector::new(provider.introspection.as_ref()?)));
        let is_opaque = |provider: &Provider| {
            provider
                .introspection
                .as_ref()
                .is_some_and(|settings| settings.tokens == IntrospectedTokens::Opaque)
        };
        Self {
            introspectors: config.providers.iter().map(introspector).collect(),
            opaque: config.providers.iter().position(is_opaque).map(ProviderId),
        }
    }
}

impl Provider {
    /// Returns the requirements for a token: those for JWTs, or for introspection responses.
    pub(super) fn requirements_of(&self, token: &AccessToken) -> &TokenRequirements {
        match &self.introspection {
            Some(settings) if token.is_introspected() => &settings.requirements,
            _ => &self.requirements,
        }
    }

    /// Returns whether the filter introspects the JWTs of this provider. `by_policy` is whether the
    /// policy requires it.
    pub(super) fn introspects_jwts(&self, by_policy: bool) -> bool {
        by_policy
            || self.introspection.as_ref().is_some_and(|settings| settings.tokens == IntrospectedTokens::All)
    }
}

impl Filter {
    /// Returns the provider that introspects this token because it is not a JWT: it has not exactly
    /// two dots.
    pub(super) fn introspecting_provider(&self, token: &[u8]) -> Option<ProviderId> {
        let provider = self.introspection.opaque?;
        (memchr::memchr_iter(b'.', token).take(3).count() != 2).then_some(provider)
    }

    /// Returns an opaque token with the claims of its introspection.
    #[inline(never)]
    pub(super) fn introspect_opaque(
        &self,
        id: ProviderId,
        token: &[u8],
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<Rc<VerifiedToken>, DecisionError> {
        let form = if token.len() > self.config.max_token_bytes {
            Err(Rejection::TokenTooLarge)
        } else if token.len() < MIN_OPAQUE_BYTES || !is_token68(token) {
            Err(Rejection::TokenMalformed)
        } else {
            Ok(())
        };
        observer.checked(Check::Form, form)?;
        if let Some(provider) = self.provider(id) {
            observer.record(id.selected_event(provider));
        }
        let result = self.introspect(id, token, false, environment);
        observe(result, observer)
    }

    /// Checks that a verified JWT is active, and that the endpoint does not bind it to another
    /// sender than its `cnf`.
    #[inline(never)]
    pub(super) fn introspect_jwt(
        &self,
        authenticated: &AuthenticatedToken<'_>,
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), DecisionError> {
        let AuthenticatedToken { credential, verified, .. } = authenticated;
        let result = self.introspect(verified.provider, &credential.token, true, environment);
        let result = result.and_then(|introspected| {
            let bound_to = introspected.token.confirmation();
            let own = verified.token.confirmation();
            if bound_to.is_some() && bound_to != own {
                return Err(Rejection::TokenBound.into());
            }
            // As for an opaque token: the server binds the token to a key that the filter does not
            // know.
            let is_bound = own.is_some_and(|own| own.key_thumbprint.is_some());
            if introspected.token.has_dpop_type() && !is_bound {
                return Err(Rejection::TokenNotBound.into());
            }
            Ok(())
        });
        observe(result, observer)
    }

    /// Returns the result of the introspection of a token. Begins a call if there is none.
    fn introspect(
        &self,
        id: ProviderId,
        token: &[u8],
        is_jwt: bool,
        &Environment { now, shared_data, .. }: &Environment<'_>,
    ) -> Result<Rc<VerifiedToken>, DecisionError> {
        let (settings, mut introspector) =
            self.introspector(id).ok_or(Rejection::IntrospectionUnavailable)?;
        let digest = TokenDigest::of(token);
        let pending = DecisionError::Pending(PendingFetch {
            awaited: Awaited::Introspection(id, digest),
            rejection_on_timeout: Rejection::IntrospectionUnavailable,
            kid: None,
        });
        match introspector.cached(settings, &digest, now) {
            Cached::Active(token) => return Ok(token),
            Cached::Rejected(rejection) => return Err(rejection.into()),
            Cached::InFlight => return Err(pending),
            Cached::Unknown => {}
        }
        if let Some((claims, at)) = introspector.shared_result(settings, &digest, now, shared_data)
            && let Ok(accepted) = accept(id, settings, claims, is_jwt, now)
        {
            return Ok(introspector.insert_active(digest, accepted, at));
        }
        match introspector.begin(settings, (digest, token), is_jwt, now, shared_data)? {
            Some(stale) => Ok(stale),
            None => Err(pending),
        }
    }

    /// Returns the calls that the host has to send. The host passes each response to
    /// [`Filter::on_introspection_response`].
    pub fn take_introspection_calls(&self, now: UnixTime) -> Vec<(CallId, CallRequest)> {
        let mut calls = Vec::new();
        for provider in (0..self.introspection.introspectors.len()).map(ProviderId) {
            if let Some((settings, mut introspector)) = self.introspector(provider) {
                let taken = introspector.take_calls(settings, now).into_iter();
                calls.extend(taken.map(|(digest, request)| (CallId { provider, digest }, request)));
            }
        }
        calls
    }

    /// Processes the response to a call. Then the host decides again on the requests that wait for
    /// [`CallId::awaited`].
    pub fn on_introspection_response(
        &self,
        call: CallId,
        now: UnixTime,
        shared: &dyn SharedData,
        response: Result<CallResponse<'_>, CallError>,
    ) -> CallOutcome {
        let Some((settings, mut introspector)) = self.introspector(call.provider) else {
            return CallOutcome::Failed(CallError::NoResponse);
        };
        let accept = |claims, is_jwt| accept(call.provider, settings, claims, is_jwt, now);
        introspector.on_response(call.digest, now, shared, response, &accept)
    }

    /// Returns the sums of the counts of all providers.
    pub fn introspection_counts(&self) -> IntrospectionCounts {
        let mut sum = IntrospectionCounts::default();
        for introspector in self.introspection.introspectors.iter().flatten() {
            let counts = introspector.borrow().counts();
            sum.cache_hits = sum.cache_hits.wrapping_add(counts.cache_hits);
            sum.limited = sum.limited.wrapping_add(counts.limited);
        }
        sum
    }

    fn introspector(
        &self,
        id: ProviderId,
    ) -> Option<(&IntrospectionSettings, RefMut<'_, Introspector<VerifiedToken>>)> {
        let settings = self.provider(id)?.introspection.as_ref()?;
        let introspector = self.introspection.introspectors.get(id.index())?.as_ref()?;
        Some((settings, introspector.borrow_mut()))
    }
}

/// Accepts the claims of an active token. The clock skew does not apply to `exp`, because no result
/// may be used beyond it (RFC 7662 section 4).
fn accept(
    provider: ProviderId,
    settings: &IntrospectionSettings,
    claims: Claims,
    is_jwt: bool,
    now: UnixTime,
) -> Result<Accepted<VerifiedToken>, Rejection> {
    let token = AccessToken::introspected(claims, &settings.requirements, is_jwt, now)?;
    let expires_at = token.expires_at();
    if expires_at.is_some_and(|at| at <= now.seconds()) {
        return Err(Rejection::TokenExpired);
    }
    let (sha256, forwarded) = (OnceCell::new(), OnceCell::new());
    let token = VerifiedToken { token, provider, sha256, payload: None, forwarded };
    // The identity headers, which the first request computes, are about as large as the claims.
    let bytes = token.heap_bytes().saturating_mul(2);
    Ok(Accepted { token, expires_at, bytes })
}

/// Reports the result of an introspection.
fn observe<T>(
    result: Result<T, DecisionError>,
    observer: &mut impl DecisionObserver,
) -> Result<T, DecisionError> {
    let rejection = result.as_ref().err().map(DecisionError::rejection);
    let reported = observer.checked(Check::Introspection, rejection.map_or(Ok(()), Err));
    debug_assert_eq!(reported.err(), rejection, "an observer changes no result");
    result
}

/// Returns whether a text is a token68 (RFC 9110 section 11.2), the syntax of bearer tokens (RFC
/// 6750 section 2.1).
fn is_token68(token: &[u8]) -> bool {
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last.saturating_add(1));
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    end > 0 && token.iter().take(end).all(is_allowed)
}
