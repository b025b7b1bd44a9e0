//! The memory of accepted DPoP proofs, which rejects a proof that a client sends twice (RFC 9449
//! section 11.1).
//!
//! The workers of a process share the memory, because two connections of a client can have
//! different workers. It has a fixed number of slots in the shared data, each with a bounded number
//! of records. A keyed hash selects the slot, so a client cannot choose it. When the memory is full,
//! it forgets the oldest proofs and from then on rejects every proof that is not newer than a
//! forgotten one. So it never accepts a proof twice.
//!
//! Every value is untrusted input, because other plugins with the same `vm_id` can write it.

mod slot;

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use self::slot::{KEY_ID_BYTES, Record, Slot};
use crate::refresh::shared::{SharedData, SharedKeys};
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// The number of attempts to write a slot that other workers write too.
const ATTEMPTS: usize = 8;
/// The version of the encoded key.
const VERSION: u8 = 1;
/// The size of the HMAC key, in bytes.
const KEY_BYTES: usize = 32;

/// The memory of accepted proofs. There is one for each `vm_id`, whatever the configuration. The
/// first configuration determines the number of its slots: with another number, a proof would have
/// another slot, and a changed configuration would accept it again.
#[derive(Clone, Debug)]
pub struct ReplayMemory {
    /// The number of slots if the memory does not exist yet, from 1 to 65,536.
    slots: u32,
    /// From 4 to 1024.
    entries_per_slot: usize,
    /// The maximum age of an accepted proof, in seconds.
    max_age: u32,
    /// The clock skew that the age of a proof may have in addition, in both directions, in seconds.
    clock_skew: u32,
    key_name: String,
    slot_prefix: String,
}

/// The key that selects the slot of a proof and hides its identifier. It has a random ID, so that
/// records of another key are recognized.
struct ReplayKey {
    /// The number of slots of the memory.
    slots: u32,
    id: [u8; KEY_ID_BYTES],
    secret: [u8; KEY_BYTES],
}

impl ReplayMemory {
    /// The numbers of slots that a configuration can have.
    pub const SLOTS: std::ops::RangeInclusive<u32> = 1..=65_536;
    /// The numbers of records per slot that a configuration can have.
    pub const ENTRIES_PER_SLOT: std::ops::RangeInclusive<u32> = 4..=1024;

    /// Creates the memory of a worker. Values outside [`Self::SLOTS`] and
    /// [`Self::ENTRIES_PER_SLOT`] become the nearest limit. The caller accepts no proof whose `iat`
    /// is older than `max_age` and `clock_skew` together, or later than `clock_skew` from now. With
    /// nonces, these are the limits of the wider window.
    pub fn new(slots: u32, entries_per_slot: u32, max_age: Duration, clock_skew: Duration) -> Self {
        let slots = slots.clamp(*Self::SLOTS.start(), *Self::SLOTS.end());
        let entries = entries_per_slot.clamp(*Self::ENTRIES_PER_SLOT.start(), *Self::ENTRIES_PER_SLOT.end());
        let names = SharedKeys::new(&["dpop", "replay"]);
        Self {
            slots,
            entries_per_slot: usize::try_from(entries).unwrap_or(slot::MAX_ENTRIES),
            max_age: u32::try_from(max_age.as_secs()).unwrap_or(u32::MAX),
            clock_skew: u32::try_from(clock_skew.as_secs()).unwrap_or(u32::MAX),
            key_name: names.key("key"),
            slot_prefix: names.key("slot."),
        }
    }

    /// Returns the number of slots with which [`Self::seed`] creates the memory.
    pub const fn slots(&self) -> u32 {
        self.slots
    }

    /// Returns the maximum number of records in a slot.
    pub const fn entries_per_slot(&self) -> usize {
        self.entries_per_slot
    }

