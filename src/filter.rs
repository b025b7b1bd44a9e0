//! The composition: from the head of a request to a permit, a denial, or the wish to wait for what is fetched.
//!
//! This is the only place where a [`Permit`] is made, and the host lets nothing through without one.

mod freshness;
mod permit;
mod requester;
mod sources;
mod verified;

use std::cell::OnceCell;
use std::rc::Rc;

use crate::config::{Config, Provider, Remote};
use crate::crypto::SignatureVerifier;
use crate::jwks::unknown_kids::KidDigest;
use crate::policy::{Access, Grant, Mode, Ruling, Target};
use crate::refresh::record::WorkerId;
use crate::refresh::refresher::{Fetch, Hope, Progress, Tick};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{FetchError, Response};
use crate::rejection::Rejection;
use crate::reply::{Denial, Recipient, Reply};
use crate::request::RequestHead;
use crate::time::UnixTime;
use crate::token::HeadersRead;
use crate::token_cache::{Counts, TokenCache};
use crate::trace::{Check, Step, Trace};
use crate::verify::{Identity, Unverified};
use requester::{Admitted, Refusal, Requester};
use sources::Sources;
use verified::{Told, Verified};

pub use freshness::{Fetched, Freshness, Whose};
pub use permit::{Permit, PermitReason};
pub use sources::{Lack, ProviderId, SourceId};

/// A configuration at work, with what it has gathered.
#[derive(Debug)]
pub struct Filter {
    config: Config,
    sources: Sources,
    /// Tokens whose signature has held before. [`Filter::identify`] checks again what can change: times and denylists.
    known: TokenCache<Verified>,
    headers_read: HeadersRead,
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
    Wait(Lack),
}

