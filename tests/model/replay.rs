//! The model of the replay memory: workers that record proofs, with the real [`ReplayMemory`].

mod scenarios;

use std::collections::BTreeMap;
use std::time::Duration;

use okta_authz_filter::dpop::replay::ReplayMemory;
use okta_authz_filter::refresh::shared::SharedData;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::time::UnixTime;

use super::explorer::{Action, ActionOf, Explorer, Model, StateOf, Write};
use super::history::{Call, Program, WorkerIndex};

const MAX_AGE: u64 = 60;
const SKEW: u64 = 10;
const NOW: u64 = 1_700_000_000;
/// The minimum number of records in a slot.
const ENTRIES: u32 = 4;

/// An operation of a worker.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Op {
    /// Creates the memory.
    Seed,
    /// Records a proof, by its number.
    Record(u8),
}

/// A change of the shared data by another plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Environment {
    /// A slot has malformed bytes.
    CorruptSlot,
    /// The key has malformed bytes.
    CorruptKey,
    /// The key is another valid one.
    ReplaceKey,
}

/// The bounds of a scenario.
#[derive(Clone, Debug)]
struct Bounds {
    /// The operations of each worker, in their order.
    operations: Vec<Vec<Op>>,
    /// Whether the memory exists.
    is_seeded: bool,
    /// The number of proofs that the slot has.
    recorded: u8,
    environment: Option<Environment>,
    /// The number of operations that lose every race.
    lost_races: u8,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Ghost {
    /// The number of operations that each worker has begun.
    begun: Vec<usize>,
    lost_races: u8,
    environment: bool,
    /// Whether a slot or the key was overwritten.
    is_damaged: bool,
    /// The results of each proof: the number of times that it was accepted, and the rejections.
    results: BTreeMap<u8, (u8, Vec<Rejection>)>,
    /// The number of times that the key was written.
    keys: u8,
}

struct Replay {
    bounds: Bounds,
}

fn memory() -> ReplayMemory {
    ReplayMemory::new(1, ENTRIES, Duration::from_secs(MAX_AGE), Duration::from_secs(SKEW))
}

impl Program for Replay {
    type Local = WorkerIndex;
    type Op = Op;
    type Outcome = Option<Result<(), Rejection>>;

    fn create(&self, worker: WorkerIndex) -> WorkerIndex {
        worker
    }

    fn run(&self, worker: &mut WorkerIndex, op: Op, shared: &dyn SharedData) -> Self::Outcome {
        let now = UnixTime::from_seconds(NOW);
        let expires_at = UnixTime::from_seconds(NOW + MAX_AGE + SKEW + 1);
        match op {
            Op::Seed => {
                memory().seed(shared, || [*worker + 1; 32]);
                None
            }
            Op::Record(proof) => {
                // A later number has a later `iat`.
                let issued_at = UnixTime::from_seconds(NOW - SKEW + u64::from(proof));
                Some(memory().record(shared, &[7; 32], &[proof], issued_at, expires_at, now))
            }
        }
    }

    fn digest(&self, _: &WorkerIndex) -> String {
        // A worker remembers nothing between two operations.
        String::new()
    }
}

impl Model for Replay {
    type Environment = Environment;
    type Ghost = Ghost;

    fn actions(&self, explorer: &Explorer<Self>, state: &StateOf<Self>) -> Vec<ActionOf<Self>> {
        let ghost = &state.ghost;
        let mut actions = Vec::new();
        for (index, (worker, begun)) in (0..).zip(state.workers.iter().zip(&ghost.begun)) {
            match worker.running {
                Some((_, Call::Set { name, .. }))
                    if ghost.lost_races > 0
                        && explorer.histories.names.borrow().value(name).contains(".slot.") =>
                {
                    actions.push(Action::LoseRaces(index, name));
                }
                Some(_) => {}
                None => {
                    let next = self.bounds.operations[usize::from(index)].get(*begun);
                    actions.extend(next.map(|op| Action::Begin(index, *op)));
                }
            }
        }
        if let Some(environment) = self.bounds.environment
            && !ghost.environment
        {
            actions.push(Action::Environment(environment));
        }
        actions
    }

