//! `responses` and `realm`.

use super::error::{ConfigError, Path};
use super::raw;
use crate::reply::{Body, CustomBody, Responses};

const MAX_REALM_BYTES: usize = 128;
const MAX_CONTENT_TYPE_BYTES: usize = 128;
/// Larger pages are the backend's, or a route's.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The statuses that a denial can have.
const STATUSES: &[u32] = &[400, 401, 403, 414, 503];

pub(super) fn responses(
    root: &Path,
    raw: Option<raw::Responses>,
    realm: Option<String>,
) -> Result<Responses, ConfigError> {
    let mut responses = Responses::default();
    if let Some(written) = realm {
        responses.realm = self::realm(&root.field("realm"), written)?;
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
    if let Some(written) = raw.content_type {
        let at = at.field("content_type");
        if responses.body == Body::Empty {
            return Err(at.error("is of no use with `body: empty`"));
        }
        responses.content_type = Some(content_type(&at, written)?);
    }
    if let Some(raw) = raw.custom {
        responses.custom = custom(&at.field("custom"), raw)?;
    }
    Ok(responses)
}

fn custom(at: &Path, raw: Vec<raw::CustomBody>) -> Result<Vec<CustomBody>, ConfigError> {
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    let mut all: Vec<CustomBody> = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let at = at.index(index);
        if !STATUSES.contains(&raw.status) {
            return Err(at.field("status").error("must be 400, 401, 403, 414 or 503"));
        }
        if all.iter().any(|custom| custom.status == raw.status) {
            return Err(at.field("status").error("is on the list twice"));
        }
        if raw.body.is_empty() || raw.body.len() > MAX_BODY_BYTES {
            return Err(at.field("body").error("must be 1 to 65536 bytes"));
        }
        let content_type = content_type(&at.field("content_type"), raw.content_type)?;
        all.push(CustomBody { status: raw.status, content_type, body: raw.body });
    }
    Ok(all)
}

/// `type/subtype`, perhaps with parameters (RFC 9110 section 8.3.1), in characters that a header can carry.
fn content_type(at: &Path, written: String) -> Result<String, ConfigError> {
    let printable = written.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let named =
        written.split_once('/').is_some_and(|(main, sub)| !main.trim().is_empty() && !sub.trim().is_empty());
    if !printable || !named || written.len() > MAX_CONTENT_TYPE_BYTES {
        return Err(at.error("must be a media type of at most 128 printable ASCII characters"));
    }
    Ok(written)
}

/// A realm is quoted into the challenge as it is (RFC 9110 section 11.5).
fn realm(at: &Path, realm: String) -> Result<String, ConfigError> {
    let fits = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if realm.is_empty() || realm.len() > MAX_REALM_BYTES || !realm.bytes().all(fits) {
        return Err(at.error("must be 1 to 128 printable ASCII characters without `\"` and `\\`"));
    }
    Ok(realm)
}
