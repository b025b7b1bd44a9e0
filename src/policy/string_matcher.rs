//! Conditions on a text, with the names of Envoy's `StringMatcher`.

use super::pattern::Pattern;
use crate::text::has;

/// A condition on text that may not be UTF-8.
#[derive(Clone, Debug)]
pub enum StringMatcher {
    /// The text equals this.
    Exact(String),
    /// The text begins with this.
    Prefix(String),
    /// The text ends with this.
    Suffix(String),
    /// The text contains this.
    Contains(String),
    /// The pattern matches the whole text. Takes time linear in its length. Bytes that are not
    /// UTF-8 never match.
    SafeRegex(Pattern),
    /// Any text.
    Present,
}

impl StringMatcher {
    /// Returns whether the text meets the condition.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => text == exact.as_bytes(),
            Self::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_bytes()),
            Self::Contains(part) => has(&String::from_utf8_lossy(text), part),
            Self::SafeRegex(pattern) => str::from_utf8(text).is_ok_and(|text| pattern.is_match(text)),
            Self::Present => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::*;

    #[test]
    fn string_matcher_each_kind_matches_its_texts() {
        let text = |text: &str| text.to_owned();
        for (condition, yes, no) in [
            (StringMatcher::Exact(text("a")), &[&b"a"[..]][..], &[&b""[..], b"A", b"aa"][..]),
            (StringMatcher::Prefix(text("ab")), &[b"ab", b"abc", b"ab\xff"], &[b"", b"a", b"xab"]),
            (StringMatcher::Suffix(text("ab")), &[b"ab", b"xab"], &[b"", b"b", b"abx"]),
            (StringMatcher::Contains(text("ab")), &[b"ab", b"xabx", b"\xffab"], &[b"", b"a", b"aXb"]),
            (
                StringMatcher::SafeRegex(Pattern::new(Regex::new("^(?:a+)$").unwrap())),
                &[b"a", b"aa"],
                &[b"", b"ab", b"a\xff"],
            ),
            (StringMatcher::Present, &[b"", b"\xff"], &[]),
        ] {
            assert!(yes.iter().all(|text| condition.matches(text)), "{condition:?}");
            assert!(!no.iter().any(|text| condition.matches(text)), "{condition:?}");
        }
    }
}