    fn change(&self, explorer: &Explorer<Self>, state: &mut StateOf<Self>, environment: Environment) {
        state.ghost.environment = true;
        state.ghost.is_damaged = true;
        match environment {
            Environment::CorruptSlot => explorer.overwrite(state, ".slot.0", b"malformed"),
            Environment::CorruptKey => explorer.overwrite(state, ".key", b"malformed"),
            Environment::ReplaceKey => {
                let Some(mut key) = explorer.shared(state, ".key") else { return };
                *key.last_mut().unwrap() ^= 1;
                // The ID follows the version and the number of slots.
                key[5] ^= 1;
                explorer.overwrite(state, ".key", &key);
            }
        }
    }

    fn begun(&self, _: &Explorer<Self>, state: &mut StateOf<Self>, worker: WorkerIndex, _: Op) {
        state.ghost.begun[usize::from(worker)] += 1;
    }

    fn raced(&self, ghost: &mut Ghost) {
        ghost.lost_races -= 1;
    }

    fn written(&self, ghost: &mut Ghost, write: &Write<'_, Op>) -> Result<(), String> {
        let is_key = write.name.ends_with(".key");
        ghost.keys += u8::from(is_key);
        if is_key && write.before.is_some() {
            return Err("a worker replaces the key".to_owned());
        }
        let is_empty = |bytes: &[u8]| bytes.len() <= 16;
        if write.op == Op::Seed && write.before.is_some_and(|before| !is_empty(before)) {
            return Err("seeding removes records".to_owned());
        }
        Ok(())
    }

    fn done(&self, ghost: &mut Ghost, _: WorkerIndex, op: Op, outcome: &Self::Outcome) -> Result<(), String> {
        let (Op::Record(proof), Some(result)) = (op, outcome) else { return Ok(()) };
        let (accepted, rejections) = ghost.results.entry(proof).or_default();
        match result {
            Ok(()) => *accepted += 1,
            Err(rejection) => rejections.push(*rejection),
        }
        if *accepted > 1 {
            return Err(format!("proof {proof} is accepted twice"));
        }
        Ok(())
    }

    /// When all operations have ended: of the copies of a proof exactly one was accepted, unless
    /// the memory was damaged or full, or an operation lost its races.
    fn check(&self, explorer: &mut Explorer<Self>, state: &StateOf<Self>) -> Result<(), String> {
        let ghost = &state.ghost;
        let has_ended = state.workers.iter().all(|worker| worker.running.is_none())
            && ghost.begun.iter().zip(&self.bounds.operations).all(|(begun, all)| *begun == all.len());
        if !has_ended {
            return Ok(());
        }
        if self.bounds.is_seeded == (ghost.keys > 0) || explorer.shared(state, ".key").is_none() {
            return Err("the memory has not exactly one key".to_owned());
        }
        let is_exact =
            !ghost.is_damaged && ghost.lost_races == self.bounds.lost_races && self.bounds.is_seeded;
        for (proof, (accepted, rejections)) in &ghost.results {
            let allowed = |rejection: &Rejection| match rejection {
                Rejection::DpopProofReplayed => *accepted == 1,
                // Of two workers that seed at once, one can write a slot and the other the key. The
                // first proofs of such a slot are rejected for the clock skew.
                Rejection::DpopProofExpired => {
                    ghost.is_damaged || !self.bounds.is_seeded || Self::is_forgotten(ghost, *proof)
                }
                Rejection::DpopReplayUnavailable => !is_exact,
                _ => false,
            };
            if !rejections.iter().all(allowed) {
                return Err(format!("proof {proof} is rejected without a reason: {:?}", ghost.results));
            }
        }
        Ok(())
    }
}

impl Replay {
    /// Returns whether the slot may have forgotten a proof: as many proofs as it holds are not
    /// older.
    fn is_forgotten(ghost: &Ghost, proof: u8) -> bool {
        let accepted = ghost.results.range(proof..).filter(|(_, (accepted, _))| *accepted > 0).count();
        accepted >= usize::try_from(ENTRIES).unwrap()
    }
}
