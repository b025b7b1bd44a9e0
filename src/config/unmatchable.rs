//! Detection of patterns that no request can match, because the filter rejects or decodes the text
//! that they require.
//!
//! The check uses only the literals that every match contains.

use crate::policy::{CanonicalPath, NormalizationOptions, Pattern};
use crate::text::replace;

/// Returns the reason why no path matches a pattern. Returns `None` if a path can match.
pub(super) fn path_problem(pattern: &Pattern, normalization: NormalizationOptions) -> Option<String> {
    let literals = pattern.required_literals()?;
    let last = literals.len().saturating_sub(1);
    let prefix = literals.first().map_or("", String::as_str);
    // `OPTIONS *` has the path `*`.
    if !prefix.is_empty() && !prefix.starts_with('/') && prefix != "*" {
        return Some("can never match: it matches the whole path, which begins with `/`".to_owned());
    }
    if is_too_long(&literals, normalization) {
        return Some(TOO_LONG.to_owned());
    }
    let is_impossible = |(index, text): (usize, &String)| {
        // A path can contain a `?` that was percent-encoded.
        let text = replace(text, "?", "x");
        let before = if index == 0 && !text.is_empty() { "" } else { "/x" };
        let after = if index == last { "" } else { "x" };
        prefix != "*"
            && !CanonicalPath::is_canonical(&format!("{before}{text}{after}"), normalization.allowed)
    };
    let (_, text) = literals.iter().enumerate().find(|(index, text)| is_impossible((*index, text)))?;
    Some(format!(
        "can never match: the filter rejects paths with `{text}`; it decodes paths before it matches them, and \
         `allow_in_paths` lists further characters that it can accept"
    ))
}

/// Returns the reason why no value of a header or parameter matches a pattern. `problem` returns
/// the reason why no value contains a text at a position.
pub(super) fn value_problem(
    pattern: &Pattern,
    normalization: NormalizationOptions,
    problem: &dyn Fn(&str, Position) -> Option<&'static str>,
) -> Option<&'static str> {
    let literals = pattern.required_literals()?;
    let last = literals.len().saturating_sub(1);
    if is_too_long(&literals, normalization) {
        return Some(TOO_LONG);
    }
    literals
        .iter()
        .enumerate()
        .find_map(|(index, text)| problem(text, Position { is_start: index == 0, is_end: index == last }))
}

/// The position of a text in a value.
#[derive(Clone, Copy)]
pub(super) struct Position {
    /// Whether the value begins with the text.
    pub(super) is_start: bool,
    /// Whether the value ends with the text.
    pub(super) is_end: bool,
}

/// The problem with a text that is longer than every value that the filter matches.
pub(super) const TOO_LONG: &str = "can never match: it is longer than `max_match_bytes`";

fn is_too_long(literals: &[String], normalization: NormalizationOptions) -> bool {
    literals.iter().map(String::len).fold(0_usize, usize::saturating_add) > normalization.max_match_bytes
}
