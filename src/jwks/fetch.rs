//! One fetch of a key set, request by request: the keys at once where it is known where they are, else the issuer's
//! metadata before.

use std::fmt;
use std::time::Duration;

use super::discovery::{Discovery, MetadataError};
use super::record::Lease;
use super::{KeySet, KeySetError};
use crate::https_url::HttpsUrl;
use crate::time::UnixTime;

/// After this time the issuer is asked again where its keys are. Issuers move them once in years; and when they are no
/// longer where they were, that is noticed by the first fetch that fails.
const LOCATION_LIFE: Duration = Duration::from_secs(3600);

/// Where the keys of a provider are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// There.
    Uri(HttpsUrl),
    /// Where the issuer says.
    Discovery(Discovery),
}

/// What a request brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// Of a response with status 200.
    pub body: Vec<u8>,
    /// `Cache-Control: max-age`.
    pub max_age: Option<Duration>,
}

/// Where an issuer said that its keys are, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Location {
    pub(super) url: HttpsUrl,
    pub(super) discovered_at: UnixTime,
}

/// A fetch under way: the right to it, and the request that is to be sent now.
#[derive(Debug)]
pub struct Fetch {
    pub(super) lease: Lease,
    request: HttpsUrl,
    step: Step,
    known: Option<Location>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// Asks for the metadata, in one of the places they may be in.
    Metadata { place: usize },
    /// Asks for the keys.
    Keys { discovered: bool },
}

/// What a response leads to.
#[derive(Debug)]
pub(super) enum Next {
    /// Another request.
    Request(Fetch),
    /// The end.
    Done(Result<Fetched, FetchError>),
}

/// A document that was fetched and has usable keys in it.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) document: Vec<u8>,
    pub(super) usable_keys: usize,
    pub(super) max_age: Option<Duration>,
    /// Where it was found, if the issuer was asked just now.
    pub(super) discovered: Option<HttpsUrl>,
}

/// Why a fetch brought no keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FetchError {
    /// The request could not be sent, or no answer came in time.
    NoAnswer,
    /// The answer was not 200.
    Status(u16),
    /// The same, of the metadata.
    MetadataStatus(u16),
    /// The metadata do not say where the keys are.
    Metadata(MetadataError),
    /// The answer was 200 and is no key set.
    Document(KeySetError),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer, or the cluster does not exist"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::MetadataStatus(status) => write!(f, "the issuer's metadata: status {status}"),
            Self::Metadata(error) => error.fmt(f),
            Self::Document(error) => error.fmt(f),
        }
    }
}

impl Source {
    /// What tells this source from others.
    pub fn parts(&self) -> Vec<&str> {
        match self {
            Self::Uri(url) => vec!["uri", &url.authority, &url.path],
            Self::Discovery(discovery) => {
                std::iter::once("discovery").chain(discovery.hosts().iter().map(String::as_str)).collect()
            }
        }
    }
}

impl Location {
    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.discovered_at.millis().to_le_bytes(), self.url.to_string().as_bytes()].concat()
    }

    /// What was shared, if it is a place that keys may come from.
    pub(super) fn decode(shared: &[u8], source: &Source) -> Option<Self> {
        let Source::Discovery(discovery) = source else { return None };
        let (millis, url) = shared.split_first_chunk::<8>()?;
        let url = HttpsUrl::parse(str::from_utf8(url).ok()?).ok()?;
        let discovered_at = UnixTime::from_millis(u64::from_le_bytes(*millis));
        discovery.allows(&url).then_some(Self { url, discovered_at })
    }

    /// The same, to be asked for again before it is used the next time.
    pub(super) fn doubted(self) -> Self {
        Self { discovered_at: UnixTime::from_millis(0), ..self }
    }

    fn is_fresh(&self, now: UnixTime) -> bool {
        self.discovered_at <= now && now.since(self.discovered_at) < LOCATION_LIFE
    }
}

impl Fetch {
    pub(super) fn new(lease: Lease, source: &Source, known: Option<Location>, now: UnixTime) -> Self {
        let keys = Step::Keys { discovered: false };
        let (request, step) = match (source, &known) {
            (Source::Uri(url), _) => (url.clone(), keys),
            (Source::Discovery(_), Some(location)) if location.is_fresh(now) => (location.url.clone(), keys),
            (Source::Discovery(discovery), _) => {
                let [first, ..] = discovery.places();
                (first.clone(), Step::Metadata { place: 0 })
            }
        };
        Self { lease, request, step, known }
    }

    /// What is to be asked for.
    pub const fn request(&self) -> &HttpsUrl {
        &self.request
    }

    pub(super) fn on_response(self, source: &Source, response: Result<Response, FetchError>) -> Next {
        match (self.step, source) {
            (Step::Metadata { place }, Source::Discovery(discovery)) => {
                self.on_metadata(discovery, place, response)
            }
            (Step::Keys { discovered }, _) => {
                Next::Done(response.and_then(|response| self.keys(response, discovered)))
            }
            // Cannot be: only discovery asks for metadata.
            (Step::Metadata { .. }, Source::Uri(_)) => Next::Done(Err(FetchError::NoAnswer)),
        }
    }

    pub(super) fn with_lease(self, lease: Lease) -> Self {
        Self { lease, ..self }
    }

    pub(super) fn known(&self) -> Option<Location> {
        self.known.clone()
    }

    fn on_metadata(
        self,
        discovery: &Discovery,
        place: usize,
        response: Result<Response, FetchError>,
    ) -> Next {
        let next = place.saturating_add(1);
        match response {
            Ok(response) => match discovery.jwks_uri(&response.body) {
                Ok(url) => Next::Request(self.with(url, Step::Keys { discovered: true })),
                Err(error) => self.without_metadata(FetchError::Metadata(error)),
            },
            // The document is not there. Any other trouble would be the same in the next place.
            Err(FetchError::Status(status @ 400..=499)) if status != 429 => {
                match discovery.places().get(next) {
                    Some(url) => Next::Request(self.with(url.clone(), Step::Metadata { place: next })),
                    None => self.without_metadata(FetchError::MetadataStatus(status)),
                }
            }
            Err(FetchError::Status(status)) => self.without_metadata(FetchError::MetadataStatus(status)),
            Err(error) => self.without_metadata(error),
        }
    }

    /// Keys that were there an hour ago are worth a try: that the metadata cannot be had must not make them stale.
    fn without_metadata(self, error: FetchError) -> Next {
        match self.known.clone() {
            Some(known) => Next::Request(self.with(known.url, Step::Keys { discovered: false })),
            None => Next::Done(Err(error)),
        }
    }

    fn keys(self, response: Response, discovered: bool) -> Result<Fetched, FetchError> {
        let Response { body: document, max_age } = response;
        let usable_keys = KeySet::parse(&document).map_err(FetchError::Document)?.len();
        Ok(Fetched { document, usable_keys, max_age, discovered: discovered.then_some(self.request) })
    }

    fn with(self, request: HttpsUrl, step: Step) -> Self {
        Self { request, step, ..self }
    }
}
