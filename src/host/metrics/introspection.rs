//! The metrics of introspection calls.

use crate::filter::Filter;
use crate::host::metric::Metric;
use crate::introspection::{CallError, CallOutcome, IntrospectionCounts};
use crate::metrics::{self, Family, INTROSPECTION_RESULTS};
use crate::time::UnixTime;

/// The metrics of introspection; without IDs if no provider has it.
#[derive(Debug, Default)]
pub(in crate::host) struct IntrospectionMetrics {
    /// In the order of [`INTROSPECTION_RESULTS`].
    results: [Metric; INTROSPECTION_RESULTS.len()],
    /// The duration of a call, in milliseconds.
    millis: Metric,
    /// Cache hits and limited requests.
    counts: [Metric; 2],
    /// The counts that the host has.
    flushed: IntrospectionCounts,
}

impl IntrospectionMetrics {
    /// Defines the metrics if a provider has introspection.
    pub(super) fn define(filter: &Filter) -> Self {
        if filter.config().providers.iter().all(|provider| provider.introspection.is_none()) {
            return Self::default();
        }
        let plain = |family: Family| Metric::define(family, &[]);
        Self {
            results: INTROSPECTION_RESULTS.map(|result| Metric::define(metrics::INTROSPECTION, &[result])),
            millis: plain(metrics::INTROSPECTION_MS),
            counts: [metrics::INTROSPECTION_CACHE_HIT, metrics::INTROSPECTION_OVER_LIMIT].map(plain),
            flushed: IntrospectionCounts::default(),
        }
    }

    /// Passes the counts since the last flush to the host.
    pub(super) fn flush(&mut self, counts: IntrospectionCounts) {
        let [hits, limited] = &self.counts;
        hits.count(counts.cache_hits.wrapping_sub(self.flushed.cache_hits));
        limited.count(counts.limited.wrapping_sub(self.flushed.limited));
        self.flushed = counts;
    }

    /// Counts an introspection call that has ended.
    pub(in crate::host) fn count_call(&self, outcome: &CallOutcome) {
        let [active, rejected, unauthorized, limited, failed] = &self.results;
        let metric = match outcome {
            CallOutcome::Active => active,
            CallOutcome::Rejected => rejected,
            CallOutcome::Failed(CallError::Unauthorized(_)) => unauthorized,
            CallOutcome::Failed(CallError::Limited(_)) => limited,
            CallOutcome::Failed(_) => failed,
        };
        metric.count(1);
    }

    /// Records the duration of an introspection call.
    pub(in crate::host) fn time_call(&self, sent_at: UnixTime, now: UnixTime) {
        self.millis.record(millis_between(sent_at, now));
    }
}

/// Returns the duration of a request, in milliseconds.
pub(super) fn millis_between(sent_at: UnixTime, now: UnixTime) -> u64 {
    u64::try_from(now.saturating_duration_since(sent_at).as_millis()).unwrap_or(u64::MAX)
}
