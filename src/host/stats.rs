//! The host's metrics. Nothing here fails: what cannot be counted is not counted, and no request is worth less for it.
//!
//! Not by the SDK, which panics on a status that it does not list. A list of capabilities from before this module recorded
//! anything would make the host return one, and end the VM.
#![allow(unsafe_code, reason = "raw host calls; each block says why it is sound")]

use std::cell::Cell;

use crate::metrics::{Family, Kind};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_define_metric(kind: u32, name: *const u8, name_len: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

/// A metric of the host.
#[derive(Debug, Default)]
pub(super) struct Stat(Cell<Option<u32>>);

impl Stat {
    /// The metric with these labels; the same one wherever this is asked for.
    pub(super) fn define(family: Family, labels: &[&str]) -> Self {
        let (name, mut id) = (family.name(labels), 0);
        let kind = match family.kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Histogram => 2,
        };
        // SAFETY: the name comes with its length from a live borrow, and the host writes to `id` before it returns.
        let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
        Self(Cell::new((status == 0).then_some(id)))
    }

    /// Moves a counter or a gauge.
    pub(super) fn add(&self, offset: i64) {
        if let Some(id) = self.0.get()
            && offset != 0
        {
            // SAFETY: numbers only.
            self.keep_if(unsafe { proxy_increment_metric(id, offset) });
        }
    }

    /// Moves a counter by what has been counted here.
    pub(super) fn count(&self, count: u64) {
        self.add(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Sets a gauge, or adds a value to a histogram.
    pub(super) fn record(&self, value: u64) {
        if let Some(id) = self.0.get() {
            // SAFETY: numbers only.
            self.keep_if(unsafe { proxy_record_metric(id, value) });
        }
    }

    /// A host that refuses once is not asked again: it logs each refusal.
    fn keep_if(&self, status: u32) {
        if status != 0 {
            self.0.set(None);
        }
    }
}
