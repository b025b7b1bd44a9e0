//! Tells the host what happens: at once what every request is counted by, the rest at ticks, so that a request pays for one call.

use std::cell::Cell;

use super::shared::Shared;
use super::stats::Metric;
use crate::config::Provider;
use crate::filter::{DocumentStatus, Filter, SourceId};
use crate::metrics::shared_gauges::{self, GaugeDelta, WorkerGauges};
use crate::metrics::{self, FETCH_RESULTS, Family, RequestOutcome, provider_label};
use crate::refresh::state::WorkerId;
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::token_cache::CacheCounts;

/// The metrics of one configuration on one worker.
#[derive(Debug)]
pub(super) struct Metrics {
    worker_id: WorkerId,
    decisions: Vec<Metric>,
    shadow: Vec<Metric>,
    providers: Vec<ProviderMetrics>,
    keys: Fetches,
    denylist: Fetches,
    denylist_document: Option<Document>,
    cache: [Metric; 3],
    /// What has been counted of the token cache.
    counted: CacheCounts,
    /// In the order of a [`WorkerGauges`].
    sums: [Metric; 3],
}

/// What is measured of one provider.
#[derive(Debug)]
struct ProviderMetrics {
    decisions: Vec<(Metric, Cell<u64>)>,
    document: Document,
    fetches: Fetches,
}

/// What is measured of fetches: how they end, and how long their requests take.
#[derive(Debug)]
struct Fetches {
    results: [Metric; 2],
    millis: Metric,
}

/// What is measured of a document.
#[derive(Debug)]
struct Document {
    count: Metric,
    /// When it was fetched, is due, and is stale, if it is fetched.
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
                .map(|decision| Metric::define(metrics::DECISION, &[decision.code()]))
                .collect(),
            shadow: shadow.collect(),
            providers: filter.config().providers.iter().map(ProviderMetrics::define).collect(),
            keys: Fetches { results: results(metrics::JWKS_FETCH), millis: Metric::default() },
            denylist: Fetches {
                results: results(metrics::DENYLIST_FETCH),
                millis: denylist.map(|_| plain(metrics::DENYLIST_FETCH_MS)).unwrap_or_default(),
            },
            denylist_document: denylist.map(|_| Document {
                count: plain(metrics::DENYLIST_ENTRIES),
                times: Some(
                    [metrics::DENYLIST_FETCHED, metrics::DENYLIST_DUE, metrics::DENYLIST_STALE].map(plain),
                ),
            }),
            cache: [metrics::CACHE_HIT, metrics::CACHE_MISS, metrics::CACHE_EVICTION].map(plain),
            counted: CacheCounts::default(),
            sums: [metrics::CACHE_TOKENS, metrics::CACHE_BYTES, metrics::WAITING].map(plain),
        }
    }

    /// Before there is a configuration: only refusals for want of one are counted.
    pub(super) fn unconfigured() -> Self {
        let refused = RequestOutcome::Denied(Rejection::Misconfigured);
        let fetches = || Fetches { results: Default::default(), millis: Metric::default() };
        Self {
            worker_id: WorkerId(0),
            decisions: vec![Metric::define(metrics::DECISION, &[refused.code()])],
            shadow: Vec::new(),
            providers: Vec::new(),
            keys: fetches(),
            denylist: fetches(),
            denylist_document: None,
            cache: Default::default(),
            counted: CacheCounts::default(),
            sums: Default::default(),
        }
    }

    /// Counts what has become of a request, whose token names this provider.
    pub(super) fn count(&self, decision: RequestOutcome, provider: Option<usize>) {
        if let Some((_, count)) =
            provider.and_then(|index| self.providers.get(index)?.decisions.get(decision.index()))
        {
            count.set(count.get().wrapping_add(1));
        }
        if let Some(stat) = self.decisions.get(decision.index()) {
            stat.count(1);
        }
    }

    /// Counts denials that shadow mode has not enforced.
    pub(super) fn count_shadows(&self, shadows: &[Rejection]) {
        for rejection in shadows {
            self.shadow.get(*rejection as usize).into_iter().for_each(|stat| stat.count(1));
        }
    }

    /// Counts a fetch that has ended.
    pub(super) fn count_fetch(&self, source: SourceId, succeeded: bool) {
        let count = |fetches: &Fetches| {
            let [success, failed] = &fetches.results;
            if succeeded { success.count(1) } else { failed.count(1) }
        };
        match source {
            SourceId::Keys(provider) => {
                count(&self.keys);
                self.providers.get(provider.index()).into_iter().for_each(|of| count(&of.fetches));
            }
            SourceId::Denylist => count(&self.denylist),
        }
    }

    /// Takes note of how long a request of a fetch has taken.
    pub(super) fn time_fetch(&self, source: SourceId, sent_at: UnixTime, now: UnixTime) {
        let fetches = match source {
            SourceId::Keys(provider) => self.providers.get(provider.index()).map(|of| &of.fetches),
            SourceId::Denylist => Some(&self.denylist),
        };
        let millis = u64::try_from(now.saturating_duration_since(sent_at).as_millis()).unwrap_or(u64::MAX);
        fetches.into_iter().for_each(|fetches| fetches.millis.record(millis));
    }

    /// Brings everything up to date that requests do not pay for.
    pub(super) fn on_tick(&mut self, filter: &Filter, waiting: usize, now: UnixTime) {
        let (counts, tokens, bytes) = filter.token_cache_usage();
        let since = counts.increments_since(self.counted);
        self.cache.iter().zip(since).for_each(|(stat, (_, count))| stat.count(count));
        self.counted = counts;
        self.flush();
        for (source, status) in filter.document_statuses() {
            self.document(source).into_iter().for_each(|document| document.record(status));
        }
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.add(shared_gauges::report(
            self.worker_id,
            WorkerGauges([number(tokens), bytes, number(waiting)]),
            now,
            &Shared,
        ));
    }

    /// This configuration ends on this worker. What was set is taken back: whoever goes on with the same provider sets it
    /// again at once, and for one that is gone nothing shall be left that an alert could take for old keys.
    pub(super) fn end(&self) {
        self.flush();
        for document in self.providers.iter().map(|of| &of.document).chain(&self.denylist_document) {
            document.record(DocumentStatus::default());
        }
        self.add(shared_gauges::withdraw(self.worker_id, &Shared));
    }

    fn flush(&self) {
        for (stat, count) in self.providers.iter().flat_map(|of| &of.decisions) {
            stat.count(count.take());
        }
    }

    fn document(&self, source: SourceId) -> Option<&Document> {
        match source {
            SourceId::Keys(provider) => self.providers.get(provider.index()).map(|of| &of.document),
            SourceId::Denylist => self.denylist_document.as_ref(),
        }
    }

    fn add(&self, change: GaugeDelta) {
        self.sums.iter().zip(change.0).for_each(|(stat, change)| stat.add(change));
    }
}

