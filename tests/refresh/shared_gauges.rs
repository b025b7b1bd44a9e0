//! Gauges as sums over workers: workers start, are slow, lose races and trap. A sum has the live
//! workers only.

use fastrand::Rng;
use okta_authz_filter::metrics::shared_gauges::{self, GaugeDelta, WorkerGauges};
use okta_authz_filter::refresh::shared::SharedData as _;
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::time::UnixTime;
use test_support::common::Store;

use super::T0;

/// A time after which a silent worker is removed, in milliseconds.
const REMOVED_AFTER_MS: u64 = 6_000;

#[derive(Default)]
struct Gauges([i64; 4]);

impl Gauges {
    fn add(&mut self, change: GaugeDelta) {
        self.0.iter_mut().zip(change.0).for_each(|(gauge, change)| *gauge += change);
    }
}

fn at(millis: u64) -> UnixTime {
    UnixTime::from_millis(T0.millis() + millis)
}

#[test]
fn sum_has_the_gauges_of_all_workers_until_they_withdraw() {
    let (store, mut gauges) = (Store::default(), Gauges::default());
    gauges.add(shared_gauges::report(WorkerId(1), WorkerGauges([1, 100, 0, 0]), at(0), &store));
    gauges.add(shared_gauges::report(WorkerId(2), WorkerGauges([2, 50, 7, 0]), at(0), &store));
    assert_eq!(gauges.0, [3, 150, 7, 0]);
    gauges.add(shared_gauges::report(WorkerId(2), WorkerGauges([2, 50, 0, 0]), at(100), &store));
    assert_eq!(gauges.0, [3, 150, 0, 0]);
    gauges.add(shared_gauges::withdraw(WorkerId(1), &store));
    assert_eq!(gauges.0, [2, 50, 0, 0]);
    assert_eq!(
        shared_gauges::withdraw(WorkerId(1), &store),
        GaugeDelta::default(),
        "the second withdrawal changes nothing"
    );
}

#[test]
fn silent_worker_is_removed_and_added_again_when_it_reports() {
    let (store, mut gauges) = (Store::default(), Gauges::default());
    let (silent, alive) = (WorkerId(1), WorkerId(2));
    gauges.add(shared_gauges::report(silent, WorkerGauges([9, 9, 9, 0]), at(0), &store));
    for tick in 0..REMOVED_AFTER_MS / 100 {
        gauges.add(shared_gauges::report(alive, WorkerGauges([1, 1, 1, 0]), at(tick * 100), &store));
    }
    assert_eq!(gauges.0, [1, 1, 1, 0]);
    gauges.add(shared_gauges::report(silent, WorkerGauges([9, 9, 8, 0]), at(REMOVED_AFTER_MS), &store));
    assert_eq!(gauges.0, [10, 10, 9, 0], "the worker was slow");
}

#[test]
fn unchanged_gauges_are_written_once_per_second() {
    let store = Store::default();
    shared_gauges::report(WorkerId(1), WorkerGauges([1, 1, 1, 0]), at(0), &store);
    let (_, written) = store.get(shared_gauges::SHARED_KEY).unwrap();
    for tick in 1..=10 {
        shared_gauges::report(WorkerId(1), WorkerGauges([1, 1, 1, 0]), at(tick * 100), &store);
    }
    assert_eq!(store.get(shared_gauges::SHARED_KEY).unwrap().1, written);
    shared_gauges::report(WorkerId(1), WorkerGauges([1, 1, 1, 0]), at(1_100), &store);
    assert_ne!(store.get(shared_gauges::SHARED_KEY).unwrap().1, written);
}

#[test]
fn sum_is_correct_after_the_clock_jumps() {
    for jump in [-3_600_000_i64, 3_600_000] {
        let (store, mut gauges) = (Store::default(), Gauges::default());
        let begin = 10_000_000_u64;
        for round in 0..40_u64 {
            let now = begin + round * 100;
            let now = if round < 20 { now } else { now.checked_add_signed(jump).unwrap() };
            for worker in 1..=4 {
                gauges.add(shared_gauges::report(
                    WorkerId(worker),
                    WorkerGauges([worker, 1, 0, 0]),
                    at(now),
                    &store,
                ));
            }
        }
        assert_eq!(gauges.0, [10, 4, 0, 0], "{jump}");
    }
}

#[test]
fn corrupt_table_is_replaced() {
    for garbage in [&b"x"[..], &[0xff; 49], &[]] {
        let store = Store::default();
        assert!(store.set(shared_gauges::SHARED_KEY, garbage, None));
        assert_eq!(
            shared_gauges::report(WorkerId(1), WorkerGauges([1, 2, 3, 5]), at(0), &store),
            GaugeDelta([1, 2, 3, 5])
        );
    }
}

/// Workers start, report, trap, and lose races, in 40 random histories.
#[test]
fn sum_after_random_history_has_the_gauges_of_live_workers() {
    for seed in 0..40 {
        let (store, mut gauges, mut random) = (Store::default(), Gauges::default(), Rng::with_seed(seed));
        let mut live: Vec<(WorkerId, WorkerGauges)> = Vec::new();
        let (mut started, mut now) = (0, 0);
        for _ in 0..200 {
            now += 100;
            match random.u64(..10) {
                0 | 1 if live.len() < 6 => {
                    started += 1;
                    live.push((WorkerId(started), WorkerGauges::default()));
                }
                2 if !live.is_empty() => {
                    // A trap: the worker does not withdraw.
                    let index = random.usize(..live.len());
                    live.swap_remove(index);
                }
                3 => store.lost_races.set(2),
                _ => {}
            }
            for (worker, values) in &mut live {
                *values =
                    WorkerGauges([random.u64(..100), random.u64(..10_000), random.u64(..5), random.u64(..9)]);
                gauges.add(shared_gauges::report(*worker, *values, at(now), &store));
            }
        }
        // Time passes until the other workers have removed those that trapped.
        store.lost_races.set(0);
        if live.is_empty() {
            live.push((WorkerId(started + 1), WorkerGauges([1, 2, 3, 0])));
        }
        for _ in 0..=REMOVED_AFTER_MS / 100 {
            now += 100;
            live.iter().for_each(|(worker, values)| {
                gauges.add(shared_gauges::report(*worker, *values, at(now), &store))
            });
        }
        let sum = |index: usize| live.iter().map(|(_, values)| values.0[index] as i64).sum::<i64>();
        assert_eq!(gauges.0, [0, 1, 2, 3].map(sum), "seed {seed}");
    }
}
