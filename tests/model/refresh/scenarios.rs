//! The scenarios. Each is exhaustive within its [`Bounds`]: every order of the accesses to the
//! shared data, of the responses, of the clock and of the faults.
//!
//! The time of a document is 600 s, so a fetch is due at 600,000 ms.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use super::{Bounds, Ghost, GhostWorker, Limits, Op, Refresh, Reply, Source};
use crate::explorer::{Explored, Explorer, StateOf};
use crate::history::WorkerIndex;

const NONE: Limits =
    Limits { failures: 0, not_modified: 0, releases: 0, unknown_kids: 0, overwrites: 0, lost_races: 0 };
/// Workers without a document.
const COLD: Bounds = Bounds { source: Source::Keys, times: &[0], warm: 0, ticks: &[], limits: NONE };
/// Workers with a document that is due at the first time.
const DUE: Bounds = Bounds { times: &[600_000], warm: 3, ..COLD };

impl Bounds {
    /// Returns whether the shared document can be lost. Then the next fetch may begin only 30 s
    /// after it was published.
    pub(super) fn may_lose_documents(&self) -> bool {
        self.limits.overwrites > 0
    }

    fn explorer(self) -> (Explorer<Refresh>, StateOf<Refresh>) {
        let count = WorkerIndex::try_from(self.ticks.len()).unwrap();
        let model = Refresh { bounds: self, settled: RefCell::new(HashSet::new()), longest: Cell::new(0) };
        let mut explorer = Explorer::new(model, count);
        let ghost = Ghost {
            clock: 0,
            limits: NONE,
            served: 0,
            lease: None,
            published: Vec::new(),
            document_writes: 0,
            workers: vec![GhostWorker::default(); self.ticks.len()],
        };
        let mut state = explorer.start(count, ghost);
        if self.warm > 0 {
            let respond = Op::Respond { at: 0, fetch: 0, reply: Reply::Document(1) };
            for (worker, op) in [(0, Op::Tick { at: 0 }), (0, respond)]
                .into_iter()
                .chain((0..count.min(self.warm)).map(|worker| (worker, Op::Tick { at: 0 })))
            {
                state = explorer.run_alone(state, worker, op).expect("one worker");
            }
        }
        state.ghost.limits = self.limits;
        for (worker, ticks) in state.ghost.workers.iter_mut().zip(self.ticks) {
            worker.ticks = *ticks;
        }
        (explorer, state)
    }

    /// Explores the scenario, and prints its size.
    fn explore(self, name: &str) -> Explored {
        let (mut explorer, state) = self.explorer();
        let explored = explorer.run(state).unwrap_or_else(|error| panic!("{name}: {error}"));
        let longest = explorer.histories.program.longest.get();
        println!(
            "| {name} | {} | {} | {} | {longest} |",
            self.ticks.len(),
            explored.states,
            explored.schedules
        );
        explored
    }
}

