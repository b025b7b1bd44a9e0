//! The source of a provider's keys: a configured JWKS URI, or one that discovery finds.

use std::time::Duration;

use super::KeySet;
use super::discovery::Discovery;
use crate::https_url::HttpsUrl;
use crate::refresh::shared::{SharedData, SharedKeys};
use crate::refresh::source::{FetchAction, FetchError, FetchedDocument, Response, Source};
use crate::time::UnixTime;

/// The lifetime of a discovered `jwks_uri`. Issuers rarely change it, and the first fetch that
/// fails there makes it expire at once.
const DISCOVERED_URI_LIFETIME: Duration = Duration::from_secs(3600);

/// The name of the shared [`DiscoveredUri`], for [`SharedKeys::key`].
const DISCOVERED_URI: &str = "location";

/// The JWKS URI of a provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JwksUri {
    /// The URI of the configuration.
    Configured(HttpsUrl),
    /// The `jwks_uri` of the authorization server metadata.
    Discovered(Discovery),
}

/// The source of the keys of one provider, with its pinned keys.
#[derive(Debug)]
pub struct KeySource {
    jwks_uri: JwksUri,
    pinned: Option<KeySet>,
    shared_keys: SharedKeys,
}

/// The request that a fetch of keys has in flight.
#[derive(Debug)]
pub enum FetchState {
    /// The metadata, from one of the candidate URLs.
    Metadata {
        /// The index of the candidate URL.
        index: usize,
        /// The expired result of an earlier discovery, which the fetch uses if discovery fails.
        previous: Option<DiscoveredUri>,
    },
    /// The JWKS, from the configured URI.
    Configured,
    /// The JWKS, from the result of an earlier discovery.
    Previous(DiscoveredUri),
    /// The JWKS, from the result of the discovery in this fetch.
    Discovered(HttpsUrl),
}

/// The result of a discovery, which the workers share.
#[derive(Debug)]
pub struct DiscoveredUri {
    url: HttpsUrl,
    discovered_at: UnixTime,
}

impl JwksUri {
    /// Returns the parts that identify the URI among all sources.
    fn identity(&self) -> Vec<&str> {
        match self {
            Self::Configured(url) => vec!["uri", &url.authority, &url.path],
            Self::Discovered(discovery) => {
                std::iter::once("discovery").chain(discovery.hosts().iter().map(String::as_str)).collect()
            }
        }
    }
}

impl KeySource {
    /// Creates the source of the keys of these issuers. The fetches go through an Envoy cluster.
    pub fn new(issuers: &[String], cluster: &str, jwks_uri: JwksUri, pinned: Option<KeySet>) -> Self {
        let mut parts = vec!["keys", cluster];
        parts.extend(jwks_uri.identity());
        parts.extend(issuers.iter().map(String::as_str));
        let shared_keys = SharedKeys::new(&parts);
        Self { jwks_uri, pinned, shared_keys }
    }

    /// Returns the pinned keys.
    pub const fn pinned(&self) -> Option<&KeySet> {
        self.pinned.as_ref()
    }

    /// Returns the action that follows a metadata response: fetch the JWKS, request the next
    /// candidate URL, use the earlier result, or fail.
    fn on_metadata(
        &self,
        index: usize,
        previous: Option<DiscoveredUri>,
        response: Result<Response, FetchError>,
    ) -> FetchAction<FetchState> {
        let JwksUri::Discovered(discovery) = &self.jwks_uri else {
            // Unreachable: only discovery requests metadata.
            return FetchAction::Done(Err(FetchError::NoResponse));
        };
        let next = index.saturating_add(1);
        let error = match response {
            Ok(response) => match discovery.jwks_uri(&response.body) {
                Ok(url) => return FetchAction::Request(url.clone(), FetchState::Discovered(url)),
                Err(error) => response.unusable(error.to_string()),
            },
            // Only a missing document makes the next URL worth a request. Other errors concern the
            // host, which the candidate URLs have in common.
            Err(FetchError::Status(status)) => match discovery.candidate_urls().get(next) {
                Some(url) if is_absence(status) => {
                    let state = FetchState::Metadata { index: next, previous };
                    return FetchAction::Request(url.clone(), state);
                }
                _ => FetchError::Unusable(format!("the authorization server metadata: status {status}")),
            },
            Err(error) => error,
        };
        // Keys must not expire because the metadata is unavailable.
        match previous {
            Some(previous) => FetchAction::Request(previous.url.clone(), FetchState::Previous(previous)),
            None => FetchAction::Done(Err(error)),
        }
    }

    /// Returns the result of the latest discovery of all workers.
    fn shared_uri(&self, discovery: &Discovery, shared: &dyn SharedData) -> Option<DiscoveredUri> {
        DiscoveredUri::decode(&shared.get(&self.shared_keys.key(DISCOVERED_URI))?.0, discovery)
    }

