//! A regular expression, with the characters that every match has.
//!
//! `regex-lite` takes time linear in the text, but some fifty times what a search for a few characters takes: twenty patterns
//! such as `/.*/internal1/.*` and a long path are a cheap way to keep a gateway busy. So the characters that every
//! match has are looked for first. Of a pattern that has nothing but these and `.*`, that is the whole question.

use regex_lite::Regex;

use crate::text::position;

/// A pattern that matches the whole of a text.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// `None` where nothing is certain: with alternatives, flags, or syntax that this module does not know.
    literals: Option<Literals>,
}

/// The characters that every match has, in this order.
#[derive(Clone, Debug, Default)]
struct Literals {
    /// The beginning of every match; may be empty.
    begin: String,
    /// The texts somewhere behind the beginning, in this order.
    inner: Vec<String>,
    /// The end of every match, behind all others; may be empty.
    end: String,
    /// Whether there is nothing in the pattern but these, with `.*` between them.
    is_all: bool,
}

impl Pattern {
    /// Makes the pattern of a regular expression, which is anchored: `^(?:…)$`.
    pub fn new(regex: Regex) -> Self {
        let inside = regex.as_str().strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
        let literals = inside.and_then(literals);
        Self { regex, literals }
    }

    /// Returns whether it matches the text. Takes time linear in the length of the text.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.literals {
            Some(literals) if !literals.are_in(text) => false,
            // A dot is no line feed.
            Some(literals) if literals.is_all && position(text, "\n").is_none() => true,
            _ => self.regex.is_match(text),
        }
    }

    /// Returns the texts that every match has, in this order, with something or nothing between them. The first is where it
    /// begins and the last is where it ends; both may be empty. A single text is the whole. `None` where nothing is certain.
    pub fn texts(&self) -> Option<Vec<String>> {
        let inside = self.regex.as_str().strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"))?;
        let inside = inside.strip_prefix('^').unwrap_or(inside);
        let inside = inside.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(inside);
        let Runs { mut done, current, .. } = runs(inside)?;
        done.push(current);
        Some(done)
    }

    /// Returns the regular expression with its anchors.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

impl Literals {
    /// Returns whether the text has all of them, one behind the other. The first place of each leaves the most room for the
    /// next.
    fn are_in(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.begin.as_str()) else { return false };
        let Some(mut rest) = rest.strip_suffix(self.end.as_str()) else { return false };
        for part in &self.inner {
            let behind = position(rest, part).and_then(|at| rest.get(at.checked_add(part.len())?..));
            match behind {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        true
    }
}

/// Returns the characters that every match of a pattern has.
fn literals(pattern: &str) -> Option<Literals> {
    let Runs { mut done, current, has_gap, is_all } = runs(pattern)?;
    if !has_gap {
        // Nothing but characters: they are all of it, and the expression says so itself.
        return None;
    }
    let begin = if done.is_empty() { String::new() } else { done.remove(0) };
    done.retain(|run| !run.is_empty());
    Some(Literals { begin, inner: done, end: current, is_all })
}

/// Reads the outermost sequence of a pattern; groups and classes count as gaps.
fn runs(pattern: &str) -> Option<Runs> {
    let mut runs = Runs { is_all: true, ..Runs::default() };
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let behind = rest.get(first.len_utf8()..)?;
        let (character, behind) = match first {
            '|' | ')' | ']' | '}' | '{' | '*' | '+' | '?' => return None,
            '^' | '$' => (None, behind),
            '.' => (None, behind),
            '[' => (None, behind_class(behind)?),
            '(' => (None, behind_group(behind)?),
            '\\' => match behind.chars().next()? {
                // The beginning and the end of a word.
                '<' | '>' => (None, behind.get(1..)?),
                escaped if escaped.is_ascii_punctuation() => (Some(escaped), behind.get(1..)?),
                'd' | 'D' | 'w' | 'W' | 's' | 'S' => (None, behind.get(1..)?),
                _ => return None,
            },
            other => (Some(other), behind),
        };
        let (quantifier, behind) = quantifier(behind)?;
        match (character, quantifier) {
            (Some(character), Quantifier::Once) => runs.current.push(character),
            // The text occurs at least once; the repetitions behind it are uncertain.
            (Some(character), Quantifier::OnceOrMore) => {
                runs.current.push(character);
                runs.gap(false);
            }
            (None, Quantifier::Any) if first == '.' => runs.gap(true),
            _ => runs.gap(false),
        }
        rest = behind;
    }
    Some(runs)
}

