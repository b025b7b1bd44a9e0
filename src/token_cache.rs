//! Tokens that have been seen, and what was found out about each: a memory of signatures, bounded by bytes.
//!
//! A token is found by its last octets and is it only if all its octets are the same, so no two can be confused. The
//! octets are those of the signature, and the hash of them has a random key (SipHash), so nobody can choose tokens that
//! fall together.
//!
//! While there is room, every token comes in. Then only one that is seen a second time (`doorkeeper`), and on
//! probation: only those that are seen yet again push out others that were (S3-FIFO, by `quick_cache`). A flood of tokens
//! that are used once leaves the ones that are in use where they are, and touches next to no memory.

mod doorkeeper;

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::rc::Rc;

use quick_cache::unsync::Cache;
use quick_cache::{Equivalent, Lifecycle, OptionsBuilder, Weighter};

use doorkeeper::Doorkeeper;

/// Enough of a signature to tell it from all others: as many octets as the shortest one has in base64url would do.
const HASHED_BYTES: usize = 32;
/// About what an entry costs beside its token and what is known of it: its places in the cache's table and list.
const OVERHEAD_BYTES: usize = 128;
/// About what an entry weighs: so many of those that had to go are remembered by their hashes.
const TYPICAL_BYTES: usize = 3072;

/// What is known of tokens.
pub struct TokenCache<T> {
    entries: RefCell<Cache<Token, Entry<T>, ByWeight, RandomState, CountEvictions>>,
    doorkeeper: RefCell<Doorkeeper>,
    hashing: RandomState,
    counts: RefCell<Counts>,
}

/// How the cache has fared since it was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Tokens that were asked for and known.
    pub hits: u64,
    /// Tokens that were asked for and not known.
    pub misses: u64,
    /// Tokens that had to make room for others.
    pub evictions: u64,
}

impl Counts {
    /// What has come to pass since, by name.
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
    weight: u64,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { value: Rc::clone(&self.value), weight: self.weight }
    }
}

impl<T> TokenCache<T> {
    /// A cache that holds no more than this. With 0 it remembers nothing.
    pub fn new(max_bytes: usize) -> Self {
        let typical_tokens = (max_bytes / TYPICAL_BYTES).max(1);
        let mut options = OptionsBuilder::new();
        options
            .estimated_items_capacity(typical_tokens)
            .weight_capacity(u64::try_from(max_bytes).unwrap_or(u64::MAX));
        let hashing = RandomState::new();
        // The one error there is names an option that is missing.
        let entries = options.build().map_or_else(
            |_| Cache::with(1, 0, ByWeight, hashing.clone(), CountEvictions),
            |options| Cache::with_options(options, ByWeight, hashing.clone(), CountEvictions),
        );
        Self {
            entries: RefCell::new(entries),
            doorkeeper: RefCell::new(Doorkeeper::new(typical_tokens)),
            hashing,
            counts: RefCell::default(),
        }
    }

    /// What is known of a token.
    pub fn get(&self, token: &[u8]) -> Option<Rc<T>> {
        let found = self.entries.borrow().get(&TokenRef(token)).map(|entry| Rc::clone(&entry.value));
        let mut counts = self.counts.borrow_mut();
        let count = if found.is_some() { &mut counts.hits } else { &mut counts.misses };
        *count = count.wrapping_add(1);
        found
    }

    /// Remembers a token, if there is room, or it has been here before and room can be made. `bytes` is what is kept alive
    /// by `value`.
    pub fn insert(&self, token: &[u8], value: Rc<T>, bytes: usize) {
        let bytes = bytes.saturating_add(token.len()).saturating_add(OVERHEAD_BYTES);
        let entry = Entry { value, weight: u64::try_from(bytes).unwrap_or(u64::MAX) };
        let mut entries = self.entries.borrow_mut();
        let fits = entries.weight().saturating_add(entry.weight) <= entries.capacity();
        let has_been_here =
            || self.doorkeeper.borrow_mut().check_and_insert(self.hashing.hash_one(TokenRef(token)));
        if !fits && !has_been_here() {
            return;
        }
        let mut evictions = 0;
        entries.insert_with_lifecycle(Token(token.into()), entry, &mut evictions);
        let mut counts = self.counts.borrow_mut();
        counts.evictions = counts.evictions.wrapping_add(evictions);
    }

    /// Forgets a token.
    pub fn remove(&self, token: &[u8]) {
        self.entries.borrow_mut().remove(&TokenRef(token));
    }

    /// How it has fared.
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// How many tokens are known.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they weigh, in bytes.
    pub fn bytes(&self) -> u64 {
        self.entries.borrow().weight()
    }
}

impl<T> fmt::Debug for TokenCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache(<redacted>)")
    }
}

#[derive(Clone, Eq, PartialEq)]
struct Token(Box<[u8]>);

/// A token that is looked for: found without a copy.
struct TokenRef<'a>(&'a [u8]);

