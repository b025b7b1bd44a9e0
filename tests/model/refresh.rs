//! The model of a refresh: workers with the real [`RemoteKeys`] or [`Refresher`], and an issuer.
//!
//! Every fetch gets another document, numbered in the order in which the fetches begin. Operations
//! take the time at their begin, so the clock can advance while a worker is suspended in one.

mod liveness;
mod properties;
mod scenarios;
mod worker;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use okta_authz_filter::refresh::shared::SharedData;
use okta_authz_filter::refresh::state::RefreshState;

use super::explorer::{Action, ActionOf, Explorer, Model, StateOf, Write};
use super::history::{Call, Program, WorkerIndex};
use worker::Local;

/// The end of the name of the shared state, and of the document.
const RECORD: &str = ".record";
const DOCUMENT: &str = ".document";

/// The document of the workers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Keys,
    /// The denylist. Its fetches are conditional.
    Denylist,
}

/// An operation of a worker. `at` is the time in milliseconds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Op {
    Tick {
        at: u64,
    },
    /// The response to a fetch of the worker, by its number.
    Respond {
        at: u64,
        fetch: u8,
        reply: Reply,
    },
    /// The end of the worker.
    Release,
    /// A token with an unknown key ID.
    UnknownKid {
        at: u64,
    },
}

