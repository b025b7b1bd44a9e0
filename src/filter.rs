//! The composition: from the head of a request to a permit, a denial, or the wish to wait for what is fetched.
//!
//! This is the only place where a [`Permit`] is made, and the host lets nothing through without one.

mod document_status;
mod observer;
mod permit;
mod requester;
mod sources;
mod verified;

use std::cell::OnceCell;
use std::rc::Rc;

use crate::config::{Config, Provider, Remote};
use crate::crypto::SignatureVerifier;
use crate::jwks::unknown_kids::KidDigest;
use crate::policy::{Access, MatchedPolicy, Mode, NormalizedRequest};
use crate::refresh::refresher::{Fetch, FetchProgress, Tick, WaitAdvice};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{FetchError, Response};
use crate::refresh::state::WorkerId;
use crate::rejection::Rejection;
use crate::reply::{Denial, Reply, ReplyContext};
use crate::request::RequestHead;
use crate::time::UnixTime;
use crate::token::JoseHeaderCache;
use crate::token_cache::{Counts, TokenCache};
use crate::trace::{Check, DecisionObserver, TraceEvent};
use crate::verify::{Identity, UnverifiedToken};
use requester::{Authenticated, DecisionError, Requester};
use sources::Sources;
use verified::{ForwardedIdentity, Verified};

pub use document_status::{DocumentStatus, RefreshTimes};
pub use observer::ProviderObserver;
pub use permit::{Permit, PermitReason};
pub use sources::{PendingFetch, ProviderId, SourceId};

/// A configuration at work, with what it has gathered.
#[derive(Debug)]
pub struct Filter {
    config: Config,
    sources: Sources,
    /// Tokens whose signature has held before. [`Filter::identify`] checks again what can change: times and denylists.
    token_cache: TokenCache<Verified>,
    jose_headers: JoseHeaderCache,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// It may go on.
    Allow(Permit),
    /// It must not.
    Deny(Denial),
    /// It asks for something that the filter itself has: [`protected_resource`](crate::protected_resource).
    Answer(Reply),
    /// It cannot be decided with what is here. If no more can be had in time, it must not go on.
    Wait(PendingFetch),
}

