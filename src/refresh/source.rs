//! The part of a refresh that depends on the kind of document: the document, and the requests that
//! fetch it.

use std::fmt;
use std::time::Duration;

use super::shared::{SharedData, SharedKeys};
use crate::https_url::HttpsUrl;
use crate::time::UnixTime;

/// A document that is parsed from untrusted bytes, all or nothing.
pub trait Document: Sized {
    /// The size limit in bytes. The filter does not read a longer body.
    const MAX_BYTES: usize;

    /// Parses a document from untrusted bytes.
    ///
    /// # Errors
    /// A message for the log. It contains no byte of the document.
    fn read(text: &[u8]) -> Result<Self, String>;

    /// Returns the number of keys or entries.
    fn count(&self) -> usize;

    /// Returns remarks for the log, such as skipped entries. Number and length are bounded.
    fn remarks(&self) -> &[String] {
        &[]
    }
}

/// The source of one document. A fetch needs one request, or several in sequence.
pub trait Source {
    /// The document.
    type Document: Document;
    /// The state of a fetch between two of its requests.
    type State;
    /// Whether the first request of a fetch has the ETag of the latest document, in
    /// `If-None-Match`. Then the response [`FetchError::NotModified`] keeps that document.
    const IS_CONDITIONAL: bool = false;

    /// Returns the keys under which the workers share the document.
    fn shared_keys(&self) -> &SharedKeys;

    /// Begins a fetch. Returns the URL of its first request, and its state.
    fn begin(&self, now: UnixTime, shared: &dyn SharedData) -> (HttpsUrl, Self::State);

    /// Returns the action that follows a response or a failed request.
    fn on_response(
        &self,
        state: Self::State,
        now: UnixTime,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchAction<Self::State>;

    /// Returns the document that a worker uses for a published one.
    fn install(&self, document: Self::Document) -> Self::Document {
        document
    }
}

/// A response with status 200 and without a content coding.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Response {
    /// The body.
    pub body: Vec<u8>,
    /// The remaining freshness lifetime by `Cache-Control` and `Age` (RFC 9111 section 4.2).
    pub max_age: Option<Duration>,
    /// Content type and length, for error messages; may be empty.
    pub description: String,
    /// The entity tag (RFC 9110 section 8.8.3), with its quotes.
    pub etag: Option<String>,
}

/// The action that follows a response.
#[derive(Debug)]
pub enum FetchAction<State> {
    /// Send another request, and keep this state until its response.
    Request(HttpsUrl, State),
    /// End the fetch with a document or an error.
    Done(Result<FetchedDocument, FetchError>),
}

/// The text of a fetched document that parses.
#[derive(Debug)]
pub struct FetchedDocument {
    pub(super) text: Vec<u8>,
    pub(super) count: usize,
    pub(super) remarks: Vec<String>,
    pub(super) max_age: Option<Duration>,
    pub(super) etag: Option<String>,
}

/// The reason why a fetch failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FetchError {
    /// The request could not be sent, or the response did not arrive in time.
    NoResponse,
    /// The lease had expired when the response arrived, and another worker may fetch.
    TooLate,
    /// The status was 304, with this remaining freshness lifetime. It is an error unless the
    /// request had `If-None-Match`.
    NotModified(Option<Duration>),
    /// The status was neither 200 nor 304.
    Status(u16),
    /// The response has this content coding.
    Encoded(String),
    /// The body is longer than this many bytes.
    TooLarge(usize),
    /// The response has status 200, and its body is not a valid document, for this reason.
    Unusable(String),
}

impl FetchedDocument {
    /// Parses a response.
    ///
    /// # Errors
    /// [`FetchError::TooLarge`] or [`FetchError::Unusable`].
    pub(crate) fn check<D: Document>(response: Response) -> Result<Self, FetchError> {
        let document = read::<D>(&response.body).map_err(|error| match error {
            FetchError::Unusable(reason) => response.unusable(reason),
            other => other,
        })?;
        let (count, remarks) = (document.count(), document.remarks().to_vec());
        let Response { body: text, max_age, etag, .. } = response;
        Ok(Self { count, remarks, text, max_age, etag })
    }
}

impl Response {
    /// Returns the error for a body that is not a valid document, with its content type and length.
    pub(crate) fn unusable(&self, reason: String) -> FetchError {
        FetchError::Unusable(match self.description.as_str() {
            "" => reason,
            description => format!("{reason} (received: {description})"),
        })
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResponse => f.write_str("no response, or the cluster does not exist"),
            Self::TooLate => f.write_str("response discarded: lease expired"),
            Self::NotModified(_) => f.write_str("status 304"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Encoded(coding) => {
                write!(f, "the response has content-encoding {coding}; the filter accepts only identity")
            }
            Self::TooLarge(limit) => write!(f, "the document is larger than {limit} bytes"),
            Self::Unusable(reason) => f.write_str(reason),
        }
    }
}

/// Parses a document of bounded length.
///
/// # Errors
/// [`FetchError::TooLarge`] or [`FetchError::Unusable`].
pub(super) fn read<D: Document>(text: &[u8]) -> Result<D, FetchError> {
    if text.len() > D::MAX_BYTES {
        return Err(FetchError::TooLarge(D::MAX_BYTES));
    }
    D::read(text).map_err(FetchError::Unusable)
}
