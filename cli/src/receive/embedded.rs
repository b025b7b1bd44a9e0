//! The embedded database: one file, which one receiver uses.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use okta_authz_filter::time::UnixTime;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::denylist::{MAX_BYTES, Served, entry_bytes};
use super::entry::{Key, Member, Times};
use super::store::{Change, Recorded};

/// The entries: member, value and issuer, with `authenticated_before` and `until`.
const ENTRIES: TableDefinition<'static, (&str, &str, &str), (i64, i64)> = TableDefinition::new("entries");
/// The received events, with the time until which they are remembered.
const EVENTS: TableDefinition<'static, &[u8; 32], i64> = TableDefinition::new("events");

/// The database, with a copy of its entries in memory.
pub(super) struct Embedded(Arc<Inner>);

struct Inner {
    path: PathBuf,
    max_entries: usize,
    /// Locked during each transaction that writes, so the copy is equal to the tables. `None` after
    /// a transaction has failed.
    database: Mutex<Option<Database>>,
    /// Never locked while the disk writes.
    copy: Mutex<EntriesCopy>,
}

struct EntriesCopy {
    entries: BTreeMap<Key, Times>,
    bytes: usize,
    served: Option<Arc<Served>>,
}

impl Embedded {
    /// Opens the database, and creates it if the file does not exist.
    pub(super) fn open(path: &Path, max_entries: usize) -> Result<Self, String> {
        let cannot = |error: &dyn std::fmt::Display| format!("storage.path: {}: {error}", path.display());
        create_private(path).map_err(|error| cannot(&error))?;
        let database = Database::create(path).map_err(|error| cannot(&error))?;
        let copy = Mutex::new(EntriesCopy::read(&database).map_err(|error| cannot(&error))?);
        let (path, database) = (path.to_owned(), Mutex::new(Some(database)));
        Ok(Self(Arc::new(Inner { path, max_entries, database, copy })))
    }

    pub(super) async fn record(&self, change: Change, now: UnixTime) -> Result<Recorded, String> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.record(&change, now.seconds()).map_err(|error| error.to_string())).await
    }

    pub(super) fn denylist(&self, now: UnixTime) -> Arc<Served> {
        let mut copy = self.0.lock();
        let EntriesCopy { entries, served, .. } = &mut *copy;
        let current = served.take().filter(|served| now.seconds() < served.ends_at);
        let current = current.unwrap_or_else(|| Arc::new(Served::new(entries, now.seconds())));
        Arc::clone(served.insert(current))
    }

    pub(super) async fn expire(&self, now: UnixTime) -> Result<(), String> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.expire(now.seconds()).map_err(|error| error.to_string())).await
    }
}

/// Runs a transaction on another thread, because a commit waits for the disk.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| Err(error.to_string()))
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, EntriesCopy> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a transaction that writes.
    ///
    /// After an error of the disk, redb fails each transaction until the file is opened again, and
    /// the failed transaction may be durable. So the next transaction opens the file and reads the
    /// entries. Until then, the receiver serves its copy.
    fn transact<T>(&self, run: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match slot.take() {
            Some(database) => database,
            None => {
                // Never creates a file: an empty one would drop the entries of the copy.
                let database = Database::open(&self.path)?;
                let read = EntriesCopy::read(&database)?;
                *self.lock() = read;
                database
            }
        };
        let result = run(&database)?;
        *slot = Some(database);
        Ok(result)
    }

    fn record(&self, change: &Change, now: i64) -> Result<Recorded, redb::Error> {
        self.transact(|database| self.record_in(database, change, now))
    }

    fn record_in(&self, database: &Database, change: &Change, now: i64) -> Result<Recorded, redb::Error> {
        let transaction = database.begin_write()?;
        let mut merged = Vec::new();
        let (mut count, mut bytes) = {
            let copy = self.lock();
            (copy.entries.len(), copy.bytes)
        };
        {
            let mut events = transaction.open_table(EVENTS)?;
            if events.insert(&change.event, change.remember_until)?.is_some_and(|until| until.value() > now) {
                // The dropped transaction is aborted.
                return Ok(Recorded::Seen);
            }
            let mut entries = transaction.open_table(ENTRIES)?;
            for key in &change.keys {
                let present = self.lock().entries.get(key).copied();
                if present.is_none() {
                    (count, bytes) = (count.saturating_add(1), bytes.saturating_add(entry_bytes(key)));
                }
                let times = present.map_or(change.times, |present| present.merged(change.times));
                let name = (key.member.name(), key.value.as_str(), key.issuer.as_str());
                entries.insert(name, (times.authenticated_before, times.until))?;
                merged.push((key.clone(), times));
            }
            if count > self.max_entries || bytes.saturating_add(32) > MAX_BYTES {
                return Ok(Recorded::Full);
            }
        }
        // Returns after fsync.
        transaction.commit()?;
        let mut copy = self.lock();
        copy.bytes = bytes;
        copy.entries.extend(merged);
        copy.served = None;
        Ok(Recorded::New)
    }

    fn expire(&self, now: i64) -> Result<(), redb::Error> {
        self.transact(|database| self.expire_in(database, now))
    }

    fn expire_in(&self, database: &Database, now: i64) -> Result<(), redb::Error> {
        let ended = |(key, times): (&Key, &Times)| (times.until <= now).then(|| key.clone());
        let removed: Vec<Key> = self.lock().entries.iter().filter_map(ended).collect();
        let transaction = database.begin_write()?;
        {
            let mut events = transaction.open_table(EVENTS)?;
            events.retain(|_, until| until > now)?;
            let mut entries = transaction.open_table(ENTRIES)?;
            for key in &removed {
                entries.remove((key.member.name(), key.value.as_str(), key.issuer.as_str()))?;
            }
        }
        transaction.commit()?;
        let mut copy = self.lock();
        for key in &removed {
            copy.entries.remove(key);
            copy.bytes = copy.bytes.saturating_sub(entry_bytes(key));
        }
        if !removed.is_empty() {
            copy.served = None;
        }
        Ok(())
    }
}

/// Creates the file, readable for its owner only: it has user IDs and e-mail addresses.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

impl EntriesCopy {
    /// Creates missing tables, and reads the entries.
    fn read(database: &Database) -> Result<Self, redb::Error> {
        let transaction = database.begin_write()?;
        transaction.open_table(ENTRIES)?;
        transaction.open_table(EVENTS)?;
        transaction.commit()?;
        let table = database.begin_read()?.open_table(ENTRIES)?;
        let mut entries = BTreeMap::new();
        for row in table.iter()? {
            let (key, times) = row?;
            let ((member, value, issuer), (authenticated_before, until)) = (key.value(), times.value());
            if let Some(member) = Member::from_name(member) {
                let key = Key { member, value: value.to_owned(), issuer: issuer.to_owned() };
                entries.insert(key, Times { authenticated_before, until });
            }
        }
        let bytes = entries.keys().map(entry_bytes).fold(0, usize::saturating_add);
        Ok(Self { entries, bytes, served: None })
    }
}
