//! The replay memory of DPoP proofs, one rule for each test. The slot has the number 0.

mod races;
mod slots;

use std::time::Duration;

use okta_authz_filter::dpop::replay::ReplayMemory;
use okta_authz_filter::rejection::Rejection::{
    self, DpopProofExpired, DpopProofReplayed, DpopReplayUnavailable,
};
use okta_authz_filter::time::UnixTime;
use test_support::common::Store;

const MAX_AGE: u64 = 60;
const SKEW: u64 = 10;
/// The time of the tests, in Unix seconds.
const NOW: u64 = 1_700_000_000;
const ENTRIES: u32 = 4;
/// The bytes of a slot without records, and of one record.
const SLOT_BYTES: usize = 16;
const RECORD_BYTES: usize = 24;

/// A proof: the key of its client, its identifier, and `iat` in seconds relative to [`NOW`].
#[derive(Clone, Copy)]
struct Proof(u8, &'static str, i64);

fn memory(slots: u32, entries: u32, max_age: u64) -> ReplayMemory {
    ReplayMemory::new(slots, entries, Duration::from_secs(max_age), Duration::from_secs(SKEW))
}

/// Returns random bytes from a seed.
fn random(seed: u64) -> impl FnMut() -> [u8; 32] {
    let mut random = fastrand::Rng::with_seed(seed);
    move || std::array::from_fn(|_| random.u8(..))
}

fn seeded(memory: &ReplayMemory) -> Store {
    let shared = Store::default();
    memory.seed(&shared, random(1));
    shared
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(NOW.checked_add_signed(seconds).unwrap())
}

/// Records a proof at a time in seconds relative to [`NOW`], with the usual expiry.
fn record(memory: &ReplayMemory, shared: &Store, proof: Proof, now: i64) -> Result<(), Rejection> {
    let Proof(key, jti, issued_at) = proof;
    let expires_at = issued_at + 1 + i64::try_from(MAX_AGE + SKEW).unwrap();
    memory.record(shared, &[key; 32], jti.as_bytes(), at(issued_at), at(expires_at), at(now))
}

#[test]
fn record_of_each_proof_is_accepted_once() {
    let memory = memory(1, ENTRIES, MAX_AGE);
    let shared = seeded(&memory);
    let window = i64::try_from(MAX_AGE + SKEW).unwrap();
    for (name, proof, now, expected) in [
        ("first", Proof(1, "a", 0), 0, Ok(())),
        ("again", Proof(1, "a", 0), 0, Err(DpopProofReplayed)),
        ("the jti of another key", Proof(2, "a", 0), 0, Ok(())),
        ("another jti", Proof(1, "b", 0), 0, Ok(())),
        ("another iat, jti used before", Proof(1, "a", 1), 1, Err(DpopProofReplayed)),
        ("again, in the last second of its age", Proof(1, "a", 0), window, Err(DpopProofReplayed)),
        ("again, after its age", Proof(1, "a", 0), window + 1, Err(DpopProofReplayed)),
        ("a fresh proof", Proof(1, "c", window + 1), window + 1, Ok(())),
        ("again, after its record was dropped", Proof(1, "a", 0), window + 1, Err(DpopProofExpired)),
    ] {
        assert_eq!(record(&memory, &shared, proof, now), expected, "{name}");
    }
    let records = shared.value(".slot.0").unwrap().len();
    assert_eq!(records, SLOT_BYTES + RECORD_BYTES, "expired records are dropped");
}

#[test]
fn full_slot_forgets_the_oldest_proof_and_rejects_proofs_that_are_not_newer() {
    let memory = memory(1, ENTRIES, MAX_AGE);
    let shared = seeded(&memory);
    for (jti, issued_at) in [("c", -7), ("a", -9), ("d", -6), ("b", -8)] {
        assert_eq!(record(&memory, &shared, Proof(1, jti, issued_at), 0), Ok(()));
    }
    let full = shared.usage();
    for (name, jti, issued_at, expected) in [
        ("fresh", "e", 0, Ok(())),
        ("forgotten", "a", -9, Err(DpopProofExpired)),
        ("new, as old as a forgotten one", "f", -9, Err(DpopProofExpired)),
        ("new, second oldest", "g", -8, Ok(())),
        ("again", "g", -8, Err(DpopProofReplayed)),
        ("new, as old as the second forgotten one", "i", -8, Err(DpopProofExpired)),
        ("not forgotten", "d", -6, Err(DpopProofReplayed)),
        ("from the future", "j", 10, Ok(())),
    ] {
        assert_eq!(record(&memory, &shared, Proof(1, jti, issued_at), 0), expected, "{name}");
        assert_eq!(shared.usage(), full, "{name}: the size is constant");
    }
}

#[test]
fn clock_set_back_makes_no_dropped_proof_acceptable() {
    let memory = memory(1, ENTRIES, MAX_AGE);
    let shared = seeded(&memory);
    assert_eq!(record(&memory, &shared, Proof(1, "a", 0), 0), Ok(()));
    assert_eq!(record(&memory, &shared, Proof(1, "b", 100), 100), Ok(()));
    assert_eq!(record(&memory, &shared, Proof(1, "a", 0), 0), Err(DpopProofExpired));
    assert_eq!(record(&memory, &shared, Proof(1, "c", 1), 1), Ok(()), "newer than all dropped proofs");
}

#[test]
fn another_configuration_keeps_the_records() {
    let before = memory(1, 8, MAX_AGE);
    let shared = seeded(&before);
    let proofs: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (jti, issued_at) in proofs.into_iter().zip(0..) {
        assert_eq!(record(&before, &shared, Proof(1, jti, issued_at), issued_at), Ok(()));
    }
    let after = memory(1, ENTRIES, 300);
    after.seed(&shared, random(2));
    for (jti, issued_at) in proofs.into_iter().zip(0..) {
        assert_eq!(record(&after, &shared, Proof(1, jti, issued_at), 8), Err(DpopProofReplayed));
    }
    assert_eq!(record(&after, &shared, Proof(1, "i", 8), 8), Ok(()));
    assert_eq!(shared.value(".slot.0").unwrap().len(), SLOT_BYTES + 4 * RECORD_BYTES);
    assert_eq!(record(&after, &shared, Proof(1, "e", 4), 8), Err(DpopProofExpired), "removed");
    assert_eq!(record(&after, &shared, Proof(1, "f", 5), 8), Err(DpopProofReplayed), "kept");
    // The longer window accepts the age of a proof whose record expired in the shorter one.
    let shared = seeded(&before);
    assert_eq!(record(&before, &shared, Proof(1, "a", 0), 0), Ok(()));
    assert_eq!(record(&before, &shared, Proof(1, "b", 100), 100), Ok(()));
    assert_eq!(record(&after, &shared, Proof(1, "a", 0), 100), Err(DpopProofExpired));
}

#[test]
fn record_lives_until_both_the_expiry_and_the_age_of_the_proof_end() {
    let memory = memory(1, ENTRIES, MAX_AGE);
    for (name, expires_at, last_second) in [("by its nonce", 200, 200), ("by its age", 30, 70)] {
        let shared = seeded(&memory);
        let first = memory.record(&shared, &[1; 32], b"a", at(0), at(expires_at), at(0));
        assert_eq!(first, Ok(()));
        for (jti, now, records) in [("b", last_second - 1, 2), ("c", last_second + 1, 2)] {
            assert_eq!(record(&memory, &shared, Proof(1, jti, now), now), Ok(()), "{name}");
            let size = SLOT_BYTES + records * RECORD_BYTES;
            assert_eq!(shared.value(".slot.0").unwrap().len(), size, "{name}, {jti}");
        }
    }
}

#[test]
fn malformed_slot_rejects_every_proof_until_the_lost_records_have_expired() {
    let memory = memory(1, ENTRIES, MAX_AGE);
    let skew = i64::try_from(SKEW).unwrap();
    let filled = || {
        let shared = seeded(&memory);
        assert_eq!(record(&memory, &shared, Proof(1, "a", 0), 0), Ok(()));
        shared
    };
    let valid = filled().value(".slot.0").unwrap();
    let with = |index: usize, byte: u8| {
        let mut bytes = valid.clone();
        bytes[index] ^= byte;
        bytes
    };
    let mut malformed: Vec<Vec<u8>> = (0..valid.len())
        .filter(|length| *length != SLOT_BYTES)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|length| valid[..length].to_vec())
        .collect();
    malformed.extend([with(0, 1), with(3, 1), with(4, 1), with(11, 128)]);
    malformed.push([&valid[..], &[0]].concat());
    malformed.push([&valid[..SLOT_BYTES], &vec![0; 1025 * RECORD_BYTES]].concat());
    for bytes in malformed {
        let shared = filled();
        shared.corrupt(".slot.0", &bytes);
        for (proof, now, expected) in [
            (Proof(1, "a", 0), 0, Err(DpopProofExpired)),
            (Proof(1, "b", skew), 0, Err(DpopProofExpired)),
            (Proof(1, "a", 0), 1, Err(DpopProofExpired)),
            (Proof(1, "c", skew + 1), 1, Ok(())),
            (Proof(1, "c", skew + 1), 1, Err(DpopProofReplayed)),
        ] {
            assert_eq!(record(&memory, &shared, proof, now), expected, "{bytes:?} at {now}");
        }
    }
}

