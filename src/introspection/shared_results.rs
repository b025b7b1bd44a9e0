//! Results of active tokens that the workers share: a table of fixed size in shared data, so that
//! one call serves all workers.
//!
//! A slot has the digest of the token, the time of the call, and the body of the response. It never
//! has the token. The filter checks a body from shared data as it checks a response.

use super::digest::TokenDigest;
use crate::refresh::shared::{SharedData, SharedKeys};
use crate::time::UnixTime;

/// The number of slots. With [`MAX_SHARED_BYTES`], the table has at most 4 MiB.
const SLOTS: u16 = 1024;
/// The maximum size of a body that the workers share. A response has about 500 bytes.
pub(super) const MAX_SHARED_BYTES: usize = 4 * 1024;

/// Returns the body of a response for this token, and the time of the call.
pub(super) fn read(
    keys: &SharedKeys,
    digest: &TokenDigest,
    shared: &dyn SharedData,
) -> Option<(UnixTime, Vec<u8>)> {
    let (mut value, _) = shared.get(&slot(keys, digest))?;
    if value.len() > MAX_SHARED_BYTES.saturating_add(40) {
        return None;
    }
    let (own, rest) = value.split_first_chunk::<32>()?;
    let (at, _) = rest.split_first_chunk::<8>()?;
    let at = UnixTime::from_millis(u64::from_le_bytes(*at));
    (*own == digest.0).then(|| (at, value.split_off(40)))
}

/// Writes the body of a response. A body that is too large stays on this worker.
pub(super) fn write(
    keys: &SharedKeys,
    digest: &TokenDigest,
    at: UnixTime,
    body: &[u8],
    shared: &dyn SharedData,
) {
    if body.len() > MAX_SHARED_BYTES {
        return;
    }
    let slot = slot(keys, digest);
    let read = shared.get(&slot).map(|(_, token)| token);
    // If another worker has written the slot at this time, its result stays.
    shared.set(&slot, &[&digest.0[..], &at.millis().to_le_bytes(), body].concat(), read);
}

fn slot(keys: &SharedKeys, TokenDigest(digest): &TokenDigest) -> String {
    let [first, second, ..] = digest;
    let slot = u16::from_le_bytes([*first, *second]).checked_rem(SLOTS).unwrap_or_default();
    keys.key(&format!("result.{slot}"))
}
