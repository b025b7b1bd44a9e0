//! Patterns in values that the filter compares exactly.

use serde_json::Value;

use super::finding::Finding;
use super::path_regex;
use crate::locate::{element, member};

/// The fields with lists of values that the filter compares exactly.
const EXACT_LISTS: &[&str] = &[
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
/// The fields with single values that the filter compares exactly.
const EXACT_VALUES: &[&str] =
    &["equals", "groups_claim", "claim_name", "header_name", "forward_payload_header", "name"];
/// The fields of a string matcher that the filter compares literally.
const LITERAL_MATCHERS: &[&str] = &["exact", "prefix", "suffix", "contains"];
/// The headers in whose values `*` is a literal character.
const HEADERS_WITH_ASTERISK: &[&str] =
    &["accept", "accept-encoding", "accept-language", "if-match", "if-none-match", "te"];
/// The fields that the filter does not compare with requests, or that other checks cover.
const SKIPPED_FIELDS: &[&str] = &["local_jwks", "responses", "denylist"];
/// The conditions of a rule on the path. The filter itself rejects patterns in them.
const PATH_FIELDS: &[&str] = &["path", "prefix", "path_separated_prefix", "path_template"];

/// Warns about values that look like patterns. `json` is the JSON of the configuration.
pub(super) fn warnings(json: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    search("", "", json, &mut warnings);
    warnings
}

/// Searches the value of the field `name`.
fn search(path: &str, name: &str, value: &Value, warnings: &mut Vec<Finding>) {
    match value {
        Value::Object(members) => {
            for (field, value) in members {
                let path = member(path, field);
                let field = field.as_str();
                if SKIPPED_FIELDS.contains(&field) || (name == "match" && PATH_FIELDS.contains(&field)) {
                    continue;
                }
                if name == "match" && field == "safe_regex" {
                    warnings.extend(path_regex::warning(&path, value));
                } else if name == "route_policies" {
                    warnings.extend(find_pattern(field).map(|pattern| compared_exactly(&path, pattern, "")));
                } else if matches!(name, "headers" | "query_parameters") && field == "string_match" {
                    let matched = members.get("name").and_then(Value::as_str).unwrap_or_default();
                    warnings.extend(string_match_warnings(&path, matched, value));
                    continue;
                }
                search(&path, field, value, warnings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = element(path, index);
                match item {
                    Value::String(text) if EXACT_LISTS.contains(&name) => {
                        warnings.extend(exact_value_warning(&path, name, text))
                    }
                    item => search(&path, name, item, warnings),
                }
            }
        }
        Value::String(text) if EXACT_VALUES.contains(&name) => {
            warnings.extend(exact_value_warning(path, name, text))
        }
        _ => {}
    }
}

/// Warns about a pattern in a value that the filter compares exactly.
fn exact_value_warning(path: &str, name: &str, text: &str) -> Option<Finding> {
    // Another check reports such audiences as placeholders.
    if name == "audiences" && text.contains(['*', '{', '}', '<', '>', '$']) {
        return None;
    }
    let alternative = match name {
        "groups" | "subjects" | "client_ids" | "acr_values" | "any_of" | "equals" => {
            "; for a pattern, use `claims` with `matches`"
        }
        _ => "",
    };
    find_pattern(text).map(|pattern| compared_exactly(path, pattern, alternative))
}

fn compared_exactly(path: &str, pattern: &str, alternative: &str) -> Finding {
    Finding::warning(path, format!("is compared exactly, including `{pattern}`{alternative}"))
}

/// Warns about patterns in a string matcher for the header or query parameter of this name.
fn string_match_warnings(path: &str, name: &str, string_match: &Value) -> Vec<Finding> {
    let name = name.to_ascii_lowercase();
    if HEADERS_WITH_ASTERISK.contains(&name.as_str()) {
        return Vec::new();
    }
    let warning = |field: &&str| {
        let pattern = find_pattern(string_match.get(*field)?.as_str()?)?;
        Some(compared_exactly(&member(path, field), pattern, "; for a pattern, use `safe_regex`"))
    };
    LITERAL_MATCHERS.iter().filter_map(warning).collect()
}

/// Returns the part of a text that looks like a pattern. Group names such as `Team [EU]`,
/// `R&D (all)` and `US$` do not.
fn find_pattern(text: &str) -> Option<&'static str> {
    let inside = |open: char, close: char| {
        text.split_once(open).and_then(|(_, rest)| rest.split_once(close)).map(|(inside, _)| inside)
    };
    if text.contains('*') {
        return Some("*");
    }
    for operator in [".+", "\\d", "\\w", "\\s", "\\.", "(?", "[^", "]+", ")+"] {
        if text.contains(operator) {
            return Some(operator);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(config: &Value) -> Vec<String> {
        warnings(config).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn pattern_in_any_list_of_a_requirement_is_a_warning() {
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
                for (path, config) in [
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
                    assert_eq!(paths(&config), [format!("{path}.{list}[1]")], "{value}");
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
    fn pattern_in_any_other_exact_value_is_a_warning() {
        let claims = |claim: Value| json!({ "rules": [{ "requires": { "claims": [claim] } }] });
        for (config, expected) in [
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
            assert_eq!(paths(&config), expected, "{config}");
        }
        let header = |name: &str, condition: Value| json!({ "rules": [{ "match": { "headers": [{ "name": name, "string_match": condition }] } }] });
        let at = "rules[0].match.headers[0].string_match.exact";
        assert_eq!(paths(&header("x-tenant", json!({ "exact": "acme-*" }))), [at]);
        assert_eq!(paths(&header("x-tenant", json!({ "safe_regex": "acme-.*" }))), [""; 0]);
        assert_eq!(paths(&header("Accept", json!({ "exact": "*/*" }))), [""; 0]);
        assert_eq!(paths(&header("x-*", json!({ "exact": "a" }))), ["rules[0].match.headers[0].name"]);
    }
}
