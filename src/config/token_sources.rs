//! `from_headers`, `from_cookies`, `from_params` and `from_websocket_protocol`: the token sources
//! besides `Authorization`.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::{identity_headers, raw};
use crate::headers;
use crate::request::{HeaderSource, TokenSources};

/// The maximum length of `value_prefix`, in bytes. `Bearer ` has seven.
const MAX_PREFIX_BYTES: usize = 64;

pub(super) fn token_sources(
    root: &FieldPath<'_>,
    headers: Option<Vec<raw::HeaderSource>>,
    cookies: Option<Vec<String>>,
    params: Option<Vec<String>>,
    websocket_protocol: Option<bool>,
) -> Result<TokenSources, ConfigError> {
    Ok(TokenSources {
        headers: header_sources(&root.field("from_headers"), headers)?,
        cookies: names(&root.field("from_cookies"), cookies, headers::is_name, "must be a cookie name")?,
        params: names(
            &root.field("from_params"),
            params,
            is_graphic,
            "must be printable ASCII without spaces",
        )?,
        websocket_protocol: websocket_protocol.unwrap_or(false),
        accepts_dpop: false,
    })
}

fn header_sources(
    at: &FieldPath<'_>,
    raw: Option<Vec<raw::HeaderSource>>,
) -> Result<Vec<HeaderSource>, ConfigError> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    let mut sources: Vec<HeaderSource> = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let at = at.index(index);
        if raw.name.eq_ignore_ascii_case("authorization") {
            return Err(at.field("name").error("is always used: remove it"));
        }
        let name = identity_headers::header_name(&at.field("name"), &raw.name)?;
        if sources.iter().any(|source| headers::is_lookalike(&source.name, &name)) {
            return Err(at.field("name").error("duplicate entry"));
        }
        let value_prefix = match raw.value_prefix {
            None => String::new(),
            Some(prefix) => value_prefix(&at.field("value_prefix"), prefix)?,
        };
        sources.push(HeaderSource { name, value_prefix });
    }
    Ok(sources)
}

fn value_prefix(at: &FieldPath<'_>, prefix: String) -> Result<String, ConfigError> {
    let is_printable = prefix.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if prefix.is_empty() || prefix.len() > MAX_PREFIX_BYTES || !is_printable || prefix.starts_with(' ') {
        return Err(at.error("must be 1 to 64 printable ASCII characters, and not begin with a space"));
    }
    Ok(prefix)
}

/// Checks a list of names, which the filter compares exactly.
fn names(
    at: &FieldPath<'_>,
    names: Option<Vec<String>>,
    is_valid: fn(&str) -> bool,
    problem: &str,
) -> Result<Vec<String>, ConfigError> {
    let names = at.optional_list(names)?;
    for (index, name) in names.iter().enumerate() {
        if !is_valid(name) {
            return Err(at.index(index).error(problem));
        }
        if names.iter().take(index).any(|earlier| earlier == name) {
            return Err(at.index(index).error("duplicate entry"));
        }
    }
    Ok(names)
}

fn is_graphic(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic())
}