impl ProviderMetrics {
    fn define(provider: &Provider) -> Self {
        let label = provider_label(&provider.name);
        let of = |family: Family| Metric::define(family, &[&label]);
        let decision = |decision: RequestOutcome| {
            let labels = [label.as_str(), decision.code()];
            let stat = decision.has_provider().then(|| Metric::define(metrics::PROVIDER_DECISION, &labels));
            (stat.unwrap_or_default(), Cell::default())
        };
        let times =
            [metrics::PROVIDER_KEYS_FETCHED, metrics::PROVIDER_KEYS_DUE, metrics::PROVIDER_KEYS_STALE];
        let remote = provider.remote_jwks.as_ref();
        let fetch = |result| Metric::define(metrics::PROVIDER_FETCH, &[&label, result]);
        Self {
            decisions: RequestOutcome::all().map(decision).collect(),
            document: Document { count: of(metrics::PROVIDER_KEYS), times: remote.map(|_| times.map(of)) },
            fetches: Fetches {
                results: remote.map(|_| FETCH_RESULTS.map(fetch)).unwrap_or_default(),
                millis: remote.map(|_| of(metrics::PROVIDER_FETCH_MS)).unwrap_or_default(),
            },
        }
    }
}

impl Document {
    fn record(&self, status: DocumentStatus) {
        self.count.record(u64::try_from(status.count).unwrap_or(u64::MAX));
        let Some(times) = &self.times else { return };
        let seconds = |time: UnixTime| time.millis() / 1000;
        let fetched = status.fetched.map(|times| [times.at, times.due_at, times.stale_at].map(seconds));
        times.iter().zip(fetched.unwrap_or_default()).for_each(|(stat, seconds)| stat.record(seconds));
    }
}
