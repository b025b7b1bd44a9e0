//! What rules look at: a method, a host and a path that each have one reading.
//!
//! What could be read in more than one way is refused, for a rule that does not recognise it leaves it to the rules
//! behind, and the backend may well recognise it.

use std::net::IpAddr;

use super::canonical_path::CanonicalPath;
use super::query::QueryParameters;
use super::{RequiredInputs, authority, headers};
use crate::rejection::Rejection;
use crate::request::{Header, RequestHead};

/// What a request is aimed at.
#[derive(Clone, Debug)]
pub struct NormalizedRequest<'a> {
    /// The method, without lower-case letters.
    pub method: &'a [u8],
    /// The host in lower case, without a port.
    pub host: String,
    /// The path, decoded.
    pub path: CanonicalPath,
    /// The query parameters that rules look at.
    pub query: QueryParameters<'a>,
    /// Where the client is, if it is known.
    pub remote_ip: Option<IpAddr>,
    headers: &'a [Header<'a>],
}

impl<'a> NormalizedRequest<'a> {
    /// What the head of a request is aimed at.
    ///
    /// # Errors
    /// [`Rejection::PathAmbiguous`], [`Rejection::PathTooLong`], [`Rejection::HostAmbiguous`],
    /// [`Rejection::MethodAmbiguous`], [`Rejection::QueryAmbiguous`], [`Rejection::HeaderAmbiguous`],
    /// [`Rejection::ValueTooLong`].
    pub fn new(head: &RequestHead<'a>, needs: &'a RequiredInputs) -> Result<Self, Rejection> {
        let path = CanonicalPath::new(head.path, needs.reading)?;
        let host = authority::host(head.authority, needs.host).ok_or(Rejection::HostAmbiguous)?;
        // Methods are case-sensitive (RFC 9110 section 9.1), but not to every backend.
        if head.method.iter().any(u8::is_ascii_lowercase) {
            return Err(Rejection::MethodAmbiguous);
        }
        let query = QueryParameters::new(&needs.query_parameters, head.query().unwrap_or_default())?;
        headers::check(needs, head.headers)?;
        let (headers, remote_ip) = (head.headers, head.remote_ip);
        if query.longest() > needs.reading.max_match_bytes {
            return Err(Rejection::ValueTooLong);
        }
        Ok(Self { method: head.method, host, path, query, remote_ip, headers })
    }

    /// Returns the value of a header that rules look at: it occurs once, or not at all.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_in_upper_case() {
        for (method, expected) in [("GET", true), ("M-SEARCH", true), ("get", false), ("Post", false)] {
            let head = RequestHead {
                method: method.as_bytes(),
                path: b"/",
                authority: b"",
                ..RequestHead::default()
            };
            assert_eq!(
                NormalizedRequest::new(&head, &RequiredInputs::default()).is_ok(),
                expected,
                "{method}"
            );
        }
    }
}
