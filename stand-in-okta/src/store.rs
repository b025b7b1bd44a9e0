//! A bounded map whose entries expire.

use std::collections::HashMap;

use super::keys::random_text;

/// A map from unguessable keys to values that expire. At its capacity it drops the entry that would
/// expire first, so requests of clients cannot make it grow.
pub(crate) struct Store<T> {
    entries: HashMap<String, Entry<T>>,
}

struct Entry<T> {
    value: T,
    expires_millis: i64,
}

impl<T> Store<T> {
    /// Makes an empty store.
    pub(crate) fn new() -> Self {
        Self { entries: HashMap::new() }
    }

    /// Adds a value for this number of seconds and returns its key: 256 random bits as base64url
    /// text.
    pub(crate) fn add(&mut self, value: T, seconds: i64, now_millis: i64) -> String {
        let key = random_text(32);
        self.insert(key.clone(), value, seconds, now_millis);
        key
    }

    /// Adds a value under a key of the caller. Returns `false` and changes nothing if the store has
    /// the key.
    pub(crate) fn insert_new(&mut self, key: &str, value: T, seconds: i64, now_millis: i64) -> bool {
        let new = self.get(key, now_millis).is_none();
        if new {
            self.insert(key.to_owned(), value, seconds, now_millis);
        }
        new
    }

    fn insert(&mut self, key: String, value: T, seconds: i64, now_millis: i64) {
        self.entries.retain(|_, entry| entry.expires_millis > now_millis);
        if self.entries.len() >= CAPACITY {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.expires_millis);
            if let Some(key) = first.map(|(key, _)| key.clone()) {
                self.entries.remove(&key);
            }
        }
        let expires_millis = now_millis.saturating_add(seconds.saturating_mul(1000));
        self.entries.insert(key, Entry { value, expires_millis });
    }

    /// Returns the value of a key that has not expired.
    pub(crate) fn get(&self, key: &str, now_millis: i64) -> Option<&T> {
        self.entries.get(key).filter(|entry| entry.expires_millis > now_millis).map(|entry| &entry.value)
    }

    /// Returns the value of a key that has not expired, to change it.
    pub(crate) fn get_mut(&mut self, key: &str, now_millis: i64) -> Option<&mut T> {
        let entry = self.entries.get_mut(key).filter(|entry| entry.expires_millis > now_millis)?;
        Some(&mut entry.value)
    }

    /// Makes a key expire this number of seconds from now.
    pub(crate) fn extend(&mut self, key: &str, seconds: i64, now_millis: i64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.expires_millis = now_millis.saturating_add(seconds.saturating_mul(1000));
        }
    }

    /// Removes a key and returns its value.
    pub(crate) fn remove(&mut self, key: &str) -> Option<T> {
        self.entries.remove(key).map(|entry| entry.value)
    }
}

/// The capacity of a store. Each test and each demo uses a few entries.
const CAPACITY: usize = 1000;
