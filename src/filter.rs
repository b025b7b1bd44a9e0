//! The composition: from the head of a request to a permit, a denial, or the wish to wait for keys.
//!
//! This is the only place where a [`Permit`] is made, and the host lets nothing through without one.

use std::borrow::Cow;

use crate::claims::Claims;
use crate::config::{Config, Provider};
use crate::crypto::SignatureVerifier;
use crate::headers::{self, ClaimToHeader};
use crate::jwks::KeySet;
use crate::jwks::fetch::{Fetch, FetchError, Response};
use crate::jwks::record::WorkerId;
use crate::jwks::refresh::{Hope, Progress, Refresher, Tick};
use crate::jwks::shared::{Names, SharedData};
use crate::jwks::unknown_kids::KidDigest;
use crate::policy::{Access, Mode, Ruling, Subject, Target, Unmet};
use crate::rejection::Rejection;
use crate::reply::{Denial, Recipient, Reply};
use crate::request::RequestHead;
use crate::time::UnixTime;
use crate::verify::{Identity, SignedClaims, Unverified};

/// Longer names than this say no more in a log.
const MAX_LOGGED_BYTES: usize = 256;

/// A configuration at work, with the keys it has gathered.
#[derive(Debug)]
pub struct Filter {
    config: Config,
    /// One for each provider, in the same order.
    keys: Vec<Keys>,
}

#[derive(Debug)]
enum Keys {
    Local(Option<KeySet>),
    Remote(Box<Refresher>),
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
    /// It cannot be decided with the keys that are here. If no others can be had in time, it must not go on.
    Wait(Lack),
}

/// The key that a request lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lack {
    /// Whose key it is.
    pub provider: ProviderId,
    /// Why the request is denied if waiting does not help.
    pub otherwise: Rejection,
    /// Which one it is.
    kid: KidDigest,
}

/// A provider, by its position in the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProviderId(usize);

/// The proof that a request may go on, and what the backend is told of who sent it.
#[derive(Debug)]
pub struct Permit {
    reason: PermitReason,
    /// Keys that could not be had; the request did not wait for them.
    lack: Option<Lack>,
    identity_headers: Vec<(String, String)>,
    identity: Vec<(&'static str, String)>,
}

/// Why a request may go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PermitReason {
    /// Its token is good, and the policy allows it.
    Verified,
    /// Its rule is public.
    Public,
    /// It has no token, and its rule does not insist on one.
    Anonymous,
    /// It is a CORS preflight request, and those pass.
    CorsPreflight,
    /// It would have been denied for this, had its rule been enforced.
    Shadow(Rejection),
}

/// A token that is good at this moment, and whose it is.
struct Verified<'a> {
    signed: SignedClaims,
    provider: &'a Provider,
}

