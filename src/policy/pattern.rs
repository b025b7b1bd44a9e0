//! A regular expression with a fast pre-check of its literal text.
//!
//! `regex-lite` takes time linear in the text, but about fifty times as long as a search for a few
//! characters. With twenty patterns such as `/.*/internal1/.*`, an attacker could load a gateway
//! with long paths. So the filter first searches for the literals that every match contains. If a
//! pattern consists only of literals and `.*`, the search alone decides.

mod literals;

use regex_lite::Regex;

use crate::text::position;
use literals::{Literals, literals};

/// An anchored regular expression, which matches the whole of a text.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// `None` for a pattern with alternatives, flags, or other syntax without known literals.
    literals: Option<Literals>,
}

impl Pattern {
    /// Creates a pattern from an anchored regular expression: `^(?:…)$`.
    pub fn new(regex: Regex) -> Self {
        let literals = inner(&regex).and_then(literals);
        Self { regex, literals }
    }

    /// Returns whether the pattern matches a text. Takes time linear in the length of the text.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.literals {
            Some(literals) if !literals.are_in(text) => false,
            // `.` does not match a line feed.
            Some(literals) if literals.is_complete && position(text, "\n").is_none() => true,
            _ => self.regex.is_match(text),
        }
    }

    /// Returns the literals that every match contains, in their order. Other text can be between
    /// them. The first literal is the beginning and the last is the end of every match; both may be
    /// empty. A single literal is the whole match. Returns `None` if the literals are not known.
    pub(crate) fn required_literals(&self) -> Option<Vec<String>> {
        let pattern = inner(&self.regex)?;
        let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
        let pattern = pattern.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(pattern);
        literals::required(pattern)
    }

    /// Returns the regular expression with its anchors.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

/// Returns a regular expression without its anchors.
fn inner(regex: &Regex) -> Option<&str> {
    regex.as_str().strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(pattern: &str) -> Pattern {
        Pattern::new(Regex::new(&format!("^(?:{pattern})$")).unwrap())
    }

    #[test]
    fn literals_are_in_every_match() {
        for (text, expected) in [
            ("/.*/internal1/.*", Some(("/", &["/internal1/"][..], "", true))),
            (".*", Some(("", &[], "", true))),
            ("/a.*", Some(("/a", &[], "", true))),
            (".*\\.html", Some(("", &[], ".html", true))),
            ("/a/[0-9]+/b", Some(("/a/", &[], "/b", false))),
            ("/a/(b|c)/d/.*", Some(("/a/", &["/d/"], "", false))),
            ("/a/.+", Some(("/a/", &[], "", false))),
            ("/ab*c", Some(("/a", &[], "c", false))),
            ("/ab?c.*d", Some(("/a", &["c"], "d", false))),
            ("/ab+c.*", Some(("/ab", &["c"], "", false))),
            ("/a{2}.*", Some(("/", &[], "", false))),
            ("/a(?:x(y)[)]\\))*b", Some(("/a", &[], "b", false))),
            ("/\\d\\w\\s\\.", Some(("/", &[], ".", false))),
            ("/é+/.*", Some(("/é", &["/"], "", false))),
            ("/a[]x]b", Some(("/a", &[], "b", false))),
            ("/a", None),
            ("/a|/b.*", None),
            ("(?i)/a.*", None),
            ("/a(?i)b.*", None),
            ("/a(?i:b).*", None),
            ("/\\x41.*", None),
            ("/a\\b.*", None),
        ] {
            let literals = pattern(text).literals;
            let literals = literals.as_ref().map(|Literals { prefix, inner, suffix, is_complete }| {
                let inner = inner.iter().map(String::as_str).collect::<Vec<_>>();
                (prefix.as_str(), inner, suffix.as_str(), *is_complete)
            });
            let expected = expected
                .map(|(prefix, inner, suffix, is_complete)| (prefix, inner.to_vec(), suffix, is_complete));
            assert_eq!(literals, expected, "{text}");
        }
    }

    #[test]
    fn required_literals_are_in_every_match() {
        for (text, expected) in [
            ("/a", Some(&["/a"][..])),
            ("^/a$", Some(&["/a"])),
            ("/a\\$", Some(&["/a$"])),
            ("/a/.*", Some(&["/a/", ""])),
            ("[ab]/c", Some(&["", "/c"])),
            ("a?/b+c", Some(&["", "/b", "c"])),
            ("a|b", None),
            ("(?i)a", None),
            ("/a(?:b(?P<c>d))e", Some(&["/a", "e"])),
            ("/(?P<a[>b)c", Some(&["/", "c"])),
            ("/((?x)a#)b\nc)d", None),
        ] {
            let literals = pattern(text).required_literals();
            assert_eq!(
                literals,
                expected.map(|literals| literals.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn is_match_agrees_with_the_expression_for_parentheses_in_names_and_comments() {
        for (text, path) in [
            ("/((?x)a#)SECRET\n)", "/a"),
            ("/(?P<a[>(]q)SECRET(?P<b[>v))?(]z)", "/]z"),
            ("/api/((?x)v1 # 1) old\n/x # (see\n)/admin", "/api/v1/x/admin"),
        ] {
            let pattern = pattern(text);
            assert!(pattern.regex.is_match(path), "{text}");
            assert!(pattern.is_match(path), "{text}");
        }
    }

    #[test]
    fn is_match_literals_do_not_overlap() {
        for (text, yes, no) in [
            ("ab.*ba", vec!["abba", "abxba"], vec!["aba", "ab"]),
            (".*aa.*aa", vec!["aaaa", "aabaa"], vec!["aaa"]),
            ("a.*a", vec!["aa"], vec!["a"]),
            (".*", vec!["", "a", "é"], vec!["a\nb"]),
            ("a.*b", vec!["ab"], vec!["a\nb"]),
        ] {
            assert!(yes.iter().all(|yes| pattern(text).is_match(yes)), "{text}");
            assert!(!no.iter().any(|no| pattern(text).is_match(no)), "{text}");
        }
    }
}
