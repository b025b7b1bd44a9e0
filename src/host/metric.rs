//! One metric of the host. Metric failures are ignored: they never affect a request.

use std::cell::Cell;

use proxy_wasm::types::MetricType;

use super::abi::{self, Status};
use crate::metrics::{Family, Kind};

/// A metric of the host, by its ID. Without an ID, every operation does nothing.
#[derive(Debug, Default)]
pub(super) struct Metric(Cell<Option<u32>>);

impl Metric {
    /// Defines the metric of a family with these labels. The host returns one ID for one name.
    ///
    /// Not inlined, because it has dozens of callers, which run once for each configuration.
    #[inline(never)]
    pub(super) fn define(family: Family, labels: &[&str]) -> Self {
        let kind = match family.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        Self(Cell::new(abi::define_metric(kind, &family.name(labels)).ok()))
    }

    /// Adds an offset to a counter or a gauge.
    pub(super) fn add(&self, offset: i64) {
        if let Some(id) = self.0.get()
            && offset != 0
        {
            self.disable_on_error(abi::increment_metric(id, offset));
        }
    }

    /// Adds a count to a counter.
    pub(super) fn count(&self, count: u64) {
        self.add(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Sets a gauge, or adds a value to a histogram.
    pub(super) fn record(&self, value: u64) {
        if let Some(id) = self.0.get() {
            self.disable_on_error(abi::record_metric(id, value));
        }
    }

    /// Drops the ID after an error. The host logs each call that fails, and would fill its log.
    fn disable_on_error(&self, result: Result<(), Status>) {
        if result.is_err() {
            self.0.set(None);
        }
    }
}
