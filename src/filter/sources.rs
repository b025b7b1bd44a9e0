//! The documents that the filter needs: the key set of each provider, and the denylist.

use crate::config::{Config, Provider, Remote, RemoteDenylist};
use crate::denylist::Denylist;
use crate::denylist::source::DenylistSource;
use crate::introspection::TokenDigest;
use crate::jwks::KeySet;
use crate::jwks::remote::RemoteKeys;
use crate::jwks::source::KeySource;
use crate::jwks::unknown_kids::KidDigest;
use crate::observer::DecisionEvent;
use crate::refresh::refresher::{Fetch, FetchProgress, Refresher, Tick, WaitAdvice};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{Document as _, FetchError, Response};
use crate::refresh::state::WorkerId;
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::verify::Identity;

/// A source of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourceId {
    /// The key set of a provider.
    Keys(ProviderId),
    /// The denylist.
    Denylist,
}

/// The ID of a provider: its index in the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProviderId(pub(super) usize);

/// What a request waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Awaited {
    /// A document of this source.
    Document(SourceId),
    /// The introspection of this token of a provider.
    Introspection(ProviderId, TokenDigest),
}

/// A document or an introspection that a decision needs and the worker does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PendingFetch {
    /// What the request waits for.
    pub awaited: Awaited,
    /// The rejection of the request if the response does not arrive in time.
    pub rejection_on_timeout: Rejection,
    /// The key ID of the token, if the document is a key set.
    pub(super) kid: Option<KidDigest>,
}

/// The documents of this worker, with the state of their refresh.
#[derive(Debug)]
pub(super) struct Sources {
    /// The keys of each provider, in the order of the configuration.
    pub(super) keys: Vec<Keys>,
    pub(super) denylist: Option<Refresher<DenylistSource>>,
}

#[derive(Debug)]
pub(super) enum Keys {
    Local(Option<KeySet>),
    Remote(Box<RemoteKeys>),
}

impl SourceId {
    /// Returns the size limit of a response, in bytes. The filter reads no longer one.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Keys(_) => KeySet::MAX_BYTES,
            Self::Denylist => Denylist::MAX_BYTES,
        }
    }

    /// Returns the cluster and the refresh schedule; `None` if the document is local.
    pub(super) fn remote(self, config: &Config) -> Option<&Remote> {
        match self {
            Self::Keys(ProviderId(index)) => {
                config.providers.get(index)?.remote_jwks.as_ref().map(|jwks| &jwks.remote)
            }
            Self::Denylist => config.remote_denylist.as_ref().map(|denylist| &denylist.remote),
        }
    }
}

impl ProviderId {
    /// Returns the index of the provider in the configuration.
    pub const fn index(self) -> usize {
        self.0
    }

    /// Returns the event that reports this provider to an observer.
    pub(super) fn selected_event(self, provider: &Provider) -> DecisionEvent<'_> {
        DecisionEvent::ProviderSelected { index: self.0, name: &provider.name }
    }
}

impl Sources {
    /// Creates the sources of a worker, without any fetched document.
    pub(super) fn new(config: &Config, worker_id: WorkerId) -> Self {
        let keys = |provider: &Provider| match (&provider.remote_jwks, &provider.local_jwks) {
            (Some(jwks), pinned) => {
                let issuers = &provider.requirements.issuers;
                let source =
                    KeySource::new(issuers, &jwks.remote.cluster, jwks.jwks_uri.clone(), pinned.clone());
                let keys =
                    RemoteKeys::new(source, jwks.remote.schedule, jwks.unknown_kid_cooldown, worker_id);
                Keys::Remote(Box::new(keys))
            }
            (None, local) => Keys::Local(local.clone()),
        };
        let denylist = |RemoteDenylist { remote, uri }: &RemoteDenylist| {
            Refresher::new(DenylistSource::new(&remote.cluster, uri.clone()), remote.schedule, worker_id)
        };
        Self {
            keys: config.providers.iter().map(keys).collect(),
            denylist: config.remote_denylist.as_ref().map(denylist),
        }
    }

    /// Returns the keys of a provider.
    ///
    /// # Errors
    /// [`Rejection::KeysUnavailable`] before the first fetch has succeeded,
    /// [`Rejection::KeysStale`] if the keys are older than `max_stale`.
    pub(super) fn keys(&self, provider: ProviderId, now: UnixTime) -> Result<&KeySet, Rejection> {
        match self.keys.get(provider.0) {
            Some(Keys::Local(Some(keys))) => Ok(keys),
            Some(Keys::Remote(keys)) => keys.keys(now),
            Some(Keys::Local(None)) | None => Err(Rejection::KeysUnavailable),
        }
    }

