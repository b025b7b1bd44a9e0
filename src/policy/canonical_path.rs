//! The canonical form of a path, which the filter matches against rules.
//!
//! A rule protects a resource only if the filter and the upstream read the path in the same way. So
//! the filter decodes percent-encoding before it matches, as every upstream does, and rejects a
//! path that upstreams are known to interpret in different ways. Envoy can normalize paths too; the
//! filter does not depend on it. `allow_in_paths` accepts four of these forms, and gives each one
//! meaning.

use std::borrow::Cow;

use memchr::memchr;

use super::normalization::{AllowedInPaths, NormalizationOptions};
use crate::percent_encoding::{Octet, Octets, has_encoded_octet};
use crate::rejection::Rejection;
use crate::text::replace;

/// An encoded slash in a canonical path. It is unambiguous, because the filter rejects every other
/// `%` that two hexadecimal digits follow.
pub const ENCODED_SLASH: &str = "%2F";
/// The byte that represents an encoded slash during decoding. The filter rejects a NUL from the
/// client.
const SLASH_AS_DATA: u8 = 0;

/// A path in canonical form: decoded, without query and dot segments; without empty segments and
/// path parameters, unless `allow_in_paths` accepts them. It borrows a path that is canonical as
/// sent, as nearly every path is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

impl<'a> CanonicalPath<'a> {
    /// Normalizes the value of a `:path` header, and drops the query.
    ///
    /// # Errors
    /// [`Rejection::PathTooLong`] for a path with more than `max_match_bytes` bytes before
    /// decoding. [`Rejection::PathAmbiguous`] for a backslash, a dot segment, a doubly encoded
    /// character, a control character, or bytes that are not UTF-8. The same for an encoded slash
    /// or hash, a path parameter (`;`), and an empty segment, unless `allow_in_paths` accepts them.
    pub fn new(path: &'a [u8], options: NormalizationOptions) -> Result<Self, Rejection> {
        // CONNECT has no path. `OPTIONS *` is about the server as a whole (RFC 9110 section 9.3.7).
        if !matches!(path, [] | b"*" | [b'/', ..]) {
            return Err(Rejection::PathAmbiguous);
        }
        let path = memchr(b'?', path).and_then(|end| path.get(..end)).unwrap_or(path);
        if path.len() > options.max_match_bytes {
            return Err(Rejection::PathTooLong);
        }
        let decoded = decode(path, options.allowed).ok_or(Rejection::PathAmbiguous)?;
        if memchr(b'%', path).is_some() && has_encoded_octet(decoded.as_bytes()) {
            return Err(Rejection::PathAmbiguous);
        }
        if options.allowed == AllowedInPaths::default() && !has_dot_or_empty_segment(decoded.as_bytes()) {
            return Ok(Self(decoded));
        }
        let mut segments = decoded.as_bytes().split(|byte| *byte == b'/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            if !is_unambiguous(segment, is_last, options.allowed) {
                return Err(Rejection::PathAmbiguous);
            }
        }
        Ok(Self(if options.allowed.encoded_slash { restore_encoded_slashes(decoded) } else { decoded }))
    }

    /// Returns whether a text is the canonical form of some path.
    pub(crate) fn is_canonical(text: &str, allowed: AllowedInPaths) -> bool {
        let sent = replace(&replace(&replace(text, ENCODED_SLASH, "\0"), "%", "%25"), "#", "%23");
        let sent = replace(&sent, "\0", ENCODED_SLASH);
        let options = NormalizationOptions { allowed, max_match_bytes: usize::MAX };
        CanonicalPath::new(sent.as_bytes(), options).is_ok_and(|path| path.0 == text)
    }

    /// Creates the path of a rule, which the operator writes decoded.
    pub(super) const fn from_rule(path: String) -> Self {
        Self(Cow::Owned(path))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a path can have a dot segment, or an empty segment before the last: whether a
/// slash precedes a dot or a slash. The loop has no early exit, so that the compiler can vectorize
/// it.
fn has_dot_or_empty_segment(path: &[u8]) -> bool {
    let next = path.get(1..).unwrap_or_default();
    let pairs = path.iter().zip(next);
    pairs.fold(false, |found, (first, second)| {
        found | ((*first == b'/') & ((*second == b'/') | (*second == b'.')))
    })
}

/// Returns whether all upstreams interpret a segment in the same way. One kind of upstream decodes
/// `%2F` first, and splits the segment there. Another drops path parameters: it reads `..;x` as
/// `..`. Neither may find a dot segment, nor an empty segment that is not allowed.
fn is_unambiguous(segment: &[u8], is_last: bool, allowed: AllowedInPaths) -> bool {
    if allowed == AllowedInPaths::default() {
        return !matches!(segment, b"." | b"..") && (is_last || !segment.is_empty());
    }
    let has_dots = segment.split(|byte| *byte == SLASH_AS_DATA).any(|part| {
        // The name ends at the first parameter. An upstream that parses the decoded path takes the
        // text after `#` for a fragment.
        let name = part.split(|byte| matches!(byte, b';' | b'#')).next();
        matches!(name, Some(b"." | b".."))
    });
    let is_empty = matches!(segment, [] | [b';', ..]);
    !has_dots && (is_last || allowed.empty_segment || !is_empty)
}

/// Writes the encoded slashes of a decoded path as [`ENCODED_SLASH`].
fn restore_encoded_slashes(decoded: Cow<'_, str>) -> Cow<'_, str> {
    if memchr(SLASH_AS_DATA, decoded.as_bytes()).is_none() {
        return decoded;
    }
    Cow::Owned(replace(&decoded, "\0", ENCODED_SLASH))
}

/// Decodes percent-encoding, once. Returns `None` for a character that upstreams interpret in
/// different ways.
fn decode(path: &[u8], allowed: AllowedInPaths) -> Option<Cow<'_, str>> {
    let is_ambiguous = |byte: u8| {
        matches!(byte, b'\\' | b'#') || (byte == b';' && !allowed.semicolon) || byte.is_ascii_control()
    };
    if memchr(b'%', path).is_none() {
        let has_ambiguous = path.iter().fold(false, |found, byte| found | is_ambiguous(*byte));
        return if has_ambiguous { None } else { Some(Cow::Borrowed(str::from_utf8(path).ok()?)) };
    }
    let mut decoded = Vec::with_capacity(path.len());
    for octet in Octets::new(path) {
        decoded.push(match octet {
            Octet::Encoded(b'/') if allowed.encoded_slash => SLASH_AS_DATA,
            Octet::Encoded(b'/') | Octet::LonePercent => return None,
            Octet::Encoded(b'#') if allowed.encoded_hash => b'#',
            Octet::Encoded(byte) | Octet::Literal(byte) if is_ambiguous(byte) => return None,
            Octet::Encoded(byte) | Octet::Literal(byte) => byte,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests;
