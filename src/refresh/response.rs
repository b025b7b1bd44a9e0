//! The head of a response, for every client that fetches documents: the filter in Envoy and the command line.

use std::borrow::Cow;
use std::time::Duration;

use super::cache_control;
use super::source::{FetchError, Response};
use crate::percent_encoding::encode_header_value;

/// The only `Accept-Encoding` that a fetch sends: the filter cannot decompress.
pub const ACCEPT_ENCODING: &str = "identity";
/// Longer values from outside say no more in a log.
const MAX_LOGGED_BYTES: usize = 64;

/// The head of a response with status 200 and without a content coding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    max_age: Option<Duration>,
    content_type: Option<String>,
}

impl Head {
    /// Reads status and headers. A header may occur several times.
    ///
    /// # Errors
    /// [`FetchError::Status`] for any status but 200; [`FetchError::Encoded`] for a content coding but `identity`, which the
    /// request asked for (RFC 9110 sections 8.4 and 12.5.3).
    pub fn read(status: u16, headers: &[(&str, &[u8])]) -> Result<Self, FetchError> {
        if status != 200 {
            return Err(FetchError::Status(status));
        }
        let lines = |name: &'static str| {
            headers.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
        };
        let codings = lines("content-encoding").flat_map(|line| line.split(|byte| *byte == b','));
        let mut codings = codings.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty());
        if let Some(coding) = codings.find(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(FetchError::Encoded(for_log(coding)));
        }
        let age = cache_control::age(lines("age")).unwrap_or_default();
        Ok(Self {
            // The time that is left: the response may have been in a cache on the way (RFC 9111 section 4.2.3).
            max_age: cache_control::max_age(lines("cache-control"))
                .map(|max_age| max_age.saturating_sub(age)),
            content_type: lines("content-type").next().map(for_log),
        })
    }

    /// Returns the response with its body.
    pub fn with_body(self, body: Vec<u8>) -> Response {
        let content_type = match &self.content_type {
            Some(content_type) => Cow::Owned(format!("content-type {content_type}")),
            None => Cow::Borrowed("no content-type"),
        };
        let compressed = compression(&body).map_or_else(String::new, |name| {
            format!(", compressed with {name} although no content-encoding says so")
        });
        let arrived = format!("{content_type}, {} bytes{compressed}", body.len());
        Response { body, max_age: self.max_age, arrived }
    }
}

/// Returns the compression whose magic number a body begins with, for the log.
fn compression(body: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 2] = [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd")];
    MAGIC.iter().find(|(magic, _)| body.starts_with(magic)).map(|(_, name)| *name)
}

/// Returns a value from outside as one word of a log line, of at most 64 bytes.
pub fn for_log(value: &[u8]) -> String {
    let value = value.get(..MAX_LOGGED_BYTES).unwrap_or(value);
    let mut word = encode_header_value(&String::from_utf8_lossy(value)).replace(' ', "%20");
    word.truncate(MAX_LOGGED_BYTES);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> Result<Head, FetchError> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        Head::read(200, &headers)
    }

    #[test]
    fn content_encoding_other_than_identity_is_an_error_that_names_it() {
        for (values, named) in [
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
                let expected = named.map(|named| FetchError::Encoded(named.to_owned()));
                assert_eq!(read(&headers).err(), expected, "{values:?}");
            }
        }
        let long = read(&[("content-encoding", &" é".repeat(500))]).unwrap_err();
        assert!(long.to_string().len() < 200, "{long}");
    }

    #[test]
    fn status_other_than_200_precedes_the_encoding() {
        for status in [0, 199, 201, 204, 206, 304, 404, 503] {
            let read = Head::read(status, &[("content-encoding", b"gzip")]);
            assert_eq!(read, Err(FetchError::Status(status)));
        }
    }

    #[test]
    fn max_age_of_several_lines_is_reduced_by_the_age() {
        let left = |headers: &[(&str, &str)]| read(headers).unwrap().max_age.map(|left| left.as_secs());
        assert_eq!(left(&[("cache-control", "public"), ("Cache-Control", "max-age=60")]), Some(60));
        assert_eq!(left(&[("cache-control", "max-age=60"), ("age", "45")]), Some(15));
        assert_eq!(left(&[("cache-control", "max-age=60"), ("age", "90")]), Some(0));
        assert_eq!(left(&[("cache-control", "max-age=60"), ("age", "x")]), Some(60));
        assert_eq!(left(&[("age", "45")]), None);
    }

    #[test]
    fn body_that_is_no_document_is_described_without_a_byte_of_it() {
        let arrived = |headers: &[(&str, &str)], body: &[u8]| {
            read(headers).unwrap().with_body(body.to_vec()).unusable("it is not JSON".to_owned()).to_string()
        };
        let html = [("content-type", "text/html; charset=\"utf-8\"")];
        for (headers, body, expected) in [
            (
                &html[..],
                &b"<secret>"[..],
                "it is not JSON (arrived: content-type text/html;%20charset=\"utf-8\", 8 bytes)",
            ),
            (&[], b"", "it is not JSON (arrived: no content-type, 0 bytes)"),
            (
                &[("content-type", "application/json")],
                b"\x1f\x8b\x08secret",
                "it is not JSON (arrived: content-type application/json, 9 bytes, compressed with gzip although no \
                 content-encoding says so)",
            ),
        ] {
            assert_eq!(arrived(headers, body), expected);
        }
    }
}
