//! One worker's part in keeping a document fresh: a machine without a clock or a network.
//!
//! The caller passes the time and the events, and gets the next action. All workers of a process share a
//! [`RefreshState`](super::record::Record) and the document that was fetched last: the worker that gets the lease fetches for all, the
//! others take over the published document. A document that was good is kept until a better one has arrived or it has become
//! too old to trust; no state lies in between.

use std::time::Duration;

use super::RefreshSchedule;
use super::shared::{SharedData, decode_document};
use super::source::{Document as _, FetchAction, FetchError, Response, Source};
use super::state::{Lease, WorkerId};
use super::worker::{MIN_CACHE_DURATION, Worker};
use crate::https_url::HttpsUrl;
use crate::time::UnixTime;

pub use super::worker::{EarlyRefresh, WaitAdvice};

/// The document of one source on one worker.
#[derive(Debug)]
pub struct Refresher<S: Source> {
    source: S,
    worker: Worker,
    installed: Option<Installed<S::Document>>,
    /// The fetch that this worker has begun last.
    in_flight: Option<PendingFetch<S::State>>,
    /// Requests that this worker has sent.
    sent: u64,
    /// Remarks on the document that this worker has fetched last.
    remarks: Vec<String>,
}

/// A fetch that waits for the answer to a request.
#[derive(Debug)]
struct PendingFetch<T> {
    /// The request, by [`Fetch::number`].
    number: u64,
    /// The lease, which ticks renew.
    lease: Lease,
    sent_at: UnixTime,
    step: T,
}

#[derive(Debug)]
struct Installed<D> {
    document: D,
    fetched_at: UnixTime,
    generation: u64,
}

/// A request of a fetch. Worker and number tell its answer from those to all other requests.
#[derive(Debug)]
pub struct Fetch {
    by: WorkerId,
    number: u64,
    request: HttpsUrl,
}

/// Why there is no document to be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// None has arrived yet.
    NotYet,
    /// The last one has become too old.
    Stale,
}

/// What a tick has found, and what is to be done.
#[derive(Debug, Default)]
pub struct Tick {
    /// A fetch, if one is this worker's to do: send its request, and tell [`Refresher::on_response`] how it went.
    pub fetch: Option<Fetch>,
    /// A fetch has ended since the last tick, here or elsewhere: look again at requests that wait.
    pub changed: bool,
}

/// What a response has led to.
#[derive(Debug)]
pub enum FetchProgress {
    /// The fetch goes on with another request.
    Request(Fetch),
    /// It is over, and everybody has been told: how many things the document has in it, or why there is none.
    Done(Result<usize, FetchError>),
}

impl<T> PendingFetch<T> {
    fn is_awaited(&self, now: UnixTime, schedule: &RefreshSchedule) -> bool {
        now.saturating_duration_since(self.sent_at) < schedule.answer_timeout()
    }
}

impl Fetch {
    /// What is to be asked for.
    pub const fn request(&self) -> &HttpsUrl {
        &self.request
    }
}

impl<S: Source> Refresher<S> {
    /// Documents of this source, fetched on this schedule.
    pub fn new(source: S, schedule: RefreshSchedule, worker_id: WorkerId) -> Self {
        let worker = Worker::new(worker_id, schedule, source.names().clone());
        Self { source, worker, installed: None, in_flight: None, sent: 0, remarks: Vec::new() }
    }

    /// Where the documents come from.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// The document to be used now.
    ///
    /// # Errors
    /// Why there is none.
    pub fn document(&self, now: UnixTime) -> Result<&S::Document, Missing> {
        let installed = self.installed.as_ref().ok_or(Missing::NotYet)?;
        let stale = now.saturating_duration_since(installed.fetched_at) > self.worker.schedule().max_stale;
        if stale { Err(Missing::Stale) } else { Ok(&installed.document) }
    }

    /// Whether the last fetch, anybody's, has failed.
    pub const fn is_failing(&self) -> bool {
        self.worker.seen().failures > 0
    }

    /// The last document, whatever its age.
    pub fn latest(&self) -> Option<&S::Document> {
        self.installed.as_ref().map(|installed| &installed.document)
    }

