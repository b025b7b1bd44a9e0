//! The status of the fetched documents, which the metrics report.

use super::sources::{Keys, SourceId};
use super::{Filter, ProviderId, Sources};
use crate::config::Provider;
use crate::observer::DecisionEvent;
use crate::refresh::RefreshSchedule;
use crate::refresh::refresher::Refresher;
use crate::refresh::source::{Document as _, Source};
use crate::time::UnixTime;

/// How a document is: a key set, or a denylist.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DocumentStatus {
    /// How many things are in it.
    pub count: usize,
    /// When it was fetched, if it was.
    pub fetched: Option<RefreshTimes>,
}

/// The times of a fetched document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshTimes {
    /// When it came.
    pub at: UnixTime,
    /// When a newer one should have come, at the latest.
    pub due_at: UnixTime,
    /// When it is too old to be used.
    pub stale_at: UnixTime,
}

impl Filter {
    /// Yields the status of each document that the configuration needs.
    pub fn document_statuses(&self) -> impl Iterator<Item = (SourceId, DocumentStatus)> {
        let Sources { keys, denylist } = &self.sources;
        let keys = keys.iter().enumerate().map(|(index, keys)| {
            let freshness = match keys {
                Keys::Remote(keys) => DocumentStatus::of(keys.refresher()),
                Keys::Local(keys) => {
                    DocumentStatus { count: keys.as_ref().map_or(0, |keys| keys.len()), fetched: None }
                }
            };
            (SourceId::Keys(ProviderId(index)), freshness)
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

impl ProviderId {
    /// Returns the index of the provider in the configuration.
    pub const fn index(self) -> usize {
        self.0
    }

    /// Returns the event that reports this provider to an observer.
    pub(super) fn selected(self, provider: &Provider) -> DecisionEvent<'_> {
        DecisionEvent::ProviderSelected { index: self.0, name: &provider.name }
    }
}
