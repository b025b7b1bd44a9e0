//! A negative cache of unknown key IDs, which bounds the fetches that one key ID causes.
//!
//! Unknown key IDs cause at most one fetch per cooldown. Without the cache, a client that repeats a
//! token with a retired key would use every cooldown, and a new key would have to wait. So each
//! miss doubles the time until a key ID causes the next fetch. Only key IDs that caused a fetch
//! enter the cache, one per cooldown, so a flood of invented key IDs cannot fill it.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::time::UnixTime;

/// The maximum number of key IDs in the cache. A further one evicts the ID that may cause a fetch
/// soonest.
const MAX_IDS: usize = 64;
/// The maximum time between two fetches for one key ID. The regular refresh finds a new key
/// earlier.
const MAX_BACKOFF: Duration = Duration::from_secs(3600);

/// The first 16 bytes of the SHA-256 hash of a `kid`. An attacker controls the `kid`, which has up
/// to [`MAX_KEY_ID_BYTES`](crate::token::MAX_KEY_ID_BYTES) bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct KidDigest([u8; 16]);

/// The unknown key IDs for which one worker has requested a fetch.
#[derive(Debug, Default)]
pub(super) struct UnknownKidCache {
    ids: HashMap<KidDigest, KidMiss>,
}

#[derive(Clone, Copy, Debug)]
struct KidMiss {
    /// The number of fetches after which the key was still unknown.
    misses: u32,
    /// The time from which the key ID may cause a fetch.
    retry_at: UnixTime,
    /// The generation of the document when the fetch was requested, until the fetch has ended.
    pending_generation: Option<u64>,
}

impl KidDigest {
    /// Hashes a key ID. A token without a `kid` has a digest that no `kid` has.
    pub fn new(kid: Option<&str>) -> Self {
        let mut hash = Sha256::new();
        hash.update(kid.map_or("", |_| "kid:"));
        hash.update(kid.unwrap_or_default());
        let mut digest = [0; 16];
        digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self(digest)
    }
}

impl UnknownKidCache {
    /// Returns whether a fetch did not find this key ID, and the next fetch for it is not due. The
    /// document of `generation` does not have the key.
    pub(super) fn is_known_missing(
        &mut self,
        kid: KidDigest,
        generation: u64,
        now: UnixTime,
        cooldown: Duration,
    ) -> bool {
        let Some(miss) = self.ids.get_mut(&kid) else { return false };
        if miss.pending_generation.is_some_and(|pending| pending != generation) {
            let factor = 2u32.saturating_pow(miss.misses);
            let backoff = cooldown.saturating_mul(factor).min(MAX_BACKOFF.max(cooldown));
            *miss = KidMiss {
                misses: miss.misses.saturating_add(1),
                retry_at: now.saturating_add(backoff),
                pending_generation: None,
            };
        }
        now < miss.retry_at
    }

    /// Records that a fetch for this key ID was requested while `generation` was installed.
    pub(super) fn record_fetch(&mut self, kid: KidDigest, generation: u64, now: UnixTime) {
        if !self.ids.contains_key(&kid) && self.ids.len() >= MAX_IDS {
            let soonest = self.ids.iter().min_by_key(|(_, miss)| miss.retry_at.millis()).map(|(id, _)| *id);
            soonest.map(|id| self.ids.remove(&id));
        }
        let first = KidMiss { misses: 0, retry_at: now, pending_generation: None };
        self.ids.entry(kid).or_insert(first).pending_generation = Some(generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn kid(number: usize) -> KidDigest {
        KidDigest::new(Some(&number.to_string()))
    }

    #[test]
    fn is_known_missing_after_each_miss_lasts_twice_as_long() {
        let mut kids = UnknownKidCache::default();
        let (mut now, mut backoffs) = (0, Vec::new());
        for generation in 1..12 {
            assert!(!kids.is_known_missing(kid(0), generation, at(now), COOLDOWN));
            kids.record_fetch(kid(0), generation, at(now));
            assert!(!kids.is_known_missing(kid(0), generation, at(now), COOLDOWN), "the fetch has not ended");
            let missed = now;
            while kids.is_known_missing(kid(0), generation + 1, at(now), COOLDOWN) {
                now += 1;
            }
            backoffs.push(now - missed);
        }
        assert_eq!(backoffs, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]);
    }

    #[test]
    fn record_fetch_in_a_full_cache_evicts_the_soonest_retry() {
        let mut kids = UnknownKidCache::default();
        kids.record_fetch(kid(0), 1, at(0));
        assert!(kids.is_known_missing(kid(0), 2, at(0), COOLDOWN));
        for number in 1..1_000 {
            kids.record_fetch(kid(number), 2, at(0));
            assert!(kids.ids.len() <= MAX_IDS);
        }
        assert!(kids.is_known_missing(kid(0), 2, at(1), COOLDOWN));
    }

    #[test]
    fn record_fetch_evicts_only_for_a_new_kid_in_a_full_cache() {
        let full = |number: usize| {
            let mut kids = UnknownKidCache::default();
            (0..number).for_each(|number| kids.record_fetch(kid(number), 1, at(100 + number as u64)));
            kids
        };
        for (before, recorded, after) in [
            (MAX_IDS - 1, MAX_IDS - 1, MAX_IDS),
            (MAX_IDS - 1, 1, MAX_IDS - 1),
            (MAX_IDS, 0, MAX_IDS),
            (MAX_IDS, MAX_IDS - 1, MAX_IDS),
        ] {
            let mut kids = full(before);
            kids.record_fetch(kid(recorded), 2, at(1_000));
            assert_eq!(kids.ids.len(), after, "{before} {recorded}");
            assert!((0..before).all(|number| kids.ids.contains_key(&kid(number))), "{before} {recorded}");
        }
        // The ID that may cause a fetch soonest is evicted, and no other.
        let mut kids = full(MAX_IDS);
        kids.record_fetch(kid(MAX_IDS), 1, at(1_000));
        let missing: Vec<_> = (0..=MAX_IDS).filter(|number| !kids.ids.contains_key(&kid(*number))).collect();
        assert_eq!(missing, [0]);
    }

    #[test]
    fn record_fetch_again_keeps_the_misses() {
        let mut kids = UnknownKidCache::default();
        kids.record_fetch(kid(0), 1, at(0));
        assert!(kids.is_known_missing(kid(0), 2, at(0), COOLDOWN));
        kids.record_fetch(kid(0), 2, at(30));
        assert!(kids.is_known_missing(kid(0), 3, at(30), COOLDOWN));
        assert!(kids.is_known_missing(kid(0), 3, at(89), COOLDOWN), "the second miss lasts 60 s");
        assert!(!kids.is_known_missing(kid(0), 3, at(90), COOLDOWN));
        assert!(!kids.is_known_missing(kid(1), 3, at(0), COOLDOWN), "another ID");
    }

    #[test]
    fn kid_digest_of_another_kid_or_none_differs() {
        assert_ne!(KidDigest::new(None), KidDigest::new(Some("")));
        assert_ne!(KidDigest::new(Some("a")), KidDigest::new(Some("b")));
    }
}
