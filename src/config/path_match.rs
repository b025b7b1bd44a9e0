//! The condition of a rule on the path.

use super::error::{ConfigError, Path};
use super::path_pattern::{self, Field};
use super::{raw, regex, unmatchable};
use crate::policy::{
    CanonicalPath, ENCODED_SLASH, NormalizationOptions, PathMatch, PathTemplateError, Pattern,
};
use crate::text::{before, has, replace};

/// The fields as they are written: `path`, `prefix`, `path_separated_prefix`, `path_template`, `safe_regex`.
pub(super) type Written =
    (Option<String>, Option<String>, Option<String>, Option<String>, Option<raw::SafeRegex>);

/// Reads the one of these fields that is there.
pub(super) fn path_match(
    at: &Path,
    (exact, prefix, path_separated_prefix, path_template, safe_regex): Written,
    reading: NormalizationOptions,
) -> Result<Option<PathMatch>, ConfigError> {
    let mut found = Vec::new();
    if let Some(path) = exact {
        found.push(PathMatch::Exact(plain(&at.field("path"), path, reading)?));
    }
    if let Some(path) = prefix {
        let at = at.field("prefix");
        let path = plain(&at, path, reading)?;
        if reading.allowed.encoded_slash && (path.ends_with('%') || path.ends_with("%2")) {
            return Err(at.error("must not end within `%2F`"));
        }
        found.push(PathMatch::Prefix(path));
    }
    if let Some(path) = path_separated_prefix {
        let at = at.field("path_separated_prefix");
        let path = plain(&at, path, reading)?;
        if path.ends_with('/') {
            return Err(at.error("must not end with `/`"));
        }
        found.push(PathMatch::PathSeparatedPrefix(path));
    }
    if let Some(template) = path_template {
        let at = at.field("path_template");
        if let Some(problem) = path_pattern::in_template(&template) {
            return Err(at.error(problem));
        }
        let template = literal(&at, template, reading)?;
        // A variable or a wildcard is a segment of at least one byte.
        let shortest = template.split('/').skip(1).map(|segment| match segment {
            "*" | "**" => 1,
            _ if segment.starts_with('{') => 1,
            _ => segment.len(),
        });
        if shortest.fold(0, |sum: usize, length| sum.saturating_add(length).saturating_add(1))
            > reading.max_match_bytes
        {
            return Err(at.error(unmatchable::TOO_LONG));
        }
        let template = PathMatch::template(&template, reading.allowed);
        found.push(template.map_err(|PathTemplateError(problem)| at.error(problem))?);
    }
    if let Some(pattern) = safe_regex {
        let at = at.field("safe_regex");
        let pattern = Pattern::new(regex::anchored(&at, pattern)?);
        if let Some(problem) = unmatchable::by_paths(&pattern, reading) {
            return Err(at.error(problem));
        }
        found.push(PathMatch::SafeRegex(pattern));
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(at.error(
            "must have only one of `path`, `prefix`, `path_separated_prefix`, `path_template`, `safe_regex`",
        )),
    }
}

/// Checks a path that rules match character by character.
fn plain(at: &Path, path: String, reading: NormalizationOptions) -> Result<String, ConfigError> {
    if let Some((pattern, field)) = path_pattern::find(&path) {
        let field = match field {
            Field::PathTemplate => "path_template",
            Field::SafeRegex => "safe_regex",
        };
        return Err(at.error(format!(
            "must not have a pattern (`{pattern}`), which it would match character by character: use `{field}`"
        )));
    }
    let path = literal(at, path, reading)?;
    if path.len() > reading.max_match_bytes {
        return Err(at.error(unmatchable::TOO_LONG));
    }
    Ok(path)
}

/// Checks a path without patterns. Rules have paths decoded, as the filter matches them; an encoded slash is `%2F`.
fn literal(at: &Path, path: String, reading: NormalizationOptions) -> Result<String, ConfigError> {
    let allowed = reading.allowed;
    if !path.starts_with('/') {
        return Err(at.error("must begin with `/`"));
    }
    if before(&path, b"?") != path {
        return Err(at.error("must not have a query or a fragment: rules are matched against the path alone"));
    }
    let path = if before(&path, b"%") != path {
        let path = replace(&replace(&path, "%2f", ENCODED_SLASH), "%3b", "%3B");
        let path = if allowed.semicolon { replace(&path, "%3B", ";") } else { path };
        if allowed.encoded_hash { replace(&path, "%23", "#") } else { path }
    } else {
        path
    };
    let has_empty_segment = has(&path, "//");
    for (text, entry, is_rejected) in [
        ("%2F", "encoded_slash", !allowed.encoded_slash && has(&path, ENCODED_SLASH)),
        (";", "semicolon", !allowed.semicolon && (has(&path, ";") || has(&path, "%3B"))),
        ("//", "empty_segment", !allowed.empty_segment && has_empty_segment),
        ("#", "encoded_hash", !allowed.encoded_hash && (has(&path, "#") || has(&path, "%23"))),
    ] {
        if is_rejected {
            return Err(at.error(format!(
                "can never match: paths with `{text}` are rejected unless `allow_in_paths` has `{entry}`"
            )));
        }
    }
    let encoded =
        |window: &[u8]| matches!(window, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    let without_slashes = replace(&path, ENCODED_SLASH, "\0");
    if without_slashes.as_bytes().windows(3).any(encoded) {
        return Err(
            at.error("must be written without percent-encoding: paths are decoded before they are matched")
        );
    }
    if path.contains(char::is_control) {
        return Err(at.error("can never match: the filter rejects paths with control characters"));
    }
    if !CanonicalPath::is_canonical(&path, allowed) {
        return Err(at.error(
            "can never match: paths with `/./`, `/../` or `\\` are rejected, also before `;` and beside `%2F`",
        ));
    }
    Ok(path)
}
