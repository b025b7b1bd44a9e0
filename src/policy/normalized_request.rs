//! The normalized form of a request, which the filter matches against rules.
//!
//! The filter rejects a request with an ambiguous part. Otherwise a rule could miss a request that
//! the upstream recognizes, and a later rule would decide.

use std::borrow::Cow;
use std::net::IpAddr;

use super::canonical_path::CanonicalPath;
use super::query::QueryParameters;
use super::{RequiredInputs, authority, headers};
use crate::rejection::Rejection;
use crate::request::{Header, RequestHead};

/// A request whose method, host, path, and matched headers and parameters are unambiguous.
#[derive(Clone, Debug)]
pub struct NormalizedRequest<'a> {
    /// The method, without lower-case letters.
    pub method: &'a [u8],
    /// The host in lower case, without a port.
    pub host: Cow<'a, str>,
    /// The path in canonical form.
    pub path: CanonicalPath<'a>,
    /// The query parameters that rules match.
    pub query: QueryParameters<'a>,
    /// The address of the client; `None` if it is unknown.
    pub remote_ip: Option<IpAddr>,
    headers: &'a [Header<'a>],
}

impl<'a> NormalizedRequest<'a> {
    /// Normalizes the head of a request.
    ///
    /// # Errors
    /// [`Rejection::PathAmbiguous`], [`Rejection::PathTooLong`], [`Rejection::HostAmbiguous`],
    /// [`Rejection::MethodAmbiguous`], [`Rejection::QueryAmbiguous`],
    /// [`Rejection::HeaderAmbiguous`], or [`Rejection::ValueTooLong`].
    pub fn new(head: &RequestHead<'a>, inputs: &'a RequiredInputs) -> Result<Self, Rejection> {
        let path = CanonicalPath::new(head.path, inputs.normalization)?;
        let host = authority::host(head.authority, inputs.host).ok_or(Rejection::HostAmbiguous)?;
        // Methods are case-sensitive (RFC 9110 section 9.1), but some upstreams ignore case.
        if head.method.iter().any(u8::is_ascii_lowercase) {
            return Err(Rejection::MethodAmbiguous);
        }
        let query = QueryParameters::new(&inputs.query_parameters, head.query().unwrap_or_default())?;
        headers::check(inputs, head.headers)?;
        let (headers, remote_ip) = (head.headers, head.remote_ip);
        if query.longest() > inputs.normalization.max_match_bytes {
            return Err(Rejection::ValueTooLong);
        }
        Ok(Self { method: head.method, host, path, query, remote_ip, headers })
    }

    /// Returns the value of a header that rules match. The header occurs at most once.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalized_request_method_in_lower_case_is_an_error() {
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