impl Op {
    /// Returns whether a worker can be suspended in the operation until a time. The filter takes a
    /// clock reading for at most 10 s old; with an older one, it takes a lease for corrupt.
    fn may_last_until(self, time: u64) -> bool {
        match self {
            Self::Tick { at } | Self::Respond { at, .. } | Self::UnknownKid { at } => time - at <= 10_000,
            Self::Release => true,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Reply {
    Document(u8),
    Failure,
    NotModified,
}

/// The result of an operation.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// Whether the tick began a fetch, and whether this is conditional.
    fetch: Option<bool>,
    /// The number of the installed document; 0 without one.
    installed: u8,
}

#[derive(Clone, Copy, Debug)]
enum Environment {
    AdvanceClock,
    /// Another plugin overwrites the document.
    Overwrite,
}

/// The bounds of a scenario.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    source: Source,
    /// The times of the clock, in milliseconds.
    times: &'static [u64],
    /// The number of workers with a document, which worker 0 fetched at time 0. The others are new.
    warm: WorkerIndex,
    /// The number of ticks of each worker.
    ticks: &'static [u8],
    limits: Limits,
}

/// The number of events of each kind, of all workers together.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
struct Limits {
    failures: u8,
    not_modified: u8,
    releases: u8,
    unknown_kids: u8,
    overwrites: u8,
    lost_races: u8,
}

/// What the model observes beside the workers and their shared data.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Ghost {
    /// The index of the time.
    clock: usize,
    limits: Limits,
    /// The number of documents that the issuer has served.
    served: u8,
    /// The worker with the lease, and the number of its fetch.
    lease: Option<(WorkerIndex, u8)>,
    /// The published documents by generation, from 1.
    published: Vec<u8>,
    /// The number of writes of the document.
    document_writes: u8,
    workers: Vec<GhostWorker>,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct GhostWorker {
    ticks: u8,
    fetches: u8,
    outstanding: Vec<OutstandingFetch>,
    installed: u8,
    has_departed: bool,
    /// At the begin of a tick: the generation of the shared document, and the writes of it.
    readable: Option<(u64, u8)>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct OutstandingFetch {
    number: u8,
    document: u8,
    is_conditional: bool,
}

/// The model with the bounds of a scenario.
struct Refresh {
    bounds: Bounds,
    /// The states from which the workers have been shown to settle, each with its dead worker.
    settled: RefCell<HashSet<(StateOf<Self>, Option<WorkerIndex>)>>,
    /// The longest time until they settled, in milliseconds.
    longest: Cell<u64>,
}

impl Refresh {
    fn now(&self, ghost: &Ghost) -> u64 {
        self.bounds.times[ghost.clock]
    }

    /// Returns the shared state.
    fn record(explorer: &Explorer<Self>, state: &StateOf<Self>) -> RefreshState {
        explorer
            .shared(state, RECORD)
            .map_or_else(RefreshState::new, |bytes| RefreshState::decode(&bytes).unwrap())
    }

    /// Returns the generation of the shared document, if that of the shared state is equal.
    fn readable(explorer: &Explorer<Self>, state: &StateOf<Self>) -> Option<u64> {
        let document = explorer.shared(state, DOCUMENT)?;
        let generation = u64::from_le_bytes(*document.first_chunk()?);
        (generation == Self::record(explorer, state).generation).then_some(generation)
    }
}

impl Program for Refresh {
    type Local = Local;
    type Op = Op;
    type Outcome = Outcome;

    fn create(&self, worker: WorkerIndex) -> Local {
        Local::new(self.bounds.source, worker)
    }

    fn run(&self, local: &mut Local, op: Op, shared: &dyn SharedData) -> Outcome {
        local.run(op, shared)
    }

    fn digest(&self, local: &Local) -> String {
        format!("{local:?}")
    }
}

impl Model for Refresh {
    type Environment = Environment;
    type Ghost = Ghost;

    fn actions(&self, explorer: &Explorer<Self>, state: &StateOf<Self>) -> Vec<ActionOf<Self>> {
        let (ghost, at) = (&state.ghost, self.now(&state.ghost));
        let limits = &ghost.limits;
        let mut actions = Vec::new();
        for (index, (worker, observed)) in (0..).zip(state.workers.iter().zip(&ghost.workers)) {
            if let Some((_, Call::Set { name, .. })) = worker.running
                && limits.lost_races > 0
                && explorer.histories.names.borrow().value(name).ends_with(RECORD)
            {
                actions.push(Action::LoseRaces(index, name));
            }
            if worker.running.is_some() {
                continue;
            }
            let mut begin = |op| actions.push(Action::Begin(index, op));
            for fetch in &observed.outstanding {
                let mut respond = |reply| begin(Op::Respond { at, fetch: fetch.number, reply });
                respond(Reply::Document(fetch.document));
                if limits.failures > 0 {
                    respond(Reply::Failure);
                }
                if limits.not_modified > 0 && fetch.is_conditional {
                    respond(Reply::NotModified);
                }
            }
            if observed.has_departed {
                continue;
            }
            if observed.ticks > 0 {
                begin(Op::Tick { at });
            }
            if limits.releases > 0 && !observed.outstanding.is_empty() {
                begin(Op::Release);
            }
            if limits.unknown_kids > 0 && observed.installed > 0 {
                begin(Op::UnknownKid { at });
            }
        }
        if let Some(next) = self.bounds.times.get(ghost.clock + 1)
            && state
                .workers
                .iter()
                .filter_map(|worker| worker.running)
                .all(|(op, _)| op.may_last_until(*next))
        {
            actions.push(Action::Environment(Environment::AdvanceClock));
        }
        if limits.overwrites > 0 && ghost.document_writes > 0 {
            actions.push(Action::Environment(Environment::Overwrite));
        }
        actions
    }

    fn change(&self, explorer: &Explorer<Self>, state: &mut StateOf<Self>, environment: Environment) {
        match environment {
            Environment::AdvanceClock => state.ghost.clock += 1,
            Environment::Overwrite => {
                state.ghost.limits.overwrites -= 1;
                state.ghost.document_writes += 1;
                explorer.overwrite(state, DOCUMENT, b"overwritten");
            }
        }
    }

    fn begun(&self, explorer: &Explorer<Self>, state: &mut StateOf<Self>, worker: WorkerIndex, op: Op) {
        let readable = Self::readable(explorer, state);
        let ghost = &mut state.ghost;
        let (observed, limits) = (&mut ghost.workers[usize::from(worker)], &mut ghost.limits);
        match op {
            Op::Tick { .. } => {
                observed.ticks = observed.ticks.saturating_sub(1);
                observed.readable = readable.map(|generation| (generation, ghost.document_writes));
            }
            Op::Respond { fetch, reply, .. } => {
                observed.outstanding.retain(|outstanding| outstanding.number != fetch);
                limits.failures -= u8::from(reply == Reply::Failure);
                limits.not_modified -= u8::from(reply == Reply::NotModified);
            }
            Op::Release => {
                observed.has_departed = true;
                limits.releases -= 1;
            }
            Op::UnknownKid { .. } => limits.unknown_kids -= 1,
        }
    }

    fn raced(&self, ghost: &mut Ghost) {
        ghost.limits.lost_races -= 1;
    }

    fn written(&self, ghost: &mut Ghost, write: &Write<'_, Op>) -> Result<(), String> {
        properties::written(ghost, write)
    }

    fn done(&self, ghost: &mut Ghost, worker: WorkerIndex, op: Op, outcome: &Outcome) -> Result<(), String> {
        properties::done(ghost, worker, op, *outcome)
    }

    fn check(&self, explorer: &mut Explorer<Self>, state: &StateOf<Self>) -> Result<(), String> {
        self.check_liveness(explorer, state)
    }
}
