//! Key ids that were asked for and not found: a small memory that keeps one of them from being asked for again and again.
//!
//! The issuer is asked about unknown key ids at most once in a cooldown, whoever sends them. Without this memory a client
//! that goes on sending a token whose key has been retired would use up every cooldown, and a key that is really new
//! would have to wait for the next. So each miss doubles the time until the same key id is asked for again. Only ids that
//! were asked for get in, one in a cooldown, so a flood of made-up ones cannot fill it.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::time::UnixTime;

/// Ids that are remembered. Further ones push out the one that may be asked for soonest.
const MAX_IDS: usize = 64;
/// The longest time between two fetches for the same id. A key that appears is found before, by the regular refresh.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// What stands for a key id: ids are up to 1 KiB long, and come from strangers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct KidDigest([u8; 16]);

/// The ids that one worker has asked for.
#[derive(Debug, Default)]
pub(super) struct UnknownKidCache {
    ids: HashMap<KidDigest, KidMiss>,
}

#[derive(Clone, Copy, Debug)]
struct KidMiss {
    /// Fetches that have not brought it.
    misses: u32,
    /// It is not asked for again before this.
    retry_at: UnixTime,
    /// The generation of keys at which it was asked for, until the fetch has ended.
    pending: Option<u64>,
}

impl KidDigest {
    /// The digest of a key id; a token without one is a case of its own.
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
    /// Whether this id has been asked for in vain, so that it is too early to ask again. It is not among the keys of
    /// `generation`.
    pub(super) fn is_known_missing(
        &mut self,
        kid: KidDigest,
        generation: u64,
        now: UnixTime,
        cooldown: Duration,
    ) -> bool {
        let Some(asked) = self.ids.get_mut(&kid) else { return false };
        if asked.pending.is_some_and(|before| before != generation) {
            let pause =
                cooldown.saturating_mul(2u32.saturating_pow(asked.misses)).min(MAX_PAUSE.max(cooldown));
            *asked = KidMiss {
                misses: asked.misses.saturating_add(1),
                retry_at: now.saturating_add(pause),
                pending: None,
            };
        }
        now < asked.retry_at
    }

    /// A fetch has been made due for this id.
    pub(super) fn asked(&mut self, kid: KidDigest, generation: u64, now: UnixTime) {
        if !self.ids.contains_key(&kid) && self.ids.len() >= MAX_IDS {
            let soonest = self.ids.iter().min_by_key(|(_, asked)| asked.retry_at.millis()).map(|(id, _)| *id);
            soonest.map(|id| self.ids.remove(&id));
        }
        let asked = self.ids.entry(kid).or_insert(KidMiss { misses: 0, retry_at: now, pending: None });
        asked.pending = Some(generation);
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
    fn each_miss_doubles_the_pause() {
        let mut kids = UnknownKidCache::default();
        let (mut now, mut pauses) = (0, Vec::new());
        for generation in 1..12 {
            assert!(!kids.is_known_missing(kid(0), generation, at(now), COOLDOWN));
            kids.asked(kid(0), generation, at(now));
            assert!(!kids.is_known_missing(kid(0), generation, at(now), COOLDOWN), "not before the answer");
            let missed = now;
            while kids.is_known_missing(kid(0), generation + 1, at(now), COOLDOWN) {
                now += 1;
            }
            pauses.push(now - missed);
        }
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]);
    }

    #[test]
    fn it_stays_small_and_forgets_the_least_missed() {
        let mut kids = UnknownKidCache::default();
        kids.asked(kid(0), 1, at(0));
        assert!(kids.is_known_missing(kid(0), 2, at(0), COOLDOWN));
        for number in 1..1_000 {
            kids.asked(kid(number), 2, at(0));
            assert!(kids.ids.len() <= MAX_IDS);
        }
        assert!(kids.is_known_missing(kid(0), 2, at(1), COOLDOWN));
    }

    #[test]
    fn digests_differ() {
        assert_ne!(KidDigest::new(None), KidDigest::new(Some("")));
        assert_ne!(KidDigest::new(Some("a")), KidDigest::new(Some("b")));
    }
}
