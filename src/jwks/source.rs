//! How keys are fetched: at once where it is known where they are, else by way of the issuer's metadata.

use std::time::Duration;

use super::KeySet;
use super::discovery::Discovery;
use crate::https_url::HttpsUrl;
use crate::refresh::shared::{SharedData, SharedKeys};
use crate::refresh::source::{FetchAction, FetchError, FetchedDocument, Response, Source};
use crate::time::UnixTime;

/// After this time the issuer is asked again where its keys are. Issuers move them once in years; and when they are no
/// longer where they were, that is noticed by the first fetch that fails.
const LOCATION_LIFE: Duration = Duration::from_secs(3600);

/// Where the keys of a provider are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JwksUri {
    /// There.
    Configured(HttpsUrl),
    /// Where the issuer says.
    Discovered(Discovery),
}

/// The keys of one provider, and those that are pinned besides.
#[derive(Debug)]
pub struct KeySource {
    jwks_uri: JwksUri,
    pinned: Option<KeySet>,
    names: SharedKeys,
}

/// What a fetch is asking for, and what it knows.
#[derive(Debug)]
pub enum FetchState {
    /// The metadata, in one of the places they may be in. Perhaps there is an old answer to fall back to.
    Metadata {
        /// Its number.
        place: usize,
        /// The old answer.
        known: Option<DiscoveredUri>,
    },
    /// The keys, where the configuration says.
    Configured,
    /// The keys, where they were before.
    Known(DiscoveredUri),
    /// The keys, where the issuer has just said.
    Discovered(HttpsUrl),
}

/// Where an issuer said that its keys are, and when.
#[derive(Debug)]
pub struct DiscoveredUri {
    url: HttpsUrl,
    discovered_at: UnixTime,
}

impl JwksUri {
    /// What tells this place from others.
    fn parts(&self) -> Vec<&str> {
        match self {
            Self::Configured(url) => vec!["uri", &url.authority, &url.path],
            Self::Discovered(discovery) => {
                std::iter::once("discovery").chain(discovery.hosts().iter().map(String::as_str)).collect()
            }
        }
    }
}

impl KeySource {
    /// The keys of these issuers, through this cluster.
    pub fn new(issuers: &[String], cluster: &str, jwks_uri: JwksUri, pinned: Option<KeySet>) -> Self {
        let mut parts = vec!["keys", cluster];
        parts.extend(jwks_uri.parts());
        parts.extend(issuers.iter().map(String::as_str));
        let names = SharedKeys::new(&parts);
        Self { jwks_uri, pinned, names }
    }

    /// The keys that are pinned.
    pub const fn pinned(&self) -> Option<&KeySet> {
        self.pinned.as_ref()
    }

    fn on_metadata(
        &self,
        place: usize,
        known: Option<DiscoveredUri>,
        response: Result<Response, FetchError>,
    ) -> FetchAction<FetchState> {
        let JwksUri::Discovered(discovery) = &self.jwks_uri else {
            // Cannot be: only discovery asks for metadata.
            return FetchAction::Done(Err(FetchError::NoAnswer));
        };
        let next = place.saturating_add(1);
        let error = match response {
            Ok(response) => match discovery.jwks_uri(&response.body) {
                Ok(url) => return FetchAction::Request(url.clone(), FetchState::Discovered(url)),
                Err(error) => response.unusable(error.to_string()),
            },
            // The document is not there. Any other trouble would be the same in the next place.
            Err(FetchError::Status(status)) => match discovery.candidate_urls().get(next) {
                Some(url) if is_absence(status) => {
                    return FetchAction::Request(url.clone(), FetchState::Metadata { place: next, known });
                }
                _ => FetchError::Unusable(format!("the issuer's metadata: status {status}")),
            },
            Err(error) => error,
        };
        // Keys that were there an hour ago are worth a try: that the metadata cannot be had must not make them stale.
        match known {
            Some(known) => FetchAction::Request(known.url.clone(), FetchState::Known(known)),
            None => FetchAction::Done(Err(error)),
        }
    }

    /// Where the issuer has said that its keys are, as far as anybody here has asked.
    fn location(&self, discovery: &Discovery, shared: &dyn SharedData) -> Option<DiscoveredUri> {
        DiscoveredUri::decode(&shared.get(&self.names.of(LOCATION))?.0, discovery)
    }

