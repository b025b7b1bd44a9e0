//! The operations of the workers, up to their next access to the shared data.
//!
//! The filter cannot be suspended inside a function, and its state cannot be copied. It depends only
//! on its operations and on the answers of the shared data. So a worker is the list of these, and
//! runs again from its start whenever the list grows. The next access that has no answer unwinds.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use okta_authz_filter::refresh::shared::{CasToken, SharedData};

/// The index of a worker.
pub(crate) type WorkerIndex = u8;
/// A worker after a list of events.
pub(crate) type NodeId = u32;

/// The code under test.
pub(crate) trait Program {
    /// The state of a worker.
    type Local;
    /// An operation of a worker, with its time.
    type Op: Copy + Debug + Eq + Hash;
    /// The result of an operation.
    type Outcome: Clone + Debug;

    fn create(&self, worker: WorkerIndex) -> Self::Local;

    fn run(&self, local: &mut Self::Local, op: Self::Op, shared: &dyn SharedData) -> Self::Outcome;

    /// Returns a text that differs for two states of a worker if these can behave differently.
    fn digest(&self, local: &Self::Local) -> String;
}

/// A number for each distinct value.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

/// An access to the shared data.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Call {
    Get { name: u32 },
    Set { name: u32, value: u32, read: Option<u32> },
}

/// The answer of the shared data.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Answer {
    /// A value with its version.
    Value(Option<(u32, u32)>),
    Written(bool),
}

/// What a worker does after an event.
#[derive(Clone, Debug)]
pub(crate) enum Step<O> {
    Call(Call),
    Done(O),
}

/// A worker after an event, and its step.
pub(crate) type Arrival<P> = (NodeId, Step<<P as Program>::Outcome>);

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Event<Op> {
    Begin(Op),
    Answered(Answer),
}

#[derive(Debug)]
struct Node<Op> {
    parent: NodeId,
    event: Option<Event<Op>>,
}

/// All lists of events that the search has seen, as a tree with one root for each worker.
pub(crate) struct Histories<P: Program> {
    pub(crate) program: Rc<P>,
    pub(crate) names: RefCell<Interner<String>>,
    pub(crate) values: RefCell<Interner<Vec<u8>>>,
    nodes: Vec<Node<P::Op>>,
    steps: HashMap<(NodeId, Event<P::Op>), Arrival<P>>,
    /// One node for each state of a worker between two operations.
    idle: HashMap<(WorkerIndex, String), NodeId>,
}

/// The shared data of a worker that runs again.
struct Replay<'a> {
    answers: Vec<Answer>,
    next: Cell<usize>,
    pending: Cell<Option<Call>>,
    names: &'a RefCell<Interner<String>>,
    values: &'a RefCell<Interner<Vec<u8>>>,
}

/// The payload of the unwinding at an access without an answer.
struct Suspended;

impl<T: Clone + Eq + Hash> Interner<T> {
    fn new() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }

    pub(crate) fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap();
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }

    pub(crate) fn value(&self, number: u32) -> &T {
        &self.values[usize::try_from(number).unwrap()]
    }
}

impl<P: Program> Histories<P> {
    pub(crate) fn new(program: P, workers: WorkerIndex) -> Self {
        let mut histories = Self {
            program: Rc::new(program),
            names: RefCell::new(Interner::new()),
            values: RefCell::new(Interner::new()),
            nodes: Vec::new(),
            steps: HashMap::new(),
            idle: HashMap::new(),
        };
        for worker in 0..workers {
            histories.nodes.push(Node { parent: u32::from(worker), event: None });
            let digest = histories.program.digest(&histories.program.create(worker));
            histories.idle.insert((worker, digest), u32::from(worker));
        }
        histories
    }

    /// Begins an operation of an idle worker.
    pub(crate) fn begin(&mut self, node: NodeId, op: P::Op) -> Arrival<P> {
        self.step(node, Event::Begin(op))
    }

