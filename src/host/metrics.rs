//! The metrics of one configuration on one worker. A denial causes one host call, so that a trap
//! of the VM does not lose it. The other metrics reach the host at ticks.

mod introspection;

use std::cell::Cell;

use super::metric::Metric;
use super::shared_data::HostSharedData;
use crate::config::Provider;
use crate::filter::{DocumentStatus, Filter, SourceId};
use crate::metrics::shared_gauges::{self, GaugeDelta, WorkerGauges};
use crate::metrics::{self, FETCH_RESULTS, Family, RequestOutcome, STREAM_REJECTIONS, provider_label};
use crate::refresh::state::WorkerId;
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::token_cache::CacheCounts;
use introspection::{IntrospectionMetrics, millis_between};

/// The metrics of one configuration on one worker.
#[derive(Debug)]
pub(super) struct Metrics {
    worker_id: WorkerId,
    /// In the order of [`RequestOutcome::all`], each with its count since the last flush.
    decisions: Vec<(Metric, Cell<u64>)>,
    /// In the order of [`Rejection::ALL`].
    shadow: Vec<Metric>,
    providers: Vec<ProviderMetrics>,
    /// The JWKS fetches of all providers.
    keys: FetchMetrics,
    denylist: FetchMetrics,
    denylist_document: Option<DocumentMetrics>,
    /// Hits, misses and evictions of the token cache.
    cache: [Metric; 3],
    /// The counts of the token cache that the host has.
    flushed: CacheCounts,
    pub(super) introspection: IntrospectionMetrics,
    /// The sums over all workers, in the order of [`WorkerGauges`].
    sums: [Metric; 4],
    /// In the order of [`STREAM_REJECTIONS`].
    closed_streams: [Metric; STREAM_REJECTIONS.len()],
}

/// The metrics of one provider.
#[derive(Debug)]
struct ProviderMetrics {
    /// In the order of [`RequestOutcome::all`], each with its count since the last flush.
    decisions: Vec<(Metric, Cell<u64>)>,
    document: DocumentMetrics,
    fetches: FetchMetrics,
}

/// The metrics of fetches.
#[derive(Debug)]
struct FetchMetrics {
    /// In the order of [`FETCH_RESULTS`].
    results: [Metric; 2],
    /// The duration of one request, in milliseconds.
    millis: Metric,
}

/// The metrics of a document.
#[derive(Debug)]
struct DocumentMetrics {
    /// The number of keys or entries.
    count: Metric,
    /// The times of fetch, next fetch and expiry, in Unix seconds; `None` for pinned keys only.
    times: Option<[Metric; 3]>,
}

impl Metrics {
    /// Defines all metrics of a configuration.
    pub(super) fn define(filter: &Filter, worker_id: WorkerId) -> Self {
        let plain = |family: Family| Metric::define(family, &[]);
        let results = |family: Family| FETCH_RESULTS.map(|result| Metric::define(family, &[result]));
        let denylist = filter.config().remote_denylist.as_ref();
        let shadow =
            Rejection::ALL.iter().map(|rejection| Metric::define(metrics::SHADOW, &[rejection.code()]));
        Self {
            worker_id,
            decisions: RequestOutcome::all()
                .map(|outcome| (Metric::define(metrics::DECISION, &[outcome.code()]), Cell::default()))
                .collect(),
            shadow: shadow.collect(),
            providers: filter.config().providers.iter().map(ProviderMetrics::define).collect(),
            keys: FetchMetrics { results: results(metrics::JWKS_FETCH), millis: Metric::default() },
            denylist: FetchMetrics {
                results: results(metrics::DENYLIST_FETCH),
                millis: denylist.map(|_| plain(metrics::DENYLIST_FETCH_MS)).unwrap_or_default(),
            },
            denylist_document: denylist.map(|_| DocumentMetrics {
                count: plain(metrics::DENYLIST_ENTRIES),
                times: Some(
                    [metrics::DENYLIST_FETCHED, metrics::DENYLIST_DUE, metrics::DENYLIST_STALE].map(plain),
                ),
            }),
            cache: [metrics::CACHE_HIT, metrics::CACHE_MISS, metrics::CACHE_EVICTION].map(plain),
            flushed: CacheCounts::default(),
            sums: [metrics::CACHE_TOKENS, metrics::CACHE_BYTES, metrics::WAITING, metrics::TRACKED_STREAMS]
                .map(plain),
            closed_streams: STREAM_REJECTIONS
                .map(|rejection| Metric::define(metrics::STREAM_CLOSED, &[rejection.code()])),
            introspection: IntrospectionMetrics::define(filter),
        }
    }

