//! Whether a request waits for a document: while a fetch is due soon, due, or in flight.

use okta_authz_filter::refresh::refresher::WaitAdvice::{self, FailNow, Wait};
use okta_authz_filter::refresh::shared::SharedData as _;
use okta_authz_filter::refresh::state::{RefreshState, WorkerId};
use test_support::common::Store;

use super::{at, document, kid, response, shared_keys, worker, worker_with_keys};

/// The longest time until a fetch that is not corrupt: the schedule and the tolerance for clocks.
const LONGEST_DUE: u64 = 610_000;
/// The time of the question, in milliseconds.
const NOW: u64 = 100_000;

/// Returns the advice of a worker that read this state and could not take the lease.
fn advice(state: RefreshState) -> WaitAdvice {
    let shared = Store::default();
    assert!(shared.set(&shared_keys().state, &state.encode(), None));
    let mut worker = worker(1);
    shared.lost_races.set(1);
    assert!(worker.on_tick(at(NOW), &shared).fetch.is_none());
    worker.on_keys_unavailable(at(NOW))
}

#[test]
fn wait_advice_is_wait_while_a_fetch_is_due_soon_due_or_leased() {
    let due = |millis: u64| RefreshState { due_at: at(millis), ..RefreshState::new() };
    let leased =
        |until: u64| RefreshState { leased_until: at(until), leased_by: WorkerId(9), ..due(NOW + 60_000) };
    for (name, state, expected) in [
        ("no fetch yet", RefreshState::new(), Wait),
        ("due for a second", due(NOW - 1_000), Wait),
        ("due now", due(NOW), Wait),
        ("due in two seconds", due(NOW + 2_000), Wait),
        ("due in more than two seconds", due(NOW + 2_001), FailNow),
        ("due at the end of the schedule", due(NOW + LONGEST_DUE), FailNow),
        ("due later than the schedule allows", due(NOW + LONGEST_DUE + 1), Wait),
        ("not due, leased", leased(NOW + 1), Wait),
        ("not due, leased for two seconds", leased(NOW + 2_000), Wait),
        ("not due, the lease has ended", leased(NOW), FailNow),
        ("not due, a lease without end", leased(NOW + 1_000_000), FailNow),
    ] {
        assert_eq!(advice(state), expected, "{name}");
    }
}

/// The state that another worker wrote decides whether an unknown key ID causes a fetch.
#[test]
fn unknown_kid_waits_for_a_fetch_that_is_due_leased_or_published() {
    for (name, change, expected) in [
        ("the next fetch is not due", (0, 0, 0), (Wait, true)),
        ("after a failure", (0, 0, 1), (FailNow, false)),
        ("a fetch is in flight", (0, 1_000, 0), (Wait, false)),
        ("a fetch is in flight after a failure", (0, 1_000, 1), (Wait, false)),
        ("another document is published", (1, 0, 0), (Wait, false)),
        ("another document is published, after a failure", (1, 0, 1), (Wait, false)),
    ] {
        let shared = Store::default();
        let mut worker = worker_with_keys(&shared);
        let (bytes, cas) = shared.get(&shared_keys().state).unwrap();
        let state = RefreshState::decode(&bytes).unwrap();
        let (published, leased_for, failures) = change;
        let changed = RefreshState {
            generation: state.generation + published,
            leased_until: at(NOW + leased_for),
            leased_by: WorkerId(9),
            failures,
            due_at: at(NOW + 60_000),
            ..state
        };
        assert!(shared.set(&shared_keys().state, &changed.encode(), Some(cas)));
        let advice = worker.on_unknown_kid(kid(1), at(NOW), &shared);
        let is_written = shared.get(&shared_keys().state).unwrap().0 != changed.encode();
        assert_eq!((advice, is_written), expected, "{name}");
    }
}

/// A due fetch of the schedule serves the unknown key ID too. After a failure, the backoff decides.
#[test]
fn unknown_kid_waits_for_a_due_fetch_unless_the_last_one_failed() {
    for (failures, expected) in [(0, Wait), (1, FailNow)] {
        let shared = Store::default();
        let mut worker = worker_with_keys(&shared);
        let (bytes, cas) = shared.get(&shared_keys().state).unwrap();
        let changed = RefreshState { due_at: at(NOW), failures, ..RefreshState::decode(&bytes).unwrap() };
        assert!(shared.set(&shared_keys().state, &changed.encode(), Some(cas)));
        assert_eq!(worker.on_unknown_kid(kid(1), at(NOW), &shared), expected, "{failures} failures");
        assert_eq!(shared.get(&shared_keys().state).unwrap().0, changed.encode(), "{failures} failures");
        // Either way, the next tick fetches.
        let fetch = worker.on_tick(at(NOW), &shared).fetch.expect("a fetch");
        worker.on_response(at(NOW), fetch, &shared, Ok(response(document(1))));
    }
}
