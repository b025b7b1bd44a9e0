//! Status and headers of a response to a fetch. The filter in Envoy and the command line use it.

use std::borrow::Cow;
use std::time::Duration;

use super::cache_control;
use super::source::{FetchError, Response};
use crate::percent_encoding::encode_header_value;

/// The `Accept-Encoding` of every fetch. The filter cannot decompress.
pub const ACCEPT_ENCODING: &str = "identity";
/// The maximum length of an entity tag, in bytes. A longer one is ignored.
const MAX_ETAG_BYTES: usize = 128;
/// The maximum length of a header value in a log line, in bytes.
const MAX_LOGGED_BYTES: usize = 64;

/// The head of a response with status 200 and without a content coding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResponseHead {
    max_age: Option<Duration>,
    content_type: Option<String>,
    etag: Option<String>,
}

impl ResponseHead {
    /// Checks status and headers. A header may occur several times.
    ///
    /// # Errors
    /// [`FetchError::NotModified`] for status 304; [`FetchError::Status`] for another status than
    /// 200; [`FetchError::Encoded`] for a content coding other than `identity` (RFC 9110 sections
    /// 8.4 and 12.5.3).
    pub fn read(status: u16, headers: &[(&str, &[u8])]) -> Result<Self, FetchError> {
        let lines = |name: &'static str| {
            headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
        };
        let age = cache_control::age(lines("age")).unwrap_or_default();
        // A cache between the server and Envoy may have stored the response (RFC 9111 section
        // 4.2.3).
        let max_age =
            cache_control::max_age(lines("cache-control")).map(|max_age| max_age.saturating_sub(age));
        match status {
            200 => {}
            304 => return Err(FetchError::NotModified(max_age)),
            _ => return Err(FetchError::Status(status)),
        }
        let codings = lines("content-encoding").flat_map(|line| line.split(|byte| *byte == b','));
        let mut codings = codings.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty());
        if let Some(coding) = codings.find(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(FetchError::Encoded(encode_log_excerpt(coding)));
        }
        Ok(Self {
            max_age,
            content_type: lines("content-type").next().map(encode_log_excerpt),
            etag: lines("etag").next().and_then(entity_tag),
        })
    }

    /// Returns the response with its body.
    pub fn with_body(self, body: Vec<u8>) -> Response {
        let content_type = match &self.content_type {
            Some(content_type) => Cow::Owned(format!("content-type {content_type}")),
            None => Cow::Borrowed("no content-type"),
        };
        let compressed = compression(&body)
            .map_or_else(String::new, |name| format!(", compressed with {name} without content-encoding"));
        let description = format!("{content_type}, {} bytes{compressed}", body.len());
        Response { body, max_age: self.max_age, description, etag: self.etag }
    }
}

/// Returns an entity tag of visible ASCII characters (RFC 9110 section 8.8.3). Returns `None` for
/// another value, which the filter could not send back.
pub(super) fn entity_tag(value: &[u8]) -> Option<String> {
    let opaque = value.strip_prefix(b"W/").unwrap_or(value).strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let is_tag = opaque.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
    (is_tag && value.len() <= MAX_ETAG_BYTES).then(|| String::from_utf8_lossy(value).into_owned())
}

/// Returns the compression format of a body, by its magic number.
fn compression(body: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 2] = [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd")];
    MAGIC.iter().find(|(magic, _)| body.starts_with(magic)).map(|(_, name)| *name)
}

