//! Entries of `denylist.entries` that match no token, or more tokens than intended.

use std::collections::HashMap;

use okta_authz_filter::config::Config;
use okta_authz_filter::verify::TokenProfile;
use serde_json::Value;

use super::envoy_json::list_at;
use super::finding::Finding;
use crate::clock;

/// The earliest plausible time, in seconds since 1970. Okta did not exist then, so an
/// earlier time has the wrong unit.
const MIN_TIME: i64 = 1_000_000_000;
const CLAIMS: [&str; 6] = ["jti", "sub", "uid", "cid", "issuer", "email"];

/// Warns about entries in `denylist.entries`. `json` is the JSON of the configuration.
pub(super) fn warnings(config: &Config, json: &Value) -> Vec<Finding> {
    let entries = list_at(json, "/denylist/entries").iter();
    let mut warnings = Vec::new();
    let mut indexes = HashMap::new();
    for (index, entry) in entries.enumerate() {
        let path = format!("denylist.entries[{index}]");
        for claim in CLAIMS {
            let Some(value) = entry.get(claim).and_then(Value::as_str) else { continue };
            let problem = value_problem(value).map(str::to_owned).or_else(|| match claim {
                "issuer" => issuer_problem(value, config),
                _ => okta_id_problem(claim, value, config).map(str::to_owned),
            });
            warnings.extend(problem.map(|problem| Finding::warning(format!("{path}.{claim}"), problem)));
        }
        let now = clock::now().seconds();
        for (name, problem) in [
            ("issued_before", issued_before_problem as fn(i64, i64) -> _),
            ("authenticated_before", authenticated_before_problem),
            ("until", until_problem),
        ] {
            let time = entry.get(name).and_then(Value::as_i64);
            let problem = time.and_then(|time| problem(time, now));
            warnings.extend(problem.map(|problem| Finding::warning(format!("{path}.{name}"), problem)));
        }
        if let Some(first) = indexes.insert(entry.to_string(), index) {
            warnings.push(Finding::warning(path, format!("is equal to denylist.entries[{first}]")));
        }
    }
    warnings
}

/// Returns why no token has this value. The filter compares values exactly.
fn value_problem(value: &str) -> Option<&'static str> {
    if value.trim() != value {
        return Some("has leading or trailing white space: values are compared exactly, and no token has it");
    }
    if value.contains('*') {
        return Some("looks like a pattern, but values are compared exactly: no token has it");
    }
    let is_enclosed = |open, close| value.starts_with(open) && value.ends_with(close);
    if is_enclosed('<', '>') || is_enclosed('{', '}') || value.contains("${") {
        return Some("looks like a placeholder: values are compared exactly");
    }
    let is_hidden = |character: char| character.is_control() || is_invisible(character);
    value.contains(is_hidden).then_some("has an invisible character, which no token has")
}

/// Reports whether a character is invisible in copied text: a soft hyphen, a zero-width character,
/// a direction mark, or a byte order mark.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Returns why an issuer is that of no provider.
fn issuer_problem(value: &str, config: &Config) -> Option<String> {
    let mut issuers = config.providers.iter().flat_map(|provider| &provider.requirements.issuers);
    let normalized = |issuer: &str| issuer.trim_end_matches('/').to_ascii_lowercase();
    if issuers.clone().any(|issuer| issuer == value) {
        return None;
    }
    Some(match issuers.find(|issuer| normalized(issuer) == normalized(value)) {
        Some(issuer) => format!("matches no token: issuers are compared exactly; use {issuer:?}"),
        None => "is the issuer of no provider, so it matches no token".to_owned(),
    })
}

/// Returns why a value is not an Okta ID for this claim. The prefix of an Okta ID is its type:
/// `00u` is a user, `0oa` a client.
fn okta_id_problem(claim: &str, value: &str, config: &Config) -> Option<&'static str> {
    if config.providers.iter().any(|provider| provider.requirements.profile != TokenProfile::Okta) {
        return None;
    }
    match claim {
        "uid" if value.starts_with("0oa") => Some("is the ID of a client (`0oa`); use `cid`"),
        "uid" if value.contains('@') => Some("is a name, not the ID of a user (`00u`); use `sub`"),
        "email" if !value.contains('@') => Some("is not an e-mail address; use `uid` or `sub`"),
        "cid" if value.starts_with("00u") => Some("is the ID of a user (`00u`); use `uid`"),
        // Okta IDs are base64url, with a dot in `jti`.
        "jti" | "uid" | "cid"
            if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) =>
        {
            Some("has a character that no Okta ID has: values are compared exactly")
        }
        "jti" if value.starts_with("ID.") => {
            Some("is the `jti` of an ID token, which the filter always rejects")
        }
        "jti" if value.matches('.').count() > 1 => {
            Some("is a token, not its ID; use the claim `jti` of the token")
        }
        _ => None,
    }
}

/// Returns why a time is not a recent time in the past. Both times are in seconds since 1970.
fn issued_before_problem(before: i64, now: i64) -> Option<&'static str> {
    if before < MIN_TIME {
        return Some("is before the `iat` of every token; use seconds since 1970");
    }
    (before > now).then_some("is in the future: the entry also matches tokens that are not issued yet")
}

/// Returns why a time is not a recent time of a login in the past.
fn authenticated_before_problem(before: i64, now: i64) -> Option<&'static str> {
    if before < MIN_TIME {
        return Some("is before the `auth_time` of every token; use seconds since 1970");
    }
    (before > now)
        .then_some("is in the future: the entry also matches tokens of logins that are still to come")
}

/// Returns why an entry has ended.
fn until_problem(until: i64, now: i64) -> Option<&'static str> {
    (until <= now).then_some("is in the past: the entry has ended and matches no token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_problem_value_of_no_token_is_some() {
        for value in [
            " a",
            "a ",
            "\ta",
            "a\n",
            "00u*",
            "*",
            "<id>",
            "${ID}",
            "{uid}",
            "a\u{7}b",
            "a\u{200b}",
            "\u{feff}a",
            "\u{a0}a",
        ] {
            assert!(value_problem(value).is_some(), "{value:?}");
        }
        for value in [
            "a",
            "00u1abcDEF",
            "AT.x-_Y",
            "a b",
            "user+tag@example.com",
            "https://h/a?b",
            "O'Neil",
            "a.b",
            "host$@example.com",
        ] {
            assert_eq!(value_problem(value), None, "{value:?}");
        }
    }

    #[test]
    fn issued_before_problem_implausible_time_is_some() {
        let now = 1_800_000_000;
        for (before, has_problem) in
            [(0, true), (1_750_000, true), (1_750_000_000, false), (now, false), (now + 1, true)]
        {
            assert_eq!(issued_before_problem(before, now).is_some(), has_problem, "{before}");
        }
    }
}
