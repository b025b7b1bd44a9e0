//! Which requests a rule is for.

use std::net::Ipv6Addr;

use super::error::{ConfigError, Path};
use super::path_match::path_match;
use super::unmatchable::{self, At};
use super::{raw, regex};
use crate::headers;
use crate::policy::{
    CidrRange, CidrRangeError, HostMatch, NamedStringMatcher, NormalizationOptions, Pattern, RequestMatch,
    StringMatcher, can_have_commas,
};

pub(super) fn request_match(
    at: &Path,
    raw: raw::Match,
    reading: NormalizationOptions,
) -> Result<RequestMatch, ConfigError> {
    let hosts = match raw.hosts {
        None => None,
        Some(hosts) => {
            let at = at.field("hosts");
            let hosts = at.non_empty(hosts)?;
            Some(
                hosts
                    .iter()
                    .enumerate()
                    .map(|(i, host)| host_match(&at.index(i), host))
                    .collect::<Result<_, _>>()?,
            )
        }
    };
    let methods = match raw.methods {
        None => None,
        Some(methods) => {
            let at = at.field("methods");
            let methods = at.non_empty(methods)?;
            // A rule for `get` would match nothing, and what it was to protect would fall to a later rule.
            if let Some(index) =
                methods.iter().position(|m| !m.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'))
            {
                return Err(at.index(index).error("must be in upper case, as methods are sent"));
            }
            Some(methods)
        }
    };
    let in_header = |name: &str, text: &str, at| {
        let has_comma = text.contains(',') && !can_have_commas(name);
        has_comma.then_some(NO_COMMAS).or_else(|| unmatchable_text(text, at))
    };
    let in_parameter = |_: &str, text: &str, at| unmatchable_text(text, at);
    let headers = text_matches(&at.field("headers"), raw.headers, header_name, reading, &in_header)?;
    let query_parameters = text_matches(
        &at.field("query_parameters"),
        raw.query_parameters,
        query_parameter_name,
        reading,
        &in_parameter,
    )?;
    let remote_ip = match raw.remote_ip {
        None => None,
        Some(ranges) => Some(remote_ip(&at.field("remote_ip"), ranges)?),
    };
    let paths = (raw.path, raw.prefix, raw.path_separated_prefix, raw.path_template, raw.safe_regex);
    let path = path_match(at, paths, reading)?;
    Ok(RequestMatch { path, methods, hosts, headers, query_parameters, remote_ip })
}

/// Reads a host as requests are compared with it: in lower case, an IPv6 address in the form of RFC 5952 and in brackets.
fn host_match(at: &Path, host: &str) -> Result<HostMatch, ConfigError> {
    let (name, suffix) = match host.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (host, false),
    };
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if !suffix && let Ok(address) = address.parse::<Ipv6Addr>() {
        return Ok(HostMatch::Exact(format!("[{address}]")));
    }
    let name = name.to_ascii_lowercase();
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || name.ends_with('.') || !name.bytes().all(is_host) {
        return Err(at.error("must be a host name, or `*.` and a domain, without a port"));
    }
    if name.starts_with('.') {
        return Err(at.error("must not begin with a dot: every host below a domain is `*.` and the domain"));
    }
    Ok(if suffix { HostMatch::Suffix(format!(".{name}")) } else { HostMatch::Exact(name) })
}

fn text_matches(
    at: &Path,
    raw: Option<Vec<raw::StringMatcher>>,
    name: fn(&Path, String) -> Result<String, ConfigError>,
    reading: NormalizationOptions,
    problem: &dyn Fn(&str, &str, At) -> Option<&'static str>,
) -> Result<Vec<NamedStringMatcher>, ConfigError> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    let each = |(index, raw): (usize, raw::StringMatcher)| {
        let at = at.index(index);
        let test = match (raw.string_match, raw.present_match) {
            (Some(string_match), None) => string_matcher(&at.field("string_match"), string_match)?,
            (None, Some(true)) => StringMatcher::Present,
            _ => return Err(at.error("needs either `string_match` or `present_match: true`")),
        };
        let name = name(&at.field("name"), raw.name)?;
        if let Some(problem) = unmatchable(&test, reading, &|text, at| problem(&name, text, at)) {
            return Err(at.field("string_match").error(problem));
        }
        Ok(NamedStringMatcher { name, matcher: test, invert: raw.invert_match.unwrap_or(false) })
    };
    raw.into_iter().enumerate().map(each).collect()
}

