//! The conditions of a rule on requests.

use super::canonical_path::CanonicalPath;
use super::cidr_range::CidrRange;
use super::normalized_request::NormalizedRequest;
use super::path::{PathMatch, PathVariables};
use super::string_matcher::StringMatcher;

/// The conditions of a rule on requests. A request must meet all of them.
#[derive(Clone, Debug, Default)]
pub struct RequestMatch {
    /// The path, without the query.
    pub path: Option<PathMatch>,
    /// Accepted methods, any of. Methods are case-sensitive (RFC 9110 section 9.1).
    pub methods: Option<Vec<String>>,
    /// Accepted hosts, any of.
    pub hosts: Option<Vec<HostMatch>>,
    /// Conditions on headers, all of.
    pub headers: Vec<NamedStringMatcher>,
    /// Conditions on query parameters, all of.
    pub query_parameters: Vec<NamedStringMatcher>,
    /// Accepted networks of the client, any of. The filter compares Envoy's downstream remote
    /// address, which depends on `use_remote_address` and `xff_num_trusted_hops`.
    pub remote_ip: Option<Vec<CidrRange>>,
}

/// A condition on a header or a query parameter.
#[derive(Clone, Debug)]
pub struct NamedStringMatcher {
    /// The name of the header, in lower case, or of the parameter.
    pub name: String,
    /// The condition on the value. A missing header or parameter does not meet it.
    pub matcher: StringMatcher,
    /// Whether the result is inverted.
    pub invert: bool,
}

/// A condition on the host, in lower case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostMatch {
    /// One host.
    Exact(String),
    /// Every host below a domain: `*.example.com`. The text has the dot: `.example.com`.
    Suffix(String),
}

impl RequestMatch {
    /// Returns whether the request meets the conditions. An unknown address of the client meets
    /// every condition on it; see [`depends_on_unknown_ip`](Self::depends_on_unknown_ip).
    pub fn matches(&self, request: &NormalizedRequest<'_>) -> bool {
        let method = |methods: &Vec<String>| methods.iter().any(|method| method.as_bytes() == request.method);
        let host = |hosts: &Vec<HostMatch>| hosts.iter().any(|host| host.matches(&request.host));
        // The cheap conditions come first. A pattern takes time for each byte of the path.
        self.methods.as_ref().is_none_or(method)
            && self.hosts.as_ref().is_none_or(host)
            && self.path.as_ref().is_none_or(|matcher| matcher.matches(&request.path))
            && self.headers.iter().all(|header| header.matches(request.header(&header.name)))
            && self
                .query_parameters
                .iter()
                .all(|parameter| parameter.matches(request.query.get(&parameter.name)))
            && self.remote_ip.as_ref().is_none_or(|ranges| {
                request.remote_ip.is_none_or(|address| ranges.iter().any(|range| range.contains(address)))
            })
    }

    /// Returns whether there is a condition on the address of the client, and the address is
    /// unknown.
    pub(crate) const fn depends_on_unknown_ip(&self, request: &NormalizedRequest<'_>) -> bool {
        self.remote_ip.is_some() && request.remote_ip.is_none()
    }

    /// Returns the variables of a path that meets the condition on paths.
    pub fn variables<'a>(&'a self, path: &'a CanonicalPath<'_>) -> PathVariables<'a> {
        self.path.as_ref().map(|matcher| matcher.variables(path)).unwrap_or_default()
    }
}

impl NamedStringMatcher {
    fn matches(&self, value: Option<&[u8]>) -> bool {
        value.is_some_and(|value| self.matcher.matches(value)) != self.invert
    }
}

impl HostMatch {
    pub(super) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RequiredInputs;
    use crate::request::RequestHead;

    #[test]
    fn request_match_requires_every_condition() {
        let rule = RequestMatch {
            path: Some(PathMatch::Prefix("/a".into())),
            methods: Some(vec!["GET".into(), "HEAD".into()]),
            hosts: Some(vec![HostMatch::Exact("x.example".into()), HostMatch::Suffix(".y.example".into())]),
            ..RequestMatch::default()
        };
        for (method, path, authority, expected) in [
            ("GET", "/a", "x.example", true),
            ("HEAD", "/ab", "X.Example:80", true),
            ("GET", "/a", "a.y.example", true),
            ("GET", "/a", "a.b.y.example", true),
            ("GET", "/a", "y.example", false),
            ("GET", "/a", ".y.example", false),
            ("GET", "/a", "z.example", false),
            ("POST", "/a", "x.example", false),
            ("GET", "/b", "x.example", false),
        ] {
            let head = RequestHead {
                method: method.as_bytes(),
                path: path.as_bytes(),
                authority: authority.as_bytes(),
                ..RequestHead::default()
            };
            assert_eq!(
                rule.matches(&NormalizedRequest::new(&head, &RequiredInputs::default()).unwrap()),
                expected,
                "{method} {authority}{path}"
            );
        }
        let head = RequestHead { method: b"\xff", path: b"/", authority: b"", ..RequestHead::default() };
        assert!(
            RequestMatch::default()
                .matches(&NormalizedRequest::new(&head, &RequiredInputs::default()).unwrap())
        );
    }
}