    /// Defines the only metric without a configuration: the denials with `misconfigured`.
    pub(super) fn unconfigured() -> Self {
        let denied = RequestOutcome::Denied(Rejection::Misconfigured);
        let fetches = || FetchMetrics { results: Default::default(), millis: Metric::default() };
        Self {
            worker_id: WorkerId(0),
            decisions: vec![(Metric::define(metrics::DECISION, &[denied.code()]), Cell::default())],
            shadow: Vec::new(),
            providers: Vec::new(),
            keys: fetches(),
            denylist: fetches(),
            denylist_document: None,
            cache: Default::default(),
            flushed: CacheCounts::default(),
            introspection: IntrospectionMetrics::default(),
            sums: Default::default(),
            closed_streams: Default::default(),
        }
    }

    /// Counts the outcome of a request, and adds it to the provider that the token names.
    pub(super) fn count(&self, outcome: RequestOutcome, provider: Option<usize>) {
        let increment = |count: &Cell<u64>| count.set(count.get().wrapping_add(1));
        if let Some((_, count)) =
            provider.and_then(|index| self.providers.get(index)?.decisions.get(outcome.index()))
        {
            increment(count);
        }
        match (outcome, self.decisions.get(outcome.index())) {
            (RequestOutcome::Allowed(_), Some((_, count))) => increment(count),
            (_, Some((metric, _))) => metric.count(1),
            (_, None) => {}
        }
    }

    /// Counts denials that shadow mode does not enforce.
    pub(super) fn count_shadow_denials(&self, denials: &[Rejection]) {
        for rejection in denials {
            self.shadow.get(*rejection as usize).into_iter().for_each(|metric| metric.count(1));
        }
    }

    /// Counts a stream that the filter closes.
    pub(super) fn count_closed_stream(&self, reason: Rejection) {
        let mut closed = STREAM_REJECTIONS.iter().zip(&self.closed_streams);
        if let Some((_, metric)) = closed.find(|(rejection, _)| **rejection == reason) {
            metric.count(1);
        }
    }

    /// Counts a fetch that has ended.
    pub(super) fn count_fetch(&self, source: SourceId, succeeded: bool) {
        let count = |fetches: &FetchMetrics| {
            let [success, failed] = &fetches.results;
            if succeeded { success.count(1) } else { failed.count(1) }
        };
        match source {
            SourceId::Keys(provider) => {
                count(&self.keys);
                self.providers
                    .get(provider.index())
                    .into_iter()
                    .for_each(|provider| count(&provider.fetches));
            }
            SourceId::Denylist => count(&self.denylist),
        }
    }

    /// Records the duration of one request of a fetch.
    pub(super) fn time_fetch(&self, source: SourceId, sent_at: UnixTime, now: UnixTime) {
        let fetches = match source {
            SourceId::Keys(provider) => {
                self.providers.get(provider.index()).map(|provider| &provider.fetches)
            }
            SourceId::Denylist => Some(&self.denylist),
        };
        fetches.into_iter().for_each(|fetches| fetches.millis.record(millis_between(sent_at, now)));
    }

