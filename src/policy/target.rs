//! What rules look at: a method, a host and a path that each have one reading.
//!
//! What could be read in more than one way is refused, for a rule that does not recognise it leaves it to the rules
//! behind, and the backend may well recognise it.

use std::borrow::Cow;
use std::net::IpAddr;

use memchr::memchr;

use super::Needs;
use super::canonical_path::CanonicalPath;
use super::query::QueryParameters;
use crate::rejection::Rejection;
use crate::request::{Header, RequestHead};

/// What a request is aimed at.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The method, without lower-case letters.
    pub method: &'a [u8],
    /// The host in lower case, without a port or the dot that ends a full name.
    pub host: String,
    /// The path, decoded.
    pub path: CanonicalPath,
    /// The query parameters that rules look at.
    pub query: QueryParameters<'a>,
    /// Where the client is, if it is known.
    pub remote_ip: Option<IpAddr>,
    headers: &'a [Header<'a>],
}

impl<'a> Target<'a> {
    /// What the head of a request is aimed at.
    ///
    /// # Errors
    /// [`Rejection::PathAmbiguous`], [`Rejection::PathTooLong`], [`Rejection::HostAmbiguous`],
    /// [`Rejection::MethodAmbiguous`], [`Rejection::QueryAmbiguous`], [`Rejection::ValueTooLong`].
    pub fn new(head: &RequestHead<'a>, needs: &'a Needs) -> Result<Self, Rejection> {
        let path = CanonicalPath::new(head.path, needs.reading)?;
        let host = host(head.authority).ok_or(Rejection::HostAmbiguous)?;
        // Methods are case-sensitive (RFC 9110 section 9.1), but not to every backend.
        if head.method.iter().any(u8::is_ascii_lowercase) {
            return Err(Rejection::MethodAmbiguous);
        }
        let query = QueryParameters::new(&needs.query_parameters, head.query().unwrap_or_default())?;
        let (headers, remote_ip) = (head.headers, head.remote_ip);
        if needs.has_long_header(headers) || query.longest() > needs.reading.max_match_bytes {
            return Err(Rejection::ValueTooLong);
        }
        Ok(Self { method: head.method, host, path, query, remote_ip, headers })
    }

    /// The value of a header; those of one that was sent several times, joined as a recipient may join them
    /// (RFC 9110 section 5.3).
    pub fn header(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        let mut values = self.headers.iter().filter(|(have, _)| *have == name).map(|(_, value)| *value);
        let first = values.next()?;
        Some(
            values
                .fold(Cow::Borrowed(first), |joined, value| Cow::Owned([&joined, &b","[..], value].concat())),
        )
    }
}

/// The host of an authority; `None` for anything but a name or an address and at most a port (RFC 9110 section 7.2).
fn host(authority: &[u8]) -> Option<String> {
    let authority = str::from_utf8(authority).ok()?;
    // An IPv6 address has colons of its own.
    let port_at = match memchr(b']', authority.as_bytes()) {
        Some(end) => end.checked_add(1)?,
        None => memchr(b':', authority.as_bytes()).unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(port_at);
    let host = host.strip_suffix('.').unwrap_or(host);
    let well_formed = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte)),
        None => {
            let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            host.bytes().all(name) && !host.ends_with('.')
        }
    };
    let port_well_formed = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    (well_formed && port_well_formed).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_reading_or_none() {
        for (authority, expected) in [
            ("API.example.com", Some("api.example.com")),
            ("api.example.com:8443", Some("api.example.com")),
            ("api.example.com.", Some("api.example.com")),
            ("api.example.com.:80", Some("api.example.com")),
            ("api_1.example.com:", Some("api_1.example.com")),
            ("[::1]:80", Some("[::1]")),
            ("[::FFFF:1.2.3.4]", Some("[::ffff:1.2.3.4]")),
            ("", Some("")),
            ("api.example.com..", None),
            ("api.example.com:80:80", None),
            ("api.example.com:http", None),
            ("user@api.example.com", None),
            ("api%2eexample.com", None),
            ("api.example.com/", None),
            ("a,b", None),
            (" api.example.com", None),
            ("[::1", None),
            ("[::1]x", None),
            ("::1", None),
            ("x]", None),
            ("b\u{fc}cher.example", None),
        ] {
            assert_eq!(host(authority.as_bytes()).as_deref(), expected, "{authority}");
        }
        assert_eq!(host(b"\xff"), None);
    }

    #[test]
    fn methods_are_in_upper_case() {
        for (method, expected) in [("GET", true), ("M-SEARCH", true), ("get", false), ("Post", false)] {
            let head = RequestHead {
                method: method.as_bytes(),
                path: b"/",
                authority: b"",
                ..RequestHead::default()
            };
            assert_eq!(Target::new(&head, &Needs::default()).is_ok(), expected, "{method}");
        }
    }
}
