//! The replay memory of DPoP proofs with several workers: hundreds of random schedules, and
//! threads. A failure names its seed.
//!
//! In a schedule, workers act between the read and the write of another worker. Clients repeat
//! proofs, the clock jumps, another plugin overwrites slots, and listeners have different
//! configurations. The properties:
//!
//! - No proof is accepted twice.
//! - A new proof is rejected only if as many proofs as a slot holds are not older.
//! - The memory is bounded.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use okta_authz_filter::dpop::replay::ReplayMemory;
use okta_authz_filter::refresh::shared::{CasToken, SharedData};
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::time::UnixTime;
use test_support::common::Store;

use super::{MAX_AGE, SKEW, memory, random};

const SEEDS: u64 = 600;
const STEPS: usize = 150;
const START: u64 = 1_700_000_000;
/// The maximum ages of the configurations in a world with several.
const MAX_AGES: [u64; 3] = [MAX_AGE, 5, 300];
/// The maximum number of workers that act between the read and the write of the first.
const DEPTH: u32 = 4;

struct Proof {
    key: u8,
    jti: [u8; 4],
    issued_at: u64,
    sent: u32,
    accepted: u32,
}

struct World {
    seed: u64,
    random: RefCell<Rng>,
    shared: Store,
    /// The memories of the configurations, each with its maximum age.
    memories: Vec<(ReplayMemory, u64)>,
    /// The minimum number of proofs in a slot.
    entries: u32,
    proofs: RefCell<Vec<Proof>>,
    now: Cell<u64>,
    depth: Cell<u32>,
    /// Whether a slot was overwritten, the clock was set back, or there are several configurations.
    /// Then new proofs can be rejected.
    faulty: Cell<bool>,
    races: Cell<u32>,
    replays: Cell<u32>,
    evictions: Cell<u32>,
    unavailable: Cell<u32>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let entries = rng.u32(4..9);
        let slots = rng.u32(1..4);
        let is_mixed = seed % 5 == 4;
        let ages = if is_mixed { &MAX_AGES[..] } else { &MAX_AGES[..1] };
        let memories =
            ages.iter().zip(0..).map(|(age, index)| (memory(slots + index, entries + index, *age), *age));
        let world = Self {
            seed,
            memories: memories.collect(),
            random: RefCell::new(rng),
            shared: Store::default(),
            entries,
            proofs: RefCell::default(),
            now: Cell::new(START),
            depth: Cell::new(0),
            faulty: Cell::new(is_mixed),
            races: Cell::new(0),
            replays: Cell::new(0),
            evictions: Cell::new(0),
            unavailable: Cell::new(0),
        };
        let count = u64::try_from(world.memories.len()).unwrap();
        let first = usize::try_from(seed % count).unwrap();
        world.memories[first].0.seed(&world.shared, random(seed));
        world.memories.iter().for_each(|(memory, _)| memory.seed(&world.shared, || panic!("seeded")));
        world
    }

    fn below(&self, limit: u64) -> u64 {
        self.random.borrow_mut().u64(..limit)
    }

    /// Sends a new proof or one that was sent before, if its age is acceptable.
    fn send(&self) {
        let count = self.proofs.borrow().len();
        let index = if count == 0 || self.below(3) == 0 {
            let jitter = if self.below(4) == 0 { self.below(MAX_AGE + 2 * SKEW) } else { SKEW };
            let issued_at = self.now.get() + SKEW - jitter;
            let jti = self.random.borrow_mut().u32(..).to_le_bytes();
            let key = u8::try_from(self.below(3)).unwrap();
            self.proofs.borrow_mut().push(Proof { key, jti, issued_at, sent: 0, accepted: 0 });
            count
        } else {
            // Recent proofs are more likely.
            let back = self.below(20).min(self.below(1 + u64::try_from(count).unwrap()));
            count.saturating_sub(1 + usize::try_from(back).unwrap())
        };
        let (key, jti, issued_at) = {
            let proofs = &mut self.proofs.borrow_mut();
            proofs[index].sent += 1;
            (proofs[index].key, proofs[index].jti, proofs[index].issued_at)
        };
        let now = self.now.get();
        let configuration = match self.memories.len() {
            1 => 0,
            several => usize::try_from(self.below(u64::try_from(several).unwrap())).unwrap(),
        };
        let (memory, max_age) = &self.memories[configuration];
        let is_acceptable = now <= issued_at + max_age + SKEW && issued_at <= now + SKEW;
        if !is_acceptable {
            return;
        }
        let time = UnixTime::from_seconds;
        let expires_at = time(issued_at + max_age + SKEW + 1);
        let result = memory.record(self, &[key; 32], &jti, time(issued_at), expires_at, time(now));
        let (proofs, seed) = (&mut self.proofs.borrow_mut(), self.seed);
        match result {
            Ok(()) => proofs[index].accepted += 1,
            Err(Rejection::DpopProofReplayed) => {
                assert_ne!(
                    proofs[index].accepted + proofs[index].sent,
                    1,
                    "seed {seed}: a new proof was a replay"
                );
                self.replays.set(self.replays.get() + 1);
            }
            Err(Rejection::DpopProofExpired) => {
                let newer =
                    proofs.iter().filter(|other| other.accepted > 0 && other.issued_at >= issued_at).count();
                let is_full = newer >= usize::try_from(self.entries).unwrap();
                assert!(
                    is_full || self.faulty.get(),
                    "seed {seed}: rejected, and {newer} proofs are not older"
                );
                self.evictions.set(self.evictions.get() + 1);
            }
            Err(Rejection::DpopReplayUnavailable) => self.unavailable.set(self.unavailable.get() + 1),
            Err(other) => panic!("{other:?}, seed {seed}"),
        }
        assert!(proofs[index].accepted <= 1, "seed {seed}: a proof was accepted twice");
    }

    fn inject_fault(&self) {
        match self.below(100) {
            // Records that are lost while the clock is behind are not covered: no value has the time
            // of the clock before.
            0 if self.seed.is_multiple_of(3) => {
                self.shared.corrupt(".slot.0", b"malformed");
                self.faulty.set(true);
            }
            1 if self.seed % 3 == 1 => {
                self.now.set(self.now.get() - self.below(100));
                self.faulty.set(true);
            }
            2 => self.now.set(self.now.get() + self.below(100)),
            _ => self.now.set(self.now.get() + self.below(3)),
        }
    }
}