    /// Writes the HMAC key with the number of slots, and every absent slot. If the memory exists,
    /// the number of its slots stays. `random` returns random bytes.
    ///
    /// The host calls it in `on_configure`, because Envoy ignores the number of a compare-and-set
    /// for an absent name. The key comes last, so its presence shows that all slots exist, and
    /// further workers read one value. If a write fails, [`Self::record`] rejects proofs as
    /// [`Rejection::DpopReplayUnavailable`]. There is no result, because the answer of
    /// `on_configure` must not depend on shared data.
    #[inline(never)]
    pub fn seed(&self, shared: &dyn SharedData, mut random: impl FnMut() -> [u8; 32]) {
        if shared.get(&self.key_name).is_some() {
            return;
        }
        let mut id = [0; KEY_ID_BYTES];
        id.iter_mut().zip(random()).for_each(|(byte, random)| *byte = random);
        let key = ReplayKey { slots: self.slots, id, secret: random() };
        let empty = Slot::empty().encode(&key.id);
        let mut name = String::new();
        for index in 0..self.slots {
            self.write_slot_name(&mut name, index);
            if shared.get(&name).is_none() && !shared.set(&name, &empty, None) && shared.get(&name).is_none()
            {
                return;
            }
        }
        shared.set(&self.key_name, &key.encode(), None);
    }

    /// Records a proof that passed every other check. `jkt` is the thumbprint of its key. The record
    /// lives until `expires_at`, and at least as long as the age of the proof is acceptable.
    ///
    /// # Errors
    /// [`Rejection::DpopProofReplayed`] for a recorded proof. [`Rejection::DpopProofExpired`] for a
    /// proof that is not newer than a proof that the memory has forgotten.
    /// [`Rejection::DpopReplayUnavailable`] if the slot or the key is absent, or other workers
    /// changed the slot in each attempt.
    #[inline(never)]
    pub fn record(
        &self,
        shared: &dyn SharedData,
        jkt: &[u8; 32],
        jti: &[u8],
        issued_at: UnixTime,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), Rejection> {
        let key = shared.get(&self.key_name).and_then(|(bytes, _)| ReplayKey::decode(&bytes));
        let key = key.ok_or(Rejection::DpopReplayUnavailable)?;
        let (slot_hash, id) = key.hash(jkt, jti).ok_or(Rejection::DpopReplayUnavailable)?;
        let index = slot_hash.checked_rem(key.slots).unwrap_or_default();
        let issued_at = seconds(issued_at);
        let last_second = issued_at.saturating_add(self.max_age).saturating_add(self.clock_skew);
        // A fraction of a second extends the lifetime of the record.
        let expires_at = seconds(expires_at.saturating_add(Duration::from_millis(999)));
        let record = Record { id, issued_at, expires_at: expires_at.max(last_second.saturating_add(1)) };
        let mut name = String::new();
        self.write_slot_name(&mut name, index);
        for _ in 0..ATTEMPTS {
            let (value, cas) = shared.get(&name).ok_or(Rejection::DpopReplayUnavailable)?;
            let (slot, result) = match Slot::decode(&value, &key.id) {
                Some(mut slot) => {
                    slot.add(record, self.entries_per_slot, seconds(now))?;
                    (slot, Ok(()))
                }
                // The lost records can be of any proof that the filter accepts now.
                None => {
                    let floor = seconds(now).saturating_add(self.clock_skew);
                    (Slot::closed_until(floor), Err(Rejection::DpopProofExpired))
                }
            };
            if shared.set(&name, &slot.encode(&key.id), Some(cas)) {
                return result;
            }
        }
        Err(Rejection::DpopReplayUnavailable)
    }

    fn write_slot_name(&self, name: &mut String, index: u32) {
        name.clear();
        name.reserve(self.slot_prefix.len().saturating_add(5));
        name.push_str(&self.slot_prefix);
        let _ = write!(name, "{index}");
    }
}

impl ReplayKey {
    /// Returns the hash that selects the slot, and the identifier of the record. Different keys of
    /// clients have different identifiers for one `jti`, so no client can use up the `jti` of
    /// another. The length of the thumbprint is fixed, so no two pairs have the same input.
    fn hash(&self, jkt: &[u8; 32], jti: &[u8]) -> Option<(u32, [u8; slot::ID_BYTES])> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(jkt);
        mac.update(jti);
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let (slot, rest) = digest.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*slot), *rest.first_chunk()?))
    }

    fn encode(&self) -> Vec<u8> {
        [&[VERSION][..], &self.slots.to_le_bytes(), &self.id, &self.secret].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (VERSION, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else {
            return None;
        };
        let (slots, rest) = rest.split_first_chunk()?;
        let (id, secret) = rest.split_first_chunk()?;
        Some(Self { slots: u32::from_le_bytes(*slots), id: *id, secret: secret.try_into().ok()? })
    }
}

fn seconds(time: UnixTime) -> u32 {
    u32::try_from(time.millis() / 1000).unwrap_or(u32::MAX)
}
