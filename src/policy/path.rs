//! Path matchers of rules.

use std::borrow::Cow;

use memchr::memchr;

use super::canonical_path::{CanonicalPath, ENCODED_SLASH};
use super::normalization::AllowedInPaths;
use super::pattern::Pattern;
use crate::text::{has, replace};

/// A matcher of canonical paths.
#[derive(Clone, Debug)]
pub enum PathMatch {
    /// Matches an equal path.
    Exact(String),
    /// Matches a path that begins with these characters.
    Prefix(String),
    /// Matches an equal path, and a path that continues with a slash: `/items` matches `/items/1`
    /// and does not match `/itemsets`.
    PathSeparatedPrefix(String),
    /// Matches each segment of the path with a segment of the template.
    PathTemplate(Vec<Segment>),
    /// Matches the whole path with a regular expression, in time linear in its length.
    SafeRegex(Pattern),
}

/// A segment of a path template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// Matches a segment with exactly these characters.
    Literal(String),
    /// Matches one segment that is not empty: `{name}`, with its name, or `*`.
    One(Option<String>),
    /// Matches the rest of the path, if it is not empty: `**`, which must be the last segment.
    Rest,
}

/// Values of the variables of a path template.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathVariables<'a> {
    template: &'a [Segment],
    path: &'a str,
}

/// The problem of a malformed path template, as a predicate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathTemplateError(pub &'static str);

impl PathMatch {
    /// Returns whether the matcher matches a path.
    pub fn matches(&self, path: &CanonicalPath<'_>) -> bool {
        let path = path.as_str();
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::PathSeparatedPrefix(prefix) => path
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::PathTemplate(template) => template_matches(template, path),
            Self::SafeRegex(pattern) => pattern.is_match(path),
        }
    }

    /// Parses a path template: `/items/{id}`, `/items/*/parts`, `/files/**`.
    ///
    /// # Errors
    /// A template that does not begin with `/`, repeats a variable, or has braces or `*` within a
    /// segment. Unless the policy allows empty segments, also an empty segment before the last.
    pub fn template(template: &str, allowed: AllowedInPaths) -> Result<Self, PathTemplateError> {
        let Some(segments) = template.strip_prefix('/') else {
            return Err(PathTemplateError("must begin with `/`"));
        };
        let segments: Vec<_> = segments.split('/').collect();
        let last = segments.len().saturating_sub(1);
        let mut parsed = Vec::new();
        for (index, segment) in segments.into_iter().enumerate() {
            let variable = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            if variable.is_some_and(|name| variable_names(&parsed).any(|earlier| earlier == name)) {
                return Err(PathTemplateError("must not have the same variable twice"));
            }
            parsed.push(match (segment, variable) {
                ("", _) if index != last && !allowed.empty_segment => {
                    return Err(PathTemplateError("must not have an empty segment"));
                }
                ("*", _) => Segment::One(None),
                ("**", _) if index == last => Segment::Rest,
                ("**", _) => return Err(PathTemplateError("`**` must be the last segment")),
                (_, Some(name)) if is_name(name) => Segment::One(Some(name.to_owned())),
                (literal, None) if !literal.contains(['{', '}', '*']) => Segment::Literal(literal.to_owned()),
                _ => return Err(PathTemplateError("a variable must be a whole segment: `{name}`")),
            });
        }
        Ok(Self::PathTemplate(parsed))
    }

    /// Returns the names of the variables of a template, in order.
    pub(crate) fn variable_names(&self) -> impl Iterator<Item = &str> {
        variable_names(match self {
            Self::PathTemplate(template) => template,
            _ => &[],
        })
    }

    /// Returns the variables of a path that the matcher matches.
    pub fn variables<'a>(&'a self, path: &'a CanonicalPath<'_>) -> PathVariables<'a> {
        match self {
            Self::PathTemplate(template) => PathVariables { template, path: path.as_str() },
            _ => PathVariables::default(),
        }
    }
}

impl<'a> PathVariables<'a> {
    /// Returns the value of a variable. An encoded slash, which is data of the segment, is decoded.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let has_name = |segment: &Segment| matches!(segment, Segment::One(Some(own)) if own == name);
        let index = self.template.iter().position(has_name)?;
        let segment = self.path.strip_prefix('/')?.split('/').nth(index)?;
        // No other character of a canonical path is encoded.
        Some(if has(segment, ENCODED_SLASH) {
            Cow::Owned(replace(segment, ENCODED_SLASH, "/"))
        } else {
            Cow::Borrowed(segment)
        })
    }
}

