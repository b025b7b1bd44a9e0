//! Lookalikes: names of headers, query parameters and cookies that an upstream may interpret as a
//! configured name.
//!
//! Upstreams ignore case (ASP.NET), replace separators by underscores (CGI, PHP), remove leading
//! separators (PHP), end a name at a bracket (PHP, Rack, `qs`), a colon (Zope) or a zero byte (C),
//! and trim or skip characters outside ASCII (Python). Token sources and rules use this one
//! definition.

/// Separators at which some upstream ends a name: `name[0]`, `name(1i)`, `name:int`, and the zero
/// byte.
const NAME_ENDS: &[u8] = b"[({<:\0";

/// The kind of separation between two letters of a name.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Gap {
    None,
    /// Only control characters and bytes outside ASCII, which an upstream may skip or interpret as
    /// a separator.
    Soft,
    /// At least one ASCII separator.
    Hard,
}

/// A letter or digit of a name, with the separators before it.
struct Letter<'a> {
    gap: &'a [u8],
    /// In lower case; `None` at the end of the name.
    letter: Option<u8>,
    /// The name after the letter.
    rest: &'a [u8],
}

/// Returns whether an upstream may interpret the decoded `name` as the name `configured`.
///
/// This is the case if both have the same words, which are letters and digits in any case, between
/// separators of any kind and number. The comparison ignores leading and trailing separators, and
/// everything after a bracket, a colon or a zero byte. An equal name is a lookalike.
pub(crate) fn is_lookalike(name: &[u8], configured: &[u8]) -> bool {
    match (name, configured) {
        ([], _) => false,
        // Most names differ in the first letter.
        ([a, ..], [b, ..]) if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => {
            a.eq_ignore_ascii_case(b) && has_same_words(name, configured)
        }
        _ => has_same_words(name, configured),
    }
}

#[inline(never)]
fn has_same_words(name: &[u8], configured: &[u8]) -> bool {
    // In a configured name outside ASCII, each byte outside ASCII is a letter.
    let is_letter =
        if configured.is_ascii() { u8::is_ascii_alphanumeric } else { is_alphanumeric_or_non_ascii };
    let (mut actual, mut expected) = (next_letter(name, is_letter), next_letter(configured, is_letter));
    let mut first = true;
    while let Some(letter) = expected.letter {
        let has_gap = first || is_equivalent_gap(Gap::of(actual.gap), Gap::of(expected.gap));
        if actual.letter != Some(letter) || !has_gap {
            return false;
        }
        (actual, expected) = (next_letter(actual.rest, is_letter), next_letter(expected.rest, is_letter));
        first = false;
    }
    actual.letter.is_none() || actual.gap.iter().any(|byte| NAME_ENDS.contains(byte)) || is_index(&actual)
}

/// Returns whether the rest of the name is an index such as `.0`, which the `qs` parser interprets
/// as an element of a list.
fn is_index(after_name: &Letter<'_>) -> bool {
    after_name.gap.ends_with(b".")
        && after_name.letter.is_some_and(|letter| letter.is_ascii_digit())
        && after_name.rest.iter().all(u8::is_ascii_digit)
}

/// Returns whether an upstream may interpret `actual` as the gap `expected`.
const fn is_equivalent_gap(actual: Gap, expected: Gap) -> bool {
    match actual {
        Gap::None => matches!(expected, Gap::None),
        Gap::Soft => true,
        Gap::Hard => !matches!(expected, Gap::None),
    }
}

impl Gap {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::None,
            _ if bytes.iter().all(|byte| byte.is_ascii_control() || !byte.is_ascii()) => Self::Soft,
            _ => Self::Hard,
        }
    }
}

fn is_alphanumeric_or_non_ascii(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Returns the next letter. Four characters outside ASCII have an ASCII letter as their other case,
/// so they count as that letter.
#[inline(never)]
fn next_letter(text: &[u8], is_letter: fn(&u8) -> bool) -> Letter<'_> {
    let mut rest = text;
    loop {
        let (letter, tail) = match rest {
            [] => return Letter { gap: text, letter: None, rest },
            [byte, tail @ ..] if is_letter(byte) => (byte.to_ascii_lowercase(), tail),
            [0xc5, 0xbf, tail @ ..] => (b's', tail),
            [0xc4, 0xb0 | 0xb1, tail @ ..] => (b'i', tail),
            [0xe2, 0x84, 0xaa, tail @ ..] => (b'k', tail),
            [_, tail @ ..] => {
                rest = tail;
                continue;
            }
        };
        let gap = text.get(..text.len().saturating_sub(rest.len())).unwrap_or_default();
        return Letter { gap, letter: Some(letter), rest: tail };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_in_spelling_of_an_upstream_is_a_lookalike() {
        for name in [
            &b"access_token"[..],
            b"Access_Token",
            b"ACCESS-TOKEN",
            b"access.token",
            b"access token",
            b"access[token",
            b"access[token]",
            b"access__token",
            b" access_token",
            b"access_token ",
            b"access_token.",
            b".access_token",
            b"[access_token]",
            b"!access_token",
            b"$access_token",
            b"\"access_token\"",
            b"access_token[]",
            b"access_token[0]",
            b"access_token[0][x]",
            b"access_token[$ne]",
            b"access_token.0",
            b"access_token(1i)",
            b"access_token:int",
            b"access_token\0",
            b"access_token\0x",
            b"access\0_token",
            b"\xa0access_token",
            b"\x85access_token",
            b"access_token\xa0",
            b"\xc2\xa0access_token\xe2\x80\x83",
            b"\x1caccess_token\x1f",
            b"acc\xffess_token",
            b"acc\xe2\x80\x8bess_token",
            b"access\xa0token",
            "acce\u{17f}s_to\u{212a}en".as_bytes(),
        ] {
            assert!(is_lookalike(name, b"access_token"), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn name_with_other_words_is_no_lookalike() {
        for name in [
            &b""[..],
            b"access",
            b"token",
            b"accesstoken",
            b"access_tokens",
            b"access_token2",
            b"access_token_2",
            b"my_access_token",
            b"access_token.x",
            b"access_token-hint",
            b"xaccess_token",
            b"access_toke",
            b"x[access_token]",
            b"_",
        ] {
            assert!(!is_lookalike(name, b"access_token"), "{}", name.escape_ascii());
        }
        assert!(!is_lookalike(b"a", b"_") && is_lookalike(b"-", b"_") && !is_lookalike(b"", b"_"));
    }

    #[test]
    fn name_outside_ascii_is_compared_by_bytes() {
        let configured = "größe".as_bytes();
        for (name, expected) in
            [("größe", true), ("GRößE", true), ("größe[]", true), ("gr-e", false), ("grüße", false)]
        {
            assert_eq!(is_lookalike(name.as_bytes(), configured), expected, "{name}");
        }
        assert!(!is_lookalike("語".as_bytes(), "日本".as_bytes()));
    }
}
