//! Metrics in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// Counters with at most two labels. All label values are constants of the program.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    store_errors: Mutex<u64>,
}

/// The values of the gauges at the time of a scrape.
pub(super) struct Gauges<'a> {
    pub(super) entries: Option<usize>,
    pub(super) max_entries: usize,
    /// Each org with the time of its last successful fetch of keys.
    pub(super) keys: Vec<(&'a str, Option<i64>)>,
}

impl Metrics {
    /// Counts a request: `endpoint` is `events`, `logout` or `denylist`.
    pub(super) fn count(&self, endpoint: &'static str, result: &'static str) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry((endpoint, result)).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts a failure of the store.
    pub(super) fn count_store_error(&self) {
        let mut count = self.store_errors.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.saturating_add(1);
    }

    /// Returns all metrics.
    pub(super) fn text(&self, gauges: &Gauges<'_>) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
            let name = format!("okta_authz_receive_{name}");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let samples: Vec<_> = requests
            .iter()
            .map(|((endpoint, result), count)| {
                (format!("{{endpoint=\"{endpoint}\",result=\"{result}\"}}"), count.to_string())
            })
            .collect();
        family("requests_total", "counter", "Requests by endpoint and result.", &samples);
        let errors = *self.store_errors.lock().unwrap_or_else(PoisonError::into_inner);
        let single = |value: String| [(String::new(), value)];
        family("store_errors_total", "counter", "Failures of the database.", &single(errors.to_string()));
        if let Some(entries) = gauges.entries {
            family("entries", "gauge", "Entries of the denylist.", &single(entries.to_string()));
        }
        let max_entries = single(gauges.max_entries.to_string());
        family("max_entries", "gauge", "The maximum number of entries.", &max_entries);
        let keys = gauges.keys.iter();
        let samples: Vec<_> = keys
            .map(|(org, at)| (format!("{{org=\"{org}\"}}"), at.unwrap_or_default().to_string()))
            .collect();
        let help =
            "The time of the last successful fetch of the org's keys, in seconds since 1970; 0 for none.";
        family("keys_fetched_timestamp_seconds", "gauge", help, &samples);
        text
    }
}
