//! Patterns that no request can match, because the filter rejects or decodes what they ask for.
//!
//! The proof uses only the characters that every match has.

use crate::policy::{CanonicalPath, NormalizationOptions, Pattern};
use crate::text::replace;

/// Says why no path matches a pattern.
pub(super) fn by_paths(pattern: &Pattern, reading: NormalizationOptions) -> Option<String> {
    let texts = pattern.texts()?;
    let last = texts.len().saturating_sub(1);
    let begin = texts.first().map_or("", String::as_str);
    // `OPTIONS *` has the path `*`.
    if !begin.is_empty() && !begin.starts_with('/') && begin != "*" {
        return Some("can never match: it matches the whole path, which begins with `/`".to_owned());
    }
    if is_too_long(&texts, reading) {
        return Some(TOO_LONG.to_owned());
    }
    let is_in_no_path = |(index, text): (usize, &String)| {
        // A path can have a `?`, which was encoded.
        let text = replace(text, "?", "x");
        let head = if index == 0 && !text.is_empty() { "" } else { "/x" };
        let tail = if index == last { "" } else { "x" };
        begin != "*" && !CanonicalPath::is_canonical(&format!("{head}{text}{tail}"), reading.allowed)
    };
    let (_, text) = texts.iter().enumerate().find(|(index, text)| is_in_no_path((*index, text)))?;
    Some(format!(
        "can never match: no path that the filter admits has `{text}`; paths are decoded before they are matched, and \
         `allow_in_paths` names what else they may have"
    ))
}

/// Says why no value of a header or parameter matches a pattern, if a text at its beginning, within it, or at its end is one
/// that values cannot have.
pub(super) fn by_values(
    pattern: &Pattern,
    reading: NormalizationOptions,
    problem: &dyn Fn(&str, At) -> Option<&'static str>,
) -> Option<&'static str> {
    let texts = pattern.texts()?;
    let last = texts.len().saturating_sub(1);
    if is_too_long(&texts, reading) {
        return Some(TOO_LONG);
    }
    texts
        .iter()
        .enumerate()
        .find_map(|(index, text)| problem(text, At { begins: index == 0, ends: index == last }))
}

/// Where in a value a text is.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) begins: bool,
    pub(super) ends: bool,
}

/// Why a text that is too long matches nothing.
pub(super) const TOO_LONG: &str = "can never match: it is longer than `max_match_bytes`";

fn is_too_long(texts: &[String], reading: NormalizationOptions) -> bool {
    texts.iter().map(String::len).fold(0_usize, usize::saturating_add) > reading.max_match_bytes
}