fn variable_names(template: &[Segment]) -> impl Iterator<Item = &str> {
    template.iter().filter_map(|segment| match segment {
        Segment::One(Some(name)) => Some(name.as_str()),
        _ => None,
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// Splits the first segment from the rest of a path; `None` for the rest after the last segment.
pub(super) fn split_segment(path: &str) -> (&str, Option<&str>) {
    let at = memchr(b'/', path.as_bytes());
    match at.and_then(|at| Some((path.get(..at)?, path.get(at.checked_add(1)?..)?))) {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    }
}

fn template_matches(template: &[Segment], path: &str) -> bool {
    let mut remaining = path.strip_prefix('/');
    for expected in template {
        let Some(path) = remaining else { return false };
        let (segment, rest) = split_segment(path);
        match expected {
            Segment::Literal(literal) if literal == segment => {}
            Segment::One(_) if !segment.is_empty() => {}
            Segment::Rest => return !path.is_empty(),
            Segment::Literal(_) | Segment::One(_) => return false,
        }
        remaining = rest;
    }
    remaining.is_none()
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::super::normalization::NormalizationOptions;
    use super::*;

    #[test]
    fn path_match_matches_each_kind() {
        let regex = |pattern: &str| {
            PathMatch::SafeRegex(Pattern::new(Regex::new(&format!("^(?:{pattern})$")).unwrap()))
        };
        let template = |template| PathMatch::template(template, AllowedInPaths::default()).unwrap();
        fn canonical(path: &str) -> CanonicalPath<'_> {
            CanonicalPath::new(path.as_bytes(), NormalizationOptions::default()).unwrap()
        }
        for (matcher, matching, others) in [
            (PathMatch::Exact("/a".into()), vec!["/a", "/a?b", "/%61"], vec!["/", "/a/", "/ab", "/A", ""]),
            (PathMatch::Prefix("/a".into()), vec!["/a", "/ab", "/a/b"], vec!["/", "/A", "/b/a", "*"]),
            (PathMatch::PathSeparatedPrefix("/a".into()), vec!["/a", "/a/", "/a/b"], vec!["/ab", "/"]),
            (template("/a/{id}"), vec!["/a/1", "/a/x%20y"], vec!["/a", "/a/", "/a/1/", "/a/1/2", "/b/1"]),
            (template("/a/*/c"), vec!["/a/b/c"], vec!["/a/c", "/a/b", "/a/b/c/d"]),
            (template("/a/**"), vec!["/a/b", "/a/b/c", "/a/b/"], vec!["/a", "/a/", "/b/c"]),
            (template("/a/"), vec!["/a/"], vec!["/a"]),
            (template("/"), vec!["/"], vec!["/a", "*", ""]),
            (regex("/a/[0-9]+"), vec!["/a/1"], vec!["/a/1/", "/x/a/1", "/a/b", "/a/"]),
            (regex("/a|/b"), vec!["/a", "/b"], vec!["/ab", "/a/b"]),
        ] {
            for path in matching {
                assert!(matcher.matches(&canonical(path)), "{matcher:?} {path}");
            }
            for path in others {
                assert!(!matcher.matches(&canonical(path)), "{matcher:?} {path}");
            }
        }
    }

    #[test]
    fn template_allowed_characters_are_matched_within_segments() {
        let allowed =
            AllowedInPaths { encoded_slash: true, semicolon: true, empty_segment: true, encoded_hash: true };
        let options = NormalizationOptions { allowed, ..NormalizationOptions::default() };
        for (template, matching, others) in [
            (
                "/a/{id}",
                vec!["/a/b%2Fc", "/a/b%2fc", "/a/%2F", "/a/b;c=d", "/a/;x", "/a/%23"],
                vec!["/a//", "/a//b", "/a/", "/a%2Fb"],
            ),
            ("/a/*/c", vec!["/a/x%2Fy/c", "/a/;/c"], vec!["/a//c", "/a/x/y/c"]),
            ("/a/**", vec!["/a/b", "/a//b", "/a/b//", "/a//"], vec!["/a/", "/a"]),
            ("/a//b", vec!["/a//b"], vec!["/a/b", "/a/x/b", "/a///b"]),
            ("/a//{x}", vec!["/a//b"], vec!["/a/b", "/a//"]),
            ("/a%2Fb/{x}", vec!["/a%2fb/c"], vec!["/a/b/c"]),
            ("/a;b/{x}", vec!["/a;b/c", "/a%3Bb/c"], vec!["/a/c"]),
        ] {
            let matcher = PathMatch::template(template, allowed).unwrap();
            for (path, expected) in
                matching.iter().map(|path| (path, true)).chain(others.iter().map(|path| (path, false)))
            {
                let path = CanonicalPath::new(path.as_bytes(), options).unwrap();
                assert_eq!(matcher.matches(&path), expected, "{template} {path:?}");
            }
        }
        let matcher = PathMatch::template("/a/{x}/{y}", allowed).unwrap();
        let path = CanonicalPath::new(b"/a/b%2fc%2Fd/e;f", options).unwrap();
        let variables = matcher.variables(&path);
        assert_eq!(
            (variables.get("x").as_deref(), variables.get("y").as_deref()),
            (Some("b/c/d"), Some("e;f"))
        );
    }

    #[test]
    fn template_malformed_is_rejected() {
        for template in ["", "a", "/a//b", "/**/b", "/a{id}", "/{}", "/{a b}", "/{a", "/a}", "/a*"] {
            assert!(PathMatch::template(template, AllowedInPaths::default()).is_err(), "{template}");
        }
    }
}
