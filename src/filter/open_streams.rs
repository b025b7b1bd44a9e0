//! The open streams of a worker, in the order in which the filter checks them again.
//!
//! A request costs one entry at the end of a queue. Most requests end within [`TRACKED_AFTER`], and
//! then the queue drops their entry. The others become tracked streams, at most [`MAX_TRACKED`], in
//! a heap by the time of their next check. So a tick visits only the streams that are due. The heap
//! keeps the entries of ended streams until they are the majority.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::verified_token::VerifiedToken;
use crate::time::UnixTime;

/// The age at which the filter begins to track a stream. It keeps ordinary requests out of the
/// sorted structure, and delays the end of a stream by at most this time.
const TRACKED_AFTER: Duration = Duration::from_secs(1);
/// The maximum number of tracked streams of a worker. With a token of 3 KiB for each stream they
/// take about 200 MiB, a fifth of the memory that Envoy allows a module.
const MAX_TRACKED: usize = 65_536;
/// The number of entries of ended streams that the heap keeps in any case.
const MIN_ENDED: usize = 256;

/// The state of a stream, shared by the stream and the root context.
#[derive(Debug, Default)]
pub struct StreamState {
    decision: Cell<StreamDecision>,
    is_request_complete: Cell<bool>,
    /// Whether [`OpenStreams`] tracks the stream.
    is_tracked: Cell<bool>,
}

/// The decision on the request of a stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum StreamDecision {
    /// The request waits, or the filter has denied it.
    #[default]
    Held,
    /// The filter has allowed the request.
    Allowed {
        /// Whether the filter has examined the token of the request.
        examined: bool,
    },
}

/// An open stream with the token that authorizes it.
#[derive(Debug)]
pub(super) struct OpenStream {
    pub(super) id: u32,
    pub(super) state: Weak<StreamState>,
    /// `None` if the worker tracked [`MAX_TRACKED`] other streams.
    pub(super) token: Option<Rc<VerifiedToken>>,
    /// Whether the request is a gRPC call.
    pub(super) grpc: bool,
    /// The first time at which a check failed, in Unix seconds.
    pub(super) unauthorized_since: Option<i64>,
}

/// A tracked stream. The stream with the earliest check is the greatest.
#[derive(Debug)]
struct Tracked {
    /// The time of the next check, in Unix seconds.
    due_at: i64,
    stream: OpenStream,
}

/// The open streams of one worker.
#[derive(Debug, Default)]
pub(super) struct OpenStreams {
    /// The streams that began less than [`TRACKED_AFTER`] ago, in the order of their begin.
    recent: VecDeque<(UnixTime, OpenStream)>,
    tracked: BinaryHeap<Tracked>,
    /// The tracked streams that are due because a document has changed.
    unchecked: Vec<Tracked>,
    /// The number of entries in `tracked` and `unchecked` whose stream has ended.
    ended: usize,
}

impl StreamState {
    /// Returns the decision on the request.
    pub const fn decision(&self) -> StreamDecision {
        self.decision.get()
    }

    /// Sets the decision on the request.
    pub fn set_decision(&self, decision: StreamDecision) {
        self.decision.set(decision);
    }

    /// Records that the client has sent the whole request.
    pub fn complete_request(&self) {
        self.is_request_complete.set(true);
    }

    /// Returns whether the client has sent the whole request.
    pub(super) const fn is_request_complete(&self) -> bool {
        self.is_request_complete.get()
    }
}

impl OpenStreams {
    /// Adds a stream that begins at `now`.
    pub(super) fn begin(&mut self, stream: OpenStream, now: UnixTime) {
        self.recent.push_back((now, stream));
    }

    /// Removes a stream that ends.
    pub(super) fn end(&mut self, state: &StreamState) {
        if state.is_tracked.replace(false) {
            self.ended = self.ended.saturating_add(1);
            if self.ended > self.len().max(MIN_ENDED) {
                // The state of the stream that ends is still alive.
                let is_open = |entry: &Tracked| entry.stream.is_tracked();
                self.tracked.retain(is_open);
                self.unchecked.retain(is_open);
                self.ended = 0;
            }
        }
    }

    /// Returns the number of tracked streams.
    pub(super) fn len(&self) -> usize {
        self.tracked.len().saturating_add(self.unchecked.len()).saturating_sub(self.ended)
    }

    /// Makes all tracked streams due.
    pub(super) fn check_all(&mut self) {
        self.unchecked.extend(self.tracked.drain());
    }

    /// Tracks the streams that are open for [`TRACKED_AFTER`]. Each is due at once, because a
    /// document may have changed since the stream began.
    pub(super) fn track_recent(&mut self, now: UnixTime) {
        let is_due = |begin: UnixTime| {
            // A time in the future: the clock was set back.
            begin > now || now.saturating_duration_since(begin) >= TRACKED_AFTER
        };
        while self.recent.front().is_some_and(|(begin, _)| is_due(*begin)) {
            let Some((_, mut stream)) = self.recent.pop_front() else { break };
            if self.len() >= MAX_TRACKED {
                stream.token = None;
            }
            self.insert(stream, now.seconds());
        }
    }

    /// Tracks a stream whose next check is at `due_at` (Unix seconds), unless it has ended.
    pub(super) fn insert(&mut self, stream: OpenStream, due_at: i64) {
        if let Some(state) = stream.state.upgrade() {
            state.is_tracked.set(true);
            self.tracked.push(Tracked { due_at, stream });
        }
    }

    /// Removes and returns the next stream to check, if one is due at `now`.
    pub(super) fn take_due(&mut self, now: UnixTime) -> Option<OpenStream> {
        loop {
            let first = self.tracked.peek().filter(|first| first.due_at <= now.seconds());
            let entry = if first.is_some() { self.tracked.pop() } else { self.unchecked.pop() }?;
            match entry.stream.state.upgrade() {
                Some(state) if state.is_tracked.replace(false) => return Some(entry.stream),
                _ => self.ended = self.ended.saturating_sub(1),
            }
        }
    }

    /// Returns whether a stream is due at `now`.
    pub(super) fn has_due(&self, now: UnixTime) -> bool {
        !self.unchecked.is_empty() || self.tracked.peek().is_some_and(|first| first.due_at <= now.seconds())
    }
}

impl OpenStream {
    /// Returns whether [`OpenStreams`] tracks the stream, and the stream has not ended.
    fn is_tracked(&self) -> bool {
        self.state.upgrade().is_some_and(|state| state.is_tracked.get())
    }
}

impl Ord for Tracked {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due_at.cmp(&self.due_at)
    }
}

impl PartialOrd for Tracked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Tracked {
    fn eq(&self, other: &Self) -> bool {
        self.due_at == other.due_at
    }
}

impl Eq for Tracked {}
