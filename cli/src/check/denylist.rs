//! Entries of the denylist in the configuration that fit no token, or more tokens than they seem to.

use std::collections::HashMap;

use okta_authz_filter::config::Config;
use okta_authz_filter::verify::TokenProfile;
use serde_json::Value;

use super::Finding;
use crate::clock;

/// In seconds since 1970, before Okta existed: an earlier time is a mistake in the unit.
const FIRST_TIME: i64 = 1_000_000_000;
const CLAIMS: [&str; 5] = ["jti", "sub", "uid", "cid", "issuer"];

/// Warns of each entry in `denylist.entries`, as it is written.
pub(super) fn warnings(config: &Config, written: &Value) -> Vec<Finding> {
    let entries = written.pointer("/denylist/entries").and_then(Value::as_array).into_iter().flatten();
    let mut warnings = Vec::new();
    let mut seen = HashMap::new();
    for (index, entry) in entries.enumerate() {
        let at = format!("denylist.entries[{index}]");
        for claim in CLAIMS {
            let Some(value) = entry.get(claim).and_then(Value::as_str) else { continue };
            let problem = never_equal(value).map(str::to_owned).or_else(|| match claim {
                "issuer" => issuer(value, config),
                _ => okta_id(claim, value, config).map(str::to_owned),
            });
            warnings.extend(problem.map(|problem| Finding::warning(format!("{at}.{claim}"), problem)));
        }
        let before = entry.get("issued_before").and_then(Value::as_i64);
        let problem = before.and_then(|before| issued_before(before, clock::now().seconds()));
        warnings.extend(problem.map(|problem| Finding::warning(format!("{at}.issued_before"), problem)));
        if let Some(first) = seen.insert(entry.to_string(), index) {
            warnings.push(Finding::warning(at, format!("is the same as denylist.entries[{first}]")));
        }
    }
    warnings
}

/// Returns why no token has this value. The filter compares values exactly.
fn never_equal(value: &str) -> Option<&'static str> {
    if value.trim() != value {
        return Some(
            "has white space at its beginning or end, which no token has: values are compared exactly",
        );
    }
    if value.contains('*') {
        return Some("looks like a pattern, but values are compared exactly: no token has it");
    }
    let is_in = |open, close| value.starts_with(open) && value.ends_with(close);
    if is_in('<', '>') || is_in('{', '}') || value.contains("${") {
        return Some("looks like a placeholder: values are compared exactly");
    }
    let is_unseen = |character: char| character.is_control() || is_invisible(character);
    value.contains(is_unseen).then_some("has a character that is not visible, which no token has")
}

/// Returns whether a copied text may have the character unseen: soft hyphen, zero width, direction of text, byte order mark.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn issuer(value: &str, config: &Config) -> Option<String> {
    let mut issuers = config.providers.iter().flat_map(|provider| &provider.expected.issuers);
    let plain = |issuer: &str| issuer.trim_end_matches('/').to_ascii_lowercase();
    if issuers.clone().any(|issuer| issuer == value) {
        return None;
    }
    Some(match issuers.find(|issuer| plain(issuer) == plain(value)) {
        Some(issuer) => format!("fits no token: write {issuer:?}, because issuers are compared exactly"),
        None => "is the issuer of no provider: it fits no token".to_owned(),
    })
}

/// Returns why an id is not one of Okta's for this claim. Okta's ids begin with their kind: `00u` is a user, `0oa` a client.
fn okta_id(claim: &str, value: &str, config: &Config) -> Option<&'static str> {
    if config.providers.iter().any(|provider| provider.expected.profile != TokenProfile::Okta) {
        return None;
    }
    match claim {
        "uid" if value.starts_with("0oa") => Some("is the id of a client (`0oa`): use `cid`"),
        "uid" if value.contains('@') => Some("is a name and not the id of a user (`00u`): use `sub`"),
        "cid" if value.starts_with("00u") => Some("is the id of a user (`00u`): use `uid`"),
        // Base64url, and a dot in `jti`.
        "jti" | "uid" | "cid"
            if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) =>
        {
            Some("has a character that no id of Okta has: values are compared exactly")
        }
        "jti" if value.starts_with("ID.") => {
            Some("is the id of an ID token, which this filter never accepts")
        }
        "jti" if value.matches('.').count() > 1 => {
            Some("is a token and not its id: use the claim `jti` of the token")
        }
        _ => None,
    }
}

fn issued_before(before: i64, now: i64) -> Option<&'static str> {
    if before < FIRST_TIME {
        return Some("is before every token: the entry fits no token that has `iat`");
    }
    (before > now).then_some("is in the future: the entry also denies tokens that are yet to be issued")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_that_no_token_has_is_found() {
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
            assert!(never_equal(value).is_some(), "{value:?}");
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
            assert_eq!(never_equal(value), None, "{value:?}");
        }
    }

    #[test]
    fn time_that_is_no_recent_past_is_found() {
        let now = 1_800_000_000;
        for (before, is_odd) in
            [(0, true), (1_750_000, true), (1_750_000_000, false), (now, false), (now + 1, true)]
        {
            assert_eq!(issued_before(before, now).is_some(), is_odd, "{before}");
        }
    }
}
