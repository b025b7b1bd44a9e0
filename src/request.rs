//! The head of a request, and the credentials in it (RFC 6750 section 2).

mod cookies;
pub mod query;
mod sources;
mod strip;

pub use sources::{HeaderSource, TokenSources};
pub use strip::HeaderEdit;

use std::net::IpAddr;

use crate::headers;
use crate::rejection::Rejection;

/// A header: its name in lower case, and its value, which may not be UTF-8.
pub type Header<'a> = (&'a str, &'a [u8]);

/// The head of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestHead<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`, with the query; empty for a request without one (CONNECT).
    pub path: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// All headers and pseudo-headers.
    pub headers: &'a [Header<'a>],
    /// The policy that the route names.
    pub route_policy: Option<&'a [u8]>,
    /// The IP address of the client, if the policy needs it.
    pub remote_ip: Option<IpAddr>,
}

impl<'a> RequestHead<'a> {
    /// Creates the head from all headers and pseudo-headers of a request.
    pub fn new(headers: &'a [Header<'a>]) -> Self {
        let first = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted);
        let value = |name| first(name).map_or(&[][..], |(_, value)| *value);
        let (method, path, authority) = (value(":method"), value(":path"), value(":authority"));
        Self { method, path, authority, headers, route_policy: None, remote_ip: None }
    }

    /// Yields the values of a header. `name` is in lower case.
    pub(crate) fn header_values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let headers = self.headers;
        headers.iter().filter(move |(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// Returns the query, without the `?`.
    pub fn query(&self) -> Option<&'a [u8]> {
        let question_mark = self.path.iter().position(|byte| *byte == b'?')?;
        self.path.get(question_mark.checked_add(1)?..)
    }

    /// Returns whether this is a CORS-preflight request, which has no credentials (Fetch Standard,
    /// section 3.3.2).
    pub(crate) fn is_cors_preflight(&self) -> bool {
        let has = |name| self.header_values(name).any(|value| !value.is_empty());
        self.method == b"OPTIONS" && has("origin") && has("access-control-request-method")
    }

    /// Returns whether Envoy treats this as a gRPC request, and adds a gRPC status to a local
    /// response.
    pub(crate) fn is_grpc(&self) -> bool {
        let suffix = |value: &'a [u8]| value.strip_prefix(b"application/grpc");
        self.header_values("content-type")
            .find_map(suffix)
            .is_some_and(|rest| matches!(rest, [] | [b'+', ..]))
    }

    /// Returns the bearer token of `Authorization`.
    ///
    /// # Errors
    /// [`Rejection::TokenMissing`] without credentials or with those of another scheme, which RFC
    /// 6750 section 3.1 does not distinguish. [`Rejection::MultipleCredentials`] for more than one
    /// token.
    pub(crate) fn bearer_token(&self) -> Result<&'a [u8], Rejection> {
        let mut values = self.header_values("authorization");
        let value = values.next().ok_or(Rejection::TokenMissing)?;
        if values.next().is_some() {
            return Err(Rejection::MultipleCredentials);
        }
        if let Some(token) = after_bearer(value).filter(|token| is_one_word(token)) {
            return Ok(token);
        }
        // Envoy joins repeated headers with commas. A token contains no comma, but the parameters
        // of other schemes may.
        let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let Some(token) = parts.next().and_then(after_bearer) else {
            let has_bearer = parts.any(|part| after_bearer(part).is_some());
            return Err(if has_bearer { Rejection::MultipleCredentials } else { Rejection::TokenMissing });
        };
        if parts.next().is_some() || token.iter().any(u8::is_ascii_whitespace) {
            return Err(Rejection::MultipleCredentials);
        }
        if token.is_empty() { Err(Rejection::TokenMissing) } else { Ok(token) }
    }
}

/// Returns the credentials after the scheme `Bearer`, in any letter case (RFC 9110 section 11.1);
/// empty for the scheme alone. Returns `None` for another scheme. An upstream may end the scheme at
/// any character that cannot be part of one, such as a tab, or non-ASCII white space as in Python.
fn after_bearer(credentials: &[u8]) -> Option<&[u8]> {
    let start = credentials.iter().position(|byte| headers::is_token_byte(*byte))?;
    let (scheme, rest) = credentials.get(start..)?.split_at_checked(6)?;
    let scheme_ends = rest.first().is_none_or(|byte| !headers::is_token_byte(*byte) && *byte != b'=');
    (scheme_ends && scheme.eq_ignore_ascii_case(b"bearer")).then(|| rest.trim_ascii())
}

