//! Thousands of random schedules, seeded; a failure names its seed.
//!
//! Workers tick in any order or not at all, die and come back without memory, lose races; answers come late, after the
//! lease, or never; the issuer rotates its key and fails. The properties: no fetch begins while another has the lease, a
//! worker that has ticked since keys were published has keys, and there is a bound on the fetches.

use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::refresh::record::Record;
use okta_authz_filter::refresh::refresher::Fetch;
use okta_authz_filter::refresh::shared::SharedData as _;
use okta_authz_filter::refresh::source::FetchError;

use super::random::Random;
use super::store::Store;
use super::{SCHEDULE, TICK, at, brings, document, kid, names, worker};

const SEEDS: u64 = 2_000;
const STEPS: u64 = 200;

/// A fetch on its way: whose it is, when it began and ends, and the key that the issuer had; `None` for a failure.
struct Sent {
    by: u64,
    fetch: Fetch,
    begun: u64,
    ends: u64,
    brings: Option<u64>,
}

struct World {
    random: Random,
    shared: Store,
    /// With a number for each life, for an answer must not go to another life of the same worker.
    workers: Vec<(u64, RemoteKeys)>,
    lives: u64,
    fetches: Vec<Sent>,
    begun: usize,
    kid: u64,
    failing: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let lives = 2 + random.below(7);
        let workers = (0..lives).map(|life| (life, worker(random.below(1 << 30)))).collect();
        let fetches = Vec::new();
        Self { random, shared: Store::default(), workers, lives, fetches, begun: 0, kid: 0, failing: false }
    }

    fn tick(&mut self, index: usize, millis: u64) {
        self.end_fetches(millis);
        let (life, worker) = &mut self.workers[index];
        let Some(fetch) = worker.on_tick(at(millis), &self.shared).fetch else { return };
        // While a fetch may be answered under its lease, none begins, be its leader alive or not.
        let lasts = u64::try_from(SCHEDULE.lease().as_millis()).unwrap();
        let rival = self.fetches.iter().map(|sent| sent.begun).find(|begun| millis < begun + lasts);
        assert_eq!(rival, None, "a fetch at {millis}, and another under its lease");
        let takes = if self.random.below(20) == 0 { lasts + 1_000 } else { self.random.below(5_000) };
        let fails = self.failing || self.random.below(10) == 0;
        let brings = (!fails).then_some(self.kid);
        self.fetches.push(Sent { by: *life, fetch, begun: millis, ends: millis + takes, brings });
        self.begun += 1;
    }

    fn end_fetches(&mut self, millis: u64) {
        for sent in self.fetches.extract_if(.., |sent| sent.ends <= millis).collect::<Vec<_>>() {
            // A leader that has died takes its answer with it.
            let Some((_, worker)) = self.workers.iter_mut().find(|(life, _)| *life == sent.by) else {
                continue;
            };
            let response = sent.brings.map(document).map(brings).ok_or(FetchError::Status(500));
            worker.on_response(at(millis), sent.fetch, &self.shared, response);
        }
    }

    fn trouble(&mut self, millis: u64) {
        let index = self.random.index(self.workers.len());
        match self.random.below(200) {
            0 => self.kid += 1,
            1 => self.failing = !self.failing,
            2 => {
                self.workers[index] = (self.lives, worker(self.random.below(1 << 30)));
                self.lives += 1;
            }
            3 => self.shared.lost_races.set(3),
            4..8 => {
                let kid = kid(self.random.below(20));
                self.workers[index].1.on_unknown_kid(kid, at(millis), &self.shared);
            }
            _ => {}
        }
    }

    fn generation(&self) -> u64 {
        let record = self.shared.get(&names().record).and_then(|(bytes, _)| Record::decode(&bytes));
        record.map_or(0, |record| record.generation)
    }
}

#[test]
fn random_schedules() {
    let mut published = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for step in 0..STEPS {
            let millis = step * TICK;
            for _ in 0..world.workers.len() {
                let index = world.random.index(world.workers.len());
                world.tick(index, millis);
                let (_, worker) = &world.workers[index];
                assert!(
                    world.generation() == 0 || worker.keys(at(millis)).is_ok(),
                    "seed {seed}: a worker has no keys at {millis}, and there are some"
                );
            }
            world.trouble(millis);
        }
        assert!(world.begun < 60, "seed {seed}: {} fetches in 20 s", world.begun);
        published += world.generation();
    }
    assert!(published > SEEDS, "{published}: the worlds are not all dead");
}
