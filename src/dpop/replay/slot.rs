//! One slot of the replay memory: the records of accepted proofs, and a limit that stands for the
//! records that the slot no longer has.

use crate::rejection::Rejection;

/// The size of the identifier of a proof, in bytes.
pub(super) const ID_BYTES: usize = 16;
/// The size of the ID of the HMAC key, in bytes.
pub(super) const KEY_ID_BYTES: usize = 8;
/// The maximum number of records in an encoded slot. The configuration can be smaller; a slot of
/// an earlier configuration then has more records than the configuration allows.
pub(super) const MAX_ENTRIES: usize = 1024;
/// The version of the encoding.
const VERSION: u32 = 1;
/// The size of a record: identifier, `issued_at`, `expires_at`.
const RECORD_BYTES: usize = ID_BYTES + 8;

/// An accepted proof. Times are in Unix seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) id: [u8; ID_BYTES],
    pub(super) issued_at: u32,
    pub(super) expires_at: u32,
}

/// The records of a slot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Slot {
    /// The latest `issued_at` of the records that the slot dropped, because they expired or made
    /// room for others. The slot accepts only newer proofs. So a clock that is set back, or a
    /// configuration that accepts older proofs, makes no dropped proof acceptable.
    floor: u32,
    records: Vec<Record>,
}

impl Slot {
    pub(super) const fn empty() -> Self {
        Self::closed_until(0)
    }

    /// Returns a slot that accepts only proofs issued after `floor`.
    pub(super) const fn closed_until(floor: u32) -> Self {
        Self { floor, records: Vec::new() }
    }

    /// Adds a record. Drops the expired records, and the oldest ones beyond `max_entries`.
    ///
    /// # Errors
    /// [`Rejection::DpopProofReplayed`] for a known identifier. [`Rejection::DpopProofExpired`] for
    /// a proof that the slot may have had and no longer has.
    pub(super) fn add(&mut self, record: Record, max_entries: usize, now: u32) -> Result<(), Rejection> {
        if self.records.iter().any(|known| known.id == record.id) {
            return Err(Rejection::DpopProofReplayed);
        }
        let floor = &mut self.floor;
        self.records.retain(|known| {
            let is_live = known.expires_at > now;
            if !is_live {
                *floor = known.issued_at.max(*floor);
            }
            is_live
        });
        if record.issued_at <= self.floor {
            return Err(Rejection::DpopProofExpired);
        }
        self.records.push(record);
        while self.records.len() > max_entries {
            let oldest = self.records.iter().enumerate().min_by_key(|(_, known)| known.issued_at);
            let Some((index, oldest)) = oldest else { break };
            self.floor = oldest.issued_at.max(self.floor);
            self.records.swap_remove(index);
        }
        Ok(())
    }

    /// Encodes the slot for the shared store.
    pub(super) fn encode(&self, key_id: &[u8; KEY_ID_BYTES]) -> Vec<u8> {
        let length = self.records.len().saturating_mul(RECORD_BYTES).saturating_add(RECORD_BYTES);
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(key_id);
        bytes.extend_from_slice(&self.floor.to_le_bytes());
        for record in &self.records {
            bytes.extend_from_slice(&record.id);
            bytes.extend_from_slice(&record.issued_at.to_le_bytes());
            bytes.extend_from_slice(&record.expires_at.to_le_bytes());
        }
        bytes
    }

    /// Decodes a slot from untrusted bytes. Returns `None` for another version, another key, a
    /// partial record, and more than [`MAX_ENTRIES`] records.
    pub(super) fn decode(bytes: &[u8], key_id: &[u8; KEY_ID_BYTES]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk::<KEY_ID_BYTES>()?;
        let (floor, rest) = rest.split_first_chunk()?;
        let (records, []) = rest.as_chunks::<RECORD_BYTES>() else { return None };
        if u32::from_le_bytes(*version) != VERSION || key != key_id || records.len() > MAX_ENTRIES {
            return None;
        }
        Some(Self {
            floor: u32::from_le_bytes(*floor),
            records: records.iter().filter_map(Record::decode).collect(),
        })
    }
}

impl Record {
    fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (issued_at, rest) = rest.split_first_chunk()?;
        let (issued_at, expires_at) =
            (u32::from_le_bytes(*issued_at), u32::from_le_bytes(rest.try_into().ok()?));
        Some(Self { id: *id, issued_at, expires_at })
    }
}
