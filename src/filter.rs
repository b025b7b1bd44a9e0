//! The composition: from the head of a request to a permit, a denial, or the wish to wait for what is fetched.
//!
//! This is the only place where a [`Permit`] is made, and the host lets nothing through without one.

mod freshness;
mod permit;
mod sources;
mod verified;

use std::cell::OnceCell;
use std::rc::Rc;

use crate::config::{Config, Provider, Remote};
use crate::crypto::SignatureVerifier;
use crate::jwks::unknown_kids::KidDigest;
use crate::policy::{Access, Mode, Ruling, Subject, Target, Unmet};
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
    /// Tokens that have been good before. What is asked of them anew, [`Filter::judge`] asks.
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
            Err(rejection) => return Verdict::Deny(rejection.into()),
        };
        if let Some(reply) = self.config.protected_resources.answer(&target) {
            return Verdict::Answer(reply);
        }
        match self.examine(head, &target, now, verifier, trace) {
            Ok(permit) => Verdict::Allow(permit),
            Err(Refusal::Denied(denial)) => Verdict::Deny(denial),
            Err(Refusal::Lacking(lack)) => Verdict::Wait(lack),
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
        let mode = ruling.map_or(Mode::Enforce, |ruling| ruling.grant.mode);
        // Only a token can show that the filter itself has set the identity headers of a request.
        let brings_identity = self.brings_identity(head);
        if !brings_identity && ruling.is_ok_and(|ruling| matches!(ruling.grant.access, Access::Public)) {
            return Ok(Permit::without_token(PermitReason::Public));
        }
        let token = self.config.token_sources.token(head);
        if !brings_identity && mode == Mode::Optional && token == Err(Rejection::TokenMissing) {
            return Ok(Permit::without_token(PermitReason::Anonymous));
        }
        let token = trace.checked(Check::Credentials, token).map_err(Refusal::from);
        match token.and_then(|token| self.admit(&token, ruling, mode, now, verifier, trace)) {
            Err(refusal) if mode == Mode::Shadow && !brings_identity => Ok(Permit::in_spite_of(&refusal)),
            Ok(permit) if brings_identity && !self.is_identity_of(&permit, head) => {
                let _ = trace.checked(Check::Policy, Err::<(), _>(Rejection::RoutePolicyUnknown));
                Err(Rejection::RoutePolicyUnknown.into())
            }
            outcome => outcome,
        }
    }

    /// Whether Envoy may have chosen the route, and with it the policy, by identity headers that the request brings along.
    fn brings_identity(&self, head: &RequestHead<'_>) -> bool {
        !self.config.route_policies.is_empty()
            && head.headers.iter().any(|(name, _)| self.config.is_identity_header(name))
    }

    /// Whether the request brings the identity headers that the permit sets, all of them and no other. After an internal
    /// redirect it does: the filter has set them before. Then the filter changes none, and Envoy stays with the route.
    fn is_identity_of(&self, permit: &Permit, head: &RequestHead<'_>) -> bool {
        let set = permit.identity_headers();
        let brought = head.headers.iter().filter(|(name, _)| self.config.is_identity_header(name)).count();
        let is_brought =
            |(name, value): &(String, String)| head.headers.contains(&(name.as_str(), value.as_bytes()));
        brought == set.len() && set.iter().all(is_brought)
    }

    /// Whether a token is good, and good enough for what applies to the request.
    fn admit<T: Trace>(
        &self,
        token: &[u8],
        ruling: Result<Ruling<'_>, Rejection>,
        mode: Mode,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
        trace: &mut T,
    ) -> Result<Permit, Refusal> {
        // Who watches wants to see every check.
        if !T::WATCHES
            && let Some(known) = self.known(token, now)
        {
            self.provider(known.provider).into_iter().for_each(|provider| trace.step(Step::From(provider)));
            return self.judge(known, ruling, mode, now, trace);
        }
        let verified = Rc::new(self.verify(token, now, verifier, trace)?);
        let permit = self.judge(Rc::clone(&verified), ruling, mode, now, trace)?;
        let bytes = verified.heap_bytes();
        self.known.insert(token, verified, bytes);
        Ok(permit)
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

    /// What is asked of a token that was accepted, now or before: its times, the denylists and the rule.
    fn judge(
        &self,
        verified: Rc<Verified>,
        ruling: Result<Ruling<'_>, Rejection>,
        mode: Mode,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Permit, Refusal> {
        let provider = self.provider(verified.provider).ok_or(Rejection::Misconfigured)?;
        let identity = verified.token.at(&provider.expected, now)?;
        self.check_denylists(&identity, now, trace)?;
        let reason = match authorize(&identity, &provider.name, ruling, trace) {
            Ok(()) => PermitReason::Verified,
            // Who it is has been verified, so the backend may know.
            Err(denial) if mode == Mode::Shadow => PermitReason::Shadow(denial.rejection),
            Err(denial) => return Err(Refusal::Denied(denial)),
        };
        let payload = verified.payload.as_ref();
        verified.told.get_or_init(|| Told::new(&self.config, &provider.name, &identity, payload));
        Ok(Permit::for_verified(reason, verified))
    }

    /// What applies to a request: what its route says, if that says anything, else what the rules say. If nothing does,
    /// why it is denied, whatever its token.
    fn ruling<'a>(&'a self, head: &RequestHead<'_>, target: &'a Target<'_>) -> Result<Ruling<'a>, Rejection> {
        let Some(name) = head.route_policy else {
            return self.config.policy.decide(target);
        };
        let grant = str::from_utf8(name).ok().and_then(|name| self.config.route_policies.get(name));
        grant.map(Ruling::of).ok_or(Rejection::RoutePolicyUnknown)
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

/// Why a request cannot go on: for good, or for want of something that is fetched.
enum Refusal {
    Denied(Denial),
    Lacking(Lack),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Denied(rejection.into())
    }
}

/// Whether the rule allows the identity what it asks for.
fn authorize(
    identity: &Identity<'_>,
    provider: &str,
    ruling: Result<Ruling<'_>, Rejection>,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    let allowed = ruling.map_err(Denial::from).and_then(|Ruling { grant, variables }| match &grant.access {
        Access::Public => Ok(()),
        Access::Deny => Err(Rejection::DeniedByRule.into()),
        Access::Requires(requirement) => {
            let subject = Subject { identity, provider, variables };
            trace.step(Step::Asked(requirement, subject));
            requirement.check(&subject).map_err(Denial::from)
        }
    });
    let rejection = allowed.as_ref().err().map(|denial| denial.rejection);
    trace.step(Step::Checked(Check::Policy, rejection));
    allowed
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
