//! Rules.

use regex_lite::RegexBuilder;

use super::error::{ConfigError, Path};
use super::raw;
use crate::json::Value;
use crate::policy::{
    Access, ClaimMatch, ClaimTest, HostMatch, PathMatch, PathTemplateError, Policy, RequestMatch,
    Requirement, Rule,
};

/// A pattern of this compiled size matches any path that people write rules for.
const MAX_REGEX_BYTES: usize = 256 * 1024;
/// `any_of` in `all_of` in `not`: deeper than this nobody can read it.
const MAX_REQUIREMENT_DEPTH: usize = 8;
/// 2^53: from here on a double, and so a Struct, does not tell each whole number from the next.
const TOO_LARGE: f64 = 9_007_199_254_740_992.0;

pub(super) fn policy(at: &Path, raw: Vec<raw::Rule>) -> Result<Policy, ConfigError> {
    let rules = raw.into_iter().enumerate().map(|(index, raw)| rule(&at.index(index), raw));
    Ok(Policy::new(rules.collect::<Result<_, _>>()?))
}

fn rule(at: &Path, raw: raw::Rule) -> Result<Rule, ConfigError> {
    let access = match (raw.public, raw.requires) {
        (Some(true), None) => Access::Public,
        (None | Some(false), Some(requires)) => {
            Access::Requires(requirement(&at.field("requires"), requires, MAX_REQUIREMENT_DEPTH)?)
        }
        _ => {
            return Err(
                at.error("needs either `public: true` or `requires` (`requires: {}` is any valid token)")
            );
        }
    };
    Ok(Rule { matches: request_match(&at.field("match"), raw.matches)?, access })
}

fn request_match(at: &Path, raw: raw::Match) -> Result<RequestMatch, ConfigError> {
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
    let path =
        path_match(at, raw.path, raw.prefix, raw.path_separated_prefix, raw.path_template, raw.safe_regex)?;
    Ok(RequestMatch { path, methods, hosts })
}

fn path_match(
    at: &Path,
    exact: Option<String>,
    prefix: Option<String>,
    path_separated_prefix: Option<String>,
    path_template: Option<String>,
    safe_regex: Option<raw::SafeRegex>,
) -> Result<Option<PathMatch>, ConfigError> {
    let mut found = Vec::new();
    if let Some(path) = exact {
        found.push(PathMatch::Exact(literal(&at.field("path"), path)?));
    }
    if let Some(path) = prefix {
        found.push(PathMatch::Prefix(literal(&at.field("prefix"), path)?));
    }
    if let Some(path) = path_separated_prefix {
        let at = at.field("path_separated_prefix");
        let path = literal(&at, path)?;
        if path.ends_with('/') {
            return Err(at.error("must not end with `/`"));
        }
        found.push(PathMatch::PathSeparatedPrefix(path));
    }
    if let Some(template) = path_template {
        let at = at.field("path_template");
        let template = literal(&at, template)?;
        found.push(PathMatch::template(&template).map_err(|PathTemplateError(problem)| at.error(problem))?);
    }
    if let Some(regex) = safe_regex {
        found.push(safe_regex_match(&at.field("safe_regex"), regex)?);
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(at.error(
            "must have only one of `path`, `prefix`, `path_separated_prefix`, `path_template`, `safe_regex`",
        )),
    }
}

/// A path in a rule is written decoded, for that is how paths are matched.
fn literal(at: &Path, path: String) -> Result<String, ConfigError> {
    if !path.starts_with('/') {
        return Err(at.error("must begin with `/`"));
    }
    if path.contains(['?', '#']) {
        return Err(at.error("must not have a query or a fragment: rules are matched against the path alone"));
    }
    let encoded =
        |window: &[u8]| matches!(window, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if path.as_bytes().windows(3).any(encoded) {
        return Err(
            at.error("must be written without percent-encoding: paths are decoded before they are matched")
        );
    }
    if path.contains(char::is_control) {
        return Err(at.error("can never match: paths with control characters are refused"));
    }
    let inner = path.strip_suffix('/').unwrap_or(&path);
    if inner.contains([';', '\\'])
        || inner.split('/').skip(1).any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err(at.error("can never match: paths with `//`, `/./`, `/../`, `;` or `\\` are refused"));
    }
    Ok(path)
}

fn safe_regex_match(at: &Path, regex: raw::SafeRegex) -> Result<PathMatch, ConfigError> {
    let (raw::SafeRegex::Pattern(pattern) | raw::SafeRegex::Matcher(raw::RegexMatcher { regex: pattern })) =
        regex;
    if pattern.is_empty() {
        return Err(at.error("must not be empty"));
    }
    // On its own first: `a)|(b` must not escape from the group that anchors it.
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build();
    build(&pattern)
        .and_then(|_| build(&format!("^(?:{pattern})$")))
        .map(PathMatch::SafeRegex)
        .map_err(|error| at.error(format!("is not a usable regular expression: {error}")))
}