impl Filter {
    /// The filter for a configuration, on this worker. Remote keys are not there yet.
    pub fn new(config: Config, me: WorkerId) -> Self {
        let keys = |provider: &Provider| match (&provider.remote_jwks, &provider.local_jwks) {
            (Some(remote), local) => {
                let issuers = &provider.expected.issuers;
                let names = Names::new(issuers, &remote.cluster, &remote.source);
                let source = remote.source.clone();
                Keys::Remote(Box::new(Refresher::new(remote.schedule, source, names, me, local.clone())))
            }
            (None, local) => Keys::Local(local.clone()),
        };
        Self { keys: config.providers.iter().map(keys).collect(), config }
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Decides about a request.
    pub fn decide(&self, head: &RequestHead<'_>, now: UnixTime, verifier: &dyn SignatureVerifier) -> Verdict {
        let target = match Target::new(head, self.config.policy.needs()) {
            Ok(target) => target,
            Err(rejection) => return Verdict::Deny(rejection.into()),
        };
        if let Some(reply) = self.config.protected_resources.answer(&target) {
            return Verdict::Answer(reply);
        }
        match self.examine(head, &target, now, verifier) {
            Ok(permit) => Verdict::Allow(permit),
            Err(Refusal::Denied(denial)) => Verdict::Deny(denial),
            Err(Refusal::Keyless(lack)) => Verdict::Wait(lack),
        }
    }

    fn examine(
        &self,
        head: &RequestHead<'_>,
        target: &Target<'_>,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Permit, Refusal> {
        if self.config.bypass_cors_preflight && head.is_cors_preflight() {
            return Ok(Permit::without_token(PermitReason::CorsPreflight));
        }
        let ruling = self.ruling(head, target);
        let mode = ruling.map_or(Mode::Enforce, |ruling| ruling.grant.mode);
        if ruling.is_ok_and(|ruling| matches!(ruling.grant.access, Access::Public)) {
            return Ok(Permit::without_token(PermitReason::Public));
        }
        let token = self.config.token_sources.token(head);
        if mode == Mode::Optional && token == Err(Rejection::TokenMissing) {
            return Ok(Permit::without_token(PermitReason::Anonymous));
        }
        match self.verify(token, now, verifier) {
            Ok(verified) => {
                let identity = verified.signed.accept(&verified.provider.expected, now)?;
                match authorize(&identity, &verified.provider.name, ruling) {
                    Ok(()) => Ok(self.permit(PermitReason::Verified, &identity)),
                    Err(denial) if mode == Mode::Shadow => {
                        Ok(self.permit(PermitReason::Shadow(denial.rejection), &identity))
                    }
                    Err(denial) => Err(Refusal::Denied(denial)),
                }
            }
            Err(refusal) if mode == Mode::Shadow => Ok(Permit::in_spite_of(&refusal)),
            Err(refusal) => Err(refusal),
        }
    }

    /// What applies to a request: what its route says, if that says anything, else what the rules say. If nothing does,
    /// why it is denied, whatever its token.
    fn ruling<'a>(&'a self, head: &RequestHead<'_>, target: &'a Target<'_>) -> Result<Ruling<'a>, Rejection> {
        let Some(name) = head.route_policy else {
            return self.config.policy.decide(target).ok_or(Rejection::NoRuleMatches);
        };
        let grant = str::from_utf8(name).ok().and_then(|name| self.config.route_policies.get(name));
        grant.map(Ruling::of).ok_or(Rejection::RoutePolicyUnknown)
    }

    /// Everything about the token that does not depend on the rule, but for the questions that are asked of it now.
    fn verify(
        &self,
        token: Result<Cow<'_, [u8]>, Rejection>,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Verified<'_>, Refusal> {
        let token = token?;
        let token = Unverified::parse(&token, self.config.max_token_bytes)?;
        let (id, provider) = self.provider_of(&token)?;
        let expected = &provider.expected;
        let kid = KidDigest::new(token.key_id());
        let keyless = |otherwise| Refusal::Keyless(Lack { provider: id, otherwise, kid });
        token.check(expected, now)?;
        let keys = self.keys(id, now).map_err(keyless)?;
        let signed = token.verify(expected, keys, verifier, now).map_err(|rejection| match rejection {
            Rejection::KeyUnknown => keyless(self.reason_for_unknown_key(id, now)),
            other => other.into(),
        })?;
        signed.accept(expected, now)?;
        Ok(Verified { signed, provider })
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

    fn permit(&self, reason: PermitReason, identity: &Identity<'_>) -> Permit {
        let claims = identity.claims();
        let header = |header: &ClaimToHeader| Some((header.header_name.clone(), header.value(claims)?));
        Permit {
            reason,
            lack: None,
            identity_headers: self.config.claim_to_headers.iter().filter_map(header).collect(),
            identity: identity_for_logs(claims, identity.client_id()),
        }
    }

    fn keys(&self, provider: ProviderId, now: UnixTime) -> Result<&KeySet, Rejection> {
        match self.keys.get(provider.0) {
            Some(Keys::Local(Some(keys))) => Ok(keys),
            Some(Keys::Remote(refresher)) => refresher.keys(now),
            Some(Keys::Local(None)) | None => Err(Rejection::KeysUnavailable),
        }
    }

    fn reason_for_unknown_key(&self, provider: ProviderId, now: UnixTime) -> Rejection {
        match self.keys.get(provider.0) {
            Some(Keys::Remote(refresher)) => refresher.reason_for_unknown_key(now),
            Some(Keys::Local(_)) | None => Rejection::KeyUnknown,
        }
    }

    fn refresher(&mut self, provider: ProviderId) -> Option<&mut Refresher> {
        match self.keys.get_mut(provider.0) {
            Some(Keys::Remote(refresher)) => Some(refresher),
            _ => None,
        }
    }

    /// How a denial is told to whoever has sent the request.
    pub fn reply(&self, denial: &Denial, head: &RequestHead<'_>) -> Reply {
        let resource_metadata = self.config.protected_resources.metadata_url(head.path);
        Reply::new(denial, &self.config.responses, Recipient { grpc: head.is_grpc(), resource_metadata })
    }

    /// Whether a request should wait for the key that it lacks. May make a fetch due at once.
    pub fn hope(&mut self, lack: &Lack, now: UnixTime, shared: &dyn SharedData) -> Hope {
        match (self.refresher(lack.provider), lack.otherwise) {
            (Some(refresher), Rejection::KeysUnavailable | Rejection::KeysStale) => {
                refresher.on_keys_unavailable(now)
            }
            (Some(refresher), Rejection::KeyUnknown) => refresher.on_unknown_kid(lack.kid, now, shared),
            _ => Hope::None,
        }
    }

    /// Looks after the keys of every provider: takes over what other workers have fetched, and says what this one is to do.
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Vec<(ProviderId, Tick)> {
        let keys = self.keys.iter_mut().enumerate();
        let tick = |(index, keys): (usize, &mut Keys)| match keys {
            Keys::Remote(refresher) => Some((ProviderId(index), refresher.on_tick(now, shared))),
            Keys::Local(_) => None,
        };
        keys.filter_map(tick).collect()
    }

    /// Takes what the request of a fetch has brought: the fetch goes on, or everybody is told how it ended.
    pub fn on_response(
        &mut self,
        provider: ProviderId,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> Progress {
        match self.refresher(provider) {
            Some(refresher) => refresher.on_response(now, fetch, shared, response),
            None => Progress::Done(Err(FetchError::NoAnswer)),
        }
    }

    /// A provider's configuration.
    pub fn provider(&self, provider: ProviderId) -> Option<&Provider> {
        self.config.providers.get(provider.0)
    }
}

/// Why a request cannot go on: for good, or for want of keys.
enum Refusal {
    Denied(Denial),
    Keyless(Lack),
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
) -> Result<(), Denial> {
    let Ruling { grant, variables } = ruling?;
    match &grant.access {
        Access::Public => Ok(()),
        Access::Deny => Err(Rejection::DeniedByRule.into()),
        Access::Requires(requirement) => {
            requirement.check(&Subject { identity, provider, variables }).map_err(Denial::from)
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

/// What access logs and later filters may know of a verified token: who, and through which client. Encoded like the
/// headers, for a line break in a name must not become a line of its own in a log.
fn identity_for_logs(claims: &Claims, client_id: Option<&str>) -> Vec<(&'static str, String)> {
    let named = [("sub", claims.string("sub")), ("uid", claims.string("uid")), ("cid", client_id)];
    let encode = |value: &str| {
        let mut encoded = headers::percent_encode(value);
        encoded.truncate(MAX_LOGGED_BYTES);
        encoded
    };
    named.into_iter().filter_map(|(name, value)| Some((name, encode(value?)))).collect()
}

impl Permit {
    const fn without_token(reason: PermitReason) -> Self {
        Self { reason, lack: None, identity_headers: Vec::new(), identity: Vec::new() }
    }

    /// A request that nobody vouches for, under a rule that is not enforced.
    fn in_spite_of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Denied(denial) => Self::without_token(PermitReason::Shadow(denial.rejection)),
            Refusal::Keyless(lack) => {
                let permit = Self::without_token(PermitReason::Shadow(lack.otherwise));
                Self { lack: Some(*lack), ..permit }
            }
        }
    }

    /// Why the request may go on.
    pub const fn reason(&self) -> PermitReason {
        self.reason
    }

    /// Keys that the request would have waited for, had its rule been enforced.
    pub const fn lack(&self) -> Option<&Lack> {
        self.lack.as_ref()
    }

    /// Headers to set towards the backend. All of `claim_to_headers` are removed first, whatever the reason.
    pub fn identity_headers(&self) -> &[(String, String)] {
        &self.identity_headers
    }

    /// Names and values for filter state.
    pub fn identity(&self) -> &[(&'static str, String)] {
        &self.identity
    }
}

impl PermitReason {
    /// A stable name: that of the rejection which was not enforced, or one beside these.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verified => "allowed",
            Self::Public => "public",
            Self::Anonymous => "anonymous",
            Self::CorsPreflight => "cors_preflight",
            Self::Shadow(rejection) => rejection.code(),
        }
    }

    /// Every reason but those in shadow, which have the names of rejections.
    pub const ALL: [Self; 4] = [Self::Verified, Self::Public, Self::Anonymous, Self::CorsPreflight];
}
