//! The status of key sets and denylists, which the metrics report.

use super::sources::{Keys, SourceId};
use super::{Filter, ProviderId, Sources};
use crate::refresh::RefreshSchedule;
use crate::refresh::refresher::Refresher;
use crate::refresh::source::{Document as _, Source};
use crate::time::UnixTime;

/// The status of a document: a key set or a denylist.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DocumentStatus {
    /// The number of keys or denylist entries.
    pub count: usize,
    /// The times of the last successful fetch; `None` before the first one, and for a local
    /// document.
    pub fetched: Option<RefreshTimes>,
}

/// The times of a fetched document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshTimes {
    /// The time of the fetch.
    pub at: UnixTime,
    /// The latest time at which the refresh is due: `at` plus `cache_duration`.
    pub due_at: UnixTime,
    /// The time at which the filter stops using the document: `at` plus `max_stale`.
    pub stale_at: UnixTime,
}

impl Filter {
    /// Yields the status of the key set of each provider, and of the fetched denylist if the
    /// configuration has one.
    pub fn document_statuses(&self) -> impl Iterator<Item = (SourceId, DocumentStatus)> {
        let Sources { keys, denylist } = &self.sources;
        let keys = keys.iter().enumerate().map(|(index, keys)| {
            let status = match keys {
                Keys::Remote(keys) => DocumentStatus::of(keys.refresher()),
                Keys::Local(keys) => {
                    DocumentStatus { count: keys.as_ref().map_or(0, |keys| keys.len()), fetched: None }
                }
            };
            (SourceId::Keys(ProviderId(index)), status)
        });
        keys.chain(denylist.iter().map(|list| (SourceId::Denylist, DocumentStatus::of(list))))
    }
}

impl DocumentStatus {
    fn of<S: Source>(refresher: &Refresher<S>) -> Self {
        let RefreshSchedule { cache_duration, max_stale, .. } = *refresher.schedule();
        let times = |at: UnixTime| RefreshTimes {
            at,
            due_at: at.saturating_add(cache_duration),
            stale_at: at.saturating_add(max_stale),
        };
        let count = refresher.latest().map_or(0, |document| document.count());
        Self { count, fetched: refresher.fetched_at().map(times) }
    }
}
