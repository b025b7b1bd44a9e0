//! The composition of all checks: a request becomes a permit, a denial, a local response, or a
//! pending fetch.
//!
//! Only this module makes a [`Permit`], and the host forwards no request without one.

mod authentication;
mod authorization;
mod decision_error;
mod document_status;
mod environment;
mod introspection;
mod observer;
mod open_streams;
mod permit;
mod policy_selection;
mod requester;
mod responses;
mod sender_constraint;
mod sources;
mod streams;
mod verified_token;

use crate::config::{Config, Provider, Remote};
use crate::dpop::{self, Nonces};
use crate::observer::{Check, DecisionObserver};
use crate::policy::NormalizedRequest;
use crate::refresh::refresher::{Fetch, FetchProgress, Tick, WaitAdvice};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{FetchError, Response};
use crate::refresh::state::WorkerId;
use crate::reply::{Denial, Reply};
use crate::request::RequestHead;
use crate::time::UnixTime;
use crate::token::JoseHeaderCache;
use crate::token_cache::TokenCache;
use decision_error::DecisionError;
use introspection::Introspection;
use open_streams::OpenStreams;
use sources::Sources;
use verified_token::VerifiedToken;

pub use crate::token_cache::CacheCounts;
pub use document_status::{DocumentStatus, RefreshTimes};
pub use environment::{Connection, Environment};
pub use introspection::CallId;
pub use observer::MetricsObserver;
pub use open_streams::{StreamDecision, StreamState};
pub use permit::{Permit, PermitReason};
pub use sources::{Awaited, PendingFetch, ProviderId, SourceId};
pub use streams::UnauthorizedStream;

/// The state of the filter on one worker: configuration, fetched documents and token cache.
#[derive(Debug)]
pub struct Filter {
    config: Config,
    sources: Sources,
    /// Accepted tokens. [`Filter::identify`] repeats the checks whose result can change: times and
    /// denylists.
    token_cache: TokenCache<VerifiedToken>,
    jose_headers: JoseHeaderCache,
    /// The open streams, if the configuration closes streams.
    streams: OpenStreams,
    /// The nonces that every DPoP proof must have, if the configuration requires them.
    nonces: Option<Nonces>,
    introspection: Introspection,
}

/// The outcome of [`Filter::decide`].
#[derive(Debug)]
pub enum Verdict {
    /// The host forwards the request.
    Allow(Permit),
    /// The host denies the request. [`Filter::reply`] makes the response.
    Deny(Denial),
    /// The host sends this response itself: metadata of a protected resource (RFC 9728).
    LocalResponse(Reply),
    /// The decision depends on a document that the worker does not have. The host holds the request
    /// or denies it with [`PendingFetch::rejection_on_timeout`]; [`Filter::wait_advice`] says
    /// which.
    Wait(PendingFetch),
}

impl Filter {
    /// Creates the filter of a worker. It has no fetched documents and an empty token cache.
    pub fn new(config: Config, worker_id: WorkerId) -> Self {
        let token_cache = TokenCache::new(config.token_cache_max_bytes);
        let sources = Sources::new(&config, worker_id);
        let jose_headers = JoseHeaderCache::default();
        let introspection = Introspection::new(&config);
        let streams = OpenStreams::default();
        Self { sources, token_cache, jose_headers, streams, nonces: None, introspection, config }
    }

    /// Prepares the checks of DPoP proofs: writes the initial values of the replay memory to the
    /// shared data, and sets the keys of nonces ([`Config::nonce_keys`]). `seed` is random.
    ///
    /// The host calls it in `on_configure`. There is no result, because the answer of the host must
    /// not depend on shared data: if a value is missing, the filter rejects each proof with
    /// [`Rejection::DpopReplayUnavailable`](crate::rejection::Rejection::DpopReplayUnavailable).
    #[inline(never)]
    pub fn prepare_dpop(&mut self, nonce_keys: Vec<[u8; 32]>, shared: &dyn SharedData, seed: [u8; 32]) {
        let Some(settings) = &self.config.dpop else { return };
        let mut random = dpop::random_values(seed);
        if let Some(replay) = &settings.replay {
            replay.seed(shared, &mut random);
        }
        self.nonces = settings.nonce.as_ref().and_then(|nonce| nonce.nonces(nonce_keys, shared, &mut random));
    }

