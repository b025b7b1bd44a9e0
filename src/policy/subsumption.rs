//! A conservative check whether one rule matches every request that another rule matches.
//!
//! `okta-authz check` uses it to find unreachable rules. The filter never uses it for a request. It
//! returns `true` only if that is certain.

use super::canonical_path::CanonicalPath;
use super::path::{PathMatch, Segment};
use super::request_match::{HostMatch, RequestMatch};

impl RequestMatch {
    /// Returns whether these conditions match every request that `other` matches. `false` if that
    /// is not certain.
    pub fn subsumes(&self, other: &Self) -> bool {
        let Self { path, methods, hosts, headers, query_parameters, remote_ip } = self;
        let is_narrower = !headers.is_empty() || !query_parameters.is_empty() || remote_ip.is_some();
        !is_narrower
            && all_subsumed(methods.as_deref(), other.methods.as_deref(), PartialEq::eq)
            && all_subsumed(hosts.as_deref(), other.hosts.as_deref(), HostMatch::subsumes)
            && match (path, &other.path) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(path), Some(other)) => path.subsumes(other),
            }
    }
}

/// Returns whether one of `these` subsumes each of `others`. `None` matches everything.
fn all_subsumed<T>(these: Option<&[T]>, others: Option<&[T]>, subsumes: impl Fn(&T, &T) -> bool) -> bool {
    match (these, others) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(these), Some(others)) => {
            others.iter().all(|other| these.iter().any(|this| subsumes(this, other)))
        }
    }
}

impl HostMatch {
    fn subsumes(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.matches(host),
            (Self::Suffix(suffix), Self::Suffix(other)) => other.ends_with(suffix.as_str()),
            (Self::Exact(_), Self::Suffix(_)) => false,
        }
    }
}

impl PathMatch {
    /// Returns whether this condition matches every path that `other` matches. `false` if that is
    /// not certain.
    pub fn subsumes(&self, other: &Self) -> bool {
        if let Some(path) = other.single_path() {
            return self.matches(&path);
        }
        match (self, other) {
            (Self::SafeRegex(this), Self::SafeRegex(other)) => this.as_str() == other.as_str(),
            (Self::PathTemplate(this), Self::PathTemplate(other)) => template_subsumes(this, other),
            (Self::Prefix(prefix), _) => other.begins_with(prefix),
            (Self::PathSeparatedPrefix(this), Self::PathSeparatedPrefix(other)) if this == other => true,
            (Self::PathSeparatedPrefix(prefix), _) => other.begins_with(&format!("{prefix}/")),
            _ => false,
        }
    }

    /// Returns the only path that the condition matches, if there is exactly one.
    fn single_path(&self) -> Option<CanonicalPath<'static>> {
        let path = match self {
            Self::Exact(path) => path.clone(),
            Self::PathTemplate(template) => {
                let literal = |segment: &Segment| match segment {
                    Segment::Literal(literal) => Some(format!("/{literal}")),
                    Segment::One(_) | Segment::Rest => None,
                };
                template.iter().map(literal).collect::<Option<String>>()?
            }
            _ => return None,
        };
        Some(CanonicalPath::from_rule(path))
    }

    /// Returns whether every path that the condition matches begins with this prefix.
    fn begins_with(&self, prefix: &str) -> bool {
        match self {
            Self::Exact(path) | Self::Prefix(path) | Self::PathSeparatedPrefix(path) => {
                path.starts_with(prefix)
            }
            Self::PathTemplate(template) => {
                let mut known = String::new();
                for segment in template {
                    known.push('/');
                    let Segment::Literal(literal) = segment else { break };
                    known.push_str(literal);
                }
                known.starts_with(prefix)
            }
            Self::SafeRegex(_) => false,
        }
    }
}

