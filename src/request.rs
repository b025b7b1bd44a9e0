//! What the decision needs of a request, and where its credentials are (RFC 6750 section 2).

mod cookies;
pub mod query;
mod sources;
mod strip;

pub use sources::{HeaderSource, TokenSources};
pub use strip::HeaderEdit;

use std::net::IpAddr;

use crate::headers;
use crate::rejection::Rejection;

/// A name in lower case, and a value, which Envoy hands on whether it is UTF-8 or not.
pub type Header<'a> = (&'a str, &'a [u8]);

/// The head of a request, as bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestHead<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`, with the query; empty if there is none (CONNECT).
    pub path: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// Every header, pseudo-headers among them, with names in lower case.
    pub headers: &'a [Header<'a>],
    /// The policy that the route names, if it names one.
    pub route_policy: Option<&'a [u8]>,
    /// Where the client is, if anybody needs to know.
    pub remote_ip: Option<IpAddr>,
}

impl<'a> RequestHead<'a> {
    /// The head that these headers are.
    pub fn new(headers: &'a [Header<'a>]) -> Self {
        let pseudo = |name: &str| headers.iter().find(|(have, _)| *have == name);
        let value = |name| pseudo(name).map_or(&[][..], |(_, value)| *value);
        let (method, path, authority) = (value(":method"), value(":path"), value(":authority"));
        Self { method, path, authority, headers, route_policy: None, remote_ip: None }
    }

    /// Every value of a header, whose name is in lower case.
    pub fn header_values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let headers = self.headers;
        headers.iter().filter(move |(have, _)| *have == name).map(|(_, value)| *value)
    }

    /// What follows the `?` of the path.
    pub fn query(&self) -> Option<&'a [u8]> {
        let mark = self.path.iter().position(|byte| *byte == b'?')?;
        self.path.get(mark.checked_add(1)?..)
    }

    /// Whether this is a CORS preflight request: a browser asks whether it may send another, and never adds
    /// credentials (Fetch standard, section 3.3.2).
    pub fn is_cors_preflight(&self) -> bool {
        let has = |name| self.header_values(name).any(|value| !value.is_empty());
        self.method == b"OPTIONS" && has("origin") && has("access-control-request-method")
    }

    /// Whether Envoy takes this for a gRPC call, and so makes a gRPC status of a local reply.
    pub fn is_grpc(&self) -> bool {
        let after = |value: &'a [u8]| value.strip_prefix(b"application/grpc");
        self.header_values("content-type").find_map(after).is_some_and(|rest| matches!(rest, [] | [b'+', ..]))
    }

    /// The one bearer token in `Authorization`.
    ///
    /// # Errors
    /// [`Rejection::TokenMissing`] for no credentials or those of another scheme, which RFC 6750 section 3.1 treats
    /// alike; [`Rejection::MultipleCredentials`] for more than one.
    pub fn bearer_token(&self) -> Result<&'a [u8], Rejection> {
        let mut values = self.header_values("authorization");
        let value = values.next().ok_or(Rejection::TokenMissing)?;
        if values.next().is_some() {
            return Err(Rejection::MultipleCredentials);
        }
        if let Some(token) = after_bearer(value).filter(|token| is_one_word(token)) {
            return Ok(token);
        }
        // Envoy joins repeated headers with a comma. A token has none; the parameters of other schemes may.
        let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let Some(token) = parts.next().and_then(after_bearer) else {
            let another = parts.any(|part| after_bearer(part).is_some());
            return Err(if another { Rejection::MultipleCredentials } else { Rejection::TokenMissing });
        };
        if parts.next().is_some() || token.iter().any(u8::is_ascii_whitespace) {
            return Err(Rejection::MultipleCredentials);
        }
        if token.is_empty() { Err(Rejection::TokenMissing) } else { Ok(token) }
    }
}

/// Returns the text behind the scheme `Bearer`, in any case (RFC 9110 section 11.1); nothing for the scheme alone. A backend
/// can take any character for the end of the scheme that cannot be part of one: a tab, or a space outside ASCII as Python
/// does.
fn after_bearer(credentials: &[u8]) -> Option<&[u8]> {
    let start = credentials.iter().position(|byte| headers::is_token_byte(*byte))?;
    let (scheme, rest) = credentials.get(start..)?.split_at_checked(6)?;
    let ends = rest.first().is_none_or(|byte| !headers::is_token_byte(*byte) && *byte != b'=');
    (ends && scheme.eq_ignore_ascii_case(b"bearer")).then(|| rest.trim_ascii())
}

/// Whether this is not empty and has neither commas nor white space nor control characters. Tokens are long, and every
/// request has one: without an early end the compiler compares many octets at a time.
fn is_one_word(bytes: &[u8]) -> bool {
    let parts = |byte: u8| byte <= b' ' || byte == b',';
    !bytes.is_empty() && !bytes.iter().fold(false, |found, byte| found | parts(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<'a>(name: &'a str, values: &[&'a [u8]]) -> Vec<Header<'a>> {
        values.iter().map(|value| (name, *value)).collect()
    }

    #[test]
    fn parts() {
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
    fn credentials() {
        use Rejection::{MultipleCredentials, TokenMissing};
        let cases: [(&str, &[&[u8]], Result<&[u8], Rejection>); 26] = [
            ("none", &[], Err(TokenMissing)),
            ("empty", &[b""], Err(TokenMissing)),
            ("scheme alone", &[b"Bearer"], Err(TokenMissing)),
            ("scheme and space", &[b"Bearer "], Err(TokenMissing)),
            ("another scheme", &[b"Basic dXNlcg=="], Err(TokenMissing)),
            ("Okta's own keys", &[b"SSWS 00abc"], Err(TokenMissing)),
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
            ("as usual", &[b"Bearer a"], Ok(b"a")),
            ("lower case", &[b"bearer a"], Ok(b"a")),
            ("upper case", &[b"BEARER a"], Ok(b"a")),
            ("more space", &[b"Bearer   a "], Ok(b"a")),
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
    fn one_word_is_told_from_several_wherever_they_part() {
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
    fn cors_preflight_is_told_by_three_signs() {
        let preflight = |method: &'static str, names: &[&str]| {
            let headers: Vec<_> = names.iter().flat_map(|name| headers(name, &[b"x"])).collect();
            let head = RequestHead { method: method.as_bytes(), headers: &headers, ..RequestHead::default() };
            head.is_cors_preflight()
        };
        let (origin, asks) = ("origin", "access-control-request-method");
        assert!(preflight("OPTIONS", &[origin, asks]));
        assert!(!preflight("GET", &[origin, asks]));
        assert!(!preflight("OPTIONS", &[origin]));
        assert!(!preflight("OPTIONS", &[asks]));
        let empty = headers(asks, &[b""]);
        let head = RequestHead { method: b"OPTIONS", headers: &empty, ..RequestHead::default() };
        assert!(!head.is_cors_preflight());
    }
}
