//! Regular expressions.

use regex_lite::{Regex, RegexBuilder};

use super::error::{ConfigError, Path};
use super::raw;

/// A pattern of this compiled size matches anything that people write rules for.
const MAX_REGEX_BYTES: usize = 256 * 1024;

/// A pattern that must match the whole of a text.
pub(super) fn anchored(at: &Path, regex: raw::SafeRegex) -> Result<Regex, ConfigError> {
    let (raw::SafeRegex::Pattern(pattern) | raw::SafeRegex::Matcher(raw::RegexMatcher { regex: pattern })) =
        regex;
    if pattern.is_empty() {
        return Err(at.error("must not be empty"));
    }
    // On its own first: `a)|(b` must not escape from the group that anchors it.
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build();
    build(&pattern)
        .and_then(|_| build(&format!("^(?:{pattern})$")))
        .map_err(|error| at.error(format!("is not a usable regular expression: {error}")))
}
