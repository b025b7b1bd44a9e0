//! Detection of patterns in fields that match literally.
//!
//! A `deny` rule with `path: /internal/*` would deny nothing, because `*` is an ordinary character
//! in `path`. So a template, a wildcard or a regular expression in such a field is an error, which
//! names the right field. Real paths contain many of these characters: `/v1/items:batch`,
//! `/Orders(1)/$count`, `/c++`, `/~joe`, `/@me` and `/a[0]` are not patterns.

use crate::text::{before, has};

/// The field for a pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Field {
    PathTemplate,
    SafeRegex,
}

/// Parts of regular expressions that do not occur in paths.
const REGEX: &[&str] = &[".*", ".+", "(?", ")*", ")+", ")?", "){", "[^", "]*", "]+", "]?", "]{", "|"];
/// The letters of escapes such as `\d`. A backslash also escapes any punctuation.
const ESCAPED_LETTERS: &[u8] = b"dDwWsS";

/// Finds a pattern in a path that the filter would match literally.
pub(super) fn find(path: &str) -> Option<(&str, Field)> {
    if let Some(pattern) = regex_in(path) {
        return Some((pattern, Field::SafeRegex));
    }
    let path = before(path, b"?#");
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let field = match segment {
            "*" => Field::PathTemplate,
            "**" if is_last => Field::PathTemplate,
            _ if is_variable(segment) => Field::PathTemplate,
            _ if before(segment, b"*{}") != segment => Field::SafeRegex,
            _ if between(segment, '<', '>').is_some() => Field::SafeRegex,
            _ if between(segment, '[', ']').is_some_and(is_class) => Field::SafeRegex,
            _ => continue,
        };
        return Some((segment, field));
    }
    None
}

/// Finds a variable or pattern in another syntax, which a template would match literally, and
/// returns the problem.
pub(super) fn problem_in_template(template: &str) -> Option<String> {
    if let Some(pattern) = regex_in(template) {
        return Some(format!("must not have the regular expression `{pattern}`: use `safe_regex`"));
    }
    let is_other_variable = |segment: &&str| !segment.starts_with('{') && is_variable(segment);
    if let Some(segment) = template.split('/').find(is_other_variable) {
        return Some(format!(
            "must not have `{segment}`, which it would match literally: a variable is `{{name}}`"
        ));
    }
    let is_regex = |segment: &&str| {
        between(segment, '<', '>').is_some() || between(segment, '[', ']').is_some_and(is_class)
    };
    let segment = template.split('/').find(is_regex)?;
    Some(format!("must not have `{segment}`, which it would match literally: use `safe_regex`"))
}

/// Finds a part that occurs in regular expressions, and not in paths.
fn regex_in(path: &str) -> Option<&str> {
    if path.starts_with('^') {
        return Some("^");
    }
    // A question mark that is not a quantifier begins a query. Another check reports it.
    let is_quantified = ["(?", ")?", "]?"].iter().any(|text| has(path, text));
    let path = if is_quantified { path } else { before(path, b"?") };
    if path.ends_with('$') {
        return Some("$");
    }
    let is_escape = |window: &[u8]| match window {
        [b'\\', next] => ESCAPED_LETTERS.contains(next) || next.is_ascii_punctuation(),
        _ => false,
    };
    if let Some(at) = path.as_bytes().windows(2).position(is_escape) {
        return path.get(at..at.saturating_add(2));
    }
    REGEX.iter().copied().find(|text| has(path, text))
}

/// Returns whether a segment is a variable in the syntax of some router: `{id}`, `{id:int}`,
/// `{path=**}`, `{proxy+}`, `:id`, `:id?`, `<id>`, `<int:id>`, `[id]`, `[...path]`.
fn is_variable(segment: &str) -> bool {
    if let Some(name) = segment.strip_prefix(':') {
        return begins_name(name);
    }
    let inside =
        |open: char, close: char| segment.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let is_name = |name: &str| {
        let name = name.trim_matches(['[', ']', '.']);
        begins_name(name)
            && name.bytes().all(|byte| byte == b'_' || byte == b'-' || byte.is_ascii_alphanumeric())
    };
    inside('{', '}').is_some_and(|name| {
        before(name, b"{}") == name && !name.as_bytes().first().is_some_and(u8::is_ascii_digit)
    }) || inside('<', '>').is_some_and(|name| !name.is_empty())
        || inside('[', ']').is_some_and(|name| is_name(name) && !is_range(name))
}

fn begins_name(text: &str) -> bool {
    text.as_bytes().first().is_some_and(|first| *first == b'_' || first.is_ascii_alphabetic())
}

/// Returns the text between the first opening character and the next closing character.
fn between(segment: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = segment.split_once(open)?;
    Some(rest.split_once(close)?.0)
}