/// Declares a scenario with small bounds for `make test`, and with large ones for `make model`.
macro_rules! scenario {
    ($(#[$doc:meta])* $name:ident: $small:expr, $large:expr) => {
        mod $name {
            use super::*;

            $(#[$doc])*
            #[test]
            fn every_schedule_keeps_the_properties() {
                $small.explore(stringify!($name));
            }

            #[test]
            #[ignore = "takes minutes: `make model` runs it"]
            fn every_schedule_within_large_bounds_keeps_the_properties() {
                $large.explore(concat!(stringify!($name), ", large"));
            }
        }
    };
}

scenario! {
    /// Three workers tick at the same time, and there is no document.
    start:
    Bounds { ticks: &[1, 1, 1], times: &[0, 2_100], ..COLD },
    Bounds { ticks: &[2, 1, 1], times: &[0, 2_100], limits: Limits { failures: 1, ..NONE }, ..COLD }
}

scenario! {
    /// The lease of one worker ends while it is suspended, and another worker takes it. A third
    /// worker reads the document meanwhile.
    suspension:
    Bounds { ticks: &[1, 1, 1], times: &[600_000, 602_100], warm: 2, ..DUE },
    Bounds { ticks: &[2, 1, 1], times: &[600_000, 602_100, 604_200], warm: 2, ..DUE }
}

scenario! {
    /// The owner of a lease renews it, or is too late and finds another owner.
    renewal:
    Bounds { ticks: &[2, 2], times: &[600_000, 600_300, 602_350], ..DUE },
    Bounds { ticks: &[3, 2], times: &[600_000, 600_300, 602_350, 611_000], ..DUE }
}

scenario! {
    /// A worker ends while it has a fetch, and other workers take the lease.
    departure:
    Bounds { ticks: &[1, 1, 1], limits: Limits { releases: 1, ..NONE }, ..DUE },
    Bounds { ticks: &[2, 2, 1], times: &[600_000, 602_100], limits: Limits { releases: 1, ..NONE }, ..DUE }
}

scenario! {
    /// Unknown key IDs make a fetch due while another worker fetches, publishes or fails.
    early_refresh:
    Bounds {
        ticks: &[1, 1],
        times: &[100_000, 102_100, 131_000],
        limits: Limits { unknown_kids: 2, failures: 1, ..NONE },
        ..DUE
    },
    Bounds {
        ticks: &[2, 1, 1],
        times: &[100_000, 102_100, 131_000],
        limits: Limits { unknown_kids: 2, failures: 1, ..NONE },
        ..DUE
    }
}

scenario! {
    /// Another plugin overwrites the shared document, at any time.
    lost_document:
    Bounds { ticks: &[1, 1], times: &[0, 10_000, 20_000, 30_000], limits: Limits { overwrites: 1, ..NONE }, ..COLD },
    Bounds { ticks: &[2, 1, 1], times: &[0, 10_000, 20_000, 30_000], limits: Limits { overwrites: 1, ..NONE }, ..COLD }
}

scenario! {
    /// The server confirms a document while another worker publishes one, and a worker is new.
    confirmation:
    Bounds {
        source: Source::Denylist,
        warm: 1,
        ticks: &[2, 1],
        times: &[600_000, 602_100],
        limits: Limits { not_modified: 2, ..NONE },
    },
    Bounds {
        source: Source::Denylist,
        warm: 2,
        ticks: &[2, 2, 1],
        times: &[600_000, 602_100],
        limits: Limits { not_modified: 2, failures: 1, ..NONE },
    }
}

scenario! {
    /// One operation loses every race for the shared state, and gives up.
    lost_races:
    Bounds {
        ticks: &[2, 2],
        times: &[600_000, 602_100],
        limits: Limits { lost_races: 1, failures: 1, ..NONE },
        ..DUE
    },
    Bounds {
        ticks: &[2, 1, 1],
        times: &[600_000, 602_100],
        limits: Limits { lost_races: 2, failures: 1, releases: 1, ..NONE },
        ..DUE
    }
}

#[test]
fn state_that_is_visited_once_or_on_each_way_gives_one_number_of_schedules() {
    let bounds = Bounds { ticks: &[1, 1], times: &[0, 2_100], ..COLD };
    let (mut explorer, state) = bounds.explorer();
    let once = explorer.run(state).unwrap();
    let (mut explorer, state) = bounds.explorer();
    explorer.visits_again = true;
    let again = explorer.run(state).unwrap();
    assert_eq!(once.schedules, again.schedules);
    assert!(again.states > 10 * once.states, "{once:?}, {again:?}");
}

#[test]
fn store_without_comparison_is_found() {
    let (mut explorer, state) = Bounds { ticks: &[1, 1], ..DUE }.explorer();
    explorer.ignores_comparison = true;
    let error = explorer.run(state).unwrap_err();
    assert!(error.starts_with("a worker takes a lease that has not ended, after\n"), "{error}");
}
