//! The search: every order in which the workers of one process access their shared data.
//!
//! An action is one access to the shared data, the begin of an operation, or a change of the
//! environment. The search runs every sequence of actions that the model allows, depth first. It
//! visits each state once: what follows does not depend on the way to a state. It ends when no state
//! is left, and returns the number of states and of schedules, which are sequences of actions up to
//! a state without further actions.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::rc::Rc;

use super::history::{Answer, Arrival, Call, Histories, NodeId, Program, Step, WorkerIndex};

/// A process: its shared data, its workers, and what the model remembers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct State<Op, G> {
    /// Value and version by the number of the name.
    pub(crate) shared: Vec<Option<(u32, u32)>>,
    pub(crate) workers: Vec<WorkerState<Op>>,
    pub(crate) ghost: G,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct WorkerState<Op> {
    node: NodeId,
    /// The operation of the worker, and its next access.
    pub(crate) running: Option<(Op, Call)>,
}

/// A transition between two states.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action<Op, E> {
    Begin(WorkerIndex, Op),
    Continue(WorkerIndex),
    /// Runs the operation to its end. Each of its writes of this name fails, as if another worker
    /// had written first.
    LoseRaces(WorkerIndex, u32),
    Environment(E),
}

/// A write of a worker.
pub(crate) struct Write<'a, Op> {
    pub(crate) worker: WorkerIndex,
    pub(crate) op: Op,
    pub(crate) name: &'a str,
    pub(crate) before: Option<&'a [u8]>,
    pub(crate) after: &'a [u8],
}

/// A model: which actions are possible, and what must hold.
pub(crate) trait Model: Program + Sized {
    /// A change of the environment.
    type Environment: Copy + Debug;
    /// The limits and the observations of the model.
    type Ghost: Clone + Debug + Eq + Hash;

    /// Returns the actions that are possible beside those of operations that run.
    fn actions(&self, explorer: &Explorer<Self>, state: &StateOf<Self>) -> Vec<ActionOf<Self>>;

    fn change(&self, explorer: &Explorer<Self>, state: &mut StateOf<Self>, environment: Self::Environment);

    /// Observes that an operation begins.
    fn begun(&self, explorer: &Explorer<Self>, state: &mut StateOf<Self>, worker: WorkerIndex, op: Self::Op);

    /// Observes that an operation loses every race.
    fn raced(&self, ghost: &mut Self::Ghost);

    /// Checks a write that has succeeded.
    fn written(&self, ghost: &mut Self::Ghost, write: &Write<'_, Self::Op>) -> Result<(), String>;

    /// Checks the end of an operation.
    fn done(
        &self,
        ghost: &mut Self::Ghost,
        worker: WorkerIndex,
        op: Self::Op,
        outcome: &Self::Outcome,
    ) -> Result<(), String>;

    /// Checks a state.
    fn check(&self, explorer: &mut Explorer<Self>, state: &StateOf<Self>) -> Result<(), String>;
}

pub(crate) type StateOf<M> = State<<M as Program>::Op, <M as Model>::Ghost>;
pub(crate) type ActionOf<M> = Action<<M as Program>::Op, <M as Model>::Environment>;

/// A search, with the schedule of the current state.
pub(crate) struct Explorer<M: Model> {
    pub(crate) histories: Histories<M>,
    /// Whether the shared data ignores the comparison of a write: a fault that a search must find.
    pub(crate) ignores_comparison: bool,
    /// Whether the search visits a state again on each way to it. Only the number of states differs.
    pub(crate) visits_again: bool,
    seen: HashMap<StateOf<M>, u128>,
    visited: usize,
    schedule: Vec<ActionOf<M>>,
}

/// The size of a search that has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) schedules: u128,
}

impl<M: Model> Explorer<M> {
    pub(crate) fn new(model: M, workers: WorkerIndex) -> Self {
        Self {
            histories: Histories::new(model, workers),
            ignores_comparison: false,
            visits_again: false,
            seen: HashMap::new(),
            visited: 0,
            schedule: Vec::new(),
        }
    }

    /// Returns the state in which all workers start.
    pub(crate) fn start(&self, workers: WorkerIndex, ghost: M::Ghost) -> StateOf<M> {
        let workers = (0..workers).map(|index| WorkerState { node: NodeId::from(index), running: None });
        State { shared: Vec::new(), workers: workers.collect(), ghost }
    }

    /// Explores every schedule from a state. The error has the schedule.
    pub(crate) fn run(&mut self, state: StateOf<M>) -> Result<Explored, String> {
        let schedules = self.explore(state).map_err(|error| {
            let lines: Vec<_> = self.schedule.iter().map(|action| format!("  {action:?}")).collect();
            format!("{error}, after\n{}", lines.join("\n"))
        })?;
        Ok(Explored { states: self.visited, schedules })
    }