    /// Returns the configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Decides about a request.
    ///
    /// The filter normalizes the request, selects the rule or the route policy, verifies the token
    /// and evaluates the policy. Without a token it denies every request that is not public.
    ///
    /// With `mode: shadow` the verdict is [`Verdict::Allow`] for every request that has no local
    /// response; [`Permit::reason`] then has the rejection that the filter does not enforce.
    ///
    /// # Examples
    ///
    /// The provider has a local key, so the filter fetches nothing.
    ///
    /// ```
    /// use okta_authz_filter::config::Config;
    /// use okta_authz_filter::crypto::software::Software;
    /// use okta_authz_filter::filter::{Environment, Filter, PermitReason, Verdict};
    /// use okta_authz_filter::filter_state::FilterStateName;
    /// use okta_authz_filter::refresh::state::WorkerId;
    /// use okta_authz_filter::rejection::Rejection;
    /// use okta_authz_filter::request::RequestHead;
    /// use okta_authz_filter::time::UnixTime;
    ///
    /// let config = Config::from_bytes(br#"{
    ///     "providers": {
    ///         "okta": {
    ///             "issuer": "https://example.okta.com/oauth2/default",
    ///             "audiences": ["api://default"],
    ///             "algorithms": ["EdDSA"],
    ///             "local_jwks": { "keys": [{
    ///                 "kty": "OKP", "crv": "Ed25519", "kid": "k1",
    ///                 "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    ///             }] }
    ///         }
    ///     },
    ///     "filter_state": ["sub"],
    ///     "rules": [
    ///         {
    ///             "match": { "path_template": "/orders/**" },
    ///             "requires": { "scopes": ["orders:read"] }
    ///         }
    ///     ]
    /// }"#)?;
    /// let filter = Filter::new(config, WorkerId(1));
    ///
    /// // iat 1799999000, exp 1800002600, scp ["orders:read"]
    /// let authorization = concat!(
    ///     "Bearer eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0",
    ///     ".eyJpc3MiOiJodHRwczovL2V4YW1wbGUub2t0YS5jb20vb2F1dGgyL2RlZmF1bHQiLCJhdWQiOiJhcG",
    ///     "k6Ly9kZWZhdWx0Iiwic3ViIjoiYW5uQGV4YW1wbGUuY29tIiwiY2lkIjoid2ViIiwidWlkIjoidTEi",
    ///     "LCJzY3AiOlsib3JkZXJzOnJlYWQiXSwiaWF0IjoxNzk5OTk5MDAwLCJleHAiOjE4MDAwMDI2MDAsIm",
    ///     "p0aSI6IkFULjEiLCJ2ZXIiOjF9",
    ///     ".Eqa0hL7fDOyPB-qu-DCP68NLc5DFIIp9yAq6QZquRpQY9X-8rWgFp9XPA26L",
    ///     "p5HrfWlMazJQdz2LJoTReCGDDQ",
    /// );
    /// let headers = [
    ///     (":method", b"GET".as_slice()),
    ///     (":path", b"/orders/7".as_slice()),
    ///     (":authority", b"api.example.com".as_slice()),
    ///     ("authorization", authorization.as_bytes()),
    /// ];
    /// let head = RequestHead::new(&headers);
    ///
    /// let decide_at = |seconds| {
    ///     filter.decide(&head, &Environment::new(UnixTime::from_seconds(seconds), &Software))
    /// };
    ///
    /// let Verdict::Allow(permit) = decide_at(1_800_000_000) else { panic!("the token is valid") };
    /// assert_eq!(permit.reason(), PermitReason::Verified);
    /// let subject = (FilterStateName::Sub, "ann@example.com");
    /// assert!(permit.filter_state(&filter.config().filter_state).eq([subject]));
    ///
    /// // One hour later the token has expired, although it is in the token cache.
    /// let Verdict::Deny(denial) = decide_at(1_800_003_600) else { panic!("the token expired") };
    /// assert_eq!(denial.rejection, Rejection::TokenExpired);
    /// # Ok::<(), okta_authz_filter::config::ConfigError>(())
    /// ```
    pub fn decide(&self, head: &RequestHead<'_>, environment: &Environment<'_>) -> Verdict {
        self.decide_with_observer(head, environment, &mut ())
    }

    /// Decides like [`Filter::decide`], and reports each check to `observer`.
    ///
    /// If [`DecisionObserver::ENABLED`], the filter does not read the token cache, so it makes and
    /// reports every check.
    pub fn decide_with_observer(
        &self,
        head: &RequestHead<'_>,
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Verdict {
        let request = NormalizedRequest::new(head, self.config.policy.required_inputs());
        let request = match observer.checked(Check::Request, request) {
            Ok(request) => request,
            Err(rejection) => return self.verdict_for_error(rejection.into()),
        };
        if let Some(reply) = self.config.protected_resources.metadata_response(&request) {
            return Verdict::LocalResponse(reply);
        }
        match self.authorize_request(head, &request, environment, observer) {
            Ok(permit) => Verdict::Allow(permit),
            Err(error) => self.verdict_for_error(error),
        }
    }

    /// Returns the verdict on a request that the policy does not allow. With `mode: shadow` the
    /// filter allows it.
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

    /// Returns whether the host should hold a request until a fetch ends. May schedule an early
    /// refresh; the cooldown of the source limits how often.
    pub fn wait_advice(
        &mut self,
        pending: &PendingFetch,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> WaitAdvice {
        self.sources.wait_advice(pending, now, shared)
    }

    /// Installs the documents that other workers have fetched. Returns for each source what the
    /// host has to do, for example which fetch to begin.
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Vec<(SourceId, Tick)> {
        let ticks = self.sources.on_tick(now, shared);
        if ticks.iter().any(|(_, tick)| tick.changed) {
            self.streams.check_all();
        }
        ticks
    }

    /// Processes the response to a request of a fetch. Returns the next request of the fetch, or
    /// how the fetch ended.
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

    /// Takes the log messages about the document that this worker last fetched from a source, for
    /// example about entries that the filter skipped.
    pub fn take_remarks(&mut self, source: SourceId) -> Vec<String> {
        self.sources.take_remarks(source)
    }

    /// Abandons all fetches in flight, so that other workers can begin theirs immediately. The host
    /// calls it when the worker ends.
    pub fn release(&mut self, shared: &dyn SharedData) {
        self.sources.release(shared);
    }

    /// Returns the cluster and the refresh schedule of a source; `None` if its document is local.
    pub fn remote(&self, source: SourceId) -> Option<&Remote> {
        source.remote(&self.config)
    }

    /// Returns the counts of the token cache, the number of cached tokens and their size in bytes.
    pub fn token_cache_usage(&self) -> (CacheCounts, usize, u64) {
        (self.token_cache.counts(), self.token_cache.len(), self.token_cache.bytes())
    }

    /// Returns the configuration of a provider; `None` if the ID is from another configuration.
    pub fn provider(&self, provider: ProviderId) -> Option<&Provider> {
        self.config.providers.get(provider.0)
    }
}
