//! All that a configuration has fetched: the keys of each provider, and the denylist.

use crate::config::{Config, Provider, Remote, RemoteDenylist};
use crate::denylist::Denylist;
use crate::denylist::source::DenylistSource;
use crate::jwks::KeySet;
use crate::jwks::remote::RemoteKeys;
use crate::jwks::source::KeySource;
use crate::jwks::unknown_kids::KidDigest;
use crate::refresh::refresher::{Fetch, FetchProgress, Refresher, Tick, WaitAdvice};
use crate::refresh::shared::SharedData;
use crate::refresh::source::{Document as _, FetchError, Response};
use crate::refresh::state::WorkerId;
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::verify::Identity;

/// Something that is fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourceId {
    /// The keys of a provider.
    Keys(ProviderId),
    /// The denylist.
    Denylist,
}

/// A provider, by its position in the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProviderId(pub(super) usize);

/// What a request lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PendingFetch {
    /// Where it would come from.
    pub source: SourceId,
    /// Why the request is denied if waiting does not help.
    pub rejection_on_timeout: Rejection,
    /// If it is a key: which.
    pub(super) kid: Option<KidDigest>,
}

/// What this worker has of all that.
#[derive(Debug)]
pub(super) struct Sources {
    /// One for each provider, in the same order.
    pub(super) keys: Vec<Keys>,
    pub(super) denylist: Option<Refresher<DenylistSource>>,
}

#[derive(Debug)]
pub(super) enum Keys {
    Local(Option<KeySet>),
    Remote(Box<RemoteKeys>),
}

impl SourceId {
    /// A longer answer than this is not read.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Keys(_) => KeySet::MAX_BYTES,
            Self::Denylist => Denylist::MAX_BYTES,
        }
    }

    /// How to get there, and when.
    pub(super) fn remote(self, config: &Config) -> Option<&Remote> {
        match self {
            Self::Keys(ProviderId(index)) => {
                config.providers.get(index)?.remote_jwks.as_ref().map(|jwks| &jwks.remote)
            }
            Self::Denylist => config.remote_denylist.as_ref().map(|denylist| &denylist.remote),
        }
    }
}

impl Sources {
    /// Nothing has been fetched yet.
    pub(super) fn new(config: &Config, worker_id: WorkerId) -> Self {
        let keys = |provider: &Provider| match (&provider.remote_jwks, &provider.local_jwks) {
            (Some(jwks), pinned) => {
                let issuers = &provider.expected.issuers;
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

    /// The keys of a provider, or why there are none.
    pub(super) fn keys(&self, provider: ProviderId, now: UnixTime) -> Result<&KeySet, Rejection> {
        match self.keys.get(provider.0) {
            Some(Keys::Local(Some(keys))) => Ok(keys),
            Some(Keys::Remote(keys)) => keys.keys(now),
            Some(Keys::Local(None)) | None => Err(Rejection::KeysUnavailable),
        }
    }

    pub(super) fn reason_for_unknown_key(&self, provider: ProviderId, now: UnixTime) -> Rejection {
        match self.keys.get(provider.0) {
            Some(Keys::Remote(keys)) => keys.reason_for_unknown_key(now),
            Some(Keys::Local(_)) | None => Rejection::KeyUnknown,
        }
    }

    /// Whether the fetched list lets a token pass. One that it has refused stays refused however old the list becomes.
    pub(super) fn check_denylist(&self, identity: &Identity<'_>, now: UnixTime) -> Result<(), Rejection> {
        let Some(remote) = &self.denylist else { return Ok(()) };
        if remote.latest().is_some_and(|list| list.matches(identity)) {
            return Err(Rejection::TokenRevoked);
        }
        remote.document(now).map(|_| ()).map_err(|_| Rejection::DenylistUnavailable)
    }

    /// Whether a request should wait for what it lacks. May make a fetch due at once.
    pub(super) fn wait_advice(
        &mut self,
        pending: &PendingFetch,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> WaitAdvice {
        match pending.source {
            SourceId::Denylist => {
                self.denylist.as_ref().map_or(WaitAdvice::FailNow, |list| list.on_missing(now))
            }
            SourceId::Keys(provider) => {
                match (self.remote_keys(provider), pending.rejection_on_timeout, pending.kid) {
                    (Some(keys), Rejection::KeyUnknown, Some(kid)) => keys.on_unknown_kid(kid, now, shared),
                    (Some(keys), _, _) => keys.on_keys_unavailable(now),
                    (None, _, _) => WaitAdvice::FailNow,
                }
            }
        }
    }

    /// Takes over what other workers have fetched, and says what this one is to do.
    pub(super) fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Vec<(SourceId, Tick)> {
        let keys = self.keys.iter_mut().enumerate().filter_map(|(index, keys)| match keys {
            Keys::Remote(keys) => Some((SourceId::Keys(ProviderId(index)), keys.on_tick(now, shared))),
            Keys::Local(_) => None,
        });
        let denylist = self.denylist.iter_mut().map(|list| (SourceId::Denylist, list.on_tick(now, shared)));
        keys.chain(denylist).collect()
    }

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

    /// Gives up all fetches under way: see [`Refresher::release`].
    pub(super) fn release(&mut self, shared: &dyn SharedData) {
        for keys in &mut self.keys {
            if let Keys::Remote(keys) = keys {
                keys.release(shared);
            }
        }
        self.denylist.iter_mut().for_each(|list| list.release(shared));
    }

    /// Takes the remarks on a document: see [`Refresher::take_remarks`].
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
