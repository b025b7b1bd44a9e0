//! One worker's part in keeping a document fresh: a machine without a clock or a network.
//!
//! It is told the time and what happened, and says what to do. All workers of a process share a
//! [`Record`](super::record::Record) and the document that was fetched last: whoever gets the lease fetches for all, the
//! others take over what was published. A document that was good is kept until a better one has arrived or it has become
//! too old to trust; no state lies in between.

use std::time::Duration;

use super::Schedule;
use super::record::{Lease, WorkerId};
use super::shared::{SharedData, decode_document};
use super::source::{FetchError, Next, Response, Source};
use super::worker::{MIN_CACHE_DURATION, Worker};
use crate::https_url::HttpsUrl;
use crate::time::UnixTime;

pub use super::worker::{Hope, Wish};

/// The document of one source on one worker.
#[derive(Debug)]
pub struct Refresher<S: Source> {
    source: S,
    worker: Worker,
    adopted: Option<Adopted<S::Document>>,
    /// The fetch that this worker has begun last.
    under_way: Option<(Lease, S::Step)>,
}

#[derive(Debug)]
struct Adopted<D> {
    document: D,
    fetched_at: UnixTime,
    generation: u64,
}

/// A request of a fetch, and the right to it.
#[derive(Debug)]
pub struct Fetch {
    lease: Lease,
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
pub enum Progress {
    /// The fetch goes on with another request.
    Request(Fetch),
    /// It is over, and everybody has been told: how many things the document has in it, or why there is none.
    Done(Result<usize, FetchError>),
}

impl Fetch {
    /// What is to be asked for.
    pub const fn request(&self) -> &HttpsUrl {
        &self.request
    }
}

impl<S: Source> Refresher<S> {
    /// Documents of this source, fetched on this schedule.
    pub fn new(source: S, schedule: Schedule, me: WorkerId) -> Self {
        let worker = Worker::new(me, schedule, source.names().clone());
        Self { source, worker, adopted: None, under_way: None }
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
        let adopted = self.adopted.as_ref().ok_or(Missing::NotYet)?;
        let stale = now.since(adopted.fetched_at) > self.worker.schedule().max_stale;
        if stale { Err(Missing::Stale) } else { Ok(&adopted.document) }
    }

    /// Whether the last fetch, anybody's, has failed.
    pub const fn is_failing(&self) -> bool {
        self.worker.seen().failures > 0
    }

    /// The last document, whatever its age.
    pub fn latest(&self) -> Option<&S::Document> {
        self.adopted.as_ref().map(|adopted| &adopted.document)
    }

    /// When it was fetched, if there is one.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.adopted.as_ref().map(|adopted| adopted.fetched_at)
    }

    /// How often documents are fetched, and how long they last.
    pub const fn schedule(&self) -> &Schedule {
        self.worker.schedule()
    }

    /// The generation of the document that is here; 0 for none.
    pub fn generation(&self) -> u64 {
        self.adopted.as_ref().map_or(0, |adopted| adopted.generation)
    }

    /// Looks at what the others have done, and takes the lease if a fetch is due and nobody has it.
    pub fn on_tick(&mut self, now: UnixTime, shared: &dyn SharedData) -> Tick {
        let changed = self.worker.look(shared);
        self.adopt(now, shared);
        let seen = self.worker.seen();
        // What the record announces is not there, or not fit to be used: somebody else has written to it.
        let lost = self.generation() != seen.generation && now.since(seen.fetched_at) >= MIN_CACHE_DURATION;
        let fetch = self.worker.claim(now, lost, shared).map(|lease| {
            let (request, step) = self.source.begin(now, shared);
            self.send(lease, request, step)
        });
        Tick { fetch, changed }
    }

    /// Takes what the request of a fetch has brought. At the end of the fetch everybody is told.
    pub fn on_response(
        &mut self,
        now: UnixTime,
        fetch: Fetch,
        shared: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> Progress {
        let lease = fetch.lease;
        // So late that this worker has begun another.
        let Some((_, step)) = self.under_way.take_if(|(of, _)| *of == lease) else {
            return Progress::Done(Err(FetchError::TooLate));
        };
        match self.source.on_response(step, now, shared, response) {
            Next::Request(request, step) => match self.worker.renew(now, lease, shared) {
                Some(renewed) => Progress::Request(self.send(renewed, request, step)),
                // The lease is over, and another worker has it.
                None => Progress::Done(Err(FetchError::TooLate)),
            },
            Next::Done(Ok(fetched)) => {
                self.worker.publish(now, lease, shared, &fetched.text, fetched.max_age);
                Progress::Done(Ok(fetched.count))
            }
            Next::Done(Err(error)) => {
                self.worker.fail(now, lease, shared);
                Progress::Done(Err(error))
            }
        }
    }

    /// A request needs the document, and there is none: should it wait?
    pub fn on_missing(&self, now: UnixTime) -> Hope {
        self.worker.hope(now)
    }

    /// A request hopes that a newer document has what this one lacks: makes a fetch due, at most once in a cooldown for the
    /// whole process.
    pub fn wish(&self, now: UnixTime, cooldown: Duration, shared: &dyn SharedData) -> Wish {
        self.worker.wish(now, self.generation(), cooldown, shared)
    }

    fn send(&mut self, lease: Lease, request: HttpsUrl, step: S::Step) -> Fetch {
        self.under_way = Some((lease, step));
        Fetch { lease, request }
    }

    /// Takes over the published document, if it is not the one that is here already and can be read.
    fn adopt(&mut self, now: UnixTime, shared: &dyn SharedData) {
        let (generation, fetched_at) = (self.worker.seen().generation, self.worker.seen().fetched_at);
        if generation == self.generation() {
            return;
        }
        let published = self.worker.published(shared);
        if let Some(document) = published.and_then(|bytes| decode_document(generation, &bytes)) {
            let document = self.source.adopt(document);
            // A time in the future would keep the document from ever becoming stale.
            self.adopted = Some(Adopted { document, fetched_at: fetched_at.min(now), generation });
        }
    }
}
