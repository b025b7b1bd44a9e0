//! Thousands of random schedules. A failure names its seed.
//!
//! Workers tick in any order, and some do not tick. They are suspended, depart, die, start again and
//! lose races. Responses come late, overdue, or never. The issuer rotates its key and fails.
//!
//! The properties:
//!
//! - No fetch starts while a worker that ticks has another fetch in flight.
//! - Of the fetches in flight, only the response of the last one is accepted, and only once.
//! - A worker that has ticked since keys were published has keys.
//! - The number of fetches is bounded.

use fastrand::Rng;
use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::refresher::Fetch;
use okta_authz_filter::refresh::shared::SharedData as _;
use okta_authz_filter::refresh::source::FetchError;
use okta_authz_filter::refresh::state::{LEASE, RefreshState};
use test_support::common::Store;

use super::{SCHEDULE, TICK, at, document, kid, response, shared_keys, worker};

const SEEDS: u64 = 2_000;
const STEPS: u64 = 200;
/// A tick renews a lease that is 250 ms old.
const RENEWAL: u64 = 250;

/// A worker from its start to its end. A response must not go to the worker that replaces it.
struct Worker {
    number: u64,
    keys: RemoteKeys,
    suspended_until: u64,
}

/// A fetch in flight.
struct InFlightFetch {
    /// Counts the fetches of all workers.
    number: usize,
    /// The number of the worker that made the request.
    worker: u64,
    fetch: Fetch,
    started_at: u64,
    ends_at: u64,
    /// The key of the issuer, or `None` if the fetch fails.
    kid: Option<u64>,
    /// The last tick of the worker, in milliseconds. `None` if the lease ended: another fetch
    /// started, or the worker departed.
    last_tick: Option<u64>,
    departed: bool,
}

