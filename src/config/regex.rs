//! Regular expressions.

use regex_lite::{Regex, RegexBuilder};

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::raw;

/// The maximum size of a compiled pattern, in bytes. It is enough for every realistic rule.
const MAX_REGEX_BYTES: usize = 256 * 1024;

/// Compiles a regular expression with anchors, so that it matches whole texts.
pub(super) fn anchored(at: &FieldPath<'_>, regex: raw::SafeRegex) -> Result<Regex, ConfigError> {
    let (raw::SafeRegex::Pattern(pattern) | raw::SafeRegex::Matcher(raw::RegexMatcher { regex: pattern })) =
        regex;
    if pattern.is_empty() {
        return Err(at.error("must not be empty"));
    }
    // The pattern must be valid without the anchoring group: `a)|(b` would escape from it.
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build();
    build(&pattern)
        .and_then(|_| build(&format!("^(?:{pattern})$")))
        .map_err(|error| at.error(format!("must be a valid regular expression: {error}")))
}