    /// A lost race is no harm: whoever was faster has asked the same issuer.
    fn share_location(&self, shared: &dyn SharedData, location: &DiscoveredUri) {
        let name = self.names.of(LOCATION);
        let read = shared.get(&name).map(|(_, cas)| cas);
        shared.set(&name, &location.encode(), read);
    }
}

impl Source for KeySource {
    type Document = KeySet;
    type State = FetchState;

    fn names(&self) -> &SharedKeys {
        &self.names
    }

    fn begin(&self, now: UnixTime, shared: &dyn SharedData) -> (HttpsUrl, FetchState) {
        let discovery = match &self.jwks_uri {
            JwksUri::Configured(url) => return (url.clone(), FetchState::Configured),
            JwksUri::Discovered(discovery) => discovery,
        };
        match self.location(discovery, shared) {
            Some(location) if location.is_fresh(now) => (location.url.clone(), FetchState::Known(location)),
            known => {
                let [first, ..] = discovery.candidate_urls();
                (first.clone(), FetchState::Metadata { place: 0, known })
            }
        }
    }

    fn on_response(
        &self,
        step: FetchState,
        now: UnixTime,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchAction<FetchState> {
        let keys =
            |response: Result<Response, FetchError>| response.and_then(FetchedDocument::check::<KeySet>);
        match step {
            FetchState::Metadata { place, known } => self.on_metadata(place, known, response),
            FetchState::Configured => FetchAction::Done(keys(response)),
            FetchState::Known(location) => {
                let keys = keys(response);
                if keys.is_err() {
                    // Perhaps they have moved.
                    self.share_location(shared, &location.expired());
                }
                FetchAction::Done(keys)
            }
            FetchState::Discovered(url) => {
                let keys = keys(response);
                if keys.is_ok() {
                    self.share_location(shared, &DiscoveredUri { url, discovered_at: now });
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

/// What the shared [`DiscoveredUri`] is called.
const LOCATION: &str = "location";

impl DiscoveredUri {
    fn encode(&self) -> Vec<u8> {
        [&self.discovered_at.millis().to_le_bytes(), self.url.to_string().as_bytes()].concat()
    }

    /// What was shared, if it is a place that keys may come from.
    fn decode(shared: &[u8], discovery: &Discovery) -> Option<Self> {
        let (millis, url) = shared.split_first_chunk::<8>()?;
        let url = HttpsUrl::parse(str::from_utf8(url).ok()?).ok()?;
        let discovered_at = UnixTime::from_millis(u64::from_le_bytes(*millis));
        discovery.allows(&url).then_some(Self { url, discovered_at })
    }

    /// The same, to be asked for again before it is used the next time.
    fn expired(self) -> Self {
        Self { discovered_at: UnixTime::from_millis(0), ..self }
    }

    fn is_fresh(&self, now: UnixTime) -> bool {
        self.discovered_at <= now && now.saturating_duration_since(self.discovered_at) < LOCATION_LIFE
    }
}

/// Whether this status says that there is nothing, rather than that something is wrong.
const fn is_absence(status: u16) -> bool {
    matches!(status, 400..=499) && status != 429
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_between_sources_is_one_of_names() {
        let list = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let names = |issuers: &[&str], cluster: &str, jwks_uri: JwksUri| {
            KeySource::new(&list(issuers), cluster, jwks_uri, None).names
        };
        let uri = |url: &str| JwksUri::Configured(HttpsUrl::parse(url).unwrap());
        let discovery = |hosts: &[&str]| {
            let url = HttpsUrl::parse("https://h/").unwrap();
            JwksUri::Discovered(Discovery::new("https://h", &url, list(hosts)))
        };
        let names = [
            names(&["a"], "c", uri("https://h/k")),
            names(&["b"], "c", uri("https://h/k")),
            names(&["a", "c"], "c", uri("https://h/k")),
            names(&["a"], "d", uri("https://h/k")),
            names(&["a"], "c", uri("https://h/kk")),
            names(&["a"], "c", uri("https://hh/k")),
            names(&["a"], "c", discovery(&["h"])),
            names(&["a"], "c", discovery(&["h", "g"])),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{index}");
        }
    }
}