    /// Returns the rejection of a token whose key ID no key of the provider has.
    pub(super) fn rejection_for_unknown_key(&self, provider: ProviderId, now: UnixTime) -> Rejection {
        match self.keys.get(provider.0) {
            Some(Keys::Remote(keys)) => keys.rejection_for_unknown_key(now),
            Some(Keys::Local(_)) | None => Rejection::KeyUnknown,
        }
    }

    /// Checks a token against the fetched denylist. An expired denylist still denies the tokens
    /// that are on it.
    ///
    /// # Errors
    /// [`Rejection::TokenRevoked`] for a token on the denylist; [`Rejection::DenylistUnavailable`]
    /// for any other token if the denylist has not been fetched or has expired.
    pub(super) fn check_denylist(&self, identity: &Identity<'_>, now: UnixTime) -> Result<(), Rejection> {
        let Some(remote) = &self.denylist else { return Ok(()) };
        if self.is_on_latest_denylist(identity, now) {
            return Err(Rejection::TokenRevoked);
        }
        remote.document(now).map(|_| ()).map_err(|_| Rejection::DenylistUnavailable)
    }

    /// Returns the latest keys of a provider, whatever their age; `None` before the first fetch.
    pub(super) fn latest_keys(&self, provider: ProviderId) -> Option<&KeySet> {
        match self.keys.get(provider.0)? {
            Keys::Local(keys) => keys.as_ref(),
            Keys::Remote(keys) => keys.latest(),
        }
    }

    /// Returns whether the latest fetched denylist has a token, whatever the age of the list.
    pub(super) fn is_on_latest_denylist(&self, identity: &Identity<'_>, now: UnixTime) -> bool {
        let latest = self.denylist.as_ref().and_then(Refresher::latest);
        latest.is_some_and(|list| list.matches(identity, now))
    }

    /// Returns whether the host should hold a request until a fetch ends. May schedule an early
    /// refresh.
    pub(super) fn wait_advice(
        &mut self,
        pending: &PendingFetch,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> WaitAdvice {
        match pending.awaited {
            // The filter has begun the call in its decision.
            Awaited::Introspection(..) => WaitAdvice::Wait,
            Awaited::Document(SourceId::Denylist) => {
                self.denylist.as_ref().map_or(WaitAdvice::FailNow, |list| list.on_missing(now))
            }
            Awaited::Document(SourceId::Keys(provider)) => {
                match (self.remote_keys(provider), pending.rejection_on_timeout, pending.kid) {
                    (Some(keys), Rejection::KeyUnknown, Some(kid)) => keys.on_unknown_kid(kid, now, shared),
                    (Some(keys), _, _) => keys.on_keys_unavailable(now),
                    (None, _, _) => WaitAdvice::FailNow,
                }
            }
        }
    }

    /// Installs the documents that other workers have fetched. Returns for each source what the
    /// host has to do.
    pub(super) fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Vec<(SourceId, Tick)> {
        let keys = self.keys.iter_mut().enumerate().filter_map(|(index, keys)| match keys {
            Keys::Remote(keys) => Some((SourceId::Keys(ProviderId(index)), keys.on_tick(now, shared))),
            Keys::Local(_) => None,
        });
        let denylist = self.denylist.iter_mut().map(|list| (SourceId::Denylist, list.on_tick(now, shared)));
        keys.chain(denylist).collect()
    }

    /// Processes the response to a request of a fetch.
    pub(super) fn on_response(
        &mut self,
        source: SourceId,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchProgress {
        let progress = match source {
            SourceId::Keys(provider) => {
                self.remote_keys(provider).map(|keys| keys.on_response(now, fetch, shared, response))
            }
            SourceId::Denylist => {
                self.denylist.as_mut().map(|list| list.on_response(now, fetch, shared, response))
            }
        };
        progress.unwrap_or(FetchProgress::Done(Err(FetchError::NoResponse)))
    }

    /// Abandons all fetches in flight. See [`Refresher::release`].
    pub(super) fn release(&mut self, shared: &dyn SharedData) {
        for keys in &mut self.keys {
            if let Keys::Remote(keys) = keys {
                keys.release(shared);
            }
        }
        self.denylist.iter_mut().for_each(|list| list.release(shared));
    }

    /// Takes the log messages about a document. See [`Refresher::take_remarks`].
    pub(super) fn take_remarks(&mut self, source: SourceId) -> Vec<String> {
        match source {
            SourceId::Keys(provider) => self.remote_keys(provider).map(RemoteKeys::take_remarks),
            SourceId::Denylist => self.denylist.as_mut().map(Refresher::take_remarks),
        }
        .unwrap_or_default()
    }

    fn remote_keys(&mut self, provider: ProviderId) -> Option<&mut RemoteKeys> {
        match self.keys.get_mut(provider.0) {
            Some(Keys::Remote(keys)) => Some(keys),
            _ => None,
        }
    }
}