/// Encodes an untrusted value as one word of a log line, of at most 64 bytes.
pub(crate) fn encode_log_excerpt(value: &[u8]) -> String {
    let value = value.get(..MAX_LOGGED_BYTES).unwrap_or(value);
    let mut word = encode_header_value(&String::from_utf8_lossy(value)).replace(' ', "%20");
    word.truncate(MAX_LOGGED_BYTES);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> Result<ResponseHead, FetchError> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        ResponseHead::read(200, &headers)
    }

    #[test]
    fn head_with_a_content_encoding_other_than_identity_is_an_error_that_names_it() {
        for (values, coding) in [
            (&[][..], None),
            (&["identity"], None),
            (&["Identity"], None),
            (&[""], None),
            (&[" , identity,"], None),
            (&["identity", "identity"], None),
            (&["gzip"], Some("gzip")),
            (&["GZIP"], Some("GZIP")),
            (&["x-gzip"], Some("x-gzip")),
            (&["br"], Some("br")),
            (&["zstd"], Some("zstd")),
            (&["deflate"], Some("deflate")),
            (&["identity, gzip"], Some("gzip")),
            (&["identity", "gzip"], Some("gzip")),
            (&["a b\u{e9}"], Some("a%20b%C3%A9")),
        ] {
            for name in ["content-encoding", "Content-Encoding"] {
                let headers: Vec<_> = values.iter().map(|value| (name, *value)).collect();
                let expected = coding.map(|coding| FetchError::Encoded(coding.to_owned()));
                assert_eq!(read(&headers).err(), expected, "{values:?}");
            }
        }
        let long = read(&[("content-encoding", &" é".repeat(500))]).unwrap_err();
        assert!(long.to_string().len() < 200, "{long}");
    }

    #[test]
    fn head_with_an_entity_tag_of_another_form_has_none() {
        let long = format!("\"{}\"", "a".repeat(MAX_ETAG_BYTES - 2));
        for tag in ["\"a-1\"", "W/\"a\"", "\"\"", &long] {
            assert_eq!(read(&[("ETag", tag)]).unwrap().etag.as_deref(), Some(tag));
        }
        let too_long = format!("\"{}\"", "a".repeat(MAX_ETAG_BYTES - 1));
        for tag in ["", "a", "\"a", "\"", "w/\"a\"", "\"a\"b\"", "\"a b\"", "\"\u{e9}\"", &too_long] {
            assert_eq!(read(&[("etag", tag)]).unwrap().etag, None, "{tag}");
        }
    }

    #[test]
    fn head_with_status_304_is_not_modified_with_its_max_age() {
        let head = |headers: &[(&str, &[u8])]| ResponseHead::read(304, headers);
        assert_eq!(head(&[]), Err(FetchError::NotModified(None)));
        let max_age = Some(Duration::from_secs(20));
        let headers: [(&str, &[u8]); 2] = [("cache-control", b"max-age=30"), ("age", b"10")];
        assert_eq!(head(&headers), Err(FetchError::NotModified(max_age)));
    }

    #[test]
    fn head_with_a_status_other_than_200_is_that_error_whatever_the_encoding() {
        for status in [0, 199, 201, 204, 206, 301, 404, 503] {
            let head = ResponseHead::read(status, &[("content-encoding", b"gzip")]);
            assert_eq!(head, Err(FetchError::Status(status)));
        }
    }

    #[test]
    fn head_max_age_of_several_lines_is_reduced_by_the_age() {
        let max_age = |headers: &[(&str, &str)]| read(headers).unwrap().max_age.map(|age| age.as_secs());
        assert_eq!(max_age(&[("cache-control", "public"), ("Cache-Control", "max-age=60")]), Some(60));
        assert_eq!(max_age(&[("cache-control", "max-age=60"), ("age", "45")]), Some(15));
        assert_eq!(max_age(&[("cache-control", "max-age=60"), ("age", "90")]), Some(0));
        assert_eq!(max_age(&[("cache-control", "max-age=60"), ("age", "x")]), Some(60));
        assert_eq!(max_age(&[("age", "45")]), None);
    }

    #[test]
    fn unusable_body_is_described_without_its_bytes() {
        let error = |headers: &[(&str, &str)], body: &[u8]| {
            read(headers).unwrap().with_body(body.to_vec()).unusable("it is not JSON".to_owned()).to_string()
        };
        let html = [("content-type", "text/html; charset=\"utf-8\"")];
        for (headers, body, expected) in [
            (
                &html[..],
                &b"<secret>"[..],
                "it is not JSON (received: content-type text/html;%20charset=\"utf-8\", 8 bytes)",
            ),
            (&[], b"", "it is not JSON (received: no content-type, 0 bytes)"),
            (
                &[("content-type", "application/json")],
                b"\x1f\x8b\x08secret",
                "it is not JSON (received: content-type application/json, 9 bytes, compressed with gzip without \
                 content-encoding)",
            ),
        ] {
            assert_eq!(error(headers, body), expected);
        }
    }
}
