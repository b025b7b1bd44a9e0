//! Paths: the one reading that a rule is matched against, and the ways to match it.
//!
//! A rule is worth nothing if the backend reads the path differently. So percent-encoding is undone before matching,
//! as every backend does, and a path that backends are known to read in different ways is not matched at all: the
//! request is refused. Envoy's own normalisation should have dealt with these; this does not rely on it.

use regex_lite::Regex;

use crate::rejection::Rejection;

/// A path with one reading: decoded, without query, dot segments, empty segments or parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CanonicalPath(String);

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
    SafeRegex(Regex),
}

/// A segment of a path template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// These characters.
    Literal(String),
    /// `{name}` or `*`: one segment, not empty. With the name, if it has one.
    One(Option<String>),
    /// `**`, at the end only: everything that is left, at least one segment.
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

impl CanonicalPath {
    /// The path of a `:path` header, without the query.
    ///
    /// # Errors
    /// [`Rejection::PathAmbiguous`] for an encoded slash, a backslash, a dot segment, an empty segment, a path
    /// parameter (`;`), a doubly encoded character, a control character, or bytes that are not UTF-8.
    pub fn new(path: &[u8]) -> Result<Self, Rejection> {
        // CONNECT has no path, and `OPTIONS *` is about the server.
        if !matches!(path, [] | b"*" | [b'/', ..]) {
            return Err(Rejection::PathAmbiguous);
        }
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        let decoded = decode(path).ok_or(Rejection::PathAmbiguous)?;
        if path.contains(&b'%') && decoded.as_bytes().windows(3).any(is_encoded) {
            return Err(Rejection::PathAmbiguous);
        }
        let mut segments = decoded.as_bytes().split(|byte| *byte == b'/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            let empty_inside = segment.is_empty() && segments.peek().is_some();
            if empty_inside || matches!(segment, b"." | b"..") {
                return Err(Rejection::PathAmbiguous);
            }
        }
        Ok(Self(decoded))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Undoes percent-encoding, once. `None` for what backends are known to read in more than one way.
fn decode(path: &[u8]) -> Option<String> {
    let several_readings = |byte: u8| matches!(byte, b'\\' | b';' | b'#') || byte.is_ascii_control();
    if !path.contains(&b'%') {
        let found = path.iter().fold(false, |found, byte| found | several_readings(*byte));
        return if found { None } else { Some(str::from_utf8(path).ok()?.to_owned()) };
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        let byte = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                let byte = hex(*high)? << 4 | hex(*low)?;
                if byte == b'/' {
                    return None;
                }
                byte
            }
            (b'%', _) => return None,
            (byte, _) => {
                rest = tail;
                *byte
            }
        };
        if several_readings(byte) {
            return None;
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok()
}

/// Whether these three bytes would be decoded by a backend that does so twice.
fn is_encoded(window: &[u8]) -> bool {
    matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

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
            Self::SafeRegex(regex) => regex.is_match(path),
        }
    }

    /// Reads a path template: `/items/{id}`, `/items/*/parts`, `/files/**`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn template(template: &str) -> Result<Self, PathTemplateError> {
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
                ("", _) if at != last => return Err(PathTemplateError("must not have an empty segment")),
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
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let named = |segment: &Segment| matches!(segment, Segment::One(Some(own)) if own == name);
        let at = self.template.iter().position(named)?;
        self.path.strip_prefix('/')?.split('/').nth(at)
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
    let Some(path) = path.strip_prefix('/') else { return false };
    let mut segments = path.split('/');
    for expected in template {
        match (expected, segments.next()) {
            (Segment::Literal(literal), Some(segment)) if literal == segment => {}
            (Segment::One(_), Some(segment)) if !segment.is_empty() => {}
            (Segment::Rest, Some(segment)) => return !segment.is_empty(),
            _ => return false,
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_reading_or_none() {
        for (path, expected) in [
            ("/", Some("/")),
            ("", Some("")),
            ("*", Some("*")),
            ("/items/1?x=/../%2e%2e", Some("/items/1")),
            ("/items/", Some("/items/")),
            ("/%61dmin", Some("/admin")),
            ("/caf%C3%A9", Some("/café")),
            ("/a%20b%3Fc", Some("/a b?c")),
            ("/100%25", Some("/100%")),
            ("/...", Some("/...")),
            ("/.well-known/x", Some("/.well-known/x")),
            ("items", None),
            ("http://host/items", None),
            ("/items/../admin", None),
            ("/items/%2e%2e/admin", None),
            ("/items/.%2E/admin", None),
            ("/items/./1", None),
            ("/items/..", None),
            ("//admin", None),
            ("/items//1", None),
            ("/items%2f1", None),
            ("/items%2F1", None),
            ("/items%5c1", None),
            ("/items\\1", None),
            ("/admin;x", None),
            ("/admin%3bx", None),
            ("/admin#x", None),
            ("/items/%252e%252e/admin", None),
            ("/items%252f1", None),
            ("/a%00", None),
            ("/a%0d%0ab", None),
            ("/a%7f", None),
            ("/a%", None),
            ("/a%2", None),
            ("/a%zz", None),
            ("/a%+1", None),
            ("/a%ff", None),
            ("/a%c0%af", None),
        ] {
            let read = CanonicalPath::new(path.as_bytes()).ok();
            assert_eq!(read.as_ref().map(CanonicalPath::as_str), expected, "{path}");
        }
        assert_eq!(CanonicalPath::new(b"/\xff"), Err(Rejection::PathAmbiguous));
    }

    #[test]
    fn matches() {
        let regex = |pattern: &str| PathMatch::SafeRegex(Regex::new(&format!("^(?:{pattern})$")).unwrap());
        let template = |template| PathMatch::template(template).unwrap();
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
                assert!(matcher.matches(&CanonicalPath::new(path.as_bytes()).unwrap()), "{matcher:?} {path}");
            }
            for path in no {
                assert!(
                    !matcher.matches(&CanonicalPath::new(path.as_bytes()).unwrap()),
                    "{matcher:?} {path}"
                );
            }
        }
    }

    #[test]
    fn templates_that_make_no_sense() {
        for template in ["", "a", "/a//b", "/**/b", "/a{id}", "/{}", "/{a b}", "/{a", "/a}", "/a*"] {
            assert!(PathMatch::template(template).is_err(), "{template}");
        }
    }
}