impl Filter {
    /// The filter for a configuration, on this worker. What is fetched is not there yet.
    pub fn new(config: Config, me: WorkerId) -> Self {
        let known = TokenCache::new(config.token_cache_max_bytes);
        let sources = Sources::new(&config, me);
        Self { sources, known, headers_read: HeadersRead::default(), config }
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Decides about a request.
    pub fn decide(&self, head: &RequestHead<'_>, now: UnixTime, verifier: &dyn SignatureVerifier) -> Verdict {
        self.decide_traced(head, now, verifier, &mut ())
    }

    /// The same, with somebody who watches.
    pub fn decide_traced(
        &self,
        head: &RequestHead<'_>,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl Trace,
    ) -> Verdict {
        let target = match trace.checked(Check::Request, Target::new(head, self.config.policy.needs())) {
            Ok(target) => target,
            Err(rejection) => return self.verdict_on(rejection.into()),
        };
        if let Some(reply) = self.config.protected_resources.answer(&target) {
            return Verdict::Answer(reply);
        }
        match self.examine(head, &target, now, verifier, trace) {
            Ok(permit) => Verdict::Allow(permit),
            Err(refusal) => self.verdict_on(refusal),
        }
    }

    /// Returns the verdict on a request that the policy does not allow: with `mode: shadow` the request passes.
    fn verdict_on(&self, refusal: Refusal) -> Verdict {
        if self.config.shadow {
            let reason = PermitReason::Shadow(refusal.rejection());
            return Verdict::Allow(Permit::in_spite_of(reason, Some(&refusal)));
        }
        match refusal {
            Refusal::Denied(denial) => Verdict::Deny(denial),
            Refusal::Lacking(lack) => Verdict::Wait(lack),
        }
    }

    fn examine(
        &self,
        head: &RequestHead<'_>,
        target: &Target<'_>,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl Trace,
    ) -> Result<Permit, Refusal> {
        if self.config.bypass_cors_preflight && head.is_cors_preflight() {
            return Ok(Permit::without_token(PermitReason::CorsPreflight));
        }
        let ruling = self.ruling(head, target);
        trace.step(Step::Ruled(target, ruling));
        if let Err(rejection @ Rejection::RemoteIpUnknown) = ruling {
            // No token can help: which rule applies is unknown.
            return Err(rejection.into());
        }
        let shadows = self.shadows(head, target);
        // Only a token can show that the filter itself has set the identity headers of a request.
        let brings_identity = self.brings_identity(head);
        let is_public = ruling.is_ok_and(|ruling| matches!(ruling.grant.access, Access::Public));
        if is_public && !brings_identity && shadows.is_empty() {
            return Ok(Permit::without_token(PermitReason::Public));
        }
        let token = self.config.token_sources.token(head);
        let is_optional = ruling.is_ok_and(|ruling| ruling.grant.mode == Mode::Optional);
        let without_token = match &token {
            _ if brings_identity => None,
            _ if is_public => Some(PermitReason::Public),
            Err(Rejection::TokenMissing) if is_optional => Some(PermitReason::Anonymous),
            _ => None,
        };
        if let Some(reason) = without_token.filter(|_| shadows.is_empty()) {
            return Ok(Permit::without_token(reason));
        }
        let token = trace.checked(Check::Credentials, token).map_err(Refusal::from);
        let admitted = match &token {
            Ok(token) => self.admit(token, now, verifier, trace),
            Err(refusal) => Err(refusal.clone()),
        };
        let requester = match &admitted {
            Ok(admitted) => self.identify(&admitted.verified, now, trace),
            Err(refusal) => Err(refusal.clone()),
        };
        for (shadow, rejection) in shadows {
            let outcome = match (rejection, &requester) {
                (Some(rejection), _) => Err(rejection),
                (None, Ok(requester)) => requester.meets(shadow, trace).map_err(|denial| denial.rejection),
                (None, Err(refusal)) => Err(refusal.rejection()),
            };
            trace.step(Step::Shadowed(shadow, outcome.err()));
        }
        if let Some(reason) = without_token {
            if let (Ok(token), Ok(admitted), Ok(_)) = (&token, &admitted, &requester) {
                self.remember(token, admitted);
            }
            return Ok(Permit::in_spite_of(reason, requester.err().as_ref()));
        }
        let requester = requester?;
        let reason = match requester.authorize(ruling, trace) {
            Ok(()) => PermitReason::Verified,
            // The filter has verified the identity, so the backend may get it.
            Err(denial) if self.config.shadow => PermitReason::Shadow(denial.rejection),
            Err(denial) => return Err(Refusal::Denied(denial)),
        };
        let admitted = admitted.as_ref().map_err(Refusal::clone)?;
        let verified = &admitted.verified;
        let payload = verified.payload.as_ref();
        verified
            .told
            .get_or_init(|| Told::new(&self.config, &requester.provider.name, &requester.identity, payload));
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
    fn remember(&self, token: &[u8], Admitted { verified, is_new }: &Admitted) {
        if *is_new {
            self.known.insert(token, Rc::clone(verified), verified.heap_bytes());
        }
    }

    /// Returns the verified token: one that the filter has seen before, or a new one.
    fn admit<T: Trace>(
        &self,
        token: &[u8],
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut T,
    ) -> Result<Admitted, Refusal> {
        // Who watches wants to see every check.
        if !T::WATCHES
            && let Some(verified) = self.known(token, now)
        {
            self.provider(verified.provider)
                .into_iter()
                .for_each(|provider| trace.step(Step::From(provider)));
            return Ok(Admitted { verified, is_new: false });
        }
        let verified = Rc::new(self.verify(token, now, verifier, trace)?);
        Ok(Admitted { verified, is_new: true })
    }

    /// The token, if its signature has been checked before, under a key that its issuer still has. What that is no longer
    /// true of, or whose time is over, is forgotten, and refused like any other.
    fn known(&self, token: &[u8], now: UnixTime) -> Option<Rc<Verified>> {
        let known = self.known.get(token)?;
        let keys = self.sources.keys(known.provider, now).ok();
        let trusted = keys.is_some_and(|keys| known.token.is_signed_by_one_of(keys));
        let expected = self.provider(known.provider).map(|provider| &provider.expected);
        if trusted && expected.is_some_and(|expected| !known.token.has_expired(expected, now)) {
            return Some(known);
        }
        self.known.remove(token);
        None
    }

    /// Checks a verified token against the clock and the denylists, which change while the token is cached.
    fn identify<'a>(
        &'a self,
        verified: &'a Verified,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Requester<'a>, Refusal> {
        let provider = self.provider(verified.provider).ok_or(Rejection::Misconfigured)?;
        let identity = verified.token.at(&provider.expected, now)?;
        self.check_denylists(&identity, now, trace)?;
        Ok(Requester { identity, provider })
    }

    /// Returns the grant for a request: that of the policy which its route names, else that of the first rule that matches.
    /// If none does, the rejection of the request, whatever its token. Grants in shadow mode decide nothing.
    fn ruling<'a>(&'a self, head: &RequestHead<'_>, target: &'a Target<'_>) -> Result<Ruling<'a>, Rejection> {
        match self.route_grant(head) {
            Some(grant) if !grant.is_ok_and(Grant::is_shadow) => grant.map(Ruling::of),
            _ => self.config.policy.decide(target),
        }
    }

    /// Returns the grants in shadow mode before the grant that decides: the policy of the route, and rules. Each has the
    /// rejection with which a rule would deny the request whatever its token.
    fn shadows<'a>(
        &'a self,
        head: &RequestHead<'_>,
        target: &'a Target<'_>,
    ) -> Vec<(Ruling<'a>, Option<Rejection>)> {
        match self.route_grant(head) {
            None => self.config.policy.shadows(target).collect(),
            Some(Ok(grant)) if grant.is_shadow() => {
                let policy = (Ruling::of(grant), None);
                std::iter::once(policy).chain(self.config.policy.shadows(target)).collect()
            }
            Some(_) => Vec::new(),
        }
    }

    /// Returns the policy that the route of a request names, if it names one.
    fn route_grant(&self, head: &RequestHead<'_>) -> Option<Result<&Grant, Rejection>> {
        let name = head.route_policy?;
        let grant = str::from_utf8(name).ok().and_then(|name| self.config.route_policies.get(name));
        Some(grant.ok_or(Rejection::RoutePolicyUnknown))
    }

    /// The token, if its signature holds under a key of its issuer, and it is an access token for us.
    fn verify(
        &self,
        token: &[u8],
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl Trace,
    ) -> Result<Verified, Refusal> {
        let token = trace.checked(
            Check::Form,
            Unverified::parse(token, self.config.max_token_bytes, &self.headers_read),
        )?;
        trace.step(token.read());
        let (id, provider) = trace.checked(Check::Issuer, self.provider_of(&token))?;
        trace.step(Step::From(provider));
        let header = token.header();
        let payload = self.config.forward_payload_header.as_ref();
        let payload = payload.map(|_| String::from_utf8_lossy(token.encoded_payload()).into_owned());
        let token = token.check(&provider.expected, now, trace)?;
        let keyless = |otherwise| {
            let kid = Some(KidDigest::new(header.key_id.as_deref()));
            Refusal::Lacking(Lack { source: SourceId::Keys(id), otherwise, kid })
        };
        let keys = trace.checked(Check::Keys, self.sources.keys(id, now)).map_err(keyless)?;
        let signed = token.verify(keys, verifier, trace).map_err(|rejection| match rejection {
            Rejection::KeyUnknown => keyless(self.sources.reason_for_unknown_key(id, now)),
            other => other.into(),
        })?;
        let token = signed.accept(&provider.expected, now, trace)?;
        Ok(Verified { token, provider: id, payload, told: OnceCell::new() })
    }

    fn provider_of(&self, token: &Unverified<'_>) -> Result<(ProviderId, &Provider), Rejection> {
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
        trace: &mut impl Trace,
    ) -> Result<(), Refusal> {
        let passes = if self.config.local_denylist.has(identity) {
            Err(Rejection::TokenRevoked)
        } else {
            self.sources.check_denylist(identity, now)
        };
        trace.checked(Check::Denylist, passes).map_err(|rejection| match rejection {
            Rejection::DenylistUnavailable => {
                Refusal::Lacking(Lack { source: SourceId::Denylist, otherwise: rejection, kid: None })
            }
            other => other.into(),
        })
    }

    /// How a denial is told to whoever has sent the request.
    pub fn reply(&self, denial: &Denial, head: &RequestHead<'_>) -> Reply {
        let resource_metadata = self.config.protected_resources.metadata_url(head.path);
        Reply::new(denial, &self.config.responses, Recipient { grpc: head.is_grpc(), resource_metadata })
    }

    /// Whether a request should wait for what it lacks. May make a fetch due at once.
    pub fn hope(&mut self, lack: &Lack, now: UnixTime, shared: &dyn SharedData) -> Hope {
        self.sources.hope(lack, now, shared)
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
    ) -> Progress {
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
        (self.known.counts(), self.known.len(), self.known.bytes())
    }

    /// A provider's configuration.
    pub fn provider(&self, provider: ProviderId) -> Option<&Provider> {
        self.config.providers.get(provider.0)
    }
}
