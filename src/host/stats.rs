//! The host's metrics. Nothing here fails: what cannot be counted is not counted, and no request is worth less for it.

use std::cell::Cell;

use proxy_wasm::types::MetricType;

use super::abi::{self, Status};
use crate::metrics::{Family, Kind};

/// A metric of the host.
#[derive(Debug, Default)]
pub(super) struct Metric(Cell<Option<u32>>);

impl Metric {
    /// The metric with these labels; the same one wherever this is asked for.
    pub(super) fn define(family: Family, labels: &[&str]) -> Self {
        let kind = match family.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        Self(Cell::new(abi::define_metric(kind, &family.name(labels)).ok()))
    }

    /// Moves a counter or a gauge.
    pub(super) fn add(&self, offset: i64) {
        if let Some(id) = self.0.get()
            && offset != 0
        {
            self.disable_on_error(abi::increment_metric(id, offset));
        }
    }

    /// Moves a counter by what has been counted here.
    pub(super) fn count(&self, count: u64) {
        self.add(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Sets a gauge, or adds a value to a histogram.
    pub(super) fn record(&self, value: u64) {
        if let Some(id) = self.0.get() {
            self.disable_on_error(abi::record_metric(id, value));
        }
    }

    /// A host that refuses once is not asked again: it logs each refusal.
    fn disable_on_error(&self, told: Result<(), Status>) {
        if told.is_err() {
            self.0.set(None);
        }
    }
}
