//! Regular expressions for paths.

use regex_lite::Regex;
use serde_json::Value;

use super::finding::Finding;

/// Warns about a regular expression for a path that is probably meant as a glob or a template, or
/// that matches no path. `value` is that of `safe_regex`.
pub(super) fn warning(path: &str, value: &Value) -> Option<Finding> {
    let pattern = value.as_str().or_else(|| value.get("regex").and_then(Value::as_str))?;
    let problem = if pattern.starts_with('*') || has_glob(pattern) {
        "looks like a glob: in a regular expression, `/*` matches any number of slashes; use `[^/]+` for a segment, and `.*` \
         for any text"
    } else if pattern.split('/').any(is_variable) {
        "looks like a template, but a regular expression matches it literally; use `path_template`"
    } else if begins_without_slash(pattern) {
        "matches no path: it is compared with the whole path, which begins with `/`"
    } else if pattern.contains("\\?") {
        "matches no query: it is compared with the path without its query; use `query_parameters`"
    } else {
        return None;
    };
    Some(Finding::warning(path, problem))
}

/// Reports whether a pattern begins with a class without a slash, such as `[^/]+` or `\w+`. The
/// filter itself rejects a pattern that begins with another character.
fn begins_without_slash(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let end = match pattern.as_bytes() {
        // A bracket at the beginning of a class is a member of it.
        [b'[', ..] => {
            pattern.char_indices().skip(2).find(|(_, next)| *next == ']').map(|(at, _)| at.saturating_add(1))
        }
        [b'\\', ..] => Some(2),
        _ => None,
    };
    let Some((class, rest)) = end.and_then(|end| pattern.split_at_checked(end)) else { return false };
    let is_optional = rest.starts_with(['*', '?', '{']);
    !is_optional && !pattern.contains('|') && Regex::new(class).is_ok_and(|class| !class.is_match("/"))
}

/// Reports whether an asterisk follows a slash, outside of a class.
fn has_glob(pattern: &str) -> bool {
    let (mut in_class, mut is_escaped, mut after_slash) = (false, false, false);
    for character in pattern.chars() {
        if after_slash && character == '*' {
            return true;
        }
        after_slash = character == '/' && !in_class;
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
    }
    false
}

/// Reports whether a segment is a variable such as `:id` or `<id>`.
fn is_variable(segment: &str) -> bool {
    let begins_with_name =
        |rest: &str| rest.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic());
    segment.strip_prefix(':').is_some_and(begins_with_name)
        || segment.strip_prefix('<').is_some_and(|rest| begins_with_name(rest) && rest.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::patterns;
    use super::*;

    fn warning_paths(safe_regex: &Value) -> Vec<String> {
        let config = json!({ "rules": [{ "match": { "safe_regex": safe_regex } }] });
        patterns::warnings(&config).into_iter().map(|warning| warning.path).collect()
    }

    #[test]
    fn path_regex_that_looks_like_a_glob_is_a_warning() {
        for pattern in [
            "/a/*", "/*", "/a/*/b", "/a/**", "/a/:id", "/a/<id>", "(/*)?/a", "[^/]+", "\\w+/a", "^[a-z]",
            "/a\\?x=1",
        ] {
            for value in [json!(pattern), json!({ "regex": pattern })] {
                assert_eq!(warning_paths(&value), ["rules[0].match.safe_regex"], "{pattern}");
            }
        }
        for pattern in [
            "/a/.*",
            "/a/[^/]*",
            "/a(/.*)?",
            "/[*/]*",
            ".*",
            "/a/(b|c)",
            "(?i)/a",
            "/a/?",
            "/v1/items:batch",
            "[/]a",
            "[^/]*/a",
            "[a/]+",
            "[a]?/b",
            "\\W+",
            "[a]|/b",
        ] {
            assert_eq!(warning_paths(&json!(pattern)), [""; 0], "{pattern}");
        }
    }
}
