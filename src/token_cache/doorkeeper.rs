//! The admission filter of a full token cache: the doorkeeper of TinyLFU (Einziger, Friedman and
//! Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", 2017).
//!
//! A token that is used once would evict another without a later hit. The memory that such an entry
//! writes and frees is not in the processor's cache, and costs more than the rest of the decision
//! (DESIGN.md). The doorkeeper therefore rejects the first insertion and stores a hash of the
//! token. It admits the token at a later insertion, if no other token has replaced the hash.

/// The hashes of the tokens that were last rejected.
pub(super) struct Doorkeeper {
    /// The upper half of a hash, at the index that its lower half selects. A later hash with the
    /// same index replaces it. 0 is an empty slot.
    slots: Box<[u32]>,
}

impl Doorkeeper {
    /// Creates a doorkeeper with this number of slots, at least one.
    pub(super) fn new(slots: usize) -> Self {
        Self { slots: vec![0; slots.max(1)].into() }
    }

    /// Stores a hash, and returns whether it was already stored.
    ///
    /// Two hashes with the same index and the same upper half are not distinguished. The
    /// probability is 2^-32 for a given slot; the cache then admits a token at its first insertion.
    pub(super) fn check_and_insert(&mut self, hash: u64) -> bool {
        let [tag, index] = [hash >> 32, hash].map(|half| half as u32);
        let len = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let slot = index.checked_rem(len).and_then(|index| self.slots.get_mut(index as usize));
        slot.is_some_and(|slot| std::mem::replace(slot, tag) == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a hash with these halves.
    const fn hash(tag: u32, index: u32) -> u64 {
        (tag as u64) << 32 | index as u64
    }

    #[test]
    fn hash_inserted_twice_is_found() {
        let mut doorkeeper = Doorkeeper::new(8);
        assert!(!doorkeeper.check_and_insert(hash(5, 1)));
        assert!(doorkeeper.check_and_insert(hash(5, 1)) && doorkeeper.check_and_insert(hash(5, 1)));
        assert!(!doorkeeper.check_and_insert(hash(5, 2)), "another slot");
        assert!(!doorkeeper.check_and_insert(hash(6, 1)), "another hash for the same slot");
        assert!(!doorkeeper.check_and_insert(hash(5, 1)), "which has replaced the first");
    }

    #[test]
    fn hashes_for_half_of_the_slots_are_mostly_found() {
        let mut doorkeeper = Doorkeeper::new(1000);
        let hashes: Vec<u64> = (1..=500_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        assert!(hashes.iter().all(|hash| !doorkeeper.check_and_insert(*hash)));
        let found = hashes.iter().filter(|hash| doorkeeper.check_and_insert(**hash)).count();
        assert!(found > 250, "{found} of 500");
    }

    #[test]
    fn doorkeeper_of_zero_slots_has_one() {
        let mut doorkeeper = Doorkeeper::new(0);
        assert!(!doorkeeper.check_and_insert(hash(5, 7)) && doorkeeper.check_and_insert(hash(5, 7)));
    }
}
