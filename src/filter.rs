//! The composition: from the head of a request to a permit, a denial, or the wish to wait for keys.
//!
//! This is the only place where a [`Permit`] is made, and the host lets nothing through without one.

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
use crate::policy::{Decision, Target, Unmet};
use crate::rejection::Rejection;
use crate::reply::Denial;
use crate::request::RequestHead;
use crate::time::UnixTime;
use crate::verify::{Expected, Identity, Unverified};

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
        match self.examine(head, now, verifier) {
            Ok(permit) => Verdict::Allow(permit),
            Err(Refusal::Denied(denial)) => Verdict::Deny(denial),
            Err(Refusal::Keyless(lack)) => Verdict::Wait(lack),
        }
    }

    fn examine(
        &self,
        head: &RequestHead<'_>,
        now: UnixTime,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Permit, Refusal> {
        let decision = self.config.policy.decide(&Target::new(head)?);
        if matches!(decision, Decision::Public) {
            return Ok(Permit::public());
        }
        let token = self.config.token_sources.token(head)?;
        let token = Unverified::parse(&token, self.config.max_token_bytes)?;
        let (provider, expected) = self.provider_of(&token)?;
        let kid = KidDigest::new(token.key_id());
        let keyless = |otherwise| Refusal::Keyless(Lack { provider, otherwise, kid });
        token.check(expected, now)?;
        let keys = self.keys(provider, now).map_err(keyless)?;
        let signed = token.verify(expected, keys, verifier, now).map_err(|rejection| match rejection {
            Rejection::KeyUnknown => keyless(self.reason_for_unknown_key(provider, now)),
            other => other.into(),
        })?;
        let identity = signed.accept(expected, now)?;
        match decision {
            Decision::Public | Decision::AnyToken => {}
            Decision::NoRule => return Err(Rejection::NoRuleMatches.into()),
            Decision::Requires(requirement) => requirement.check(&identity)?,
        }
        Ok(self.permit(&identity))
    }

    fn provider_of(&self, token: &Unverified<'_>) -> Result<(ProviderId, &Expected), Rejection> {
        let issuer = token.issuer().ok_or(Rejection::IssuerUnknown)?;
        let accepts =
            |provider: &&Provider| provider.expected.issuers.iter().any(|accepted| accepted == issuer);
        let mut providers = self.config.providers.iter().enumerate();
        let (index, provider) =
            providers.find(|(_, provider)| accepts(provider)).ok_or(Rejection::IssuerUnknown)?;
        Ok((ProviderId(index), &provider.expected))
    }

    fn permit(&self, identity: &Identity<'_>) -> Permit {
        let claims = identity.claims();
        let header = |header: &ClaimToHeader| Some((header.header_name.clone(), header.value(claims)?));
        Permit {
            reason: PermitReason::Verified,
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

impl From<Unmet> for Refusal {
    fn from(unmet: Unmet) -> Self {
        Self::Denied(match unmet {
            Unmet::Scopes(scopes) => Denial { rejection: Rejection::InsufficientScope, scopes },
            Unmet::Other => Rejection::RequirementNotMet.into(),
        })
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
    const fn public() -> Self {
        Self { reason: PermitReason::Public, identity_headers: Vec::new(), identity: Vec::new() }
    }

    /// Why the request may go on.
    pub const fn reason(&self) -> PermitReason {
        self.reason
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
    /// A stable name, beside the codes of [`Rejection`].
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verified => "allowed",
            Self::Public => "public",
        }
    }

    /// Every reason there is.
    pub const ALL: [Self; 2] = [Self::Verified, Self::Public];
}