    /// Answers the access of a worker.
    pub(crate) fn answer(&mut self, node: NodeId, answer: Answer) -> Arrival<P> {
        self.step(node, Event::Answered(answer))
    }

    fn step(&mut self, node: NodeId, event: Event<P::Op>) -> Arrival<P> {
        if let Some(known) = self.steps.get(&(node, event)) {
            return known.clone();
        }
        let next = NodeId::try_from(self.nodes.len()).unwrap();
        self.nodes.push(Node { parent: node, event: Some(event) });
        let (step, worker, digest) = self.replay(next);
        let result = match digest {
            // Workers in one state have one future.
            Some(digest) => (*self.idle.entry((worker, digest)).or_insert(next), step),
            None => (next, step),
        };
        self.steps.insert((node, event), result.clone());
        result
    }

    /// Runs a worker from its start. Returns its digest if it is idle.
    fn replay(&self, node: NodeId) -> (Step<P::Outcome>, WorkerIndex, Option<String>) {
        let (mut events, mut at) = (Vec::new(), node);
        while let Node { parent, event: Some(event) } = &self.nodes[usize::try_from(at).unwrap()] {
            events.push(*event);
            at = *parent;
        }
        events.reverse();
        let worker = WorkerIndex::try_from(at).unwrap();
        let mut local = self.program.create(worker);
        let mut last = None;
        for operation in events.chunk_by(|_, next| matches!(next, Event::Answered(_))) {
            assert!(
                last.is_none_or(|step| matches!(step, Step::Done(_))),
                "an operation begins in another one"
            );
            last = Some(self.run(&mut local, operation));
        }
        let step = last.expect("an event");
        let digest = matches!(step, Step::Done(_)).then(|| self.program.digest(&local));
        (step, worker, digest)
    }

    /// Runs one operation with the answers that it has got.
    fn run(&self, local: &mut P::Local, operation: &[Event<P::Op>]) -> Step<P::Outcome> {
        let [Event::Begin(op), answers @ ..] = operation else { panic!("no operation") };
        let answers: Vec<_> = answers
            .iter()
            .map(|event| match event {
                Event::Answered(answer) => *answer,
                Event::Begin(_) => panic!("two operations"),
            })
            .collect();
        let (names, values) = (&self.names, &self.values);
        let shared = Replay { answers, next: Cell::new(0), pending: Cell::new(None), names, values };
        match catch_unwind(AssertUnwindSafe(|| self.program.run(local, *op, &shared))) {
            Ok(outcome) => {
                assert_eq!(shared.next.get(), shared.answers.len(), "the worker is not deterministic");
                Step::Done(outcome)
            }
            Err(payload) if payload.is::<Suspended>() => Step::Call(shared.pending.get().expect("an access")),
            Err(payload) => resume_unwind(payload),
        }
    }
}

impl Replay<'_> {
    /// Returns the answer to an access, or unwinds.
    fn answer(&self, call: impl FnOnce() -> Call) -> Answer {
        let index = self.next.get();
        let Some(answer) = self.answers.get(index) else {
            self.pending.set(Some(call()));
            resume_unwind(Box::new(Suspended));
        };
        self.next.set(index + 1);
        *answer
    }
}

impl SharedData for Replay<'_> {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        let call = || Call::Get { name: self.names.borrow_mut().number(&name.to_owned()) };
        let Answer::Value(value) = self.answer(call) else { panic!("the worker is not deterministic") };
        value.map(|(value, version)| (self.values.borrow().value(value).clone(), CasToken(version)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let call = || Call::Set {
            name: self.names.borrow_mut().number(&name.to_owned()),
            value: self.values.borrow_mut().number(&value.to_vec()),
            read: read.map(|CasToken(version)| version),
        };
        let Answer::Written(written) = self.answer(call) else { panic!("the worker is not deterministic") };
        written
    }
}
