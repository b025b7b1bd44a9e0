//! The head of a request, and the credentials in it (RFC 6750 section 2).

mod authorization;
mod cookies;
pub mod query;
mod sources;
mod strip;

pub use authorization::AuthScheme;
pub use sources::{Credential, HeaderSource, TokenSources};
pub use strip::HeaderEdit;

use std::net::IpAddr;

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