impl Filter {
    /// The filter for a configuration, on this worker. What is fetched is not there yet.
    pub fn new(config: Config, worker_id: WorkerId) -> Self {
        let token_cache = TokenCache::new(config.token_cache_max_bytes);
        let sources = Sources::new(&config, worker_id);
        Self { sources, token_cache, jose_headers: JoseHeaderCache::default(), config }
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Decides about a request.
    pub fn decide(&self, head: &RequestHead<'_>, now: UnixTime, verifier: &dyn SignatureVerifier) -> Verdict {
        self.decide_with_observer(head, now, verifier, &mut ())
    }

    /// The same, with somebody who watches.
    pub fn decide_with_observer(
        &self,
        head: &RequestHead<'_>,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl DecisionObserver,
    ) -> Verdict {
        let target = match trace
            .checked(Check::Request, NormalizedRequest::new(head, self.config.policy.required_inputs()))
        {
            Ok(target) => target,
            Err(rejection) => return self.verdict_for_error(rejection.into()),
        };
        if let Some(reply) = self.config.protected_resources.answer(&target) {
            return Verdict::Answer(reply);
        }
        match self.authorize_request(head, &target, now, verifier, trace) {
            Ok(permit) => Verdict::Allow(permit),
            Err(error) => self.verdict_for_error(error),
        }
    }

    /// Returns the verdict on a request that the policy does not allow: with `mode: shadow` the request passes.
    fn verdict_for_error(&self, error: DecisionError) -> Verdict {
        if self.config.shadow {
            let reason = PermitReason::Shadow(error.rejection());
            return Verdict::Allow(Permit::without_identity(reason, Some(&error)));
        }
        match error {
            DecisionError::Denied(denial) => Verdict::Deny(denial),
            DecisionError::Pending(pending) => Verdict::Wait(pending),
        }
    }

    fn authorize_request(
        &self,
        head: &RequestHead<'_>,
        target: &NormalizedRequest<'_>,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl DecisionObserver,
    ) -> Result<Permit, DecisionError> {
        if self.config.bypass_cors_preflight && head.is_cors_preflight() {
            return Ok(Permit::without_token(PermitReason::CorsPreflight));
        }
        let matched = self.select_policy(head, target);
        trace.record(TraceEvent::PolicySelected(target, matched));
        if let Err(rejection @ Rejection::RemoteIpUnknown) = matched {
            // No token can help: which rule applies is unknown.
            return Err(rejection.into());
        }
        let shadows = self.shadows(head, target);
        // Only a token can show that the filter itself has set the identity headers of a request.
        let brings_identity = self.brings_identity(head);
        let is_public = matched.is_ok_and(|matched| matches!(matched.action.access, Access::Public));
        if is_public && !brings_identity && shadows.is_empty() {
            return Ok(Permit::without_token(PermitReason::Public));
        }
        let token = self.config.token_sources.token(head);
        let is_optional = matched.is_ok_and(|matched| matched.action.mode == Mode::Optional);
        let without_token = match &token {
            _ if brings_identity => None,
            _ if is_public => Some(PermitReason::Public),
            Err(Rejection::TokenMissing) if is_optional => Some(PermitReason::Anonymous),
            _ => None,
        };
        if let Some(reason) = without_token.filter(|_| shadows.is_empty()) {
            return Ok(Permit::without_token(reason));
        }
        let token = trace.checked(Check::Credentials, token).map_err(DecisionError::from);
        let admitted = match &token {
            Ok(token) => self.authenticate(token, now, verifier, trace),
            Err(error) => Err(error.clone()),
        };
        let requester = match &admitted {
            Ok(admitted) => self.identify(&admitted.verified, now, trace),
            Err(error) => Err(error.clone()),
        };
        for (shadow, rejection) in shadows {
            let outcome = match (rejection, &requester) {
                (Some(rejection), _) => Err(rejection),
                (None, Ok(requester)) => requester.meets(shadow, trace).map_err(|denial| denial.rejection),
                (None, Err(error)) => Err(error.rejection()),
            };
            trace.record(TraceEvent::ShadowEvaluated(shadow, outcome.err()));
        }
        if let Some(reason) = without_token {
            if let (Ok(token), Ok(admitted), Ok(_)) = (&token, &admitted, &requester) {
                self.remember(token, admitted);
            }
            return Ok(Permit::without_identity(reason, requester.err().as_ref()));
        }
        let requester = requester?;
        let reason = match requester.authorize(matched, trace) {
            Ok(()) => PermitReason::Verified,
            // The filter has verified the identity, so the backend may get it.
            Err(denial) if self.config.shadow => PermitReason::Shadow(denial.rejection),
            Err(denial) => return Err(DecisionError::Denied(denial)),
        };
        let admitted = admitted.as_ref().map_err(DecisionError::clone)?;
        let verified = &admitted.verified;
        let payload = verified.payload.as_ref();
        verified.forwarded.get_or_init(|| {
            ForwardedIdentity::new(&self.config, &requester.provider.name, &requester.identity, payload)
        });
        if let Ok(token) = &token {
            self.remember(token, admitted);
        }
        let permit = Permit::for_verified(reason, Rc::clone(verified));
        if brings_identity && !self.is_identity_of(&permit, head) {
            let _ = trace.checked(Check::Policy, Err::<(), _>(Rejection::RoutePolicyUnknown));
            return Err(Rejection::RoutePolicyUnknown.into());
        }
        Ok(permit)
    }

    /// Returns whether Envoy may have chosen the route, and with it the policy, by identity headers that the request brings
    /// along.
    fn brings_identity(&self, head: &RequestHead<'_>) -> bool {
        !self.config.route_policies.is_empty()
            && head.headers.iter().any(|(name, _)| self.config.is_identity_header(name))
    }

    /// Returns whether the request brings the identity headers that the permit sets, all of them and no other. After an
    /// internal redirect it does: the filter has set them before. Then the filter changes none, and Envoy stays with the
    /// route.
    fn is_identity_of(&self, permit: &Permit, head: &RequestHead<'_>) -> bool {
        let set = permit.identity_headers();
        let brought = head.headers.iter().filter(|(name, _)| self.config.is_identity_header(name)).count();
        let is_brought =
            |(name, value): &(String, String)| head.headers.contains(&(name.as_str(), value.as_bytes()));
        brought == set.len() && set.iter().all(is_brought)
    }

    /// Remembers the token of a request that passes.
    fn remember(&self, token: &[u8], Authenticated { verified, is_new }: &Authenticated) {
        if *is_new {
            self.token_cache.insert(token, Rc::clone(verified), verified.heap_bytes());
        }
    }

    /// Returns the verified token: one that the filter has seen before, or a new one.
    fn authenticate<T: DecisionObserver>(
        &self,
        token: &[u8],
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut T,
    ) -> Result<Authenticated, DecisionError> {
        // Who watches wants to see every check.
        if !T::ENABLED
            && let Some(verified) = self.cached_token(token, now)
        {
            self.provider(verified.provider)
                .into_iter()
                .for_each(|provider| trace.record(verified.provider.selected(provider)));
            return Ok(Authenticated { verified, is_new: false });
        }
        let verified = Rc::new(self.verify(token, now, verifier, trace)?);
        Ok(Authenticated { verified, is_new: true })
    }

    /// The token, if its signature has been checked before, under a key that its issuer still has. What that is no longer
    /// true of, or whose time is over, is forgotten, and refused like any other.
    fn cached_token(&self, token: &[u8], now: UnixTime) -> Option<Rc<Verified>> {
        let known = self.token_cache.get(token)?;
        let keys = self.sources.keys(known.provider, now).ok();
        let trusted = keys.is_some_and(|keys| known.token.is_key_published(keys));
        let expected = self.provider(known.provider).map(|provider| &provider.expected);
        if trusted && expected.is_some_and(|expected| !known.token.has_expired(expected, now)) {
            return Some(known);
        }
        self.token_cache.remove(token);
        None
    }

    /// Checks a verified token against the clock and the denylists, which change while the token is cached.
    fn identify<'a>(
        &'a self,
        verified: &'a Verified,
        now: UnixTime,
        trace: &mut impl DecisionObserver,
    ) -> Result<Requester<'a>, DecisionError> {
        let provider = self.provider(verified.provider).ok_or(Rejection::Misconfigured)?;
        let identity = verified.token.valid_at(&provider.expected, now)?;
        self.check_denylists(&identity, now, trace)?;
        Ok(Requester { identity, provider })
    }

    /// Returns the grant for a request: that of the policy which its route names, else that of the first rule that matches.
    /// If none does, the rejection of the request, whatever its token. Grants in shadow mode decide nothing.
    fn select_policy<'a>(
        &'a self,
        head: &RequestHead<'_>,
        target: &'a NormalizedRequest<'_>,
    ) -> Result<MatchedPolicy<'a>, Rejection> {
        match self.route_policy(head) {
            Some(policy) if !policy.is_ok_and(|policy| policy.action.is_shadow()) => policy,
            _ => self.config.policy.select(target),
        }
    }

    /// Returns the grants in shadow mode before the grant that decides: the policy of the route, and rules. Each has the
    /// rejection with which a rule would deny the request whatever its token.
    fn shadows<'a>(
        &'a self,
        head: &RequestHead<'_>,
        target: &'a NormalizedRequest<'_>,
    ) -> Vec<(MatchedPolicy<'a>, Option<Rejection>)> {
        match self.route_policy(head) {
            None => self.config.policy.select_shadow(target).collect(),
            Some(Ok(policy)) if policy.action.is_shadow() => {
                std::iter::once((policy, None)).chain(self.config.policy.select_shadow(target)).collect()
            }
            Some(_) => Vec::new(),
        }
    }

    /// Returns the policy that the route of a request names, if it names one.
    fn route_policy(&self, head: &RequestHead<'_>) -> Option<Result<MatchedPolicy<'_>, Rejection>> {
        let name = head.route_policy?;
        let policy =
            str::from_utf8(name).ok().and_then(|name| self.config.route_policies.get_key_value(name));
        let policy = policy.map(|(name, action)| MatchedPolicy::route_policy(name, action));
        Some(policy.ok_or(Rejection::RoutePolicyUnknown))
    }

    /// The token, if its signature holds under a key of its issuer, and it is an access token for us.
    fn verify(
        &self,
        token: &[u8],
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl DecisionObserver,
    ) -> Result<Verified, DecisionError> {
        let token = trace.checked(
            Check::Form,
            UnverifiedToken::parse(token, self.config.max_token_bytes, &self.jose_headers),
        )?;
        trace.record(token.read());
        let (id, provider) = trace.checked(Check::Issuer, self.provider_of(&token))?;
        trace.record(id.selected(provider));
        let header = token.header();
        let payload = self.config.forward_payload_header.as_ref();
        let payload = payload.map(|_| String::from_utf8_lossy(token.encoded_payload()).into_owned());
        let token = token.check(&provider.expected, now, trace)?;
        let keyless = |rejection_on_timeout| {
            let kid = Some(KidDigest::new(header.key_id.as_deref()));
            DecisionError::Pending(PendingFetch { source: SourceId::Keys(id), rejection_on_timeout, kid })
        };
        let keys = trace.checked(Check::Keys, self.sources.keys(id, now)).map_err(keyless)?;
        let signed = token.verify(keys, verifier, trace).map_err(|rejection| match rejection {
            Rejection::KeyUnknown => keyless(self.sources.reason_for_unknown_key(id, now)),
            other => other.into(),
        })?;
        let token = signed.accept(&provider.expected, now, trace)?;
        Ok(Verified { token, provider: id, payload, forwarded: OnceCell::new() })
    }

    fn provider_of(&self, token: &UnverifiedToken<'_>) -> Result<(ProviderId, &Provider), Rejection> {
        let issuer = token.issuer().ok_or(Rejection::IssuerUnknown)?;
        let accepts =
            |provider: &&Provider| provider.expected.issuers.iter().any(|accepted| accepted == issuer);
        let mut providers = self.config.providers.iter().enumerate();
        let (index, provider) =
            providers.find(|(_, provider)| accepts(provider)).ok_or(Rejection::IssuerUnknown)?;
        Ok((ProviderId(index), provider))
    }

    fn check_denylists(
        &self,
        identity: &Identity<'_>,
        now: UnixTime,
        trace: &mut impl DecisionObserver,
    ) -> Result<(), DecisionError> {
        let passes = if self.config.local_denylist.has(identity) {
            Err(Rejection::TokenRevoked)
        } else {
            self.sources.check_denylist(identity, now)
        };
        trace.checked(Check::Denylist, passes).map_err(|rejection| match rejection {
            Rejection::DenylistUnavailable => DecisionError::Pending(PendingFetch {
                source: SourceId::Denylist,
                rejection_on_timeout: rejection,
                kid: None,
            }),
            other => other.into(),
        })
    }

    /// How a denial is told to whoever has sent the request.
    pub fn reply(&self, denial: &Denial, head: &RequestHead<'_>) -> Reply {
        let resource_metadata = self.config.protected_resources.metadata_url(head.path);
        Reply::new(denial, &self.config.responses, ReplyContext { grpc: head.is_grpc(), resource_metadata })
    }

    /// Whether a request should wait for what it lacks. May make a fetch due at once.
    pub fn wait_advice(
        &mut self,
        pending: &PendingFetch,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> WaitAdvice {
        self.sources.wait_advice(pending, now, shared)
    }

    /// Looks after all that is fetched: takes over what other workers have, and says what this one is to do.
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Vec<(SourceId, Tick)> {
        self.sources.on_tick(now, shared)
    }

    /// Takes what the request of a fetch has brought: the fetch goes on, or everybody is told how it ended.
    pub fn on_response(
        &mut self,
        source: SourceId,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchProgress {
        self.sources.on_response(source, now, fetch, shared, response)
    }

    /// Takes the remarks on the document that this worker has fetched last from a source: entries that it has skipped. For the
    /// log.
    pub fn take_remarks(&mut self, source: SourceId) -> Vec<String> {
        self.sources.take_remarks(source)
    }

    /// Gives up all fetches under way, so that other workers can begin theirs at once: for a worker that departs.
    pub fn release(&mut self, shared: &dyn SharedData) {
        self.sources.release(shared);
    }

    /// How to get to a source.
    pub fn remote(&self, source: SourceId) -> Option<&Remote> {
        source.remote(&self.config)
    }

    /// How the memory of tokens has fared, with the number of tokens in it and the bytes they occupy.
    pub fn token_cache(&self) -> (Counts, usize, u64) {
        (self.token_cache.counts(), self.token_cache.len(), self.token_cache.bytes())
    }

    /// A provider's configuration.
    pub fn provider(&self, provider: ProviderId) -> Option<&Provider> {
        self.config.providers.get(provider.0)
    }
}
