//! Tests of the rate and the pauses.

use std::cell::RefCell;
use std::collections::HashMap;

use super::*;
use crate::refresh::shared::CasToken;

/// The shared data of one process. `lost_writes` is the number of writes that another worker wins.
#[derive(Default)]
struct Shared {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    lost_writes: RefCell<u32>,
}

impl SharedData for Shared {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        self.values.borrow().get(name).map(|(value, number)| (value.clone(), CasToken(*number)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let mut lost = self.lost_writes.borrow_mut();
        let mut values = self.values.borrow_mut();
        let current = values.get(name).map(|(_, number)| CasToken(*number));
        if *lost > 0 || current != read {
            *lost = lost.saturating_sub(1);
            return false;
        }
        let number = current.map_or(1, |CasToken(number)| number + 1);
        values.insert(name.to_owned(), (value.to_vec(), number));
        true
    }
}

fn limits(per_second: u32) -> Limits {
    Limits::new(per_second, &SharedKeys::new(&["test"]))
}

fn at(millis: u64) -> UnixTime {
    UnixTime::from_millis(1_800_000_000_000 + millis)
}

fn admitted(limits: &mut Limits, millis: u64, shared: &dyn SharedData) -> usize {
    (0..1_000).filter(|_| limits.take(false, at(millis), shared).is_ok()).count()
}

#[test]
fn rate_is_that_of_all_workers_together() {
    let shared = Shared::default();
    let (mut first, mut second) = (limits(20), limits(20));
    assert_eq!(admitted(&mut first, 0, &shared), 20);
    assert_eq!(admitted(&mut second, 0, &shared), 0);
    assert_eq!(admitted(&mut second, 100, &shared), 2);
    assert_eq!(admitted(&mut first, 500, &shared), 8);
    assert_eq!(admitted(&mut first, 3_600_000, &shared), 20, "the bucket holds one second");
    assert_eq!(first.take(false, at(3_600_000), &shared), Err(Rejection::IntrospectionLimited));
}

#[test]
fn rate_without_shared_data_is_that_of_the_worker() {
    let (mut first, mut second) = (limits(20), limits(20));
    assert_eq!((admitted(&mut first, 0, &()), admitted(&mut second, 0, &())), (20, 20));
}

#[test]
fn rate_when_other_workers_win_each_write_allows_no_call() {
    let shared = Shared::default();
    let mut limits = limits(20);
    assert!(limits.take(false, at(0), &shared).is_ok());
    *shared.lost_writes.borrow_mut() = 7;
    assert!(limits.take(false, at(0), &shared).is_ok(), "one attempt is left");
    *shared.lost_writes.borrow_mut() = 8;
    assert_eq!(limits.take(false, at(0), &shared), Err(Rejection::IntrospectionLimited));
}

#[test]
fn shared_values_that_are_forged_never_raise_the_rate_or_pause_for_long() {
    let shared = Shared::default();
    let mut limits = limits(20);
    for value in [vec![0xff; 16], vec![], vec![1; 15], vec![0; 17], vec![0xff; 8]] {
        shared.values.borrow_mut().insert(limits.bucket_key.clone(), (value.clone(), 1));
        assert!(admitted(&mut limits, 0, &shared) <= 20, "{value:?}");
        shared.values.borrow_mut().remove(&limits.bucket_key);
        shared.values.borrow_mut().insert(limits.pause_key.clone(), (value.clone(), 1));
        assert!(limits.take(false, at(0), &shared).is_ok(), "{value:?}");
    }
}

#[test]
fn pause_holds_for_all_workers_until_its_end() {
    let shared = Shared::default();
    let (mut first, mut second) = (limits(20), limits(20));
    first.pause_all(at(10_000), &shared);
    for limits in [&mut first, &mut second] {
        assert_eq!(limits.take(false, at(9_999), &shared), Err(Rejection::IntrospectionLimited));
        assert!(limits.take(false, at(10_000), &shared).is_ok());
    }
}

#[test]
fn pause_for_credentials_holds_for_this_worker() {
    let shared = Shared::default();
    let (mut first, mut second) = (limits(20), limits(20));
    first.pause_for_credentials(at(0));
    assert_eq!(first.take(false, at(4_999), &shared), Err(Rejection::IntrospectionUnavailable));
    assert!(second.take(false, at(4_999), &shared).is_ok() && first.take(false, at(5_000), &shared).is_ok());
}

#[test]
fn reserve_is_for_known_tokens_and_fills_first() {
    let shared = Shared::default();
    let mut limits = limits(20);
    let mut known = |millis: u64, shared: &Shared| {
        (0..1_000).filter(|_| limits.take(true, at(millis), shared).is_ok()).count()
    };
    let mut other = self::limits(20);
    assert_eq!(admitted(&mut other, 0, &shared), 20);
    assert_eq!(known(0, &shared), 5);
    // In 200 ms, four calls become available: all of them for known tokens.
    assert_eq!((admitted(&mut other, 200, &shared), known(200, &shared)), (0, 4));
    // In a second, 20: first the reserve of 5, and 15 for other tokens.
    assert_eq!((admitted(&mut other, 1_200, &shared), known(1_200, &shared)), (15, 5));
}
