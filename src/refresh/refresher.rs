//! The document of one source on one worker, and the fetch that this worker has in flight. It has
//! no clock and no network: the caller passes the time and the responses, and sends the requests.
//!
//! All workers of a process share a [`RefreshState`](super::state::RefreshState) and the document
//! of the last fetch. The worker that takes the lease fetches; the others install the document that
//! it publishes. A worker keeps its document until it installs a newer one or the document expires.
//! There is no state between these two.

use std::time::Duration;

use super::RefreshSchedule;
use super::shared::{SharedData, decode_document};
use super::source::{Document as _, FetchAction, FetchError, Response, Source};
use super::state::{Lease, WorkerId};
use super::worker::{MIN_CACHE_DURATION, Worker};
use crate::https_url::HttpsUrl;
use crate::time::UnixTime;

pub use super::fetch::{Fetch, FetchProgress, NoDocument, Tick};
pub use super::worker::{EarlyRefresh, WaitAdvice};

/// The document of one source on one worker.
#[derive(Debug)]
pub struct Refresher<S: Source> {
    source: S,
    worker: Worker,
    installed: Option<Installed<S::Document>>,
    /// The latest fetch of this worker, until it ends.
    in_flight: Option<InFlightFetch<S::State>>,
    /// The number of requests that this worker has sent.
    sent: u64,
    /// The remarks on the latest document that this worker has fetched.
    remarks: Vec<String>,
}

/// A fetch that waits for the response to its request.
#[derive(Debug)]
struct InFlightFetch<T> {
    /// The request, by [`Fetch::number`].
    number: u64,
    /// The lease, which ticks renew.
    lease: Lease,
    sent_at: UnixTime,
    /// The generation of the document whose ETag the request has.
    confirmable: Option<u64>,
    state: T,
}

#[derive(Debug)]
struct Installed<D> {
    document: D,
    /// The time at which the server last sent or confirmed the document.
    fetched_at: UnixTime,
    generation: u64,
    etag: Option<String>,
}

impl<T> InFlightFetch<T> {
    fn is_awaited(&self, now: UnixTime, schedule: &RefreshSchedule) -> bool {
        now.saturating_duration_since(self.sent_at) < schedule.response_timeout()
    }
}

impl<S: Source> Refresher<S> {
    /// Creates a refresher without a document.
    pub fn new(source: S, schedule: RefreshSchedule, worker_id: WorkerId) -> Self {
        let worker = Worker::new(worker_id, schedule, source.shared_keys().clone());
        Self { source, worker, installed: None, in_flight: None, sent: 0, remarks: Vec::new() }
    }

    /// Returns the source of the document.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// Returns the document.
    ///
    /// # Errors
    /// [`NoDocument`] if there is none, or it has expired.
    pub fn document(&self, now: UnixTime) -> Result<&S::Document, NoDocument> {
        let installed = self.installed.as_ref().ok_or(NoDocument::NeverFetched)?;
        let is_stale = now.saturating_duration_since(installed.fetched_at) > self.worker.schedule().max_stale;
        if is_stale { Err(NoDocument::Stale) } else { Ok(&installed.document) }
    }

    /// Returns whether the latest fetch of all workers has failed.
    pub(crate) const fn is_failing(&self) -> bool {
        self.worker.observed().failures > 0
    }

    /// Returns the latest document, whatever its age.
    pub fn latest(&self) -> Option<&S::Document> {
        self.installed.as_ref().map(|installed| &installed.document)
    }