fn template_subsumes(this: &[Segment], other: &[Segment]) -> bool {
    let is_empty = |segment: &Segment| matches!(segment, Segment::Literal(literal) if literal.is_empty());
    let mut others = other.iter();
    for segment in this {
        match (segment, others.next()) {
            (Segment::Rest, Some(other)) => return !is_empty(other),
            (Segment::One(_), Some(other)) if !is_empty(other) && *other != Segment::Rest => {}
            (Segment::Literal(_), Some(other)) if segment == other => {}
            _ => return false,
        }
    }
    others.next().is_none()
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::super::{AllowedInPaths, NamedStringMatcher, Pattern, StringMatcher};
    use super::*;

    fn path(text: &str) -> PathMatch {
        let (kind, path) = text.split_once(' ').unwrap();
        match kind {
            "path" => PathMatch::Exact(path.to_owned()),
            "prefix" => PathMatch::Prefix(path.to_owned()),
            "separated" => PathMatch::PathSeparatedPrefix(path.to_owned()),
            "template" => PathMatch::template(path, AllowedInPaths::default()).unwrap(),
            _ => PathMatch::SafeRegex(Pattern::new(Regex::new(&format!("^(?:{path})$")).unwrap())),
        }
    }

    #[test]
    fn subsumes_compares_paths() {
        for (this, subsumed, others) in [
            (
                "path /a",
                "path /a, template /a",
                "path /a/, path /b, prefix /a, separated /a, template /{x}, regex /a",
            ),
            (
                "prefix /a",
                "path /a, path /ab, prefix /a, prefix /ab, separated /a, separated /a/b, template /a/{x}, template /a",
                "path /, prefix /, separated /b, template /{x}, template /*/a, regex /a",
            ),
            (
                "prefix /a/",
                "path /a/, prefix /a/b, separated /a/b, template /a/**",
                "path /a, separated /a, prefix /a",
            ),
            (
                "prefix /",
                "path /a, prefix /, separated /a, template /{x}, template /**, template /",
                "regex /.*",
            ),
            (
                "separated /a",
                "path /a, path /a/, path /a/b, prefix /a/, prefix /a/b, separated /a, separated /a/b, template /a, template /a/{x}, template /a/**",
                "path /ab, prefix /a, separated /ab, separated /, template /{x}, template /ab/{x}, regex /a",
            ),
            (
                "template /a/{x}",
                "path /a/1, template /a/{y}, template /a/*, template /a/b",
                "path /a, path /a/, path /a/1/, path /a/1/2, template /a/**, template /{x}/b, prefix /a/, template /a/",
            ),
            (
                "template /a/**",
                "path /a/1, path /a/1/2, template /a/**, template /a/{x}, template /a/b/c, template /a/*/c",
                "path /a, path /a/, separated /a, template /a/, template /**",
            ),
            (
                "template /a/*/c",
                "path /a/b/c, template /a/{x}/c",
                "template /a/b/*, template /a/b/c/d, template /a/b",
            ),
            (
                "regex /a|/b%",
                "path /a, path /b%, regex /a|/b%, template /a",
                "path /c, regex /a, separated /a, prefix /a",
            ),
        ] {
            let this_match = path(this);
            let list = |text: &'static str| text.split(", ").map(|text| (text, path(text)));
            for (text, other) in list(subsumed) {
                assert!(this_match.subsumes(&other), "{this} subsumes {text}");
            }
            for (text, other) in list(others) {
                assert!(!this_match.subsumes(&other), "{this} does not subsume {text}");
            }
        }
    }

    #[test]
    fn subsumes_compares_hosts() {
        let (exact, suffix) = (|h: &str| HostMatch::Exact(h.into()), |h: &str| HostMatch::Suffix(h.into()));
        for (this, other, expected) in [
            (exact("a.x"), exact("a.x"), true),
            (exact("a.x"), exact("b.x"), false),
            (exact("a.x"), suffix(".x"), false),
            (suffix(".x"), exact("a.x"), true),
            (suffix(".x"), exact("x"), false),
            (suffix(".x"), suffix(".x"), true),
            (suffix(".x"), suffix(".b.x"), true),
            (suffix(".b.x"), suffix(".x"), false),
            (suffix(".x"), suffix(".bx"), false),
        ] {
            assert_eq!(this.subsumes(&other), expected, "{this:?} {other:?}");
        }
    }

    #[test]
    fn subsumes_compares_every_condition() {
        let methods = |list: &[&str]| RequestMatch {
            methods: Some(list.iter().map(|&method| method.to_owned()).collect()),
            ..RequestMatch::default()
        };
        let on = |path_match: &str| RequestMatch { path: Some(path(path_match)), ..RequestMatch::default() };
        let host = |host: &str| RequestMatch {
            hosts: Some(vec![HostMatch::Exact(host.to_owned())]),
            ..RequestMatch::default()
        };
        let present =
            || NamedStringMatcher { name: "x".to_owned(), matcher: StringMatcher::Present, invert: false };
        let header = || RequestMatch { headers: vec![present()], ..RequestMatch::default() };
        let query = || RequestMatch { query_parameters: vec![present()], ..RequestMatch::default() };
        let address = || RequestMatch { remote_ip: Some(Vec::new()), ..RequestMatch::default() };
        let all = RequestMatch::default;
        for (this, other, expected) in [
            (all(), all(), true),
            (all(), on("path /a"), true),
            (all(), header(), true),
            (all(), methods(&["GET"]), true),
            (on("prefix /"), all(), false),
            (on("prefix /a"), RequestMatch { methods: methods(&["GET"]).methods, ..on("path /a") }, true),
            (RequestMatch { methods: methods(&["GET"]).methods, ..on("prefix /a") }, on("path /a"), false),
            (methods(&["GET", "HEAD"]), methods(&["GET"]), true),
            (methods(&["GET"]), methods(&["GET", "HEAD"]), false),
            (methods(&["GET"]), all(), false),
            (host("a"), host("a"), true),
            (host("a"), host("b"), false),
            (host("a"), all(), false),
            (header(), header(), false),
            (header(), all(), false),
            (query(), all(), false),
            (address(), all(), false),
        ] {
            assert_eq!(this.subsumes(&other), expected, "{this:?} {other:?}");
        }
    }
}