    /// When it was fetched, if there is one.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.installed.as_ref().map(|installed| installed.fetched_at)
    }

    /// How often documents are fetched, and how long they last.
    pub const fn schedule(&self) -> &RefreshSchedule {
        self.worker.schedule()
    }

    /// The generation of the document that is here; 0 for none.
    pub fn generation(&self) -> u64 {
        self.installed.as_ref().map_or(0, |installed| installed.generation)
    }

    /// Renews the lease of the fetch under way, adopts the document of other workers, and takes the lease if a fetch is due and
    /// no worker has it.
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Tick {
        self.keep_lease(now, shared);
        let changed = self.worker.observe(shared);
        self.install(now, shared);
        let seen = self.worker.seen();
        // What the record announces is not there, or not fit to be used: somebody else has written to it.
        let lost = self.generation() != seen.generation
            && now.saturating_duration_since(seen.fetched_at) >= MIN_CACHE_DURATION;
        let fetch = self.worker.claim(now, lost, shared).map(|lease| {
            let (request, step) = self.source.begin(now, shared);
            self.send(now, lease, request, step)
        });
        Tick { fetch, changed }
    }

    /// Renews the lease of the fetch under way, so that it outlives [`LEASE`](super::record::LEASE) while this worker ticks. A
    /// request whose answer is overdue is given up, and the lease with it.
    fn keep_lease(&mut self, now: UnixTime, shared: &dyn SharedData) {
        let Some(in_flight) = &mut self.in_flight else { return };
        if !in_flight.is_awaited(now, self.worker.schedule()) {
            return self.release(shared);
        }
        if in_flight.lease.needs_renewal(now) {
            match self.worker.renew(now, in_flight.lease, shared) {
                Some(renewed) => in_flight.lease = renewed,
                // This worker was held up, and another has taken the lease.
                None => self.in_flight = None,
            }
        }
    }

    /// Gives up the fetch under way, and returns its lease by compare-and-set: for a worker that departs, and takes the answer
    /// with it. Any other worker fetches with its next tick.
    pub fn release(&mut self, shared: &dyn SharedData) {
        if let Some(in_flight) = self.in_flight.take() {
            self.worker.release(in_flight.lease, shared);
        }
    }

    /// Takes the remarks on the document that this worker has fetched last: those that the document before did not have. For
    /// the log.
    pub fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// Takes what the request of a fetch has brought. At the end of the fetch everybody is told.
    pub fn on_response(
        &mut self,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchProgress {
        let schedule = *self.worker.schedule();
        let is_ours = fetch.by == self.worker.id();
        // Of another configuration, or so late that this worker has given the fetch up or begun another.
        let Some(PendingFetch { lease, step, .. }) = self.in_flight.take_if(|in_flight| {
            is_ours && in_flight.number == fetch.number && in_flight.is_awaited(now, &schedule)
        }) else {
            return FetchProgress::Done(Err(FetchError::TooLate));
        };
        match self.source.on_response(step, now, shared, response) {
            FetchAction::Request(request, step) => match self.worker.renew(now, lease, shared) {
                Some(renewed) => FetchProgress::Request(self.send(now, renewed, request, step)),
                // Another worker has the lease.
                None => FetchProgress::Done(Err(FetchError::TooLate)),
            },
            FetchAction::Done(Ok(fetched)) => {
                if !self.worker.publish(now, lease, shared, &fetched.text, fetched.max_age) {
                    return FetchProgress::Done(Err(FetchError::TooLate));
                }
                let known = self.installed.as_ref().map(|installed| installed.document.remarks());
                if known.is_none_or(|known| known != fetched.remarks) {
                    self.remarks = fetched.remarks;
                }
                FetchProgress::Done(Ok(fetched.count))
            }
            FetchAction::Done(Err(error)) => {
                self.worker.fail(now, lease, shared);
                FetchProgress::Done(Err(error))
            }
        }
    }

    /// A request needs the document, and there is none: should it wait?
    pub fn on_missing(&self, now: UnixTime) -> WaitAdvice {
        self.worker.wait_advice(now)
    }

    /// A request hopes that a newer document has what this one lacks: makes a fetch due, at most once in a cooldown for the
    /// whole process.
    pub fn request_refresh(
        &self,
        now: UnixTime,
        cooldown: Duration,
        shared: &dyn SharedData,
    ) -> EarlyRefresh {
        self.worker.request_refresh(now, self.generation(), cooldown, shared)
    }

    fn send(&mut self, now: UnixTime, lease: Lease, request: HttpsUrl, step: S::State) -> Fetch {
        self.sent = self.sent.wrapping_add(1);
        self.in_flight = Some(PendingFetch { number: self.sent, lease, sent_at: now, step });
        Fetch { by: self.worker.id(), number: self.sent, request }
    }

    /// Takes over the published document, if it is not the one that is here already and can be read.
    fn install(&mut self, now: UnixTime, shared: &dyn SharedData) {
        let (generation, fetched_at) = (self.worker.seen().generation, self.worker.seen().fetched_at);
        if generation == self.generation() {
            return;
        }
        let published = self.worker.published(shared);
        if let Some(document) = published.and_then(|bytes| decode_document(generation, &bytes)) {
            let document = self.source.install(document);
            // A time in the future would keep the document from ever becoming stale.
            self.installed = Some(Installed { document, fetched_at: fetched_at.min(now), generation });
        }
    }
}
