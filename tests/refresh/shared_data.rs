//! Shared data of other workers: newer than the clock of a worker, older than its VM, or corrupt.

use okta_authz_filter::refresh::state::RefreshState;
use test_support::common::Store;

use super::{at, document, has_key, response, worker, worker_with_keys};

/// The operating system can suspend a thread after it reads the clock and before it reads the
/// state, and another worker can write the state in between.
#[test]
fn worker_with_old_clock_reading_respects_lease_and_document_of_others() {
    for late in [1, 100, 5_000] {
        let (shared, now) = (Store::default(), at(60_000));
        let [mut leader, mut suspended] = [worker(1024), worker(2)];
        let fetch = leader.on_tick(now, &shared).fetch.expect("the lease");
        assert!(
            suspended.on_tick(at(60_000 - late), &shared).fetch.is_none(),
            "the lease is {late} ms newer"
        );
        leader.on_response(now, fetch, &shared, Ok(response(document(0))));
        let tick = suspended.on_tick(at(60_000 - late), &shared);
        assert!(tick.fetch.is_none() && tick.changed, "the keys are {late} ms newer");
        assert!(has_key(&suspended, 0, at(60_000 - late)));
    }
}

#[test]
fn keys_are_kept_after_reload_of_the_vm() {
    let shared = Store::default();
    drop(worker_with_keys(&shared));
    let mut reloaded = worker(7);
    let tick = reloaded.on_tick(at(50), &shared);
    assert!(tick.fetch.is_none() && has_key(&reloaded, 0, at(50)));
}

#[test]
fn corrupt_shared_data_causes_a_fetch_and_removes_no_key() {
    let far =
        RefreshState { due_at: at(u64::MAX >> 12), leased_until: at(u64::MAX >> 12), ..RefreshState::new() };
    for (name, suffix, bytes) in [
        ("an empty record", ".record", Vec::new()),
        ("half a record", ".record", vec![1; 37]),
        ("noise", ".record", vec![0xff; 64]),
        ("a lease without end, and a fetch that is never due", ".record", far.encode()),
        ("an empty document", ".document", Vec::new()),
        ("noise for a document", ".document", vec![0xff; 1_000]),
        ("another generation", ".document", document(9)),
    ] {
        let shared = Store::default();
        let mut workers = [worker_with_keys(&shared), worker(2)];
        shared.corrupt(suffix, &bytes);
        let mut fetches = 0;
        for millis in (0..700_000).step_by(100) {
            for worker in &mut workers {
                if let Some(fetch) = worker.on_tick(at(millis), &shared).fetch {
                    fetches += 1;
                    worker.on_response(at(millis), fetch, &shared, Ok(response(document(0))));
                }
            }
            assert!(has_key(&workers[0], 0, at(millis)), "{name}: the first worker lost its keys");
        }
        assert!(has_key(&workers[1], 0, at(700_000)), "{name}: the second worker has no keys");
        assert!((1..=3).contains(&fetches), "{name}: {fetches} fetches");
    }
}
