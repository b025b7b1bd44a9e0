//! The composition: from the head of a request to a permit, a denial, or the wish to wait for what is fetched.
//!
//! This is the only place where a [`Permit`] is made, and the host lets nothing through without one.

mod sources;

use crate::claims::Claims;
use crate::config::{Config, Provider, Remote};
use crate::crypto::SignatureVerifier;
use crate::headers::{self, ClaimToHeader};
use crate::jwks::unknown_kids::KidDigest;
use crate::policy::{Decision, Target, Unmet};
use crate::refresh::record::WorkerId;
use crate::refresh::refresher::{Fetch, Hope, Progress, Tick};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{FetchError, Response};
use crate::rejection::Rejection;
use crate::reply::Denial;
use crate::request::RequestHead;
use crate::time::UnixTime;
use crate::verify::{Expected, Identity, Unverified};
use sources::Sources;

pub use sources::{Lack, ProviderId, SourceId};

/// Longer names than this say no more in a log.
const MAX_LOGGED_BYTES: usize = 256;

/// A configuration at work, with what it has gathered.
#[derive(Debug)]
pub struct Filter {
    config: Config,
    sources: Sources,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// It may go on.
    Allow(Permit),
    /// It must not.
    Deny(Denial),
    /// It cannot be decided with what is here. If no more can be had in time, it must not go on.
    Wait(Lack),
}

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
    /// The filter for a configuration, on this worker. What is fetched is not there yet.
    pub fn new(config: Config, me: WorkerId) -> Self {
        Self { sources: Sources::new(&config, me), config }
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
            Err(Refusal::Lacking(lack)) => Verdict::Wait(lack),
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
        let token = Unverified::parse(head.bearer_token()?, self.config.max_token_bytes)?;
        let (provider, expected) = self.provider_of(&token)?;
        let lack = Lack {
            source: SourceId::Keys(provider),
            otherwise: Rejection::KeysUnavailable,
            kid: Some(KidDigest::new(token.key_id())),
        };
        let keyless = |otherwise| Refusal::Lacking(Lack { otherwise, ..lack });
        token.check(expected, now)?;
        let keys = self.sources.keys(provider, now).map_err(keyless)?;
        let signed = token.verify(expected, keys, verifier, now).map_err(|rejection| match rejection {
            Rejection::KeyUnknown => keyless(self.sources.reason_for_unknown_key(provider, now)),
            other => other.into(),
        })?;
        let identity = signed.accept(expected, now)?;
        self.check_denylists(&identity, now)?;
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

    fn check_denylists(&self, identity: &Identity<'_>, now: UnixTime) -> Result<(), Refusal> {
        if self.config.local_denylist.has(identity) {
            return Err(Rejection::TokenRevoked.into());
        }
        self.sources.check_denylist(identity, now).map_err(|rejection| match rejection {
            Rejection::DenylistUnavailable => {
                Refusal::Lacking(Lack { source: SourceId::Denylist, otherwise: rejection, kid: None })
            }
            other => other.into(),
        })
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

    /// How to get to a source.
    pub fn remote(&self, source: SourceId) -> Option<&Remote> {
        source.remote(&self.config)
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