    fn explore(&mut self, state: StateOf<M>) -> Result<u128, String> {
        if !self.visits_again
            && let Some(schedules) = self.seen.get(&state)
        {
            return Ok(*schedules);
        }
        self.visited += 1;
        Rc::clone(&self.histories.program).check(self, &state)?;
        let running = (0..).zip(&state.workers).filter(|(_, worker)| worker.running.is_some());
        let mut actions: Vec<_> = running.map(|(index, _)| Action::Continue(index)).collect();
        actions.extend(self.histories.program.actions(self, &state));
        let mut schedules = u128::from(actions.is_empty());
        for action in actions {
            self.schedule.push(action);
            let next = self.apply(&state, action)?;
            schedules += self.explore(next)?;
            self.schedule.pop();
        }
        self.seen.insert(state, schedules);
        Ok(schedules)
    }

    /// Returns the state after an action.
    pub(crate) fn apply(&mut self, state: &StateOf<M>, action: ActionOf<M>) -> Result<StateOf<M>, String> {
        let mut next = state.clone();
        match action {
            Action::Begin(worker, op) => {
                self.histories.program.begun(self, &mut next, worker, op);
                let (node, step) = self.histories.begin(next.workers[usize::from(worker)].node, op);
                self.arrive(&mut next, worker, op, (node, step))?;
            }
            Action::Continue(worker) => self.access(&mut next, worker, None)?,
            Action::LoseRaces(worker, name) => {
                self.histories.program.raced(&mut next.ghost);
                while next.workers[usize::from(worker)].running.is_some() {
                    self.access(&mut next, worker, Some(name))?;
                }
            }
            Action::Environment(environment) => {
                self.histories.program.change(self, &mut next, environment);
            }
        }
        Ok(next)
    }

    /// Runs an operation without interruption.
    pub(crate) fn run_alone(
        &mut self,
        state: StateOf<M>,
        worker: WorkerIndex,
        op: M::Op,
    ) -> Result<StateOf<M>, String> {
        let state = self.apply(&state, Action::Begin(worker, op))?;
        self.finish(state, worker)
    }

    /// Runs the operation of a worker to its end without interruption.
    pub(crate) fn finish(
        &mut self,
        mut state: StateOf<M>,
        worker: WorkerIndex,
    ) -> Result<StateOf<M>, String> {
        while state.workers[usize::from(worker)].running.is_some() {
            state = self.apply(&state, Action::Continue(worker))?;
        }
        Ok(state)
    }

    /// Returns a shared value whose name ends with `suffix`.
    pub(crate) fn shared(&self, state: &StateOf<M>, suffix: &str) -> Option<Vec<u8>> {
        let names = self.histories.names.borrow();
        let mut present = (0..).zip(&state.shared).filter_map(|(name, value)| Some((name, (*value)?)));
        let (_, (value, _)) = present.find(|(name, _)| names.value(*name).ends_with(suffix))?;
        Some(self.histories.values.borrow().value(value).clone())
    }

    /// Replaces a shared value whose name ends with `suffix`, as another plugin could.
    pub(crate) fn overwrite(&self, state: &mut StateOf<M>, suffix: &str, bytes: &[u8]) {
        let names = self.histories.names.borrow();
        let bytes = self.histories.values.borrow_mut().number(&bytes.to_vec());
        for (name, value) in (0..).zip(&mut state.shared) {
            if names.value(name).ends_with(suffix) {
                *value = Some((bytes, value.map_or(0, |(_, version)| version) + 1));
            }
        }
    }

    /// Performs the next access of a worker. A write of the name `losing` fails.
    fn access(
        &mut self,
        state: &mut StateOf<M>,
        worker: WorkerIndex,
        losing: Option<u32>,
    ) -> Result<(), String> {
        let WorkerState { node, running: Some((op, call)) } = state.workers[usize::from(worker)] else {
            return Err("the worker is idle".to_owned());
        };
        let (Call::Get { name } | Call::Set { name, .. }) = call;
        let slot = usize::try_from(name).unwrap();
        if state.shared.len() <= slot {
            state.shared.resize(slot + 1, None);
        }
        let answer = match call {
            Call::Get { .. } => Answer::Value(state.shared[slot]),
            Call::Set { name, .. } if losing == Some(name) => Answer::Written(false),
            Call::Set { name, value, read } => {
                let before = state.shared[slot];
                let equal = before.map(|(_, version)| version) == read;
                if equal || self.ignores_comparison {
                    state.shared[slot] = Some((value, before.map_or(0, |(_, version)| version) + 1));
                    let (names, values) = (self.histories.names.borrow(), self.histories.values.borrow());
                    let write = Write {
                        worker,
                        op,
                        name: names.value(name),
                        before: before.map(|(value, _)| values.value(value).as_slice()),
                        after: values.value(value),
                    };
                    self.histories.program.written(&mut state.ghost, &write)?;
                }
                Answer::Written(equal || self.ignores_comparison)
            }
        };
        let arrival = self.histories.answer(node, answer);
        self.arrive(state, worker, op, arrival)
    }

    fn arrive(
        &mut self,
        state: &mut StateOf<M>,
        worker: WorkerIndex,
        op: M::Op,
        (node, step): Arrival<M>,
    ) -> Result<(), String> {
        let running = match &step {
            Step::Call(call) => Some((op, *call)),
            Step::Done(_) => None,
        };
        state.workers[usize::from(worker)] = WorkerState { node, running };
        match &step {
            Step::Call(_) => Ok(()),
            Step::Done(outcome) => self.histories.program.done(&mut state.ghost, worker, op, outcome),
        }
    }
}
