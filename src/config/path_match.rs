//! The conditions of a rule on the path, at most one of: `path`, `prefix`, `path_separated_prefix`,
//! `path_template`, `safe_regex`.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::path_pattern::{self, Field};
use super::{raw, regex, unmatchable};
use crate::percent_encoding::has_encoded_octet;
use crate::policy::{
    CanonicalPath, ENCODED_SLASH, NormalizationOptions, PathMatch, PathTemplateError, Pattern,
};
use crate::text::{before, has, replace};

/// The values of these fields, in this order.
pub(super) type PathFields =
    (Option<String>, Option<String>, Option<String>, Option<String>, Option<raw::SafeRegex>);

/// Converts the field that is set.
pub(super) fn path_match(
    at: &FieldPath<'_>,
    (exact, prefix, path_separated_prefix, path_template, safe_regex): PathFields,
    normalization: NormalizationOptions,
) -> Result<Option<PathMatch>, ConfigError> {
    let mut matchers = Vec::new();
    if let Some(path) = exact {
        matchers.push(PathMatch::Exact(literal_path(&at.field("path"), path, normalization)?));
    }
    if let Some(path) = prefix {
        let at = at.field("prefix");
        let path = literal_path(&at, path, normalization)?;
        if normalization.allowed.encoded_slash && (path.ends_with('%') || path.ends_with("%2")) {
            return Err(at.error("must not end within `%2F`"));
        }
        matchers.push(PathMatch::Prefix(path));
    }
    if let Some(path) = path_separated_prefix {
        let at = at.field("path_separated_prefix");
        let path = literal_path(&at, path, normalization)?;
        if path.ends_with('/') {
            return Err(at.error("must not end with `/`"));
        }
        matchers.push(PathMatch::PathSeparatedPrefix(path));
    }
    if let Some(template) = path_template {
        let at = at.field("path_template");
        if let Some(problem) = path_pattern::problem_in_template(&template) {
            return Err(at.error(problem));
        }
        let template = unencoded_path(&at, template, normalization)?;
        // A variable or a wildcard matches a segment of one byte or more.
        let min_lengths = template.split('/').skip(1).map(|segment| match segment {
            "*" | "**" => 1,
            _ if segment.starts_with('{') => 1,
            _ => segment.len(),
        });
        if min_lengths.fold(0, |sum: usize, length| sum.saturating_add(length).saturating_add(1))
            > normalization.max_match_bytes
        {
            return Err(at.error(unmatchable::TOO_LONG));
        }
        let template = PathMatch::template(&template, normalization.allowed);
        matchers.push(template.map_err(|PathTemplateError(problem)| at.error(problem))?);
    }
    if let Some(pattern) = safe_regex {
        let at = at.field("safe_regex");
        let pattern = Pattern::new(regex::anchored(&at, pattern)?);
        if let Some(problem) = unmatchable::path_problem(&pattern, normalization) {
            return Err(at.error(problem));
        }
        matchers.push(PathMatch::SafeRegex(pattern));
    }
    match matchers.len() {
        0 | 1 => Ok(matchers.pop()),
        _ => Err(at.error(
            "must have only one of `path`, `prefix`, `path_separated_prefix`, `path_template`, `safe_regex`",
        )),
    }
}

/// Checks a path or prefix that rules match literally.
fn literal_path(
    at: &FieldPath<'_>,
    path: String,
    normalization: NormalizationOptions,
) -> Result<String, ConfigError> {
    if let Some((pattern, field)) = path_pattern::find(&path) {
        let field = match field {
            Field::PathTemplate => "path_template",
            Field::SafeRegex => "safe_regex",
        };
        return Err(at.error(format!(
            "must not have the pattern `{pattern}`, which it would match literally: use `{field}`"
        )));
    }
    let path = unencoded_path(at, path, normalization)?;
    if path.len() > normalization.max_match_bytes {
        return Err(at.error(unmatchable::TOO_LONG));
    }
    Ok(path)
}

/// Checks a path or template without regular expressions, and returns it in canonical form. The
/// operator writes paths decoded, except for an encoded slash, which is `%2F`.
fn unencoded_path(
    at: &FieldPath<'_>,
    path: String,
    normalization: NormalizationOptions,
) -> Result<String, ConfigError> {
    let allowed = normalization.allowed;
    if !path.starts_with('/') {
        return Err(at.error("must begin with `/`"));
    }
    if before(&path, b"?") != path {
        return Err(at.error("must not have a query or a fragment: the filter matches only the path"));
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
                "can never match: the filter rejects paths with `{text}` unless `allow_in_paths` has `{entry}`"
            )));
        }
    }
    let without_slashes = replace(&path, ENCODED_SLASH, "\0");
    if has_encoded_octet(without_slashes.as_bytes()) {
        return Err(at.error("must not be percent-encoded: the filter decodes paths before it matches them"));
    }
    if path.contains(char::is_control) {
        return Err(at.error("can never match: the filter rejects paths with control characters"));
    }
    if !CanonicalPath::is_canonical(&path, allowed) {
        return Err(at.error(
            "can never match: the filter rejects paths with `/./`, `/../` or `\\`, also with `;` or `%2F` around the dots",
        ));
    }
    Ok(path)
}
