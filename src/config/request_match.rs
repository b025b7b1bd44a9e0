//! `match`: the conditions of a rule on requests.

use std::net::Ipv6Addr;

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::path_match::path_match;
use super::unmatchable::{self, Position};
use super::{raw, regex};
use crate::authority::is_host_name;
use crate::headers;
use crate::percent_encoding::has_encoded_octet;
use crate::policy::{
    CidrRange, CidrRangeError, HostMatch, NamedStringMatcher, NormalizationOptions, Pattern, RequestMatch,
    StringMatcher, can_have_commas, is_mcp_encoded,
};

pub(super) fn request_match(
    at: &FieldPath<'_>,
    raw: raw::RequestMatch,
    normalization: NormalizationOptions,
) -> Result<RequestMatch, ConfigError> {
    let hosts = match raw.hosts {
        None => None,
        Some(hosts) => {
            let at = at.field("hosts");
            Some(at.each(at.non_empty_list(hosts)?, |at, host| host_match(at, &host))?)
        }
    };
    let is_method_byte = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    let methods = match raw.methods {
        None => None,
        Some(methods) => {
            let at = at.field("methods");
            let methods = at.non_empty_list(methods)?;
            // A rule for `get` would match no request, and a later rule would decide instead.
            if let Some(index) = methods.iter().position(|method| !method.bytes().all(is_method_byte)) {
                return Err(at
                    .index(index)
                    .error("must consist of upper-case letters and `-`: methods are case-sensitive"));
            }
            Some(methods)
        }
    };
    let header_problem = |name: &str, text: &str, position: Position| {
        let has_comma = text.contains(',') && !can_have_commas(name);
        let is_encoded = position.is_start && is_mcp_encoded(name, text.as_bytes());
        let problem = has_comma.then_some(NO_COMMAS).or_else(|| is_encoded.then_some(NOT_ENCODED));
        problem.or_else(|| text_problem(text, position))
    };
    let parameter_problem = |_: &str, text: &str, position| text_problem(text, position);
    let headers =
        string_matchers(&at.field("headers"), raw.headers, header_name, normalization, &header_problem)?;
    let query_parameters = string_matchers(
        &at.field("query_parameters"),
        raw.query_parameters,
        query_parameter_name,
        normalization,
        &parameter_problem,
    )?;
    let remote_ip = match raw.remote_ip {
        None => None,
        Some(ranges) => Some(remote_ip(&at.field("remote_ip"), ranges)?),
    };
    let paths = (raw.path, raw.prefix, raw.path_separated_prefix, raw.path_template, raw.safe_regex);
    let path = path_match(at, paths, normalization)?;
    Ok(RequestMatch { path, methods, hosts, headers, query_parameters, remote_ip })
}

/// Parses a host, and returns it in the form in which the filter compares it: in lower case; an
/// IPv6 address in brackets, in the form of RFC 5952.
fn host_match(at: &FieldPath<'_>, host: &str) -> Result<HostMatch, ConfigError> {
    let (name, suffix) = match host.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (host, false),
    };
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if !suffix && let Ok(address) = address.parse::<Ipv6Addr>() {
        return Ok(HostMatch::Exact(format!("[{address}]")));
    }
    let name = name.to_ascii_lowercase();
    if name.is_empty() || name.ends_with('.') || !is_host_name(&name) {
        return Err(at.error("must be a host name, an IP address, or `*.` and a domain, without a port"));
    }
    if name.starts_with('.') {
        return Err(at.error("must not begin with a dot: `*.example.com` matches every host below a domain"));
    }
    Ok(if suffix { HostMatch::Suffix(format!(".{name}")) } else { HostMatch::Exact(name) })
}

/// Converts the conditions on headers or query parameters. `name` checks a name. `problem` returns
/// the reason why no value with a name contains a text at a position.
fn string_matchers(
    at: &FieldPath<'_>,
    raw: Option<Vec<raw::NamedStringMatcher>>,
    name: fn(&FieldPath<'_>, String) -> Result<String, ConfigError>,
    normalization: NormalizationOptions,
    problem: &dyn Fn(&str, &str, Position) -> Option<&'static str>,
) -> Result<Vec<NamedStringMatcher>, ConfigError> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    at.each(raw, |at, raw| {
        let matcher = match (raw.string_match, raw.present_match) {
            (Some(string_match), None) => string_matcher(&at.field("string_match"), string_match)?,
            (None, Some(true)) => StringMatcher::Present,
            _ => return Err(at.error("must have either `string_match` or `present_match: true`")),
        };
        let name = name(&at.field("name"), raw.name)?;
        if let Some(problem) =
            matcher_problem(&matcher, normalization, &|text, position| problem(&name, text, position))
        {
            return Err(at.field("string_match").error(problem));
        }
        Ok(NamedStringMatcher { name, matcher, invert: raw.invert_match.unwrap_or(false) })
    })
}