/// Runs of characters that have been read. The first is where the pattern begins, and may be empty.
#[derive(Default)]
struct Runs {
    done: Vec<String>,
    current: String,
    has_gap: bool,
    is_all: bool,
}

impl Runs {
    /// Ends a run: something else than characters follows. `is_anything` if that is `.*`.
    fn gap(&mut self, is_anything: bool) {
        self.done.push(std::mem::take(&mut self.current));
        self.has_gap = true;
        self.is_all &= is_anything;
    }
}

/// The number of times that something must occur.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Quantifier {
    Once,
    OnceOrMore,
    /// `*`, greedy or not: for whether the whole matches that is the same.
    Any,
    /// Perhaps not at all.
    Other,
}

fn quantifier(rest: &str) -> Option<(Quantifier, &str)> {
    let (quantifier, rest) = match rest.as_bytes().first() {
        Some(b'*') => (Quantifier::Any, rest.get(1..)?),
        Some(b'+') => (Quantifier::OnceOrMore, rest.get(1..)?),
        Some(b'?') => (Quantifier::Other, rest.get(1..)?),
        Some(b'{') => (Quantifier::Other, rest.split_once('}')?.1),
        _ => return Some((Quantifier::Once, rest)),
    };
    let rest = rest.strip_prefix('?').unwrap_or(rest);
    // A quantifier of a quantifier: `(?:a+)*` without the group.
    if rest.starts_with(['*', '+', '?', '{']) { None } else { Some((quantifier, rest)) }
}

/// Returns the text behind a class, of which the bracket has been read.
fn behind_class(rest: &str) -> Option<&str> {
    let mut rest = rest.strip_prefix('^').unwrap_or(rest);
    rest = rest.strip_prefix(']').unwrap_or(rest);
    loop {
        let first = rest.chars().next()?;
        let behind = rest.get(first.len_utf8()..)?;
        rest = match first {
            ']' => return Some(behind),
            '[' => return None,
            '\\' => behind.get(behind.chars().next()?.len_utf8()..)?,
            _ => behind,
        };
    }
}

/// Returns the text behind a group, of which the parenthesis has been read. `None` if the group has flags, which may hold
/// for the text behind it.
fn behind_group(rest: &str) -> Option<&str> {
    let mut rest = rest;
    let mut depth = 1_usize;
    if rest.starts_with('?') {
        rest = ["?:", "?P<", "?<"].iter().find_map(|kind| rest.strip_prefix(kind))?;
    }
    while depth > 0 {
        let first = rest.chars().next()?;
        let behind = rest.get(first.len_utf8()..)?;
        rest = match first {
            '(' => {
                depth = depth.checked_add(1)?;
                behind
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                behind
            }
            '[' => behind_class(behind)?,
            '\\' => behind.get(behind.chars().next()?.len_utf8()..)?,
            _ => behind,
        };
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(pattern: &str) -> Pattern {
        Pattern::new(Regex::new(&format!("^(?:{pattern})$")).unwrap())
    }

    #[test]
    fn literals_are_what_every_match_has() {
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
            let found = pattern(text).literals;
            let found = found.as_ref().map(|Literals { begin, inner, end, is_all }| {
                (begin.as_str(), inner.iter().map(String::as_str).collect::<Vec<_>>(), end.as_str(), *is_all)
            });
            let expected = expected.map(|(begin, inner, end, is_all)| (begin, inner.to_vec(), end, is_all));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn texts_of_pattern_are_in_every_match() {
        for (text, expected) in [
            ("/a", Some(&["/a"][..])),
            ("^/a$", Some(&["/a"])),
            ("/a\\$", Some(&["/a$"])),
            ("/a/.*", Some(&["/a/", ""])),
            ("[ab]/c", Some(&["", "/c"])),
            ("a?/b+c", Some(&["", "/b", "c"])),
            ("a|b", None),
            ("(?i)a", None),
        ] {
            let texts = pattern(text).texts();
            assert_eq!(
                texts,
                expected.map(|texts| texts.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn literals_do_not_overlap() {
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
