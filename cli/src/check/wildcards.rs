//! Values that read as patterns where the filter compares exactly, and patterns that read as globs.

use regex_lite::Regex;
use serde_json::Value;

use super::Finding;
use crate::places::{element, member};

/// Lists whose values the filter compares exactly, wherever they are.
const LISTS: &[&str] = &[
    "groups",
    "scopes",
    "any_scopes",
    "subjects",
    "client_ids",
    "acr_values",
    "audiences",
    "any_of",
    "issuers",
    "jwks_hosts",
    "from_cookies",
    "from_params",
    "authorization_servers",
    "scopes_supported",
    "groups_claim",
    "claim_name",
];
/// Single values that it compares exactly.
const VALUES: &[&str] =
    &["equals", "groups_claim", "claim_name", "header_name", "forward_payload_header", "name"];
/// Values that are parts of texts.
const TEXTS: &[&str] = &["exact", "prefix", "suffix", "contains"];
/// Headers whose values have a `*` that means itself.
const WITH_STARS: &[&str] =
    &["accept", "accept-encoding", "accept-language", "if-match", "if-none-match", "te"];
/// Members that the filter does not compare with requests, and those that other checks look at.
const SKIPPED: &[&str] = &["local_jwks", "responses", "denylist"];

/// The rule's conditions on the path have their own check, when the configuration is read.
const PATHS: &[&str] = &["path", "prefix", "path_separated_prefix", "path_template"];

pub(super) fn warnings(written: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    search("", "", written, &mut warnings);
    warnings
}

/// Searches a member, with its place and its name, for values that read as patterns.
fn search(at: &str, name: &str, value: &Value, warnings: &mut Vec<Finding>) {
    match value {
        Value::Object(members) => {
            for (inner, value) in members {
                let at_inner = member(at, inner);
                if SKIPPED.contains(&inner.as_str()) || (name == "match" && PATHS.contains(&inner.as_str())) {
                    continue;
                }
                if name == "match" && inner == "safe_regex" {
                    warnings.extend(path_regex(&at_inner, value));
                } else if name == "route_policies" && wildcard(inner).is_some() {
                    warnings.extend(wildcard(inner).map(|found| compared_exactly(&at_inner, found, "")));
                } else if matches!(name, "headers" | "query_parameters") && inner == "string_match" {
                    let of = members.get("name").and_then(Value::as_str).unwrap_or_default();
                    warnings.extend(text_condition(&at_inner, of, value));
                    continue;
                }
                search(&at_inner, inner, value, warnings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let at = element(at, index);
                match item {
                    Value::String(text) if LISTS.contains(&name) => {
                        warnings.extend(exact_value(&at, name, text))
                    }
                    item => search(&at, name, item, warnings),
                }
            }
        }
        Value::String(text) if VALUES.contains(&name) => warnings.extend(exact_value(at, name, text)),
        _ => {}
    }
}

/// Warns of a pattern in a value that the filter compares exactly.
fn exact_value(at: &str, name: &str, text: &str) -> Option<Finding> {
    // Another warning takes these for placeholders.
    if name == "audiences" && text.contains(['*', '{', '}', '<', '>', '$']) {
        return None;
    }
    let instead = match name {
        "groups" | "subjects" | "client_ids" | "acr_values" | "any_of" | "equals" => {
            ": a pattern is `claims` with `matches`"
        }
        _ => "",
    };
    wildcard(text).map(|found| compared_exactly(at, found, instead))
}

fn compared_exactly(at: &str, found: &str, instead: &str) -> Finding {
    let problem = format!("is compared exactly, `{found}` included{instead}");
    Finding::warning(at, problem)
}

/// Warns of patterns in a condition on the text of a header or query parameter.
fn text_condition(at: &str, of: &str, string_match: &Value) -> Vec<Finding> {
    let of = of.to_ascii_lowercase();
    let texts = TEXTS.iter().filter_map(|name| Some((name, string_match.get(name)?.as_str()?)));
    let texts = texts.filter(|_| !WITH_STARS.contains(&of.as_str()));
    texts
        .filter_map(|(name, text)| {
            wildcard(text)
                .map(|found| compared_exactly(&member(at, name), found, ": a pattern is `safe_regex`"))
        })
        .collect()
}

/// Returns the part of a text that makes it read as a pattern. Names of groups have many characters: `Team [EU]`,
/// `R&D (all)` and `US$` are no patterns.
fn wildcard(text: &str) -> Option<&'static str> {
    let inside = |open: char, close: char| {
        text.split_once(open).and_then(|(_, rest)| rest.split_once(close)).map(|(inside, _)| inside)
    };
    if text.contains('*') {
        return Some("*");
    }
    for found in [".+", "\\d", "\\w", "\\s", "\\.", "(?", "[^", "]+", ")+"] {
        if text.contains(found) {
            return Some(found);
        }
    }
    if text.starts_with('^') {
        return Some("^");
    }
    if text.ends_with('?') {
        return Some("?");
    }
    if inside('(', ')').is_some_and(|inside| inside.contains('|')) {
        return Some("|");
    }
    if ["a-z", "A-Z", "0-9"].iter().any(|range| inside('[', ']').is_some_and(|inside| inside.contains(range)))
    {
        return Some("[");
    }
    if inside('{', '}').is_some() {
        return Some("{");
    }
    (text.starts_with('<') && text.ends_with('>')).then_some("<")
}