/// The end is enough to find a token by; the whole is compared behind it.
fn hash_end<H: Hasher>(token: &[u8], state: &mut H) {
    let start = token.len().saturating_sub(HASHED_BYTES);
    state.write(token.get(start..).unwrap_or_default());
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_end(&self.0, state);
    }
}

impl Hash for TokenRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_end(self.0, state);
    }
}

impl Equivalent<Token> for TokenRef<'_> {
    fn equivalent(&self, token: &Token) -> bool {
        *self.0 == *token.0
    }
}

#[derive(Clone)]
struct ByWeight;

impl<T> Weighter<Token, Entry<T>> for ByWeight {
    fn weight(&self, _: &Token, entry: &Entry<T>) -> u64 {
        entry.weight
    }
}

struct CountEvictions;

impl<T> Lifecycle<Token, Entry<T>> for CountEvictions {
    type RequestState = u64;

    fn on_evict(&self, count: &mut u64, _: Token, _: Entry<T>) {
        *count = count.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token as its signature ends it: the number in front, the same end for all.
    fn token(number: u32) -> Vec<u8> {
        format!("{number:0>700}.{:0>342}", number.wrapping_mul(2_654_435_761)).into_bytes()
    }

    fn filled(max_bytes: usize, numbers: std::ops::Range<u32>) -> TokenCache<u32> {
        let cache = TokenCache::new(max_bytes);
        for number in numbers {
            cache.insert(&token(number), Rc::new(number), 2000);
        }
        cache
    }

    #[test]
    fn a_token_is_itself_and_no_other() {
        let cache = filled(1 << 20, 0..20);
        for number in 0..20 {
            assert_eq!(cache.get(&token(number)).as_deref(), Some(&number));
            let known = token(number);
            for position in 0..known.len() {
                let mut other = known.clone();
                other[position] ^= 1;
                assert_eq!(cache.get(&other), None, "octet {position}");
            }
            assert_eq!(cache.get(&known[1..]), None);
            assert_eq!(cache.get(&[b"0", &known[..]].concat()), None);
            assert_eq!(cache.get(&known[..known.len() - 1]), None);
        }
        assert_eq!(cache.get(b""), None);
    }

    #[test]
    fn what_is_forgotten_is_gone() {
        let cache = filled(1 << 20, 0..20);
        cache.remove(&token(3));
        let forgotten: Vec<u32> = (0..20).filter(|number| cache.get(&token(*number)).is_none()).collect();
        assert_eq!(forgotten, [3]);
        assert_eq!(cache.counts(), Counts { hits: 19, misses: 1, evictions: 0 });
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let max_bytes = 300_000;
        let cache = TokenCache::new(max_bytes);
        for number in (0..5000).flat_map(|number| [number; 2]) {
            cache.insert(&token(number), Rc::new(number), (number as usize % 50) * 400);
            assert!(cache.bytes() <= max_bytes as u64, "{} after {number}", cache.bytes());
        }
        assert!(cache.bytes() > max_bytes as u64 / 2, "{}", cache.bytes());
        assert!(cache.counts().evictions > 4000, "{:?}", cache.counts());
        let (len, heavy) = (cache.len(), token(5000));
        for _ in 0..2 {
            cache.insert(&heavy, Rc::new(5000), max_bytes);
        }
        assert!(cache.get(&heavy).is_none() && cache.len() == len, "what never fits pushes nothing out");
    }

    #[test]
    fn nothing_fits_into_nothing() {
        assert_eq!(filled(0, 0..5).len(), 0);
    }

    #[test]
    fn who_comes_when_it_is_full_must_come_again() {
        let cache = filled(30 * 3000, 0..100);
        let full = cache.len();
        assert!((20..40).contains(&full), "{full}");
        let (new, counts) = (token(1000), cache.counts());
        cache.insert(&new, Rc::new(1000), 2000);
        assert_eq!((cache.get(&new), cache.len()), (None, full));
        assert_eq!(cache.counts().evictions, counts.evictions, "nobody had to go for it");
        cache.insert(&new, Rc::new(1000), 2000);
        assert_eq!(cache.get(&new).as_deref(), Some(&1000));
    }

    #[test]
    fn a_flood_of_new_tokens_leaves_those_in_use() {
        let cache = filled(300 * 3000, 0..100);
        let in_use =
            |cache: &TokenCache<u32>| (0..100).filter(|number| cache.get(&token(*number)).is_some()).count();
        assert_eq!(in_use(&cache), 100);
        // Those that come once stay outside, those that come twice get in and no further.
        for (visits, numbers) in [(1, 1_000..51_000), (2, 51_000..101_000)] {
            for number in numbers.flat_map(|number| std::iter::repeat_n(number, visits)) {
                let flood = token(number);
                if cache.get(&flood).is_none() {
                    cache.insert(&flood, Rc::new(number), 2000);
                }
            }
            assert_eq!(
                in_use(&cache),
                100,
                "although nobody asked for them for 50,000 tokens, {visits} times each"
            );
        }
        assert!(cache.counts().evictions > 40_000, "{:?}", cache.counts());
    }
}
