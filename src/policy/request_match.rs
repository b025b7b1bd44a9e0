//! Which requests a rule is for.

use super::path::{CanonicalPath, PathMatch};
use crate::request::RequestHead;

/// Conditions on a request; all that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct RequestMatch {
    /// The path, without the query.
    pub path: Option<PathMatch>,
    /// The method, any of; compared exactly, for methods are case-sensitive (RFC 9110 section 9.1).
    pub methods: Option<Vec<String>>,
    /// The host, any of.
    pub hosts: Option<Vec<HostMatch>>,
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
    /// Whether the rule is for this request.
    pub fn matches(&self, head: &RequestHead<'_>, path: &CanonicalPath) -> bool {
        let method = |methods: &Vec<String>| methods.iter().any(|method| method.as_bytes() == head.method);
        let host = |hosts: &Vec<HostMatch>| {
            let asked = head.host();
            hosts.iter().any(|host| host.matches(&asked))
        };
        self.path.as_ref().is_none_or(|matcher| matcher.matches(path))
            && self.methods.as_ref().is_none_or(method)
            && self.hosts.as_ref().is_none_or(host)
    }
}

impl HostMatch {
    fn matches(&self, host: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => exact.as_bytes() == host,
            Self::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_must_hold() {
        let rule = RequestMatch {
            path: Some(PathMatch::Prefix("/a".into())),
            methods: Some(vec!["GET".into(), "HEAD".into()]),
            hosts: Some(vec![HostMatch::Exact("x.example".into()), HostMatch::Suffix(".y.example".into())]),
        };
        for (method, path, authority, expected) in [
            ("GET", "/a", "x.example", true),
            ("HEAD", "/ab", "X.Example:80", true),
            ("GET", "/a", "a.y.example", true),
            ("GET", "/a", "a.b.y.example", true),
            ("GET", "/a", "y.example", false),
            ("GET", "/a", ".y.example", false),
            ("GET", "/a", "z.example", false),
            ("get", "/a", "x.example", false),
            ("POST", "/a", "x.example", false),
            ("GET", "/b", "x.example", false),
        ] {
            let head = RequestHead {
                method: method.as_bytes(),
                path: path.as_bytes(),
                authority: authority.as_bytes(),
                authorization: &[],
            };
            let canonical = CanonicalPath::new(head.path).unwrap();
            assert_eq!(rule.matches(&head, &canonical), expected, "{method} {authority}{path}");
        }
        let head = RequestHead { method: b"\xff", path: b"/", authority: b"\xff", authorization: &[] };
        assert!(RequestMatch::default().matches(&head, &CanonicalPath::new(b"/").unwrap()));
    }
}
