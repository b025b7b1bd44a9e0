//! Which requests a rule is for.

use super::path::PathMatch;
use super::target::Target;

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
    pub fn matches(&self, target: &Target) -> bool {
        let method = |methods: &Vec<String>| methods.iter().any(|method| method.as_bytes() == target.method);
        let host = |hosts: &Vec<HostMatch>| hosts.iter().any(|host| host.matches(&target.host));
        self.path.as_ref().is_none_or(|matcher| matcher.matches(&target.path))
            && self.methods.as_ref().is_none_or(method)
            && self.hosts.as_ref().is_none_or(host)
    }
}

impl HostMatch {
    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::RequestHead;

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
            ("POST", "/a", "x.example", false),
            ("GET", "/b", "x.example", false),
        ] {
            let head = RequestHead {
                method: method.as_bytes(),
                path: path.as_bytes(),
                authority: authority.as_bytes(),
                headers: &[],
            };
            assert_eq!(rule.matches(&Target::new(&head).unwrap()), expected, "{method} {authority}{path}");
        }
        let head = RequestHead { method: b"\xff", path: b"/", authority: b"", headers: &[] };
        assert!(RequestMatch::default().matches(&Target::new(&head).unwrap()));
    }
}
