//! What is fetched, and how: the part of the machine that each kind of document fills in.

use std::fmt;
use std::time::Duration;

use super::shared::{SharedData, SharedKeys};
use crate::https_url::HttpsUrl;
use crate::time::UnixTime;

/// Something that text from elsewhere becomes, whole or not at all.
pub trait Document: Sized {
    /// Longer texts are not read.
    const MAX_BYTES: usize;

    /// Reads it, whoever has written it.
    ///
    /// # Errors
    /// What is wrong with it, for the log: without a byte of it.
    fn read(text: &[u8]) -> Result<Self, String>;

    /// How many things are in it, for the log.
    fn count(&self) -> usize;

    /// Returns remarks on the document for the log, such as the entries that are skipped. Bounded.
    fn remarks(&self) -> &[String] {
        &[]
    }
}

/// Where documents of one kind come from. A fetch is one request or several, one after the other.
pub trait Source {
    /// What is fetched.
    type Document: Document;
    /// What is to be remembered from one request of a fetch to the next.
    type State;

    /// The names under which the workers share what comes from here.
    fn names(&self) -> &SharedKeys;

    /// The first request of a fetch.
    fn begin(&self, now: UnixTime, shared: &dyn SharedData) -> (HttpsUrl, Self::State);

    /// What the response to a request leads to.
    fn on_response(
        &self,
        step: Self::State,
        now: UnixTime,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchAction<Self::State>;

    /// What a document is used as, once it has been published.
    fn install(&self, document: Self::Document) -> Self::Document {
        document
    }
}

/// What a request brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// Of a response with status 200.
    pub body: Vec<u8>,
    /// The rest of the time for which it is fresh by `Cache-Control` and `Age`.
    pub max_age: Option<Duration>,
    /// Content type and length, for the log; empty where the response has neither.
    pub arrived: String,
}

/// What a response leads to.
#[derive(Debug)]
pub enum FetchAction<Step> {
    /// Another request.
    Request(HttpsUrl, Step),
    /// The end.
    Done(Result<FetchedDocument, FetchError>),
}

/// The text of a document that was fetched and can be read.
#[derive(Debug)]
pub struct FetchedDocument {
    pub(super) text: Vec<u8>,
    pub(super) count: usize,
    pub(super) remarks: Vec<String>,
    pub(super) max_age: Option<Duration>,
}

/// Why a fetch brought nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FetchError {
    /// The request could not be sent, or no answer came in time.
    NoAnswer,
    /// The answer came when this worker's turn was over; another may have fetched meanwhile.
    TooLate,
    /// The answer was not 200.
    Status(u16),
    /// The answer has this content coding.
    Encoded(String),
    /// The answer is larger than this.
    TooLarge(usize),
    /// The answer was 200 and is of no use.
    Unusable(String),
}

impl FetchedDocument {
    /// Takes a response for a document, if it is one.
    ///
    /// # Errors
    /// [`FetchError::TooLarge`] or [`FetchError::Unusable`].
    pub fn check<D: Document>(response: Response) -> Result<Self, FetchError> {
        let document = read::<D>(&response.body).map_err(|error| match error {
            FetchError::Unusable(problem) => response.unusable(problem),
            other => other,
        })?;
        let (count, remarks) = (document.count(), document.remarks().to_vec());
        Ok(Self { count, remarks, text: response.body, max_age: response.max_age })
    }
}

impl Response {
    /// Returns the error for a response that is no document for this reason, with its type and length.
    pub fn unusable(&self, problem: String) -> FetchError {
        FetchError::Unusable(match self.arrived.as_str() {
            "" => problem,
            arrived => format!("{problem} (arrived: {arrived})"),
        })
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer, or the cluster does not exist"),
            Self::TooLate => f.write_str("the answer came too late, and another worker may fetch by now"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Encoded(coding) => {
                write!(f, "the response has content-encoding {coding}, and the request asked for identity")
            }
            Self::TooLarge(most) => write!(f, "the document is larger than {most} bytes"),
            Self::Unusable(problem) => f.write_str(problem),
        }
    }
}

/// Reads a document of bounded length.
pub(super) fn read<D: Document>(text: &[u8]) -> Result<D, FetchError> {
    if text.len() > D::MAX_BYTES {
        return Err(FetchError::TooLarge(D::MAX_BYTES));
    }
    D::read(text).map_err(FetchError::Unusable)
}
