//! The ways in which a rule matches a path.

use std::borrow::Cow;

use super::canonical_path::{CanonicalPath, ENCODED_SLASH};
use super::normalization::AllowedInPaths;
use super::pattern::Pattern;
use crate::text::{has, replace};

/// How a rule looks at a path.
#[derive(Clone, Debug)]
pub enum PathMatch {
    /// Equal.
    Exact(String),
    /// Begins with these characters.
    Prefix(String),
    /// Equal, or continues with a slash: `/items` has `/items/1` below it, and not `/itemsets`.
    PathSeparatedPrefix(String),
    /// Segment by segment, some of them variable.
    PathTemplate(Vec<Segment>),
    /// The whole path, in time linear in its length.
    SafeRegex(Pattern),
}

/// A segment of a path template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// These characters.
    Literal(String),
    /// `{name}` or `*`: one segment, not empty. With the name, if it has one.
    One(Option<String>),
    /// `**`, at the end only: everything that is left, unless that is nothing.
    Rest,
}

/// What stands in a path where a template has variables.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathVariables<'a> {
    template: &'a [Segment],
    path: &'a str,
}

/// What is wrong with a path template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathTemplateError(pub &'static str);

impl PathMatch {
    /// Whether the path is matched.
    pub fn matches(&self, path: &CanonicalPath) -> bool {
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

    /// Reads a path template: `/items/{id}`, `/items/*/parts`, `/files/**`.
    ///
    /// # Errors
    /// What is wrong with it. An empty segment before the last is an error unless the policy allows empty segments.
    pub fn template(template: &str, allowed: AllowedInPaths) -> Result<Self, PathTemplateError> {
        let Some(segments) = template.strip_prefix('/') else {
            return Err(PathTemplateError("must begin with `/`"));
        };
        let segments: Vec<_> = segments.split('/').collect();
        let last = segments.len().saturating_sub(1);
        let mut read = Vec::new();
        for (at, segment) in segments.into_iter().enumerate() {
            let variable = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            if variable.is_some_and(|name| variable_names(&read).any(|earlier| earlier == name)) {
                return Err(PathTemplateError("must not have the same variable twice"));
            }
            read.push(match (segment, variable) {
                ("", _) if at != last && !allowed.empty_segment => {
                    return Err(PathTemplateError("must not have an empty segment"));
                }
                ("*", _) => Segment::One(None),
                ("**", _) if at == last => Segment::Rest,
                ("**", _) => return Err(PathTemplateError("`**` must be the last segment")),
                (_, Some(name)) if is_name(name) => Segment::One(Some(name.to_owned())),
                (literal, None) if !literal.contains(['{', '}', '*']) => Segment::Literal(literal.to_owned()),
                _ => return Err(PathTemplateError("a variable must be a whole segment: `{name}`")),
            });
        }
        Ok(Self::PathTemplate(read))
    }

    /// The names of the variables.
    pub fn variable_names(&self) -> impl Iterator<Item = &str> {
        variable_names(match self {
            Self::PathTemplate(template) => template,
            _ => &[],
        })
    }

    /// The variables of a path that is matched.
    pub fn variables<'a>(&'a self, path: &'a CanonicalPath) -> PathVariables<'a> {
        match self {
            Self::PathTemplate(template) => PathVariables { template, path: path.as_str() },
            _ => PathVariables::default(),
        }
    }
}

impl<'a> PathVariables<'a> {
    /// Returns the value of a variable. An encoded slash is a slash in it: it is data of the segment.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let named = |segment: &Segment| matches!(segment, Segment::One(Some(own)) if own == name);
        let at = self.template.iter().position(named)?;
        let segment = self.path.strip_prefix('/')?.split('/').nth(at)?;
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

fn template_matches(template: &[Segment], path: &str) -> bool {
    let mut left = path.strip_prefix('/');
    for expected in template {
        let Some(path) = left else { return false };
        let (segment, behind) = match path.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (path, None),
        };
        match expected {
            Segment::Literal(literal) if literal == segment => {}
            Segment::One(_) if !segment.is_empty() => {}
            Segment::Rest => return !path.is_empty(),
            Segment::Literal(_) | Segment::One(_) => return false,
        }
        left = behind;
    }
    left.is_none()
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::super::normalization::NormalizationOptions;
    use super::*;

    #[test]
    fn matches() {
        let regex = |pattern: &str| {
            PathMatch::SafeRegex(Pattern::new(Regex::new(&format!("^(?:{pattern})$")).unwrap()))
        };
        let template = |template| PathMatch::template(template, AllowedInPaths::default()).unwrap();
        let read = |path: &str| CanonicalPath::new(path.as_bytes(), NormalizationOptions::default()).unwrap();
        for (matcher, yes, no) in [
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
            for path in yes {
                assert!(matcher.matches(&read(path)), "{matcher:?} {path}");
            }
            for path in no {
                assert!(!matcher.matches(&read(path)), "{matcher:?} {path}");
            }
        }
    }

    #[test]
    fn template_allowed_characters_are_matched_within_segments() {
        let allowed =
            AllowedInPaths { encoded_slash: true, semicolon: true, empty_segment: true, encoded_hash: true };
        let reading = NormalizationOptions { allowed, ..NormalizationOptions::default() };
        for (template, yes, no) in [
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
                yes.iter().map(|path| (path, true)).chain(no.iter().map(|path| (path, false)))
            {
                let path = CanonicalPath::new(path.as_bytes(), reading).unwrap();
                assert_eq!(matcher.matches(&path), expected, "{template} {path:?}");
            }
        }
        let matcher = PathMatch::template("/a/{x}/{y}", allowed).unwrap();
        let path = CanonicalPath::new(b"/a/b%2fc%2Fd/e;f", reading).unwrap();
        let variables = matcher.variables(&path);
        assert_eq!(
            (variables.get("x").as_deref(), variables.get("y").as_deref()),
            (Some("b/c/d"), Some("e;f"))
        );
    }

    #[test]
    fn templates_that_make_no_sense() {
        for template in ["", "a", "/a//b", "/**/b", "/a{id}", "/{}", "/{a b}", "/{a", "/a}", "/a*"] {
            assert!(PathMatch::template(template, AllowedInPaths::default()).is_err(), "{template}");
        }
    }
}