/// Returns whether the text between brackets is a character class, and not an index such as in
/// `/a[0]`.
fn is_class(inside: &str) -> bool {
    is_range(inside) || inside.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
}

/// Returns whether the text between brackets contains a range such as `a-z`.
fn is_range(inside: &str) -> bool {
    let range = |window: &[u8]| {
        matches!(window, [from, b'-', to] if (from.is_ascii_digit() && to.is_ascii_digit())
            || (from.is_ascii_lowercase() && to.is_ascii_lowercase())
            || (from.is_ascii_uppercase() && to.is_ascii_uppercase()))
    };
    matches!(inside.as_bytes(), [_, b'-', _, ..]) && inside.as_bytes().windows(3).any(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_pattern_returns_its_field() {
        for path in [
            "/internal/*",
            "/a/*/b",
            "/a/**",
            "/*",
            "/**",
            "/a/{id}",
            "/a/{id}/b",
            "/{a}/{b}",
            "/a/{id:int}",
            "/a/{path=**}",
            "/a/{proxy}",
            "/a/{rest...}",
            "/a/:id",
            "/:tenant/items",
            "/a/:id?",
            "/a/:user_id/b",
            "/a/<id>",
            "/a/<int:id>",
            "/a/<path:rest>",
            "/a/[id]",
            "/a/[...slug]",
            "/a/[[...slug]]",
            "/a/[user-id]",
            "/a/{}",
            "/a/:id?x=1",
            "/a/*?x",
        ] {
            assert_eq!(find(path).map(|(_, field)| field), Some(Field::PathTemplate), "{path}");
        }
        for path in [
            "/a/{id:[a-z]{2}}",
            "/a/.*",
            "/a.*",
            "/.*/b",
            "/a/.+",
            "^/a",
            "^/a$",
            "/a$",
            "/a/(b|c)",
            "/(?i)a",
            "/(?P<id>x)",
            "/a/\\d+",
            "/a/\\w+",
            "/a\\.b",
            "/a/[0-9]+",
            "/a/[0-9]",
            "/a/[a-z]",
            "/a/[^/]+",
            "/a/[^/]*/b",
            "/a/(x)?",
            "/a/(x)+",
            "/a/(x)*",
            "/a|/b",
            "/a*",
            "/a/*.html",
            "/a/**/b",
            "/**/b",
            "/a/x-*",
            "/{a}-{b}",
            "/v{n}/a",
            "/{id}.json",
            "/{id}:verb",
            "/a{2}",
            "/a/[a-z]{2}",
            "/a/x<id>",
            "/a/v[a-z]",
            "/a/***",
            "/[0-9]?",
            "/a/{2,3}",
            "/v[12ab]*",
            "/x[abc]",
        ] {
            assert_eq!(find(path).map(|(_, field)| field), Some(Field::SafeRegex), "{path}");
        }
    }

    #[test]
    fn find_real_path_returns_none() {
        for path in [
            "/",
            "/a",
            "/v1/items:batch",
            "/v1/items/1:cancel",
            "/urn:isbn:0451450523",
            "/a:b/c",
            "/:",
            "/a/:8080",
            "/a/::1",
            "/$metadata",
            "/Orders/$count",
            "/Orders(1)",
            "/Orders(ID=1,Key='a')/Lines",
            "/People/Model.Nearest()",
            "/a$b",
            "/c++",
            "/a+b",
            "/libstdc++.so.6",
            "/~joe",
            "/@me",
            "/@scope/package",
            "/a,b",
            "/a=b",
            "/a&b",
            "/it's",
            "/a!",
            "/.well-known/x",
            "/...",
            "/a..b",
            "/a_b-c",
            "/100%",
            "/a[0]",
            "/a[]",
            "/[::1]/x",
            "/a]b[",
            "/a>b<c",
            "/a(b)",
            "/a(b",
            "/a^b",
            "/search?q=*",
            "/a?b=c|d",
            "/caf\u{e9}",
            "/a b",
            "/a;b=c",
            "/a//b",
            "/a%2Fb",
            "/a#b",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }

    #[test]
    fn problem_in_template_other_variable_is_a_problem() {
        for template in [
            "/a/:id",
            "/a/<id>",
            "/a/<int:id>",
            "/a/[id]",
            "/a/[0-9]",
            "/a/.*",
            "/a/.+",
            "/a/(b|c)",
            "^/a",
            "/a$",
            "/a/\\d",
            "/{a}/:b",
            "/a/x<b>",
        ] {
            assert!(problem_in_template(template).is_some(), "{template}");
        }
        for template in [
            "/a/{id}",
            "/a/*",
            "/a/**",
            "/a/{id}/$count",
            "/v1/{name}/items:batch",
            "/Orders(1)/{x}",
            "/a[0]/{x}",
            "/c++/*",
        ] {
            assert_eq!(problem_in_template(template), None, "{template}");
        }
    }
}