#[test]
fn absent_slot_or_key_makes_the_memory_unavailable() {
    let memory = memory(1, ENTRIES, MAX_AGE);
    let proof = Proof(1, "a", 0);
    assert_eq!(record(&memory, &Store::default(), proof, 0), Err(DpopReplayUnavailable));
    for suffix in [".slot.0", ".key"] {
        let shared = seeded(&memory);
        shared.remove(suffix);
        let before = shared.usage();
        assert_eq!(record(&memory, &shared, proof, 0), Err(DpopReplayUnavailable), "{suffix}");
        assert_eq!(shared.usage(), before, "{suffix}: nothing is written");
    }
    let key = seeded(&memory).value(".key").unwrap();
    let other_version = [&[key[0] + 1], &key[1..]].concat();
    for bytes in [&key[..key.len() - 1], &[&key[..], &[0]].concat(), &other_version, &[]] {
        let shared = seeded(&memory);
        shared.corrupt(".key", bytes);
        assert_eq!(record(&memory, &shared, proof, 0), Err(DpopReplayUnavailable), "{bytes:?}");
    }
}

#[test]
fn replaced_key_makes_no_recorded_proof_acceptable() {
    let memory = memory(2, ENTRIES, MAX_AGE);
    let shared = seeded(&memory);
    assert_eq!(record(&memory, &shared, Proof(1, "a", 0), 0), Ok(()));
    let other = Store::default();
    memory.seed(&other, random(2));
    shared.corrupt(".key", &other.value(".key").unwrap());
    assert_eq!(record(&memory, &shared, Proof(1, "a", 0), 0), Err(DpopProofExpired));
}

