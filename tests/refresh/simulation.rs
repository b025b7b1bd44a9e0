//! Thousands of random schedules, seeded; a failure names its seed.
//!
//! Workers tick in any order or not at all, are held up, depart, die and come back without memory, lose races; answers come
//! late, when they are overdue, or never; the issuer rotates its key and fails. The properties: no fetch begins while a worker
//! that ticks has another under way; of the fetches under way only the last may be accepted, and each once; a worker that has
//! ticked since keys were published has keys; and there is a bound on the fetches.

use fastrand::Rng;
use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::refresher::Fetch;
use okta_authz_filter::refresh::shared::SharedData as _;
use okta_authz_filter::refresh::source::FetchError;
use okta_authz_filter::refresh::state::{LEASE, RefreshState};
use test_support::common::Store;

use super::{SCHEDULE, TICK, at, brings, document, kid, names, worker};

const SEEDS: u64 = 2_000;
const STEPS: u64 = 200;
/// A lease is renewed by ticks that find it a quarter of a second old.
const RENEWAL: u64 = 250;

/// A worker with a number for each life, because an answer must not go to another life of the same worker.
struct Life {
    number: u64,
    keys: RemoteKeys,
    held_up_until: u64,
}

/// A fetch on its way: whose it is, when it began and ends, and the key that the issuer had; `None` for a failure.
struct Sent {
    number: usize,
    by: u64,
    fetch: Fetch,
    begun: u64,
    ends: u64,
    brings: Option<u64>,
    /// When its worker has ticked last; `None` for one that has no lease: another fetch has begun, or the worker has departed.
    ticked: Option<u64>,
    departed: bool,
}

