//! Fuzzes the values of the replay memory, which every plugin with the same `vm_id` can write. The
//! first 16 bytes of the input are a proof and the clock, and the rest is the value of the slot.
#![no_main]

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::dpop::replay::ReplayMemory;
use okta_authz_filter::refresh::shared::{CasToken, SharedData};
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::time::UnixTime;

const ENTRIES: u32 = 4;
const MAX_AGE: u64 = 60;
const SKEW: u64 = 10;
/// The bytes of a slot without records, of which the first 12 are the version and the ID of the
/// key; and of a record.
const SLOT_BYTES: usize = 16;
const HEADER_BYTES: usize = 12;
const RECORD_BYTES: usize = 24;
const MAX_RECORDS: usize = 1024;

/// The shared data of one worker. No other worker writes it.
#[derive(Default)]
struct Shared(RefCell<HashMap<String, Vec<u8>>>);

impl SharedData for Shared {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        self.0.borrow().get(name).map(|value| (value.clone(), CasToken(1)))
    }

    fn set(&self, name: &str, value: &[u8], _: Option<CasToken>) -> bool {
        self.0.borrow_mut().insert(name.to_owned(), value.to_vec());
        true
    }
}

impl Shared {
    fn slot(&self) -> Vec<u8> {
        let values = self.0.borrow();
        values.iter().find(|(name, _)| name.ends_with(".slot.0")).expect("a seeded slot").1.clone()
    }

    fn set_slot(&self, bytes: &[u8]) {
        let mut values = self.0.borrow_mut();
        *values.iter_mut().find(|(name, _)| name.ends_with(".slot.0")).expect("a seeded slot").1 =
            bytes.to_vec();
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((numbers, value)) = input.split_first_chunk::<16>() else { return };
    let number = |index: usize| {
        let bytes = numbers.as_chunks::<4>().0[index];
        u64::from(u32::from_le_bytes(bytes))
    };
    let time = UnixTime::from_seconds;
    let (issued_at, expires_at, now, later) =
        (time(number(0)), time(number(1)), time(number(2)), time(number(3)));
    let memory = ReplayMemory::new(1, ENTRIES, Duration::from_secs(MAX_AGE), Duration::from_secs(SKEW));
    let shared = Shared::default();
    memory.seed(&shared, || [7; 32]);
    let empty = shared.slot();
    shared.set_slot(value);
    let record = |now| memory.record(&shared, &[1; 32], b"a", issued_at, expires_at, now);

    let first = record(now);
    let records = value.len().saturating_sub(SLOT_BYTES);
    let is_slot = value.len() >= SLOT_BYTES
        && value[..HEADER_BYTES] == empty[..HEADER_BYTES]
        && records % RECORD_BYTES == 0
        && records / RECORD_BYTES <= MAX_RECORDS;
    let after = shared.slot();
    match first {
        Ok(()) => {
            assert!(is_slot, "a malformed value accepts no proof");
            assert!(after.len() <= SLOT_BYTES + RECORD_BYTES * ENTRIES as usize);
        }
        Err(Rejection::DpopProofExpired | Rejection::DpopProofReplayed) if is_slot => {
            assert_eq!(after, value, "a rejected proof changes nothing");
        }
        Err(Rejection::DpopProofExpired) => {
            assert_eq!(after.len(), SLOT_BYTES, "a malformed value is replaced");
        }
        Err(other) => panic!("{other:?}"),
    }
    // The floor of the slot only rises.
    let floor =
        |slot: &[u8]| u32::from_le_bytes(slot[HEADER_BYTES..SLOT_BYTES].try_into().expect("four bytes"));
    if is_slot {
        assert!(floor(&after) >= floor(value));
    }
    // No clock makes the proof acceptable a second time.
    if first.is_ok() {
        for now in [now, later, time(0), time(u64::from(u32::MAX))] {
            assert!(record(now).is_err(), "the proof is accepted twice");
        }
    }
});