fn host_match(at: &Path, host: &str) -> Result<HostMatch, ConfigError> {
    let (name, suffix) = match host.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (host, false),
    };
    let name = name.to_ascii_lowercase();
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    let has_port = name.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':'));
    if name.is_empty() || name.ends_with('.') || has_port || !name.bytes().all(is_host) {
        return Err(at.error("must be a host name, or `*.` and a domain, without a port"));
    }
    Ok(if suffix { HostMatch::Suffix(format!(".{name}")) } else { HostMatch::Exact(name) })
}

fn requirement(at: &Path, raw: raw::Requires, depth: usize) -> Result<Requirement, ConfigError> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(at.error(format!("must not be nested more than {MAX_REQUIREMENT_DEPTH} deep")));
    };
    // A part that every token meets makes `any_of` ask for nothing, and adds nothing to `all_of`: not what was meant.
    let part = |at: Path, raw| match requirement(&at, raw, deeper)? {
        part if part.is_empty() => Err(at.error("must not be empty: every token meets it")),
        part => Ok(part),
    };
    let several = |name: &str, list: Option<Vec<raw::Requires>>| {
        let at = at.field(name);
        match list {
            None => Ok(Vec::new()),
            Some(list) if list.is_empty() => Err(at.error("must not be empty")),
            Some(list) => list.into_iter().enumerate().map(|(i, raw)| part(at.index(i), raw)).collect(),
        }
    };
    if raw.claims.as_ref().is_some_and(Vec::is_empty) {
        return Err(at.field("claims").error("must not be empty"));
    }
    let claims = raw.claims.unwrap_or_default().into_iter().enumerate();
    let not = match raw.not {
        None => None,
        Some(inner) => {
            let at = at.field("not");
            let inner = requirement(&at, *inner, deeper)?;
            if inner.is_empty() {
                return Err(at.error("must not be empty: it would refuse everybody"));
            }
            Some(Box::new(inner))
        }
    };
    Ok(Requirement {
        scopes: scopes(&at.field("scopes"), raw.scopes)?,
        any_scopes: scopes(&at.field("any_scopes"), raw.any_scopes)?,
        groups: at.field("groups").optional(raw.groups)?,
        client_ids: at.field("client_ids").optional(raw.client_ids)?,
        claims: claims.map(|(i, raw)| claim(&at.field("claims").index(i), raw)).collect::<Result<_, _>>()?,
        any_of: several("any_of", raw.any_of)?,
        all_of: several("all_of", raw.all_of)?,
        not,
    })
}

/// Scopes are quoted into the challenge as they are, and are scope-tokens (RFC 6749 section 3.3).
fn scopes(at: &Path, scopes: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let scopes = at.optional(scopes)?;
    let fits = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'"' && byte != b'\\';
    match scopes.iter().position(|scope| !scope.bytes().all(fits)) {
        Some(index) => Err(at.index(index).error("must be printable ASCII without space, `\"` and `\\`")),
        None => Ok(scopes),
    }
}

fn claim(at: &Path, raw: raw::Claim) -> Result<ClaimMatch, ConfigError> {
    let path = claim_path(&at.field("name"), raw.name)?;
    let mut values = raw.any_of.iter().flatten().chain(&raw.equals);
    let inexact =
        |value: &Value| value.is_f64() && value.as_f64().is_some_and(|number| number.abs() >= TOO_LARGE);
    if values.any(inexact) {
        return Err(at.error(
            "has a number of 2^53 or more, which YAML in an Envoy configuration does not carry exactly",
        ));
    }
    let test = match (raw.any_of, raw.equals, raw.exists) {
        (Some(values), None, None) if values.is_empty() => {
            return Err(at.field("any_of").error("must not be empty"));
        }
        (Some(values), None, None) => ClaimTest::AnyOf(values),
        (None, Some(value), None) => ClaimTest::AnyOf(vec![value]),
        (None, None, Some(exists)) => ClaimTest::Exists(exists),
        _ => return Err(at.error("needs exactly one of `any_of`, `equals`, `exists`")),
    };
    Ok(ClaimMatch { path, test })
}

pub(super) fn claim_path(at: &Path, name: raw::ClaimName) -> Result<Vec<String>, ConfigError> {
    match name {
        raw::ClaimName::Names(names) => at.non_empty(names),
        raw::ClaimName::Dotted(path) => {
            let names: Vec<_> = path.split('.').map(str::to_owned).collect();
            if names.iter().any(String::is_empty) {
                return Err(
                    at.error("must be names with dots between them; write a name that has dots as a list")
                );
            }
            Ok(names)
        }
    }
}
