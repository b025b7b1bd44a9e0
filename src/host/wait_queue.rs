//! Requests that the worker holds until a fetch or an introspection ends: at most 1,024, for at most
//! [`MAX_WAIT`].

use std::rc::Rc;

use crate::filter::{Awaited, StreamState};
use crate::refresh::MAX_WAIT;
use crate::time::UnixTime;

/// The maximum number of requests that one worker holds. It bounds the memory of an outage; the
/// filter denies further requests at once.
const MAX_WAITING: usize = 1024;
/// The maximum number of requests that one callback resumes. After the callback, Envoy processes
/// each response inside the previous one, on one stack: 204 responses overflowed the stack and
/// ended the VM.
const MAX_RESUMED: usize = 32;

/// The requests that wait, in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    requests: Vec<PendingRequest>,
}

/// A request that waits.
#[derive(Clone, Debug)]
pub(super) struct PendingRequest {
    /// The context ID of the stream.
    pub(super) context_id: u32,
    /// What the request waits for.
    pub(super) awaited: Awaited,
    /// The time at which the request arrived.
    pub(super) arrived_at: UnixTime,
    /// The state of the stream, which the root context changes when it resumes the request.
    pub(super) state: Rc<StreamState>,
    /// Whether the fetch or the call has ended.
    woken: bool,
}

impl WaitQueue {
    /// Adds a request that arrives at `now`. Returns false if the queue is full.
    pub(super) fn add(
        &mut self,
        context_id: u32,
        awaited: Awaited,
        state: Rc<StreamState>,
        now: UnixTime,
    ) -> bool {
        let has_room = self.requests.len() < MAX_WAITING;
        if has_room {
            self.requests.push(PendingRequest { context_id, awaited, arrived_at: now, state, woken: false });
        }
        has_room
    }

    /// Returns the number of requests that wait.
    pub(super) const fn len(&self) -> usize {
        self.requests.len()
    }

    /// Puts back a request that waits again, perhaps for something else, with its first deadline.
    pub(super) fn put_back(&mut self, request: PendingRequest, awaited: Awaited) {
        self.requests.push(PendingRequest { awaited, woken: false, ..request });
    }

    /// Removes the request of a stream that has ended.
    pub(super) fn remove(&mut self, context_id: u32) {
        self.requests.retain(|request| request.context_id != context_id);
    }

    /// Makes all requests due that wait for this.
    pub(super) fn wake(&mut self, awaited: Awaited) {
        self.requests
            .iter_mut()
            .filter(|request| request.awaited == awaited)
            .for_each(|request| request.woken = true);
    }

    /// Removes and returns up to [`MAX_RESUMED`] due requests, in the order of the queue.
    pub(super) fn take_due(&mut self, now: UnixTime) -> Vec<PendingRequest> {
        self.requests.extract_if(.., |request| request.is_due(now)).take(MAX_RESUMED).collect()
    }

    /// Returns whether a request is due.
    pub(super) fn has_due(&self, now: UnixTime) -> bool {
        self.requests.iter().any(|request| request.is_due(now))
    }
}

impl PendingRequest {
    /// Returns the time at which the filter decides with the documents that it has.
    pub(super) fn deadline(&self) -> UnixTime {
        self.arrived_at.saturating_add(MAX_WAIT)
    }

    fn is_due(&self, now: UnixTime) -> bool {
        self.woken || self.deadline() <= now
    }
}