/// Warns of a regular expression for a path that its author may have meant as a glob or a template.
fn path_regex(at: &str, written: &Value) -> Option<Finding> {
    let pattern = written.as_str().or_else(|| written.get("regex").and_then(Value::as_str))?;
    let problem = if pattern.starts_with('*') || has_glob(pattern) {
        "looks like a glob: in a regular expression `/*` is any number of slashes; `[^/]+` is a segment, and `.*` is anything"
    } else if pattern.split('/').any(is_variable) {
        "looks like a template: a regular expression matches it literally; use `path_template`"
    } else if begins_without_slash(pattern) {
        "can never match: it matches the whole path, which begins with `/`"
    } else if pattern.contains("\\?") {
        "matches no query: the path is matched without it; use `query_parameters`"
    } else {
        return None;
    };
    Some(Finding::warning(at, problem))
}

/// Returns whether a pattern begins with a class that has no slash, such as `[^/]+` or `\w+`. If it begins with another
/// character, the configuration is an error already.
fn begins_without_slash(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let end = match pattern.as_bytes() {
        // A bracket that comes first is no end.
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

/// Returns whether a star follows a slash, outside a class.
fn has_glob(pattern: &str) -> bool {
    let (mut in_class, mut escaped, mut slash) = (false, false, false);
    for character in pattern.chars() {
        if slash && character == '*' {
            return true;
        }
        slash = character == '/' && !in_class;
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
    }
    false
}

/// Returns whether a segment is a variable such as `:id` or `<id>`.
fn is_variable(segment: &str) -> bool {
    let begins = |rest: &str| rest.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic());
    segment.strip_prefix(':').is_some_and(begins)
        || segment.strip_prefix('<').is_some_and(|rest| begins(rest) && rest.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(written: &Value) -> Vec<String> {
        warnings(written).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn wildcard_in_any_list_is_a_warning() {
        for list in ["groups", "scopes", "any_scopes", "subjects", "client_ids", "acr_values"] {
            for value in [
                "Contractors-*",
                "*",
                "a.*",
                "^a",
                "a-(b|c)",
                "[a-z]+",
                "a\\d",
                "{tenant}",
                "${USER}",
                "<group>",
                "a?",
            ] {
                for (at, rest) in [
                    ("rules[0].requires", json!({ "rules": [{ "requires": { list: ["x", value] } }] })),
                    (
                        "rules[0].requires.not",
                        json!({ "rules": [{ "requires": { "not": { list: ["x", value] } } }] }),
                    ),
                    (
                        "rules[0].requires.any_of[1]",
                        json!({ "rules": [{ "requires": { "any_of": [{}, { list: ["x", value] }] } }] }),
                    ),
                    (
                        "route_policies.a.requires",
                        json!({ "route_policies": { "a": { "requires": { list: ["x", value] } } } }),
                    ),
                ] {
                    assert_eq!(paths(&rest), [format!("{at}.{list}[1]")], "{value}");
                }
            }
            for value in [
                "Team [EU]",
                "R&D (all)",
                "US$",
                "api://default",
                "urn:okta:loa:2fa:any",
                "a+b",
                "joe@x.io",
                "a.b-c_d",
                "x|y",
            ] {
                assert_eq!(
                    paths(&json!({ "rules": [{ "requires": { list: [value] } }] })),
                    [""; 0],
                    "{value}"
                );
            }
        }
    }

    #[test]
    fn wildcard_elsewhere_is_a_warning() {
        let claims = |claim: Value| json!({ "rules": [{ "requires": { "claims": [claim] } }] });
        for (written, expected) in [
            (
                claims(json!({ "name": "a", "any_of": ["x", "y-*"] })),
                &["rules[0].requires.claims[0].any_of[1]"][..],
            ),
            (claims(json!({ "name": "a", "equals": "*" })), &["rules[0].requires.claims[0].equals"]),
            (claims(json!({ "name": "*", "exists": true })), &["rules[0].requires.claims[0].name"]),
            (claims(json!({ "name": "a", "matches": "y-.*" })), &[]),
            (claims(json!({ "name": "a", "equals": 1 })), &[]),
            (json!({ "providers": { "p": { "client_ids": ["0oa*"] } } }), &["providers.p.client_ids[0]"]),
            (json!({ "providers": { "p": { "audiences": ["^api"] } } }), &["providers.p.audiences[0]"]),
            (json!({ "providers": { "p": { "audiences": ["api://*"] } } }), &[]),
            (json!({ "providers": { "p": { "local_jwks": { "name": "*" } } } }), &[]),
            (json!({ "route_policies": { "admin-*": {} } }), &["route_policies.admin-*"]),
            (
                json!({ "from_params": ["token*"], "from_cookies": ["*"] }),
                &["from_cookies[0]", "from_params[0]"],
            ),
            (json!({ "denylist": { "entries": [{ "name": "*" }] } }), &[]),
            (json!({ "rules": [{ "match": { "hosts": ["*.example.com", "a.example.com"] } }] }), &[]),
        ] {
            assert_eq!(paths(&written), expected, "{written}");
        }
        let header = |name: &str, condition: Value| json!({ "rules": [{ "match": { "headers": [{ "name": name, "string_match": condition }] } }] });
        let at = "rules[0].match.headers[0].string_match.exact";
        assert_eq!(paths(&header("x-tenant", json!({ "exact": "acme-*" }))), [at]);
        assert_eq!(paths(&header("x-tenant", json!({ "safe_regex": "acme-.*" }))), [""; 0]);
        assert_eq!(paths(&header("Accept", json!({ "exact": "*/*" }))), [""; 0]);
        assert_eq!(paths(&header("x-*", json!({ "exact": "a" }))), ["rules[0].match.headers[0].name"]);
    }

    #[test]
    fn regex_that_reads_as_a_glob_is_a_warning() {
        for pattern in [
            "/a/*", "/*", "/a/*/b", "/a/**", "/a/:id", "/a/<id>", "(/*)?/a", "[^/]+", "\\w+/a", "^[a-z]",
            "/a\\?x=1",
        ] {
            for written in [json!(pattern), json!({ "regex": pattern })] {
                let written = json!({ "rules": [{ "match": { "safe_regex": written } }] });
                assert_eq!(paths(&written), ["rules[0].match.safe_regex"], "{pattern}");
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
            let written = json!({ "rules": [{ "match": { "safe_regex": pattern } }] });
            assert_eq!(paths(&written), [""; 0], "{pattern}");
        }
    }
}
