//! `allow_in_paths` and `max_match_bytes`: how the filter normalizes requests before it matches
//! rules.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::{parse, raw};
use crate::policy::NormalizationOptions;

/// The range of `max_match_bytes`. A smaller limit rejects ordinary paths. Envoy rejects longer
/// requests by default (60 KiB of headers).
const MAX_MATCH_BYTES: std::ops::RangeInclusive<u32> = 256..=64 * 1024;

pub(super) fn normalization(
    root: &FieldPath<'_>,
    allow_in_paths: Option<Vec<raw::AllowInPaths>>,
    max_match_bytes: Option<u32>,
) -> Result<NormalizationOptions, ConfigError> {
    let mut options = NormalizationOptions::default();
    for (index, entry) in allow_in_paths.into_iter().flatten().enumerate() {
        let allowed = match entry {
            raw::AllowInPaths::EncodedSlash => &mut options.allowed.encoded_slash,
            raw::AllowInPaths::Semicolon => &mut options.allowed.semicolon,
            raw::AllowInPaths::EmptySegment => &mut options.allowed.empty_segment,
            raw::AllowInPaths::EncodedHash => &mut options.allowed.encoded_hash,
        };
        if std::mem::replace(allowed, true) {
            return Err(root.field("allow_in_paths").index(index).error("duplicate entry"));
        }
    }
    if let Some(bytes) = max_match_bytes {
        options.max_match_bytes = parse::size(&root.field("max_match_bytes"), bytes, MAX_MATCH_BYTES)?;
    }
    Ok(options)
}
