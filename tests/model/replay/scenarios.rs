//! The scenarios. Each is exhaustive within its [`Bounds`]: every order of the accesses to the
//! shared data and of the faults.

use std::collections::BTreeMap;

use super::Op::{Record, Seed};
use super::{Bounds, Environment, Ghost, Replay};
use crate::explorer::{Explored, Explorer, StateOf};
use crate::history::WorkerIndex;

const SEEDED: Bounds =
    Bounds { operations: Vec::new(), is_seeded: true, recorded: 0, environment: None, lost_races: 0 };

impl Bounds {
    fn explorer(self) -> (Explorer<Replay>, StateOf<Replay>) {
        let count = WorkerIndex::try_from(self.operations.len()).unwrap();
        let Self { is_seeded, recorded, lost_races, .. } = self;
        let begun = vec![0; self.operations.len()];
        let mut explorer = Explorer::new(Replay { bounds: self }, count);
        let ghost = Ghost {
            begun,
            lost_races: 0,
            environment: false,
            is_damaged: false,
            results: BTreeMap::new(),
            keys: 0,
        };
        let mut state = explorer.start(count, ghost.clone());
        if is_seeded {
            state = explorer.run_alone(state, 0, Seed).expect("one worker");
        }
        for proof in 0..recorded {
            state = explorer.run_alone(state, 0, Record(proof)).expect("one worker");
        }
        // The results of the recorded proofs stay: each of them was accepted once.
        state.ghost = Ghost { lost_races, results: state.ghost.results, ..ghost };
        (explorer, state)
    }

    /// Explores the scenario, and prints its size.
    fn explore(self, name: &str) -> Explored {
        let workers = self.operations.len();
        let (mut explorer, state) = self.explorer();
        let explored = explorer.run(state).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Explored { states, schedules } = explored;
        println!("| {name} | {workers} | {states} | {schedules} | |");
        explored
    }
}

#[test]
fn copies_of_a_proof_are_accepted_once() {
    for operations in [
        vec![vec![Record(0)], vec![Record(0)]],
        vec![vec![Record(0), Record(0)], vec![Record(0)]],
        vec![vec![Record(0)], vec![Record(0)], vec![Record(0)]],
        vec![vec![Record(0), Record(0)], vec![Record(0), Record(0)], vec![Record(0)]],
    ] {
        Bounds { operations, ..SEEDED }.explore("copies of a proof");
    }
}

#[test]
fn different_proofs_in_one_slot_are_all_accepted() {
    for operations in [
        vec![vec![Record(0)], vec![Record(1)]],
        vec![vec![Record(0)], vec![Record(1)], vec![Record(2)]],
        vec![vec![Record(0), Record(1)], vec![Record(1), Record(0)], vec![Record(2)]],
    ] {
        Bounds { operations, ..SEEDED }.explore("different proofs in one slot");
    }
}

#[test]
fn full_slot_accepts_no_proof_again() {
    // The slot has the proofs 0 to 3, and place for no more.
    for operations in [
        vec![vec![Record(4)], vec![Record(0)], vec![Record(4)]],
        vec![vec![Record(4), Record(0)], vec![Record(5), Record(1)], vec![Record(4)]],
    ] {
        Bounds { operations, recorded: 4, ..SEEDED }.explore("full slot");
    }
}

#[test]
fn workers_that_seed_at_the_same_time_create_one_key() {
    for operations in [
        vec![vec![Seed], vec![Seed], vec![Seed]],
        vec![vec![Seed, Record(0)], vec![Seed, Record(0)]],
        vec![vec![Seed, Record(0)], vec![Seed, Record(0)], vec![Record(0)]],
    ] {
        Bounds { operations, is_seeded: false, ..SEEDED }.explore("seeding at the same time");
    }
}

#[test]
fn damaged_memory_accepts_no_proof_again() {
    for environment in [Environment::CorruptSlot, Environment::CorruptKey, Environment::ReplaceKey] {
        let operations = vec![vec![Record(0), Record(0)], vec![Record(0), Record(4)], vec![Record(4)]];
        let bounds = Bounds { operations, environment: Some(environment), ..SEEDED };
        bounds.explore(&format!("{environment:?}"));
    }
}

#[test]
fn operation_that_loses_every_race_accepts_no_proof() {
    let operations = vec![vec![Record(0), Record(0)], vec![Record(0)], vec![Record(1)]];
    Bounds { operations, lost_races: 2, ..SEEDED }.explore("lost races");
}

#[test]
fn schedules_of_two_workers_without_races_are_all_counted() {
    // Each operation has a begin and three accesses, and no write fails: the key is read-only, and
    // the proofs are rejected.
    let operations = vec![vec![Record(0)], vec![Record(0)]];
    let bounds = Bounds { operations, recorded: 1, ..SEEDED };
    // A begin, the read of the key, and the read of the slot: 6! / (3! 3!) orders.
    assert_eq!(bounds.explore("two rejected copies").schedules, 20);
}

#[test]
fn store_without_comparison_is_found() {
    let (mut explorer, state) =
        Bounds { operations: vec![vec![Record(0)], vec![Record(0)]], ..SEEDED }.explorer();
    explorer.ignores_comparison = true;
    let error = explorer.run(state).unwrap_err();
    assert!(error.starts_with("proof 0 is accepted twice, after\n"), "{error}");
}