fn string_matcher(at: &FieldPath<'_>, raw: raw::StringMatcher) -> Result<StringMatcher, ConfigError> {
    let raw::StringMatcher { exact, prefix, suffix, contains, safe_regex } = raw;
    // Every text begins with, ends with and contains the empty text.
    let non_empty = |name: &str, text: String| match text.as_str() {
        "" => Err(at.field(name).error("must not be empty")),
        _ => Ok(text),
    };
    match (exact, prefix, suffix, contains, safe_regex) {
        (Some(text), None, None, None, None) => Ok(StringMatcher::Exact(text)),
        (None, Some(text), None, None, None) => Ok(StringMatcher::Prefix(non_empty("prefix", text)?)),
        (None, None, Some(text), None, None) => Ok(StringMatcher::Suffix(non_empty("suffix", text)?)),
        (None, None, None, Some(text), None) => Ok(StringMatcher::Contains(non_empty("contains", text)?)),
        (None, None, None, None, Some(pattern)) => {
            Ok(StringMatcher::SafeRegex(Pattern::new(regex::anchored(&at.field("safe_regex"), pattern)?)))
        }
        _ => Err(at.error("must have exactly one of `exact`, `prefix`, `suffix`, `contains`, `safe_regex`")),
    }
}

/// Returns the reason why no value meets a condition. `problem` returns the reason why no value
/// contains a text at a position.
fn matcher_problem(
    matcher: &StringMatcher,
    normalization: NormalizationOptions,
    problem: &dyn Fn(&str, Position) -> Option<&'static str>,
) -> Option<&'static str> {
    let (text, is_start, is_end) = match matcher {
        StringMatcher::Exact(text) => (text, true, true),
        StringMatcher::Prefix(text) => (text, true, false),
        StringMatcher::Suffix(text) => (text, false, true),
        StringMatcher::Contains(text) => (text, false, false),
        StringMatcher::SafeRegex(pattern) => {
            return unmatchable::value_problem(pattern, normalization, problem);
        }
        StringMatcher::Present => return None,
    };
    if text.len() > normalization.max_match_bytes {
        return Some(unmatchable::TOO_LONG);
    }
    problem(text, Position { is_start, is_end })
}

/// The problem with a comma in a field that is not a list.
const NO_COMMAS: &str =
    "can never match: the filter rejects a value with a comma, which can be two joined headers";

/// The problem with an encoded value of a header of the Model Context Protocol.
const NOT_ENCODED: &str =
    "can never match: the filter rejects encoded values (`=?base64?`) of this header; use a name in ASCII";

/// Returns the reason why no value contains a text: the filter rejects such values.
fn text_problem(text: &str, Position { is_start, is_end }: Position) -> Option<&'static str> {
    let has_control = text.chars().any(|character| character.is_ascii_control() && character != '\t');
    let has_outer_space = (is_start && text.trim_start() != text) || (is_end && text.trim_end() != text);
    (has_control || has_outer_space).then_some(
        "can never match: the filter rejects values with control characters or white space around them",
    )
}

/// The headers that Envoy removes from every request before the filters run.
const REMOVED_BY_ENVOY: &[&str] = &["keep-alive", "proxy-connection", "transfer-encoding"];

/// Checks the name of a header that a rule matches, and returns it in lower case. The filter
/// selects the rule before it reads credentials.
fn header_name(at: &FieldPath<'_>, name: String) -> Result<String, ConfigError> {
    let name = name.to_ascii_lowercase();
    if !headers::is_name(&name) {
        return Err(at.error("must be a header name; use `path`, `methods` or `hosts` for pseudo-headers"));
    }
    if name == "host" {
        return Err(at.error("can never match: Envoy passes the host as `:authority`; use `hosts`"));
    }
    if REMOVED_BY_ENVOY.contains(&name.as_str()) {
        return Err(at.error("can never match: Envoy removes this header before the filter"));
    }
    if matches!(name.as_str(), "authorization" | "cookie") {
        return Err(at.error("must not be a header with credentials"));
    }
    Ok(name)
}

fn query_parameter_name(at: &FieldPath<'_>, name: String) -> Result<String, ConfigError> {
    if name.is_empty() {
        return Err(at.error("must not be empty"));
    }
    if has_encoded_octet(name.as_bytes()) {
        return Err(
            at.error("must not be percent-encoded: the filter decodes parameters before it matches them")
        );
    }
    Ok(name)
}

fn remote_ip(at: &FieldPath<'_>, ranges: Vec<String>) -> Result<Vec<CidrRange>, ConfigError> {
    at.each(at.non_empty_list(ranges)?, |at, range| {
        CidrRange::parse(&range).map_err(|CidrRangeError(problem)| at.error(problem))
    })
}