    /// Passes the token cache, the documents and the sums over all workers to the host.
    pub(super) fn on_tick(&mut self, filter: &Filter, waiting: usize, now: UnixTime) {
        let (counts, tokens, bytes) = filter.token_cache_usage();
        let unflushed = counts.increments_since(self.flushed);
        self.cache.iter().zip(unflushed).for_each(|(metric, (_, count))| metric.count(count));
        self.flushed = counts;
        self.introspection.flush(filter.introspection_counts());
        self.flush();
        for (source, status) in filter.document_statuses() {
            self.document(source).into_iter().for_each(|document| document.record(status));
        }
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.add(shared_gauges::report(
            self.worker_id,
            WorkerGauges([number(tokens), bytes, number(waiting), number(filter.tracked_streams())]),
            now,
            &HostSharedData,
        ));
    }

    /// Resets the gauges when this configuration ends on this worker. A new configuration with the
    /// same provider sets them again at its first tick. For a removed provider, an alert must not
    /// find the times of old keys.
    pub(super) fn end(&self) {
        self.flush();
        for document in
            self.providers.iter().map(|provider| &provider.document).chain(&self.denylist_document)
        {
            document.record(DocumentStatus::default());
        }
        self.add(shared_gauges::withdraw(self.worker_id, &HostSharedData));
    }

    /// Passes the decisions since the last flush to the host.
    fn flush(&self) {
        let by_provider = self.providers.iter().flat_map(|provider| &provider.decisions);
        for (metric, count) in self.decisions.iter().chain(by_provider) {
            metric.count(count.take());
        }
    }

    fn document(&self, source: SourceId) -> Option<&DocumentMetrics> {
        match source {
            SourceId::Keys(provider) => {
                self.providers.get(provider.index()).map(|provider| &provider.document)
            }
            SourceId::Denylist => self.denylist_document.as_ref(),
        }
    }

    fn add(&self, delta: GaugeDelta) {
        self.sums.iter().zip(delta.0).for_each(|(metric, offset)| metric.add(offset));
    }
}

impl ProviderMetrics {
    /// Defines all metrics of a provider.
    fn define(provider: &Provider) -> Self {
        let label = provider_label(&provider.name);
        let metric = |family: Family| Metric::define(family, &[&label]);
        let decision = |outcome: RequestOutcome| {
            let labels = [label.as_str(), outcome.code()];
            let metric = outcome.has_provider().then(|| Metric::define(metrics::PROVIDER_DECISION, &labels));
            (metric.unwrap_or_default(), Cell::default())
        };
        let times =
            [metrics::PROVIDER_KEYS_FETCHED, metrics::PROVIDER_KEYS_DUE, metrics::PROVIDER_KEYS_STALE];
        let remote = provider.remote_jwks.as_ref();
        let fetch = |result| Metric::define(metrics::PROVIDER_FETCH, &[&label, result]);
        Self {
            decisions: RequestOutcome::all().map(decision).collect(),
            document: DocumentMetrics {
                count: metric(metrics::PROVIDER_KEYS),
                times: remote.map(|_| times.map(metric)),
            },
            fetches: FetchMetrics {
                results: remote.map(|_| FETCH_RESULTS.map(fetch)).unwrap_or_default(),
                millis: remote.map(|_| metric(metrics::PROVIDER_FETCH_MS)).unwrap_or_default(),
            },
        }
    }
}

impl DocumentMetrics {
    /// Passes the status of a document to the host; 0 for a time that is not known.
    fn record(&self, status: DocumentStatus) {
        self.count.record(u64::try_from(status.count).unwrap_or(u64::MAX));
        let Some(times) = &self.times else { return };
        let seconds = |time: UnixTime| time.millis() / 1000;
        let fetched = status.fetched.map(|times| [times.at, times.due_at, times.stale_at].map(seconds));
        times.iter().zip(fetched.unwrap_or_default()).for_each(|(metric, seconds)| metric.record(seconds));
    }
}