/// Returns whether the bytes are not empty and contain no comma, white space or control character.
/// The loop has no early exit, so that the compiler can vectorize it.
fn is_one_word(bytes: &[u8]) -> bool {
    let separates = |byte: u8| byte <= b' ' || byte == b',';
    !bytes.is_empty() && !bytes.iter().fold(false, |found, byte| found | separates(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<'a>(name: &'a str, values: &[&'a [u8]]) -> Vec<Header<'a>> {
        values.iter().map(|value| (name, *value)).collect()
    }

    #[test]
    fn request_head_of_headers_has_pseudo_headers_and_query() {
        let headers = [(":path", "/a?b=/?c"), ("x", "1"), (":method", "GET"), ("x", "2"), (":path", "/z")];
        let headers = headers.map(|(name, value)| (name, value.as_bytes()));
        let head = RequestHead::new(&headers);
        assert_eq!((head.method, head.path, head.authority), (&b"GET"[..], &b"/a?b=/?c"[..], &b""[..]));
        assert!(head.header_values("x").eq([b"1", b"2"]) && head.header_values("y").next().is_none());
        assert_eq!(head.query(), Some(&b"b=/?c"[..]));
        assert_eq!(RequestHead { path: b"/?", ..head }.query(), Some(&b""[..]));
        assert_eq!(RequestHead { path: b"/", ..head }.query(), None);
        for (value, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            let headers = [("content-type", value.as_bytes())];
            assert_eq!(RequestHead::new(&headers).is_grpc(), expected, "{value}");
        }
    }

    #[test]
    fn bearer_token_of_each_header_is_token_or_rejection() {
        use Rejection::{MultipleCredentials, TokenMissing};
        let cases: [(&str, &[&[u8]], Result<&[u8], Rejection>); 26] = [
            ("none", &[], Err(TokenMissing)),
            ("empty", &[b""], Err(TokenMissing)),
            ("scheme alone", &[b"Bearer"], Err(TokenMissing)),
            ("scheme and space", &[b"Bearer "], Err(TokenMissing)),
            ("another scheme", &[b"Basic dXNlcg=="], Err(TokenMissing)),
            ("an Okta API token", &[b"SSWS 00abc"], Err(TokenMissing)),
            ("a longer scheme", &[b"Bearerx a"], Err(TokenMissing)),
            ("a parameter", &[b"Bearer=a"], Err(TokenMissing)),
            ("tab", &[b"Bearer\ta"], Ok(b"a")),
            ("tabs and spaces", &[b"Bearer\t \ta\t"], Ok(b"a")),
            ("no-break space", &[b"Bearer\xa0a"], Ok(b"\xa0a")),
            ("no-break space in front", &[b"\xc2\xa0Bearer a"], Ok(b"a")),
            ("colon", &[b"Bearer:a"], Ok(b":a")),
            ("another scheme, joined, tab", &[b"Basic a,Bearer\tb"], Err(MultipleCredentials)),
            ("token alone", &[b"a.b.c"], Err(TokenMissing)),
            ("not UTF-8", &[b"Bearer \xff\xfe"], Ok(b"\xff\xfe")),
            ("usual form", &[b"Bearer a"], Ok(b"a")),
            ("lower case", &[b"bearer a"], Ok(b"a")),
            ("upper case", &[b"BEARER a"], Ok(b"a")),
            ("more spaces", &[b"Bearer   a "], Ok(b"a")),
            ("two headers", &[b"Bearer a", b"Bearer a"], Err(MultipleCredentials)),
            ("joined by Envoy", &[b"Bearer a,Bearer b"], Err(MultipleCredentials)),
            ("another scheme, joined", &[b"Basic a,Bearer b"], Err(MultipleCredentials)),
            ("another scheme with parameters", &[b"Digest username=\"a\", realm=\"b\""], Err(TokenMissing)),
            ("two tokens", &[b"Bearer a b"], Err(MultipleCredentials)),
            ("two tokens, tab", &[b"Bearer a\tb"], Err(MultipleCredentials)),
        ];
        for (name, authorization, expected) in cases {
            let headers = headers("authorization", authorization);
            assert_eq!(RequestHead::new(&headers).bearer_token(), expected, "{name}");
        }
    }

    #[test]
    fn is_one_word_with_a_separator_anywhere_is_false() {
        let all: Vec<u8> = (b' ' + 1..=255).filter(|byte| *byte != b',').collect();
        assert!(is_one_word(&all) && !is_one_word(b""));
        for len in 1..40 {
            for position in 0..len {
                for byte in 0..=255 {
                    let mut bytes = vec![b'-'; len];
                    bytes[position] = byte;
                    assert_eq!(
                        is_one_word(&bytes),
                        byte > b' ' && byte != b',',
                        "{byte} at {position} of {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn is_cors_preflight_without_method_or_header_is_false() {
        let preflight = |method: &'static str, names: &[&str]| {
            let headers: Vec<_> = names.iter().flat_map(|name| headers(name, &[b"x"])).collect();
            let head = RequestHead { method: method.as_bytes(), headers: &headers, ..RequestHead::default() };
            head.is_cors_preflight()
        };
        let (origin, request_method) = ("origin", "access-control-request-method");
        assert!(preflight("OPTIONS", &[origin, request_method]));
        assert!(!preflight("GET", &[origin, request_method]));
        assert!(!preflight("OPTIONS", &[origin]));
        assert!(!preflight("OPTIONS", &[request_method]));
        let empty = headers(request_method, &[b""]);
        let head = RequestHead { method: b"OPTIONS", headers: &empty, ..RequestHead::default() };
        assert!(!head.is_cors_preflight());
    }
}