impl SharedData for World {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        let read = self.shared.get(name);
        if self.depth.get() < DEPTH && self.below(3) == 0 {
            self.depth.set(self.depth.get() + 1);
            self.send();
            self.depth.set(self.depth.get() - 1);
        }
        read
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let written = self.shared.set(name, value, read);
        self.races.set(self.races.get() + u32::from(!written));
        written
    }
}

#[test]
fn random_schedule_accepts_no_proof_twice_and_new_proofs_unless_the_slot_is_full() {
    let (mut races, mut replays, mut evictions, mut unavailable, mut clean) = (0, 0, 0, 0, 0);
    for seed in 0..SEEDS {
        let world = World::new(seed);
        for _ in 0..STEPS {
            world.send();
            if seed % 2 == 0 {
                world.now.set(world.now.get() + world.below(3));
            } else {
                world.inject_fault();
            }
        }
        let (values, bytes) = world.shared.usage();
        let entries = usize::try_from(world.entries).unwrap() + world.memories.len() - 1;
        let limit = (values - 1) * (16 + 24 * entries) + 64;
        assert!(bytes <= limit, "seed {seed}: {bytes} bytes");
        races += world.races.get();
        replays += world.replays.get();
        evictions += world.evictions.get();
        unavailable += world.unavailable.get();
        clean += u32::from(!world.faulty.get());
    }
    let rare = u32::try_from(SEEDS).unwrap() / 100;
    let counts = [races, replays, evictions, clean];
    assert!(counts.iter().all(|count| *count > 100), "each case occurs: {counts:?}");
    assert!(unavailable < rare, "{unavailable} proofs lost eight races");
}

/// The store of [`World`] for threads.
#[derive(Default)]
struct ThreadStore(Mutex<Store>);

impl SharedData for ThreadStore {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        self.0.lock().unwrap().get(name)
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        self.0.lock().unwrap().set(name, value, read)
    }
}

#[test]
fn eight_threads_with_copies_of_a_proof_accept_exactly_one() {
    const PROOFS: u64 = 2_000;
    let (memory, shared) = (memory(64, 64, MAX_AGE), ThreadStore::default());
    memory.seed(&shared, random(1));
    let accepted: Vec<AtomicUsize> = (0..PROOFS).map(|_| AtomicUsize::new(0)).collect();
    let now = UnixTime::from_seconds(START);
    let end = UnixTime::from_seconds(START + MAX_AGE + SKEW + 1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for (proof, accepted) in (0..PROOFS).zip(&accepted) {
                    let result = memory.record(&shared, &[7; 32], &proof.to_le_bytes(), now, end, now);
                    accepted.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
                }
            });
        }
    });
    let accepted: Vec<usize> = accepted.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert!(accepted.iter().all(|count| *count == 1), "{accepted:?}");
}
