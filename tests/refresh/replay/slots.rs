//! The number of slots: one memory for all configurations.

use okta_authz_filter::rejection::Rejection::DpopProofReplayed;

use super::{ENTRIES, MAX_AGE, Proof, memory, record, seeded};

/// An attacker could otherwise send each proof again after the change, or to another listener.
#[test]
fn another_number_of_slots_keeps_the_records() {
    let proofs: Vec<Proof> = (0..64).map(|key| Proof(key, "a", 0)).collect();
    for (before, after) in [(16, 8), (8, 16), (1, 65_536), (65_536, 1)] {
        let (first, second) = (memory(before, 64, MAX_AGE), memory(after, 64, MAX_AGE));
        let shared = seeded(&first);
        second.seed(&shared, || panic!("the memory exists"));
        let values = shared.usage().0;
        let (one, two) = proofs.split_at(32);
        for (own, other, proofs) in [(&first, &second, one), (&second, &first, two)] {
            for proof in proofs {
                assert_eq!(record(own, &shared, *proof, 0), Ok(()), "{before}, {after}");
                let again = record(other, &shared, *proof, 0);
                assert_eq!(again, Err(DpopProofReplayed), "{before}, {after}");
            }
        }
        assert_eq!(shared.usage().0, values, "{before}, {after}: one memory");
    }
}

#[test]
fn key_without_slots_uses_one_slot() {
    let memory = memory(2, ENTRIES, MAX_AGE);
    let shared = seeded(&memory);
    let mut key = shared.value(".key").unwrap();
    key[1..5].fill(0);
    shared.corrupt(".key", &key);
    let first = Proof(1, "a", 0);
    assert_eq!(record(&memory, &shared, first, 0), Ok(()));
    assert_eq!(record(&memory, &shared, first, 0), Err(DpopProofReplayed));
}