struct World {
    random: Rng,
    shared: Store,
    workers: Vec<Life>,
    lives: u64,
    fetches: Vec<Sent>,
    begun: usize,
    departed: u64,
    replaced_early: u64,
    kid: u64,
    failing: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let lives = 2 + random.u64(..7);
        let workers = (0..lives).map(|number| Life::new(number, &mut random)).collect();
        Self {
            random,
            shared: Store::default(),
            workers,
            lives,
            fetches: Vec::new(),
            begun: 0,
            departed: 0,
            replaced_early: 0,
            kid: 0,
            failing: false,
        }
    }

    /// A tick of a worker, if it is not held up: says whether it has ticked.
    fn tick(&mut self, index: usize, millis: u64) -> bool {
        self.end_fetches(millis);
        let life = &mut self.workers[index];
        if millis < life.held_up_until {
            return false;
        }
        let fetch = life.keys.on_tick(at(millis), &self.shared).fetch;
        let by = life.number;
        let Some(fetch) = fetch else {
            let its = self.fetches.iter_mut().filter(|sent| sent.by == by && sent.ticked.is_some());
            its.for_each(|sent| sent.ticked = Some(millis));
            return true;
        };
        // While a worker ticks, and its answer is not overdue, none else begins a fetch; when it has died or is held up, only
        // after the rest of its lease; when it has departed, at any time.
        let lease = u64::try_from(LEASE.as_millis()).unwrap();
        let answer_timeout = u64::try_from(SCHEDULE.response_timeout().as_millis()).unwrap();
        let rival = self.fetches.iter().find(|sent| {
            let stands = |ticked: u64| millis < ticked + lease - RENEWAL;
            millis < sent.begun + answer_timeout && sent.ticked.is_some_and(stands)
        });
        let rival = rival.map(|sent| (sent.begun, sent.ticked));
        assert_eq!(rival, None, "a fetch at {millis}, and another under its lease");
        let orphans = self.fetches.iter().filter(|sent| sent.departed);
        self.replaced_early += u64::from(orphans.map(|sent| sent.begun).any(|begun| millis < begun + lease));
        self.fetches.iter_mut().for_each(|sent| sent.ticked = None);
        let takes =
            if self.random.u64(..20) == 0 { answer_timeout + 1_000 } else { self.random.u64(..5_000) };
        let fails = self.failing || self.random.u64(..10) == 0;
        let brings = (!fails).then_some(self.kid);
        self.begun += 1;
        let number = self.begun;
        self.fetches.push(Sent {
            number,
            by,
            fetch,
            begun: millis,
            ends: millis + takes,
            brings,
            ticked: Some(millis),
            departed: false,
        });
        true
    }

    fn end_fetches(&mut self, millis: u64) {
        let held_up = |workers: &[Life], by: u64| {
            workers.iter().any(|life| life.number == by && millis < life.held_up_until)
        };
        let workers = &self.workers;
        let over = |sent: &mut Sent| sent.ends <= millis && !held_up(workers, sent.by);
        for sent in self.fetches.extract_if(.., over).collect::<Vec<_>>() {
            // A worker that has died or departed takes its answer with it.
            let Some(life) = self.workers.iter_mut().find(|life| life.number == sent.by) else { continue };
            let response = sent.brings.map(document).map(brings).ok_or(FetchError::Status(500));
            let before = record(&self.shared);
            life.keys.on_response(at(millis), sent.fetch, &self.shared, response);
            let after = record(&self.shared);
            if (before.generation, before.failures) != (after.generation, after.failures) {
                assert_eq!(
                    sent.number, self.begun,
                    "an answer at {millis}, although another fetch has begun"
                );
            }
        }
    }

    /// A worker ends, and another takes its place; with `departs` it gives back its lease.
    fn replace(&mut self, index: usize, departs: bool) {
        let next = Life::new(self.lives, &mut self.random);
        let mut last = std::mem::replace(&mut self.workers[index], next);
        self.lives += 1;
        if departs {
            last.keys.release(&self.shared);
            self.departed += 1;
            let its = self.fetches.iter_mut().filter(|sent| sent.by == last.number);
            its.for_each(|sent| (sent.ticked, sent.departed) = (None, true));
        }
    }

    fn trouble(&mut self, millis: u64) {
        let index = self.random.usize(..self.workers.len());
        match self.random.u64(..200) {
            0 => self.kid += 1,
            1 => self.failing = !self.failing,
            2 => self.replace(index, false),
            3 => self.shared.lost_races.set(3),
            4..8 => self.replace(index, true),
            8 => self.workers[index].held_up_until = millis + self.random.u64(..5_000),
            9..13 => {
                let kid = kid(self.random.u64(..20));
                self.workers[index].keys.on_unknown_kid(kid, at(millis), &self.shared);
            }
            _ => {}
        }
    }

    fn generation(&self) -> u64 {
        record(&self.shared).generation
    }
}

impl Life {
    fn new(number: u64, random: &mut Rng) -> Self {
        Self { number, keys: worker(random.u64(..1 << 30)), held_up_until: 0 }
    }
}

fn record(shared: &Store) -> RefreshState {
    let record = shared.get(&names().record).and_then(|(bytes, _)| RefreshState::decode(&bytes));
    record.unwrap_or_default()
}

#[test]
fn random_schedules() {
    let (mut published, mut departed, mut replaced_early) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for step in 0..STEPS {
            let millis = step * TICK;
            for _ in 0..world.workers.len() {
                let index = world.random.usize(..world.workers.len());
                let ticked = world.tick(index, millis);
                let keys = world.workers[index].keys.keys(at(millis));
                assert!(
                    !ticked || world.generation() == 0 || keys.is_ok(),
                    "seed {seed}: a worker has no keys at {millis}, and there are some"
                );
            }
            world.trouble(millis);
        }
        assert!(world.begun < 60, "seed {seed}: {} fetches in 20 s", world.begun);
        published += world.generation();
        departed += world.departed;
        replaced_early += world.replaced_early;
    }
    assert!(
        departed > SEEDS && replaced_early > SEEDS / 20,
        "{departed} have departed, {replaced_early} with a lease"
    );
    assert!(published > SEEDS, "{published}: the worlds are not all dead");
}