    /// Shares the result of a discovery. If another worker writes at the same time, its result
    /// comes from the same issuer and may stay.
    fn share_uri(&self, shared: &dyn SharedData, discovered: &DiscoveredUri) {
        let key = self.shared_keys.key(DISCOVERED_URI);
        let read = shared.get(&key).map(|(_, cas)| cas);
        shared.set(&key, &discovered.encode(), read);
    }
}

impl Source for KeySource {
    type Document = KeySet;
    type State = FetchState;

    fn shared_keys(&self) -> &SharedKeys {
        &self.shared_keys
    }

    fn begin(&self, now: UnixTime, shared: &dyn SharedData) -> (HttpsUrl, FetchState) {
        let discovery = match &self.jwks_uri {
            JwksUri::Configured(url) => return (url.clone(), FetchState::Configured),
            JwksUri::Discovered(discovery) => discovery,
        };
        match self.shared_uri(discovery, shared) {
            Some(discovered) if discovered.is_fresh(now) => {
                (discovered.url.clone(), FetchState::Previous(discovered))
            }
            previous => {
                let [first, ..] = discovery.candidate_urls();
                (first.clone(), FetchState::Metadata { index: 0, previous })
            }
        }
    }

    fn on_response(
        &self,
        state: FetchState,
        now: UnixTime,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchAction<FetchState> {
        let keys =
            |response: Result<Response, FetchError>| response.and_then(FetchedDocument::check::<KeySet>);
        match state {
            FetchState::Metadata { index, previous } => self.on_metadata(index, previous, response),
            FetchState::Configured => FetchAction::Done(keys(response)),
            FetchState::Previous(discovered) => {
                let keys = keys(response);
                if keys.is_err() {
                    // The issuer may have changed its `jwks_uri`: the next fetch discovers it
                    // again.
                    self.share_uri(shared, &discovered.expired());
                }
                FetchAction::Done(keys)
            }
            FetchState::Discovered(url) => {
                let keys = keys(response);
                if keys.is_ok() {
                    self.share_uri(shared, &DiscoveredUri { url, discovered_at: now });
                }
                FetchAction::Done(keys)
            }
        }
    }

    fn install(&self, keys: KeySet) -> KeySet {
        match &self.pinned {
            Some(pinned) => keys.merged_with(pinned),
            None => keys,
        }
    }
}

impl DiscoveredUri {
    /// Encodes the result for the shared store: the time in eight bytes, then the URL.
    fn encode(&self) -> Vec<u8> {
        [&self.discovered_at.millis().to_le_bytes(), self.url.to_string().as_bytes()].concat()
    }

    /// Decodes a result from untrusted bytes. Returns `None` for a URL that `jwks_uri` may not be.
    fn decode(shared: &[u8], discovery: &Discovery) -> Option<Self> {
        let (millis, url) = shared.split_first_chunk::<8>()?;
        let url = HttpsUrl::parse(str::from_utf8(url).ok()?).ok()?;
        let discovered_at = UnixTime::from_millis(u64::from_le_bytes(*millis));
        discovery.allows(&url).then_some(Self { url, discovered_at })
    }

    /// Returns the result as expired, so that the next fetch begins with discovery.
    fn expired(self) -> Self {
        Self { discovered_at: UnixTime::from_millis(0), ..self }
    }

    fn is_fresh(&self, now: UnixTime) -> bool {
        self.discovered_at <= now
            && now.saturating_duration_since(self.discovered_at) < DISCOVERED_URI_LIFETIME
    }
}

/// Returns whether a status means that the document does not exist at this URL.
const fn is_absence(status: u16) -> bool {
    matches!(status, 400..=499) && status != 429
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_sources_that_differ_have_other_shared_keys() {
        let list = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let keys_of = |issuers: &[&str], cluster: &str, jwks_uri: JwksUri| {
            KeySource::new(&list(issuers), cluster, jwks_uri, None).shared_keys
        };
        let uri = |url: &str| JwksUri::Configured(HttpsUrl::parse(url).unwrap());
        let discovery = |hosts: &[&str]| {
            let url = HttpsUrl::parse("https://h/").unwrap();
            JwksUri::Discovered(Discovery::new("https://h", &url, list(hosts)))
        };
        let shared_keys = [
            keys_of(&["a"], "c", uri("https://h/k")),
            keys_of(&["b"], "c", uri("https://h/k")),
            keys_of(&["a", "c"], "c", uri("https://h/k")),
            keys_of(&["a"], "d", uri("https://h/k")),
            keys_of(&["a"], "c", uri("https://h/kk")),
            keys_of(&["a"], "c", uri("https://hh/k")),
            keys_of(&["a"], "c", discovery(&["h"])),
            keys_of(&["a"], "c", discovery(&["h", "g"])),
        ];
        for (index, keys) in shared_keys.iter().enumerate() {
            assert!(!shared_keys[..index].contains(keys), "{index}");
        }
    }
}
