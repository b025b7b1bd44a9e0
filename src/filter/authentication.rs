//! The authentication of a request: from its token to an identity of the current time.

use std::cell::OnceCell;
use std::rc::Rc;

use super::decision_error::DecisionError;
use super::requester::Requester;
use super::verified_token::VerifiedToken;
use super::{Awaited, Environment, Filter, PendingFetch, ProviderId, SourceId};
use crate::config::Provider;
use crate::jwks::unknown_kids::KidDigest;
use crate::observer::{Check, DecisionObserver};
use crate::policy::NormalizedRequest;
use crate::rejection::Rejection;
use crate::request::{Credential, RequestHead};
use crate::time::UnixTime;
use crate::verify::{Identity, UnverifiedToken};

/// The token of a request, with the result of its verification.
pub(super) struct AuthenticatedToken<'t> {
    pub(super) credential: &'t Credential<'t>,
    pub(super) verified: Rc<VerifiedToken>,
    /// Whether the token is not in the token cache.
    pub(super) is_new: bool,
}

impl Filter {
    /// Returns the verified token, from the token cache or by verification.
    pub(super) fn authenticate<'t, O: DecisionObserver>(
        &self,
        credential: &'t Credential<'t>,
        environment: &Environment<'_>,
        observer: &mut O,
    ) -> Result<AuthenticatedToken<'t>, DecisionError> {
        if let Some(provider) = self.introspecting_provider(&credential.token) {
            let verified = self.introspect_opaque(provider, &credential.token, environment, observer)?;
            // The results of introspection have a separate cache.
            return Ok(AuthenticatedToken { credential, verified, is_new: false });
        }
        // An enabled observer gets every check, so the filter bypasses the cache.
        if !O::ENABLED
            && let Some(verified) = self.cached_token(&credential.token, environment.now)
        {
            if let Some(provider) = self.provider(verified.provider) {
                observer.record(verified.provider.selected_event(provider));
            }
            return Ok(AuthenticatedToken { credential, verified, is_new: false });
        }
        let verified = Rc::new(self.verify(&credential.token, environment, observer)?);
        Ok(AuthenticatedToken { credential, verified, is_new: true })
    }

    /// Returns a token from the cache if it has not expired and its issuer still publishes its key.
    /// Removes it from the cache otherwise; the filter then verifies it like a new token.
    fn cached_token(&self, token: &[u8], now: UnixTime) -> Option<Rc<VerifiedToken>> {
        let cached = self.token_cache.get(token)?;
        let keys = self.sources.keys(cached.provider, now).ok();
        let is_trusted = keys.is_some_and(|keys| cached.token.is_key_published(keys));
        let requirements = self.provider(cached.provider).map(|provider| &provider.requirements);
        if is_trusted && requirements.is_some_and(|required| !cached.token.has_expired(required, now)) {
            return Some(cached);
        }
        self.token_cache.remove(token);
        None
    }

    /// Verifies a token: an access token for this audience, with a valid signature under a key of
    /// its issuer.
    fn verify(
        &self,
        token: &[u8],
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<VerifiedToken, DecisionError> {
        let &Environment { now, verifier, .. } = environment;
        let token = UnverifiedToken::parse(token, self.config.max_token_bytes, &self.jose_headers);
        let token = observer.checked(Check::Form, token)?;
        observer.record(token.parsed_event());
        let (id, provider) = observer.checked(Check::Issuer, self.provider_of(&token))?;
        observer.record(id.selected_event(provider));
        let header = token.header();
        let payload = self.config.forward_payload_header.as_ref();
        let payload = payload.map(|_| String::from_utf8_lossy(token.encoded_payload()).into_owned());
        let token = token.precheck(&provider.requirements, now, observer)?;
        let pending_keys = |rejection_on_timeout| {
            let kid = Some(KidDigest::new(header.key_id.as_deref()));
            let awaited = Awaited::Document(SourceId::Keys(id));
            DecisionError::Pending(PendingFetch { awaited, rejection_on_timeout, kid })
        };
        let keys = observer.checked(Check::Keys, self.sources.keys(id, now)).map_err(pending_keys)?;
        let jws = token.verify(keys, verifier, observer).map_err(|rejection| match rejection {
            Rejection::KeyUnknown => pending_keys(self.sources.rejection_for_unknown_key(id, now)),
            other => other.into(),
        })?;
        let token = jws.accept(&provider.requirements, now, observer)?;
        Ok(VerifiedToken {
            token,
            provider: id,
            payload,
            sha256: OnceCell::new(),
            forwarded: OnceCell::new(),
        })
    }

    /// Returns the provider that accepts the issuer of the token.
    fn provider_of(&self, token: &UnverifiedToken<'_>) -> Result<(ProviderId, &Provider), Rejection> {
        let issuer = token.issuer().ok_or(Rejection::IssuerUnknown)?;
        let accepts = |provider: &&Provider| {
            provider.has_keys() && provider.requirements.issuers.iter().any(|accepted| accepted == issuer)
        };
        let mut providers = self.config.providers.iter().enumerate();
        let (index, provider) =
            providers.find(|(_, provider)| accepts(provider)).ok_or(Rejection::IssuerUnknown)?;
        Ok((ProviderId(index), provider))
    }

    /// Checks a verified token against the clock, the sender of the request, the denylists and the
    /// introspection endpoint, whose results change while the token is cached. The record of the
    /// proof is the last check, because a request that waits is decided again.
    ///
    /// `introspect` is whether the policy requires the introspection of JWTs.
    pub(super) fn identify<'a>(
        &'a self,
        authenticated: &'a AuthenticatedToken<'_>,
        (head, request): (&RequestHead<'_>, &NormalizedRequest<'_>),
        introspect: bool,
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<Requester<'a>, DecisionError> {
        let now = environment.now;
        let verified = &authenticated.verified;
        let provider = self.provider(verified.provider).ok_or(Rejection::Misconfigured)?;
        let identity = verified.token.valid_at(provider.requirements_of(&verified.token), now)?;
        let proof =
            self.check_sender_constraint(authenticated, provider, (head, request), environment, observer)?;
        self.check_denylists(&identity, now, observer)?;
        if provider.introspects_jwts(introspect) && !verified.token.is_introspected() {
            self.introspect_jwt(authenticated, environment, observer)?;
        }
        if let Some(proof) = proof {
            self.record_proof(&proof, environment, observer)?;
        }
        Ok(Requester { identity, provider })
    }

    /// Checks that neither the local denylist nor the fetched one has the token.
    fn check_denylists(
        &self,
        identity: &Identity<'_>,
        now: UnixTime,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), DecisionError> {
        let result = if self.config.local_denylist.matches(identity, now) {
            Err(Rejection::TokenRevoked)
        } else {
            self.sources.check_denylist(identity, now)
        };
        observer.checked(Check::Denylist, result).map_err(|rejection| match rejection {
            Rejection::DenylistUnavailable => DecisionError::Pending(PendingFetch {
                awaited: Awaited::Document(SourceId::Denylist),
                rejection_on_timeout: rejection,
                kid: None,
            }),
            other => other.into(),
        })
    }
}
