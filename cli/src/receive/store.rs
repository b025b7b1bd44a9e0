//! The store of entries and of the events that were received.

use std::sync::Arc;

use okta_authz_filter::time::UnixTime;
use sha2::{Digest as _, Sha256};

use super::config::{Settings, Storage};
use super::denylist::Served;
use super::embedded::Embedded;
use super::entry::{Key, Times};
#[cfg(feature = "postgres")]
use super::postgres::Postgres;

/// The digest of an event: of its kind, its issuer and its `jti`.
pub(super) type EventId = [u8; 32];

/// A change of the store: an event, and its entries.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) event: EventId,
    /// The time in seconds until which the store remembers the event.
    pub(super) remember_until: i64,
    pub(super) keys: Vec<Key>,
    pub(super) times: Times,
}

/// The result of [`Store::record`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Recorded {
    /// The change is durable.
    New,
    /// The store already had the event, and did not change.
    Seen,
    /// The denylist has reached its limits, and did not change.
    Full,
}

/// A store.
pub(super) enum Store {
    Embedded(Embedded),
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

/// Returns the ID of an event. `kind` keeps events and logout calls apart.
pub(super) fn event_id(kind: &str, issuer: &str, token_id: &str) -> EventId {
    let mut hash = Sha256::new();
    for part in [kind, issuer, token_id] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

impl Store {
    /// Opens the store.
    pub(super) async fn open(settings: &Settings) -> Result<Self, String> {
        match &settings.storage {
            Storage::Embedded(path) => Embedded::open(path, settings.max_entries).map(Self::Embedded),
            #[cfg(feature = "postgres")]
            Storage::Postgres { url, ca } => {
                Postgres::open(url, ca.as_deref(), settings.max_entries).await.map(Self::Postgres)
            }
        }
    }

    /// Stores a change, and returns when it is durable.
    ///
    /// # Errors
    /// A message for the log. Then the change may be durable or not.
    pub(super) async fn record(&self, change: Change, now: UnixTime) -> Result<Recorded, String> {
        match self {
            Self::Embedded(store) => store.record(change, now).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.record(change, now).await,
        }
    }

    /// Returns the denylist of the entries that have not ended.
    ///
    /// # Errors
    /// A message for the log.
    pub(super) async fn denylist(&self, now: UnixTime) -> Result<Arc<Served>, String> {
        match self {
            Self::Embedded(store) => Ok(store.denylist(now)),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.denylist(now).await,
        }
    }

    /// Removes entries that have ended, and events that need no longer be remembered.
    ///
    /// # Errors
    /// A message for the log.
    pub(super) async fn expire(&self, now: UnixTime) -> Result<(), String> {
        match self {
            Self::Embedded(store) => store.expire(now).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.expire(now).await,
        }
    }
}
