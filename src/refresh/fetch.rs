//! The requests of a fetch, and what a caller of [`Refresher`](super::refresher::Refresher) gets.

use super::source::FetchError;
use super::state::WorkerId;
use crate::https_url::HttpsUrl;

/// One request of a fetch. Worker and number identify it, so that a response to another request has
/// no effect.
#[derive(Debug)]
pub struct Fetch {
    pub(super) worker_id: WorkerId,
    pub(super) number: u64,
    pub(super) url: HttpsUrl,
    pub(super) if_none_match: Option<String>,
}

/// The reason why a worker has no document to use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoDocument {
    /// No fetch has succeeded yet.
    NeverFetched,
    /// The latest document is older than `max_stale`.
    Stale,
}

/// The result of a tick.
#[derive(Debug, Default)]
pub struct Tick {
    /// A request for the caller to send. The caller passes the response to
    /// [`Refresher::on_response`](super::refresher::Refresher::on_response).
    pub fetch: Option<Fetch>,
    /// Whether a fetch of any worker has ended since the last tick. Then the caller can decide
    /// again on requests that wait for the document.
    pub changed: bool,
}

/// The progress of a fetch after a response.
#[derive(Debug)]
pub enum FetchProgress {
    /// The fetch needs another request.
    Request(Fetch),
    /// The fetch has ended: the server has confirmed the latest document (status 304).
    NotModified,
    /// The fetch has ended and the shared state has its result: the number of keys or entries of
    /// the document, or the error.
    Done(Result<usize, FetchError>),
}

impl Fetch {
    /// Returns the URL to request with GET.
    pub const fn url(&self) -> &HttpsUrl {
        &self.url
    }

    /// Returns the value of `If-None-Match`, if the request has this header.
    pub fn if_none_match(&self) -> Option<&str> {
        self.if_none_match.as_deref()
    }
}
