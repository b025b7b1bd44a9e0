//! A worker that is suspended between two accesses to the shared data while it publishes a document.

use std::cell::{Cell, RefCell};

use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::refresher::FetchProgress;
use okta_authz_filter::refresh::shared::{CasToken, SharedData};
use okta_authz_filter::refresh::source::FetchError;
use test_support::common::Store;

use super::{at, document, has_key, response, worker};

/// Shared data that suspends a worker before one of its accesses, until another worker has acted.
struct Suspending<'a> {
    shared: &'a Store,
    /// The number of accesses before the suspension.
    remaining: Cell<usize>,
    meanwhile: &'a dyn Fn(),
}

impl Suspending<'_> {
    fn access(&self) {
        if self.remaining.get() == 0 {
            (self.meanwhile)();
        }
        self.remaining.set(self.remaining.get().wrapping_sub(1));
    }
}

impl SharedData for Suspending<'_> {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        self.access();
        self.shared.get(name)
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        self.access();
        self.shared.set(name, value, read)
    }
}

/// Runs a fetch of a worker, if it can take the lease. Returns whether it could.
fn fetch(worker: &mut RemoteKeys, millis: u64, shared: &Store, kid: u64) -> bool {
    let Some(fetch) = worker.on_tick(at(millis), shared).fetch else { return false };
    let progress = worker.on_response(at(millis), fetch, shared, Ok(response(document(kid))));
    assert!(matches!(progress, FetchProgress::Done(Ok(1))), "{progress:?}");
    true
}

#[test]
fn worker_suspended_while_it_publishes_does_not_replace_a_newer_document() {
    let mut replaced = Vec::new();
    for accesses in 0..5 {
        let shared = Store::default();
        let (mut suspended, next) = (worker(1), RefCell::new(worker(2)));
        let request = suspended.on_tick(at(0), &shared).fetch.expect("a fetch");
        let was_replaced = Cell::new(false);
        // The lease ends, and another worker publishes the key 2.
        let meanwhile = || was_replaced.set(fetch(&mut next.borrow_mut(), 2_100, &shared, 2));
        let suspending =
            Suspending { shared: &shared, remaining: Cell::new(accesses), meanwhile: &meanwhile };
        let late = suspended.on_response(at(1_900), request, &suspending, Ok(response(document(1))));
        let expected = if was_replaced.get() { 2 } else { 1 };
        assert_eq!(
            matches!(late, FetchProgress::Done(Err(FetchError::TooLate))),
            was_replaced.get(),
            "{accesses}: {late:?}"
        );
        let (mut next, mut third) = (next.into_inner(), worker(3));
        for worker in [&mut suspended, &mut next, &mut third] {
            worker.on_tick(at(2_200), &shared);
            assert!(has_key(worker, expected, at(2_200)), "suspended before access {accesses}");
        }
        replaced.push(was_replaced.get());
    }
    // An operation that publishes without a race has four accesses.
    assert_eq!(replaced, [true, true, true, true, false]);
}
