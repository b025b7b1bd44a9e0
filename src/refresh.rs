//! A document that is fetched again and again, by one worker for all: a key set, a denylist.
//!
//! The machine knows neither keys nor tokens. What a document is, and which requests fetch one, a [`source::Source`] says;
//! here is who fetches and when ([`record`]), what the workers tell each other ([`shared`]), and what each of them does
//! (`worker`) and has ([`refresher`]).

pub mod cache_control;
pub mod refresher;
pub mod response;
pub mod shared;
pub mod source;
pub mod state;
mod worker;

use std::time::Duration;

/// The longest time for which a request waits for a document; most clients give up later than this.
pub const MAX_WAIT: Duration = Duration::from_secs(5);

/// How often a document is fetched, and how long it lasts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshSchedule {
    /// How long it is fresh, at most.
    pub cache_duration: Duration,
    /// How long it is used when no newer one can be had.
    pub max_stale: Duration,
    /// How long a request of a fetch may take.
    pub timeout: Duration,
}

impl RefreshSchedule {
    /// Returns how long a worker awaits the answer to one request of a fetch. The host answers within the timeout; the rest
    /// is for a thread that was held up.
    pub fn answer_timeout(&self) -> Duration {
        self.timeout.saturating_mul(2)
    }
}
