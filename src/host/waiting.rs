//! Requests that wait for keys: few, and not for long.

use std::time::Duration;

use crate::filter::ProviderId;
use crate::time::UnixTime;

/// Requests that one worker holds back at a time. More are refused: they would only pile up memory.
const MAX_WAITING: usize = 1024;
/// How long a request is held back; most clients give up later than this.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The requests that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    requests: Vec<Waiter>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    /// The stream's context.
    pub(super) context_id: u32,
    /// Whose keys it waits for.
    pub(super) provider: ProviderId,
    /// When it will have waited long enough.
    pub(super) deadline: UnixTime,
}

impl Waiting {
    /// Takes a request in, unless there are too many.
    pub(super) fn add(&mut self, context_id: u32, provider: ProviderId, now: UnixTime) -> bool {
        let room = self.requests.len() < MAX_WAITING;
        if room {
            self.requests.push(Waiter { context_id, provider, deadline: now.after(MAX_WAIT) });
        }
        room
    }

    /// Takes back a request that has been looked at and waits on, with the deadline that it had.
    pub(super) fn put_back(&mut self, waiter: Waiter) {
        self.requests.push(waiter);
    }

    /// Forgets a request whose stream is gone.
    pub(super) fn remove(&mut self, context_id: u32) {
        self.requests.retain(|waiter| waiter.context_id != context_id);
    }

    /// Takes out those that wait for this provider.
    pub(super) fn take_for(&mut self, provider: ProviderId) -> Vec<Waiter> {
        self.requests.extract_if(.., |waiter| waiter.provider == provider).collect()
    }

    /// Takes out those that have waited long enough.
    pub(super) fn take_expired(&mut self, now: UnixTime) -> Vec<Waiter> {
        self.requests.extract_if(.., |waiter| waiter.deadline <= now).collect()
    }
}