#[test]
fn lost_races_beyond_eight_tries_make_the_memory_unavailable() {
    let memory = memory(1, ENTRIES, MAX_AGE);
    for (lost, expected) in [(7, Ok(())), (8, Err(DpopReplayUnavailable))] {
        let shared = seeded(&memory);
        shared.lost_races.set(lost);
        assert_eq!(record(&memory, &shared, Proof(1, "a", 0), 0), expected, "{lost}");
    }
}

#[test]
fn seed_writes_only_absent_values() {
    let memory = memory(100, ENTRIES, MAX_AGE);
    let shared = seeded(&memory);
    assert_eq!(shared.usage().0, 101);
    let key = shared.value(".key");
    memory.seed(&shared, || panic!("the key exists"));
    assert_eq!((shared.usage().0, shared.value(".key")), (101, key));
    // A VM that ended while it seeded: the next one completes the memory. Slots of the lost key
    // reject proofs for a time.
    let memory = super::replay::memory(2, 64, MAX_AGE);
    let shared = seeded(&memory);
    shared.remove(".key");
    shared.remove(".slot.1");
    memory.seed(&shared, random(2));
    assert_eq!(shared.usage().0, 3);
    let results: Vec<_> = (0..20).map(|key| record(&memory, &shared, Proof(key, "a", 0), 0)).collect();
    assert!(results.contains(&Ok(())) && results.contains(&Err(DpopProofExpired)));
    // A host that stores nothing.
    let shared = Store::default();
    shared.lost_races.set(u32::MAX);
    memory.seed(&shared, random(3));
    assert_eq!(shared.usage(), (0, 0));
}

#[test]
fn sizes_beyond_the_limits_become_the_limits() {
    for (slots, entries, expected) in [(0, 0, (2, 4)), (2, 2000, (3, 1024)), (100_000, 5, (65_537, 5))] {
        let memory = memory(slots, entries, MAX_AGE);
        let shared = seeded(&memory);
        assert_eq!(shared.usage().0, expected.0);
        if slots == 0 {
            for key in 0..9 {
                let proof = Proof(key, "a", key.into());
                assert_eq!(record(&memory, &shared, proof, key.into()), Ok(()), "{key}");
            }
            assert_eq!(shared.value(".slot.0").unwrap().len(), SLOT_BYTES + expected.1 * RECORD_BYTES);
        }
    }
}