fn string_matcher(at: &Path, raw: raw::StringMatch) -> Result<StringMatcher, ConfigError> {
    let raw::StringMatch { exact, prefix, suffix, contains, safe_regex } = raw;
    // What is empty begins, ends and is in everything.
    let not_empty = |name: &str, text: String| match text.as_str() {
        "" => Err(at.field(name).error("must not be empty")),
        _ => Ok(text),
    };
    match (exact, prefix, suffix, contains, safe_regex) {
        (Some(text), None, None, None, None) => Ok(StringMatcher::Exact(text)),
        (None, Some(text), None, None, None) => Ok(StringMatcher::Prefix(not_empty("prefix", text)?)),
        (None, None, Some(text), None, None) => Ok(StringMatcher::Suffix(not_empty("suffix", text)?)),
        (None, None, None, Some(text), None) => Ok(StringMatcher::Contains(not_empty("contains", text)?)),
        (None, None, None, None, Some(pattern)) => {
            Ok(StringMatcher::SafeRegex(Pattern::new(regex::anchored(&at.field("safe_regex"), pattern)?)))
        }
        _ => Err(at.error("needs exactly one of `exact`, `prefix`, `suffix`, `contains`, `safe_regex`")),
    }
}

/// Says why no value can meet a condition, with what `problem` says of the texts that a value must have.
fn unmatchable(
    test: &StringMatcher,
    reading: NormalizationOptions,
    problem: &dyn Fn(&str, At) -> Option<&'static str>,
) -> Option<&'static str> {
    let (text, begins, ends) = match test {
        StringMatcher::Exact(text) => (text, true, true),
        StringMatcher::Prefix(text) => (text, true, false),
        StringMatcher::Suffix(text) => (text, false, true),
        StringMatcher::Contains(text) => (text, false, false),
        StringMatcher::SafeRegex(pattern) => return unmatchable::by_values(pattern, reading, problem),
        StringMatcher::Present => return None,
    };
    if text.len() > reading.max_match_bytes {
        return Some(unmatchable::TOO_LONG);
    }
    problem(text, At { begins, ends })
}

const NO_COMMAS: &str =
    "can never match: the filter rejects values with a comma, which may be two headers joined";

/// Says why no value has this text: the filter rejects values that could.
fn unmatchable_text(text: &str, At { begins, ends }: At) -> Option<&'static str> {
    let control = text.chars().any(|character| character.is_ascii_control() && character != '\t');
    let trimmed = (begins && text.trim_start() != text) || (ends && text.trim_end() != text);
    (control || trimmed).then_some(
        "can never match: the filter rejects values with control characters or white space around them",
    )
}

/// Headers that Envoy removes from every request before its filters see it.
const REMOVED_BY_ENVOY: &[&str] = &["keep-alive", "proxy-connection", "transfer-encoding"];

/// Pseudo-headers have conditions of their own, and credentials are looked at after the rule has been chosen.
fn header_name(at: &Path, name: String) -> Result<String, ConfigError> {
    let name = name.to_ascii_lowercase();
    if !headers::is_name(&name) {
        return Err(
            at.error("must be a header name; for path, method and host there are conditions of their own")
        );
    }
    if name == "host" {
        return Err(at.error("can never match: Envoy exposes the host as `:authority`; use `hosts`"));
    }
    if REMOVED_BY_ENVOY.contains(&name.as_str()) {
        return Err(at.error("can never match: Envoy removes this header before the filter"));
    }
    if matches!(name.as_str(), "authorization" | "cookie") {
        return Err(at.error("carries credentials: a rule must not depend on them"));
    }
    Ok(name)
}

fn query_parameter_name(at: &Path, name: String) -> Result<String, ConfigError> {
    let is_encoded = |window: &[u8]| matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    if name.is_empty() {
        return Err(at.error("must not be empty"));
    }
    if name.as_bytes().windows(3).any(is_encoded) {
        return Err(at.error(
            "must be written without percent-encoding: parameters are decoded before they are matched",
        ));
    }
    Ok(name)
}

fn remote_ip(at: &Path, ranges: Vec<String>) -> Result<Vec<CidrRange>, ConfigError> {
    let range = |(index, range): (usize, &String)| {
        CidrRange::parse(range).map_err(|CidrRangeError(problem)| at.index(index).error(problem))
    };
    at.non_empty(ranges)?.iter().enumerate().map(range).collect()
}
