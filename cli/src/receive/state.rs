//! The state of a receiver, which all requests share.

use std::sync::Arc;
use std::time::Duration;

use okta_authz_filter::revocation::{Subject, first_valid_second};
use sha2::{Digest as _, Sha256};

use super::config::{Org, Settings};
use super::entry::{Key, Times};
use super::keys::OrgKeys;
use super::logs;
use super::metrics::{Gauges, Metrics};
use super::store::{Change, Recorded, Store, event_id};
use crate::clock::now;

/// The interval at which ended entries are removed.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);
/// The time beyond the retention for which the store remembers an event, in seconds: the clocks of
/// Okta and of the receiver may differ.
const MEMORY_MARGIN: i64 = 600;

/// A running receiver.
pub(super) struct Receiver {
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    pub(super) store: Store,
    keys: Vec<Arc<OrgKeys>>,
}

/// The result of a revocation that was verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The entry is durable.
    Accepted,
    /// The store already had the event.
    Duplicate,
    /// The event is so old that its entry would have ended.
    Ended,
    /// The denylist has reached its limits.
    Full,
    /// The store failed.
    StoreFailed,
}

impl Outcome {
    /// Returns the name for logs and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ended => "ended",
            Self::Full => "denylist_full",
            Self::StoreFailed => "store_failed",
        }
    }
}

impl Receiver {
    /// Opens the store, starts the fetches of keys, and starts the removal of ended entries.
    pub(super) async fn start(settings: Settings) -> Result<Self, String> {
        let keys = settings.orgs.iter().map(|org| OrgKeys::start(org, settings.ca.as_deref()));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let store = Store::open(&settings).await?;
        Ok(Self { settings, metrics: Metrics::default(), store, keys })
    }

    /// Returns the org with this issuer, and its keys.
    pub(super) fn org(&self, issuer: &str) -> Option<(&Org, &OrgKeys)> {
        let orgs = self.settings.orgs.iter().zip(&self.keys);
        orgs.map(|(org, keys)| (org, &**keys)).find(|(org, _)| org.issuers.iter().any(|own| own == issuer))
    }

    /// Revokes the tokens of a user whose login was before `at`, in seconds. Returns when the entry
    /// is durable.
    pub(super) async fn revoke(
        &self,
        endpoint: &'static str,
        org: &Org,
        token_id: &str,
        subject: Subject,
        at: i64,
    ) -> Outcome {
        let retention = i64::try_from(self.settings.retention.as_secs()).unwrap_or(i64::MAX);
        let until = at.saturating_add(retention);
        if until <= now().seconds() {
            return Outcome::Ended;
        }
        let change = Change {
            event: event_id(endpoint, org.name(), token_id),
            remember_until: now().seconds().max(at).saturating_add(retention).saturating_add(MEMORY_MARGIN),
            keys: Key::of(subject, &org.token_issuers),
            times: Times { authenticated_before: first_valid_second(at), until },
        };
        let mut recorded = self.store.record(change.clone(), now()).await;
        if recorded == Ok(Recorded::Full) {
            // Ended entries may still occupy the list.
            self.expire().await;
            recorded = self.store.record(change, now()).await;
        }
        match recorded {
            Ok(Recorded::New) => Outcome::Accepted,
            Ok(Recorded::Seen) => Outcome::Duplicate,
            Ok(Recorded::Full) => Outcome::Full,
            Err(problem) => {
                self.store_failed(&problem);
                Outcome::StoreFailed
            }
        }
    }

    /// Logs and counts a failure of the store.
    pub(super) fn store_failed(&self, problem: &str) {
        self.metrics.count_store_error();
        logs::error("store_failed", &[("problem", problem.into())]);
    }

    /// Removes entries that have ended.
    pub(super) async fn expire(&self) {
        if let Err(problem) = self.store.expire(now()).await {
            self.store_failed(&problem);
        }
    }

    /// Removes ended entries until the future is dropped.
    pub(super) async fn expire_periodically(&self) {
        loop {
            tokio::time::sleep(EXPIRY_INTERVAL).await;
            self.expire().await;
        }
    }

    /// Returns whether a value of `Authorization` is `expected`. Compares digests, so the time does
    /// not depend on the position of the first difference.
    pub(super) fn is_secret(expected: &str, given: Option<&[u8]>) -> bool {
        given.is_some_and(|given| Sha256::digest(given) == Sha256::digest(expected))
    }

    /// Returns the metrics.
    pub(super) async fn metrics_text(&self) -> String {
        let entries = self.store.denylist(now()).await.ok().map(|served| served.count);
        let orgs = self.settings.orgs.iter().zip(&self.keys);
        let keys = orgs.map(|(org, keys)| (org.name(), keys.fetched_at())).collect();
        self.metrics.text(&Gauges { entries, max_entries: self.settings.max_entries, keys })
    }
}
