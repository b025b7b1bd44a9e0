//! A table of results by token, bounded by number and bytes. When it is full, the oldest result
//! leaves. All results of a table are valid for an equal time, so the oldest one also expires first.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::digest::TokenDigest;
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// The approximate size of the table's own data for one result, in bytes.
const OVERHEAD_BYTES: usize = 160;

/// The results of one kind: those of active tokens, or all others. Two tables keep a flood of
/// inactive tokens from evicting active ones.
pub(super) struct ResultTable<T> {
    entries: HashMap<TokenDigest, Entry<T>>,
    /// The digests in the order of insertion. A digest whose number differs from that of its entry
    /// was inserted again, or removed.
    order: VecDeque<(TokenDigest, u64)>,
    max_entries: usize,
    max_bytes: usize,
    bytes: usize,
    inserted: u64,
}

/// A result, and the time of the call.
pub(super) struct Entry<T> {
    pub(super) result: CachedResult<T>,
    pub(super) at: UnixTime,
    bytes: usize,
    number: u64,
}

/// The result of a call.
pub(super) enum CachedResult<T> {
    /// The token is active until `expires_at`, in seconds since the epoch, if the response says so.
    Active { token: Rc<T>, expires_at: Option<i64> },
    /// The token is not acceptable.
    Rejected(Rejection),
    /// The call has failed.
    Failed(Rejection),
}

impl<T> ResultTable<T> {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let (entries, order) = (HashMap::new(), VecDeque::new());
        Self { entries, order, max_entries, max_bytes, bytes: 0, inserted: 0 }
    }

    pub(super) fn get(&self, digest: &TokenDigest) -> Option<&Entry<T>> {
        self.entries.get(digest)
    }

    /// Inserts a result in place of an older one. `bytes` is the size of the memory that it keeps
    /// alive.
    pub(super) fn insert(
        &mut self,
        digest: TokenDigest,
        result: CachedResult<T>,
        at: UnixTime,
        bytes: usize,
    ) {
        self.remove(&digest);
        self.inserted = self.inserted.wrapping_add(1);
        let bytes = bytes.saturating_add(OVERHEAD_BYTES);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.insert(digest, Entry { result, at, bytes, number: self.inserted });
        self.order.push_back((digest, self.inserted));
        // Removed results leave their digests behind, so the list has a separate limit.
        while self.entries.len() > self.max_entries
            || self.bytes > self.max_bytes
            || self.order.len() > self.max_entries.saturating_mul(2)
        {
            let Some((oldest, number)) = self.order.pop_front() else { return };
            if self.entries.get(&oldest).is_some_and(|entry| entry.number == number) {
                self.remove(&oldest);
            }
        }
    }

    pub(super) fn remove(&mut self, digest: &TokenDigest) {
        if let Some(entry) = self.entries.remove(digest) {
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u64) -> TokenDigest {
        TokenDigest::of(&number.to_le_bytes())
    }

    fn insert(table: &mut ResultTable<u64>, number: u64, bytes: usize) {
        let result = CachedResult::Active { token: Rc::new(number), expires_at: None };
        table.insert(digest(number), result, UnixTime::from_seconds(number), bytes);
    }

    #[test]
    fn full_table_evicts_the_oldest_result() {
        let mut table = ResultTable::new(3, usize::MAX);
        (1..=3).for_each(|number| insert(&mut table, number, 1));
        // A new result of a token makes it the newest.
        insert(&mut table, 1, 1);
        insert(&mut table, 4, 1);
        let present: Vec<u64> = (1..=4).filter(|number| table.get(&digest(*number)).is_some()).collect();
        assert_eq!(present, [1, 3, 4]);
    }

    #[test]
    fn table_never_exceeds_its_bytes() {
        let mut table = ResultTable::new(usize::MAX, 10 * OVERHEAD_BYTES);
        for number in 0..100 {
            insert(&mut table, number, OVERHEAD_BYTES);
            assert!(table.bytes <= table.max_bytes && table.len() <= 5);
        }
        assert_eq!(table.len(), 5);
        insert(&mut table, 100, 11 * OVERHEAD_BYTES);
        assert_eq!((table.len(), table.bytes), (0, 0), "a result that is larger than the table");
    }

    #[test]
    fn order_list_is_bounded_when_results_are_removed() {
        let mut table = ResultTable::new(10, usize::MAX);
        for number in 0..1_000 {
            insert(&mut table, number, 1);
            table.remove(&digest(number));
        }
        assert!(table.order.len() <= 20 && table.len() == 0);
    }
}
