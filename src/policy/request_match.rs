//! Which requests a rule is for.

use super::canonical_path::CanonicalPath;
use super::cidr_range::CidrRange;
use super::path::{PathMatch, PathVariables};
use super::string_matcher::StringMatcher;
use super::target::NormalizedRequest;

/// Conditions on a request; all that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct RequestMatch {
    /// The path, without the query.
    pub path: Option<PathMatch>,
    /// The method, any of; compared exactly, for methods are case-sensitive (RFC 9110 section 9.1).
    pub methods: Option<Vec<String>>,
    /// The host, any of.
    pub hosts: Option<Vec<HostMatch>>,
    /// Headers, all of them.
    pub headers: Vec<NamedStringMatcher>,
    /// Query parameters, all of them.
    pub query_parameters: Vec<NamedStringMatcher>,
    /// Where the client is, any of: Envoy's `downstream_remote_address`, which is what `use_remote_address` and
    /// `xff_num_trusted_hops` make of `X-Forwarded-For`.
    pub remote_ip: Option<Vec<CidrRange>>,
}

/// A condition on a header or a query parameter.
#[derive(Clone, Debug)]
pub struct NamedStringMatcher {
    /// Whose value it is about; of headers in lower case.
    pub name: String,
    /// What must be true of the value. One that is not there meets no condition.
    pub test: StringMatcher,
    /// Turns the outcome around.
    pub invert: bool,
}

/// A host, in lower case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostMatch {
    /// That host.
    Exact(String),
    /// `*.example.com`: every host below it. Keeps the dot: `.example.com`.
    Suffix(String),
}

impl RequestMatch {
    /// Returns whether the rule is for this request. One that looks at an address that is unknown may be for it:
    /// [`lacks_address`](Self::lacks_address).
    pub fn matches(&self, target: &NormalizedRequest<'_>) -> bool {
        let method = |methods: &Vec<String>| methods.iter().any(|method| method.as_bytes() == target.method);
        let host = |hosts: &Vec<HostMatch>| hosts.iter().any(|host| host.matches(&target.host));
        // The cheap conditions come first: a pattern costs time for each byte of the path.
        self.methods.as_ref().is_none_or(method)
            && self.hosts.as_ref().is_none_or(host)
            && self.path.as_ref().is_none_or(|matcher| matcher.matches(&target.path))
            && self.headers.iter().all(|header| header.holds(target.header(&header.name)))
            && self
                .query_parameters
                .iter()
                .all(|parameter| parameter.holds(target.query.get(&parameter.name)))
            && self.remote_ip.as_ref().is_none_or(|ranges| {
                target.remote_ip.is_none_or(|address| ranges.iter().any(|range| range.contains(address)))
            })
    }

    /// Returns whether the rule looks at the address of the client, and that is unknown.
    pub const fn lacks_address(&self, target: &NormalizedRequest<'_>) -> bool {
        self.remote_ip.is_some() && target.remote_ip.is_none()
    }

    /// The variables of a path that is matched.
    pub fn variables<'a>(&'a self, path: &'a CanonicalPath) -> PathVariables<'a> {
        self.path.as_ref().map(|matcher| matcher.variables(path)).unwrap_or_default()
    }
}

impl NamedStringMatcher {
    fn holds(&self, value: Option<&[u8]>) -> bool {
        value.is_some_and(|value| self.test.matches(value)) != self.invert
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
    fn every_condition_must_hold() {
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
