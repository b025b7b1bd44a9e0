//! Names that a backend can take for a configured name: of headers, of query parameters and of cookies.
//!
//! Backends fold letter case (ASP.NET), turn separators into underscores (CGI, PHP), drop leading separators (PHP), end a
//! name at a bracket (PHP, Rack, `qs`), a colon (Zope) or a zero byte (C), and trim or skip characters outside ASCII
//! (Python). This module has the one definition of a lookalike, so that tokens and rules agree on it.

/// Separators at which some backend ends a name: `name[0]`, `name(1i)`, `name:int`, and the zero byte.
const ENDS: &[u8] = b"[({<:\0";

/// How two letters of a name are separated.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Gap {
    None,
    /// Only control characters and bytes outside ASCII, which a backend may skip or read as a separator.
    Soft,
    /// At least one ASCII separator.
    Hard,
}

/// A letter or digit, with the bytes that separate it from the one before.
struct Next<'a> {
    gap: &'a [u8],
    /// In lower case; `None` at the end of the name.
    letter: Option<u8>,
    rest: &'a [u8],
}

/// Returns whether a backend can take `name`, after decoding, for `ours`.
///
/// Both have the same words: letters and digits, in any case, between separators of any kind and number. Separators
/// around the name do not count, nor does what follows a bracket, a colon or a zero byte. An equal name is a lookalike.
pub fn is_lookalike(name: &[u8], ours: &[u8]) -> bool {
    match (name, ours) {
        ([], _) => false,
        // Nearly all names differ here already.
        ([a, ..], [b, ..]) if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => {
            a.eq_ignore_ascii_case(b) && has_words_of(name, ours)
        }
        _ => has_words_of(name, ours),
    }
}

#[inline(never)]
fn has_words_of(name: &[u8], ours: &[u8]) -> bool {
    // Names outside ASCII are compared by their bytes there: each such byte is a letter.
    let letters = if ours.is_ascii() { u8::is_ascii_alphanumeric } else { is_letter_beyond_ascii };
    let (mut theirs, mut own) = (next(name, letters), next(ours, letters));
    let mut first = true;
    while let Some(wanted) = own.letter {
        let same_gap = first || fits(gap(theirs.gap), gap(own.gap));
        if theirs.letter != Some(wanted) || !same_gap {
            return false;
        }
        (theirs, own) = (next(theirs.rest, letters), next(own.rest, letters));
        first = false;
    }
    theirs.letter.is_none() || theirs.gap.iter().any(|byte| ENDS.contains(byte)) || is_index(&theirs)
}

/// Returns whether the name goes on as `name.0`, which the `qs` parser reads as the first element of a list.
fn is_index(after_name: &Next<'_>) -> bool {
    after_name.gap.ends_with(b".")
        && after_name.letter.is_some_and(|letter| letter.is_ascii_digit())
        && after_name.rest.iter().all(u8::is_ascii_digit)
}

const fn fits(theirs: Gap, own: Gap) -> bool {
    match theirs {
        Gap::None => matches!(own, Gap::None),
        Gap::Soft => true,
        Gap::Hard => !matches!(own, Gap::None),
    }
}

fn gap(bytes: &[u8]) -> Gap {
    match bytes {
        [] => Gap::None,
        _ if bytes.iter().all(|byte| byte.is_ascii_control() || !byte.is_ascii()) => Gap::Soft,
        _ => Gap::Hard,
    }
}

fn is_letter_beyond_ascii(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Splits off the next letter. Four characters outside ASCII have an ASCII letter as their other case.
#[inline(never)]
fn next(text: &[u8], letters: fn(&u8) -> bool) -> Next<'_> {
    let mut rest = text;
    loop {
        let (letter, tail) = match rest {
            [] => return Next { gap: text, letter: None, rest },
            [byte, tail @ ..] if letters(byte) => (byte.to_ascii_lowercase(), tail),
            [0xc5, 0xbf, tail @ ..] => (b's', tail),
            [0xc4, 0xb0 | 0xb1, tail @ ..] => (b'i', tail),
            [0xe2, 0x84, 0xaa, tail @ ..] => (b'k', tail),
            [_, tail @ ..] => {
                rest = tail;
                continue;
            }
        };
        let gap = text.get(..text.len().saturating_sub(rest.len())).unwrap_or_default();
        return Next { gap, letter: Some(letter), rest: tail };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_spelling_of_a_backend_is_a_lookalike() {
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
    fn reads_as_another_name_is_no_lookalike() {
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
    fn reads_as_name_beyond_ascii_is_compared_by_its_bytes() {
        let ours = "größe".as_bytes();
        for (name, expected) in
            [("größe", true), ("GRößE", true), ("größe[]", true), ("gr-e", false), ("grüße", false)]
        {
            assert_eq!(is_lookalike(name.as_bytes(), ours), expected, "{name}");
        }
        assert!(!is_lookalike("語".as_bytes(), "日本".as_bytes()));
    }
}