struct World {
    random: Rng,
    shared: Store,
    workers: Vec<Worker>,
    next_number: u64,
    fetches: Vec<InFlightFetch>,
    started: usize,
    departed: u64,
    replaced_early: u64,
    kid: u64,
    failing: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let count = 2 + random.u64(..7);
        let workers = (0..count).map(|number| Worker::new(number, &mut random)).collect();
        Self {
            random,
            shared: Store::default(),
            workers,
            next_number: count,
            fetches: Vec::new(),
            started: 0,
            departed: 0,
            replaced_early: 0,
            kid: 0,
            failing: false,
        }
    }

    /// Ticks a worker that is not suspended, and returns whether it ticked.
    fn tick(&mut self, index: usize, millis: u64) -> bool {
        self.end_fetches(millis);
        let worker = &mut self.workers[index];
        if millis < worker.suspended_until {
            return false;
        }
        let fetch = worker.keys.on_tick(at(millis), &self.shared).fetch;
        let leader = worker.number;
        let Some(fetch) = fetch else {
            let fetches_of_worker =
                self.fetches.iter_mut().filter(|fetch| fetch.worker == leader && fetch.last_tick.is_some());
            fetches_of_worker.for_each(|fetch| fetch.last_tick = Some(millis));
            return true;
        };
        // No other worker starts a fetch while the leader ticks and its response is not overdue. If
        // the leader died or is suspended, another starts one after the rest of the lease; if it
        // departed, at any time.
        let lease = u64::try_from(LEASE.as_millis()).unwrap();
        let response_timeout = u64::try_from(SCHEDULE.response_timeout().as_millis()).unwrap();
        let rival = self.fetches.iter().find(|fetch| {
            let has_lease = |ticked: u64| millis < ticked + lease - RENEWAL;
            millis < fetch.started_at + response_timeout && fetch.last_tick.is_some_and(has_lease)
        });
        let rival = rival.map(|fetch| (fetch.started_at, fetch.last_tick));
        assert_eq!(rival, None, "a fetch starts at {millis}, and another has a lease");
        let orphans = self.fetches.iter().filter(|fetch| fetch.departed);
        self.replaced_early +=
            u64::from(orphans.map(|fetch| fetch.started_at).any(|started| millis < started + lease));
        self.fetches.iter_mut().for_each(|fetch| fetch.last_tick = None);
        let duration =
            if self.random.u64(..20) == 0 { response_timeout + 1_000 } else { self.random.u64(..5_000) };
        let fails = self.failing || self.random.u64(..10) == 0;
        let kid = (!fails).then_some(self.kid);
        self.started += 1;
        let number = self.started;
        self.fetches.push(InFlightFetch {
            number,
            worker: leader,
            fetch,
            started_at: millis,
            ends_at: millis + duration,
            kid,
            last_tick: Some(millis),
            departed: false,
        });
        true
    }

    fn end_fetches(&mut self, millis: u64) {
        let suspended = |workers: &[Worker], number: u64| {
            workers.iter().any(|worker| worker.number == number && millis < worker.suspended_until)
        };
        let workers = &self.workers;
        let has_ended =
            |fetch: &mut InFlightFetch| fetch.ends_at <= millis && !suspended(workers, fetch.worker);
        for fetch in self.fetches.extract_if(.., has_ended).collect::<Vec<_>>() {
            // The response of a worker that died or departed is lost.
            let Some(worker) = self.workers.iter_mut().find(|worker| worker.number == fetch.worker) else {
                continue;
            };
            let response = fetch.kid.map(document).map(response).ok_or(FetchError::Status(500));
            let before = state(&self.shared);
            worker.keys.on_response(at(millis), fetch.fetch, &self.shared, response);
            let after = state(&self.shared);
            if (before.generation, before.failures) != (after.generation, after.failures) {
                assert_eq!(
                    fetch.number, self.started,
                    "a response at {millis} is accepted, although another fetch started"
                );
            }
        }
    }

    /// Replaces a worker. If it departs, it releases its lease; otherwise it dies.
    fn replace(&mut self, index: usize, departs: bool) {
        let next = Worker::new(self.next_number, &mut self.random);
        let mut last = std::mem::replace(&mut self.workers[index], next);
        self.next_number += 1;
        if departs {
            last.keys.release(&self.shared);
            self.departed += 1;
            let fetches_of_worker = self.fetches.iter_mut().filter(|fetch| fetch.worker == last.number);
            fetches_of_worker.for_each(|fetch| (fetch.last_tick, fetch.departed) = (None, true));
        }
    }

    fn inject_fault(&mut self, millis: u64) {
        let index = self.random.usize(..self.workers.len());
        match self.random.u64(..200) {
            0 => self.kid += 1,
            1 => self.failing = !self.failing,
            2 => self.replace(index, false),
            3 => self.shared.lost_races.set(3),
            4..8 => self.replace(index, true),
            8 => self.workers[index].suspended_until = millis + self.random.u64(..5_000),
            9..13 => {
                let kid = kid(self.random.u64(..20));
                self.workers[index].keys.on_unknown_kid(kid, at(millis), &self.shared);
            }
            _ => {}
        }
    }

    fn generation(&self) -> u64 {
        state(&self.shared).generation
    }
}

impl Worker {
    fn new(number: u64, random: &mut Rng) -> Self {
        Self { number, keys: worker(random.u64(..1 << 30)), suspended_until: 0 }
    }
}

/// Returns the shared state of the refresh.
fn state(shared: &Store) -> RefreshState {
    let state = shared.get(&shared_keys().state).and_then(|(bytes, _)| RefreshState::decode(&bytes));
    state.unwrap_or_default()
}

#[test]
fn random_schedule_keeps_the_properties_of_leases_and_keys() {
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
                    "seed {seed}: a worker has no keys at {millis}, and keys are published"
                );
            }
            world.inject_fault(millis);
        }
        assert!(world.started < 60, "seed {seed}: {} fetches in 20 s", world.started);
        published += world.generation();
        departed += world.departed;
        replaced_early += world.replaced_early;
    }
    assert!(
        departed > SEEDS && replaced_early > SEEDS / 20,
        "{departed} workers departed, {replaced_early} with a lease"
    );
    assert!(published > SEEDS, "{published} key sets are published");
}
