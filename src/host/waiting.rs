//! Requests that wait for what is fetched: few, and not for long.

use std::cell::Cell;
use std::rc::Rc;

use crate::filter::SourceId;
use crate::refresh::MAX_WAIT;
use crate::time::UnixTime;

/// Requests that one worker holds back at a time. More are refused: they would only pile up memory.
const MAX_WAITING: usize = 1024;
/// Requests that are let go in one callback. Envoy answers them one inside the other when the callback has returned, and
/// each takes a piece of the stack: 204 answers at once have overflowed it, and ended the VM.
const MAX_RELEASED: usize = 32;

/// The requests that wait.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    requests: Vec<PendingRequest>,
}

#[derive(Clone, Debug)]
pub(super) struct PendingRequest {
    /// The stream's context.
    pub(super) context_id: u32,
    /// What it waits for.
    pub(super) source: SourceId,
    /// When it will have waited long enough.
    pub(super) deadline: UnixTime,
    /// What the stream is told when it may go on.
    pub(super) passed: SharedStreamState,
    /// Whether something has happened that it waited for.
    woken: bool,
}

/// Whether a stream has been let through; shared by the stream and whoever lets it go.
pub(super) type SharedStreamState = Rc<Cell<StreamState>>;

/// The state of a stream: held, or allowed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum StreamState {
    /// The request waits.
    #[default]
    Held,
    /// The filter has allowed the request.
    Open {
        /// Whether the filter has examined its token.
        examined: bool,
    },
}

impl WaitQueue {
    /// Takes a request in, unless there are too many.
    pub(super) fn add(
        &mut self,
        context_id: u32,
        source: SourceId,
        passed: SharedStreamState,
        now: UnixTime,
    ) -> bool {
        let room = self.requests.len() < MAX_WAITING;
        if room {
            let deadline = now.saturating_add(MAX_WAIT);
            self.requests.push(PendingRequest { context_id, source, deadline, passed, woken: false });
        }
        room
    }

    /// How many wait.
    pub(super) const fn len(&self) -> usize {
        self.requests.len()
    }

    /// Takes back a request that has been looked at and waits on, with the deadline that it had.
    pub(super) fn put_back(&mut self, waiter: PendingRequest, source: SourceId) {
        self.requests.push(PendingRequest { source, woken: false, ..waiter });
    }

    /// Forgets a request whose stream is gone.
    pub(super) fn remove(&mut self, context_id: u32) {
        self.requests.retain(|waiter| waiter.context_id != context_id);
    }

    /// Has those looked at that wait for this.
    pub(super) fn wake(&mut self, source: SourceId) {
        self.requests
            .iter_mut()
            .filter(|waiter| waiter.source == source)
            .for_each(|waiter| waiter.woken = true);
    }

    /// Takes out some of those that have been woken or have waited long enough, the longest waiting first.
    pub(super) fn take_due(&mut self, now: UnixTime) -> Vec<PendingRequest> {
        self.requests.extract_if(.., |waiter| waiter.is_due(now)).take(MAX_RELEASED).collect()
    }

    /// Whether there are more of those.
    pub(super) fn has_due(&self, now: UnixTime) -> bool {
        self.requests.iter().any(|waiter| waiter.is_due(now))
    }
}

impl PendingRequest {
    fn is_due(&self, now: UnixTime) -> bool {
        self.woken || self.deadline <= now
    }
}
