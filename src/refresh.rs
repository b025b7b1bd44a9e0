//! Periodic refresh of a document, a JWKS or a denylist, by one worker for all workers of a
//! process.
//!
//! The module does not depend on keys and tokens. A [`source::Source`] defines the document and the
//! requests that fetch it. [`state`] is the state machine that decides which worker fetches and
//! when. [`shared`] is the store in which the workers share the state. `worker` changes the state
//! for one worker, and [`refresher`] has the document of one worker.

pub mod cache_control;
mod fetch;
pub mod refresher;
pub mod response;
pub mod shared;
pub mod source;
pub mod state;
mod worker;

use std::time::Duration;

/// The maximum time for which a request waits for a document. Most clients have a longer timeout.
pub const MAX_WAIT: Duration = Duration::from_secs(5);

/// The times that govern the refresh of one document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshSchedule {
    /// The maximum time between two fetches. A response can shorten it (`Cache-Control`).
    pub cache_duration: Duration,
    /// The age at which a document expires if every later fetch fails.
    pub max_stale: Duration,
    /// The timeout of one request of a fetch.
    pub timeout: Duration,
}

impl RefreshSchedule {
    /// Returns how long a worker waits for the response to one request of a fetch. The host
    /// responds within the timeout; the second half allows for a delayed thread.
    pub fn response_timeout(&self) -> Duration {
        self.timeout.saturating_mul(2)
    }
}