    /// Returns the time at which the server last sent or confirmed the latest document.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.installed.as_ref().map(|installed| installed.fetched_at)
    }

    /// Returns the schedule of the fetches.
    pub const fn schedule(&self) -> &RefreshSchedule {
        self.worker.schedule()
    }

    /// Returns the generation of the installed document; 0 without a document.
    pub(crate) fn generation(&self) -> u64 {
        self.installed.as_ref().map_or(0, |installed| installed.generation)
    }

    /// Renews the lease of the fetch in flight, installs a newer document of the other workers, and
    /// takes the lease if a fetch is due and no worker has it.
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Tick {
        self.keep_lease(now, shared);
        let changed = self.worker.observe(shared);
        self.install(now, shared);
        let observed = self.worker.observed();
        // The published document is absent or invalid although the shared state announces it:
        // another plugin has overwritten it.
        let is_lost = self.generation() != observed.generation
            && now.saturating_duration_since(observed.published_at) >= MIN_CACHE_DURATION;
        let fetch = self.worker.acquire(now, is_lost, shared).map(|lease| {
            let (url, state) = self.source.begin(now, shared);
            self.send(now, lease, url, state, S::IS_CONDITIONAL)
        });
        Tick { fetch, changed }
    }

    /// Renews the lease of the fetch in flight, so that it lasts longer than
    /// [`LEASE`](super::state::LEASE) while this worker ticks. If the response is overdue, gives up
    /// the fetch and releases the lease.
    fn keep_lease(&mut self, now: UnixTime, shared: &dyn SharedData) {
        let Some(in_flight) = &mut self.in_flight else { return };
        if !in_flight.is_awaited(now, self.worker.schedule()) {
            return self.release(shared);
        }
        if in_flight.lease.needs_renewal(now) {
            match self.worker.renew(now, in_flight.lease, shared) {
                Some(renewed) => in_flight.lease = renewed,
                // This worker was delayed, and another worker has taken the lease.
                None => self.in_flight = None,
            }
        }
    }

    /// Gives up the fetch in flight and releases its lease by compare-and-set, so that another
    /// worker can fetch at its next tick. A worker that ends calls this, because it loses the
    /// response.
    pub fn release(&mut self, shared: &dyn SharedData) {
        if let Some(in_flight) = self.in_flight.take() {
            self.worker.release(in_flight.lease, shared);
        }
    }

    /// Takes the remarks on the latest document that this worker has fetched, for the log. There
    /// are none if the document before had the same remarks.
    pub fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// Passes the response of a request to the source. If the fetch ends, publishes the document or
    /// the failure to all workers.
    ///
    /// The result is [`FetchError::TooLate`] for the response to a request that this worker no
    /// longer awaits, or whose lease another worker has taken.
    pub fn on_response(
        &mut self,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchProgress {
        let schedule = *self.worker.schedule();
        let is_ours = fetch.worker_id == self.worker.id();
        // The request can be one of a former configuration, or one that this worker has given up.
        let Some(InFlightFetch { lease, state, confirmable, .. }) = self.in_flight.take_if(|in_flight| {
            is_ours && in_flight.number == fetch.number && in_flight.is_awaited(now, &schedule)
        }) else {
            return FetchProgress::Done(Err(FetchError::TooLate));
        };
        match self.source.on_response(state, now, shared, response) {
            FetchAction::Request(url, state) => match self.worker.renew(now, lease, shared) {
                Some(renewed) => FetchProgress::Request(self.send(now, renewed, url, state, false)),
                None => FetchProgress::Done(Err(FetchError::TooLate)),
            },
            FetchAction::Done(Ok(fetched)) => {
                if !self.worker.publish(now, lease, shared, &fetched) {
                    return FetchProgress::Done(Err(FetchError::TooLate));
                }
                let previous = self.installed.as_ref().map(|installed| installed.document.remarks());
                if previous.is_none_or(|previous| previous != fetched.remarks) {
                    self.remarks = fetched.remarks;
                }
                FetchProgress::Done(Ok(fetched.count))
            }
            FetchAction::Done(Err(error)) => match (&error, confirmable) {
                (FetchError::NotModified(max_age), Some(generation)) => {
                    if self.worker.confirm(now, lease, shared, generation, *max_age) {
                        FetchProgress::NotModified
                    } else {
                        FetchProgress::Done(Err(FetchError::TooLate))
                    }
                }
                _ => {
                    self.worker.fail(now, lease, shared);
                    FetchProgress::Done(Err(error))
                }
            },
        }
    }

    /// Returns whether to hold a request that needs the document, which this worker does not have.
    pub(crate) fn on_missing(&self, now: UnixTime) -> WaitAdvice {
        self.worker.wait_advice(now)
    }

    /// Schedules a fetch before its due time, at most once per cooldown for the whole process. A
    /// request calls this if a newer document may have a key that the installed one does not have.
    pub(crate) fn request_refresh(
        &self,
        now: UnixTime,
        cooldown: Duration,
        shared: &dyn SharedData,
    ) -> EarlyRefresh {
        self.worker.request_refresh(now, self.generation(), cooldown, shared)
    }

    /// Records a request as in flight, and returns it. A conditional request has the ETag of the
    /// published document, if this worker could install that document.
    fn send(
        &mut self,
        now: UnixTime,
        lease: Lease,
        url: HttpsUrl,
        state: S::State,
        is_conditional: bool,
    ) -> Fetch {
        self.sent = self.sent.wrapping_add(1);
        let published = self.worker.observed().generation;
        let installed = self.installed.as_ref();
        let installed = installed.filter(|latest| is_conditional && latest.generation == published);
        let if_none_match = installed.and_then(|latest| latest.etag.clone());
        let confirmable = if_none_match.is_some().then_some(published);
        self.in_flight = Some(InFlightFetch { number: self.sent, lease, sent_at: now, confirmable, state });
        Fetch { worker_id: self.worker.id(), number: self.sent, url, if_none_match }
    }

    /// Installs the published document if it is another generation and valid. Takes over the time
    /// at which the server confirmed the installed one.
    fn install(&mut self, now: UnixTime, shared: &dyn SharedData) {
        let observed = self.worker.observed();
        let (generation, fetched_at) = (observed.generation, observed.fetched_at);
        // With a time in the future, the document would never expire.
        let fetched_at = fetched_at.min(now);
        match &mut self.installed {
            Some(installed) if installed.generation == generation => {
                installed.fetched_at = installed.fetched_at.max(fetched_at);
                return;
            }
            None if generation == 0 => return,
            _ => {}
        }
        let published = self.worker.published(shared);
        if let Some((document, etag)) = published.and_then(|bytes| decode_document(generation, &bytes)) {
            let document = self.source.install(document);
            self.installed = Some(Installed { document, fetched_at, generation, etag });
        }
    }
}
