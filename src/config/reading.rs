//! `allow_in_paths` and `max_match_bytes`: how the filter reads paths and values for rules.

use super::error::{ConfigError, Path};
use super::raw;
use crate::policy::{DEFAULT_MAX_MATCH_BYTES, NormalizationOptions};

/// Below this, ordinary paths are rejected; above it, Envoy rejects the request first (60 KiB of headers by default).
const MAX_MATCH_BYTES: std::ops::RangeInclusive<u32> = 256..=64 * 1024;

/// Reads the two fields.
pub(super) fn reading(
    root: &Path,
    allow_in_paths: Option<Vec<raw::AllowInPaths>>,
    max_match_bytes: Option<u32>,
) -> Result<NormalizationOptions, ConfigError> {
    let mut reading =
        NormalizationOptions { max_match_bytes: DEFAULT_MAX_MATCH_BYTES, ..NormalizationOptions::default() };
    for (index, entry) in allow_in_paths.into_iter().flatten().enumerate() {
        let allowed = match entry {
            raw::AllowInPaths::EncodedSlash => &mut reading.allowed.encoded_slash,
            raw::AllowInPaths::Semicolon => &mut reading.allowed.semicolon,
            raw::AllowInPaths::EmptySegment => &mut reading.allowed.empty_segment,
            raw::AllowInPaths::EncodedHash => &mut reading.allowed.encoded_hash,
        };
        if std::mem::replace(allowed, true) {
            return Err(root.field("allow_in_paths").index(index).error("is on the list twice"));
        }
    }
    if let Some(bytes) = max_match_bytes {
        if !MAX_MATCH_BYTES.contains(&bytes) {
            let (min, max) = MAX_MATCH_BYTES.into_inner();
            return Err(root.field("max_match_bytes").error(format!("must be from {min} to {max}")));
        }
        reading.max_match_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    Ok(reading)
}
