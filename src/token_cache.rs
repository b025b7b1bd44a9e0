//! A cache of accepted tokens, bounded by bytes.
//!
//! The cache hashes the last bytes of a token, which belong to the signature, and compares all
//! bytes, so it never confuses two tokens. The hash has a random key (SipHash), so an attacker
//! cannot choose tokens that collide.
//!
//! While the cache has space, it admits every token. When it is full, it admits a token only at the
//! second insertion (`doorkeeper`), and then on probation: only tokens that are used again replace
//! tokens in use (S3-FIFO, implemented by `quick_cache`). So a flood of tokens that are used once
//! does not evict tokens in use, and writes little memory.

mod doorkeeper;
mod token_key;

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;

use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use doorkeeper::Doorkeeper;
use token_key::{TokenKey, TokenRef};

/// The approximate size of the cache's table and list for one entry, in bytes.
const OVERHEAD_BYTES: usize = 128;
/// The typical size of an entry, in bytes. It determines the capacities of the table and of the
/// doorkeeper.
const TYPICAL_BYTES: usize = 3072;

/// A cache of values by token. One worker uses it.
pub(crate) struct TokenCache<T> {
    entries: RefCell<Cache<TokenKey, Entry<T>, ByWeight, RandomState, CountEvictions>>,
    doorkeeper: RefCell<Doorkeeper>,
    hash_builder: RandomState,
    counts: RefCell<CacheCounts>,
}

/// The numbers of events since the creation of the cache. They wrap around.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CacheCounts {
    /// Lookups of a cached token.
    pub hits: u64,
    /// Lookups of a token that is not cached.
    pub misses: u64,
    /// Tokens that the cache evicted to admit others.
    pub evictions: u64,
}

impl CacheCounts {
    /// Returns the increments since `before`, with the names of their metrics.
    pub fn increments_since(self, before: Self) -> [(&'static str, u64); 3] {
        [
            ("token_cache_hit", self.hits.wrapping_sub(before.hits)),
            ("token_cache_miss", self.misses.wrapping_sub(before.misses)),
            ("token_cache_eviction", self.evictions.wrapping_sub(before.evictions)),
        ]
    }
}

struct Entry<T> {
    value: Rc<T>,
    /// The size of the entry in bytes, token and overhead included.
    weight: u64,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { value: Rc::clone(&self.value), weight: self.weight }
    }
}

impl<T> TokenCache<T> {
    /// Creates a cache of at most `max_bytes`. With 0 it caches nothing.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let typical_tokens = (max_bytes / TYPICAL_BYTES).max(1);
        let mut options = OptionsBuilder::new();
        options
            .estimated_items_capacity(typical_tokens)
            .weight_capacity(u64::try_from(max_bytes).unwrap_or(u64::MAX));
        let hash_builder = RandomState::new();
        // `build` fails only if one of the two options above is missing.
        let entries = options.build().map_or_else(
            |_| Cache::with(1, 0, ByWeight, hash_builder.clone(), CountEvictions),
            |options| Cache::with_options(options, ByWeight, hash_builder.clone(), CountEvictions),
        );
        Self {
            entries: RefCell::new(entries),
            doorkeeper: RefCell::new(Doorkeeper::new(typical_tokens)),
            hash_builder,
            counts: RefCell::default(),
        }
    }

    /// Returns the value of a token, and counts a hit or a miss.
    pub(crate) fn get(&self, token: &[u8]) -> Option<Rc<T>> {
        let value = self.entries.borrow().get(&TokenRef(token)).map(|entry| Rc::clone(&entry.value));
        let mut counts = self.counts.borrow_mut();
        let count = if value.is_some() { &mut counts.hits } else { &mut counts.misses };
        *count = count.wrapping_add(1);
        value
    }

    /// Inserts a token if the cache has space, or if this is a repeated insertion and the cache can
    /// evict others. `bytes` is the size of the memory that `value` keeps alive.
    pub(crate) fn insert(&self, token: &[u8], value: Rc<T>, bytes: usize) {
        let bytes = bytes.saturating_add(token.len()).saturating_add(OVERHEAD_BYTES);
        let entry = Entry { value, weight: u64::try_from(bytes).unwrap_or(u64::MAX) };
        let mut entries = self.entries.borrow_mut();
        let has_space = entries.weight().saturating_add(entry.weight) <= entries.capacity();
        let is_repeated =
            || self.doorkeeper.borrow_mut().check_and_insert(self.hash_builder.hash_one(TokenRef(token)));
        if !has_space && !is_repeated() {
            return;
        }
        let mut evictions = 0;
        entries.insert_with_lifecycle(TokenKey::new(token), entry, &mut evictions);
        let mut counts = self.counts.borrow_mut();
        counts.evictions = counts.evictions.wrapping_add(evictions);
    }

    /// Removes a token.
    pub(crate) fn remove(&self, token: &[u8]) {
        self.entries.borrow_mut().remove(&TokenRef(token));
    }

    /// Returns the numbers of events.
    pub(crate) fn counts(&self) -> CacheCounts {
        *self.counts.borrow()
    }

    /// Returns the number of cached tokens.
    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Returns the size of all entries in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries.borrow().weight()
    }
}

impl<T> fmt::Debug for TokenCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache(<redacted>)")
    }
}

/// Weighs an entry by its size in bytes.
#[derive(Clone)]
struct ByWeight;

impl<T> Weighter<TokenKey, Entry<T>> for ByWeight {
    fn weight(&self, _: &TokenKey, entry: &Entry<T>) -> u64 {
        entry.weight
    }
}

/// Counts the evictions of one insertion.
struct CountEvictions;

impl<T> Lifecycle<TokenKey, Entry<T>> for CountEvictions {
    type RequestState = u64;

    fn on_evict(&self, count: &mut u64, _: TokenKey, _: Entry<T>) {
        *count = count.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests;
