//! `responses` and `realm`: the form of the responses to denied requests.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::raw;
use crate::reply::{Body, CustomBody, Responses};

const MAX_REALM_BYTES: usize = 128;
const MAX_CONTENT_TYPE_BYTES: usize = 128;
/// The maximum size of a custom body, in bytes. The upstream can serve larger pages.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The statuses of denials.
const STATUSES: &[u32] = &[400, 401, 403, 414, 503];

pub(super) fn responses(
    root: &FieldPath<'_>,
    raw: Option<raw::Responses>,
    realm: Option<String>,
) -> Result<Responses, ConfigError> {
    let mut responses = Responses::default();
    if let Some(text) = realm {
        responses.realm = self::realm(&root.field("realm"), text)?;
    }
    let Some(raw) = raw else { return Ok(responses) };
    let at = root.field("responses");
    responses.details = raw.details.unwrap_or(true);
    responses.body = match raw.body {
        None | Some(raw::Body::Json) => Body::Json,
        Some(raw::Body::Detail) => Body::Detail,
        Some(raw::Body::Problem) => Body::Problem,
        Some(raw::Body::Empty) => Body::Empty,
    };
    if let Some(text) = raw.content_type {
        let at = at.field("content_type");
        if responses.body == Body::Empty {
            return Err(at.error("has no effect with `body: empty`"));
        }
        responses.content_type = Some(content_type(&at, text)?);
    }
    if let Some(raw) = raw.custom {
        responses.custom = custom(&at.field("custom"), raw)?;
    }
    Ok(responses)
}

fn custom(at: &FieldPath<'_>, raw: Vec<raw::CustomBody>) -> Result<Vec<CustomBody>, ConfigError> {
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    let mut bodies: Vec<CustomBody> = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let at = at.index(index);
        if !STATUSES.contains(&raw.status) {
            return Err(at.field("status").error("must be 400, 401, 403, 414 or 503"));
        }
        if bodies.iter().any(|custom| custom.status == raw.status) {
            return Err(at.field("status").error("duplicate entry"));
        }
        if raw.body.is_empty() || raw.body.len() > MAX_BODY_BYTES {
            return Err(at.field("body").error("must be 1 to 65536 bytes"));
        }
        let content_type = content_type(&at.field("content_type"), raw.content_type)?;
        bodies.push(CustomBody { status: raw.status, content_type, body: raw.body });
    }
    Ok(bodies)
}

/// Checks a media type with optional parameters (RFC 9110 section 8.3.1), in characters of a header
/// value.
fn content_type(at: &FieldPath<'_>, text: String) -> Result<String, ConfigError> {
    let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let has_subtype =
        text.split_once('/').is_some_and(|(main, sub)| !main.trim().is_empty() && !sub.trim().is_empty());
    if !is_printable || !has_subtype || text.len() > MAX_CONTENT_TYPE_BYTES {
        return Err(at.error("must be a media type of at most 128 printable ASCII characters"));
    }
    Ok(text)
}

/// Checks a realm (RFC 9110 section 11.5). A challenge can quote it without escapes.
fn realm(at: &FieldPath<'_>, realm: String) -> Result<String, ConfigError> {
    let is_allowed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if realm.is_empty() || realm.len() > MAX_REALM_BYTES || !realm.bytes().all(is_allowed) {
        return Err(at.error("must be 1 to 128 printable ASCII characters without `\"` and `\\`"));
    }
    Ok(realm)
}
