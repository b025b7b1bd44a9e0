//! Percent-encoding (RFC 3986 section 2.1): every encoder and decoder of the filter.

use std::borrow::Cow;

use crate::hex;

/// One octet of a percent-encoded text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Octet {
    /// An octet that is not encoded.
    Literal(u8),
    /// A `%` with two hexadecimal digits, decoded.
    Encoded(u8),
    /// A `%` without two hexadecimal digits. The iterator yields the octets after it separately.
    LonePercent,
}

/// Octets of a percent-encoded text, decoded once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self(text)
    }
}

impl Iterator for Octets<'_> {
    type Item = Octet;

    // Few requests have encoded octets, so one copy of this code is enough for the module.
    #[inline(never)]
    fn next(&mut self) -> Option<Octet> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        if *first != b'%' {
            return Some(Octet::Literal(*first));
        }
        if let [high, low, rest @ ..] = rest
            && let Some(octet) = hex::octet(*high, *low)
        {
            self.0 = rest;
            return Some(Octet::Encoded(octet));
        }
        Some(Octet::LonePercent)
    }
}

/// Returns whether a text has a `%` with two hexadecimal digits.
#[inline(never)]
pub(crate) fn has_encoded_octet(text: &[u8]) -> bool {
    text.windows(3).any(
        |window| matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
    )
}

/// Encodes a string as the value of a header: `%`, every octet that is not printable ASCII, and
/// spaces at either end, which are white space around the value (RFC 9110 section 5.5).
pub(crate) fn encode_header_value(string: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
    // Most strings are plain. Without an early end, the compiler compares many octets at once.
    let all_plain = string.bytes().fold(true, |plain, byte| plain & is_plain(byte));
    if all_plain && !string.starts_with(' ') && !string.ends_with(' ') {
        return Cow::Borrowed(string);
    }
    let encoded = encode_octets(string, UPPER_CASE, is_plain);
    let inner = encoded.trim_matches(' ');
    match encoded.find(inner) {
        Some(start) if inner.len() < encoded.len() => {
            let end = encoded.len().saturating_sub(start).saturating_sub(inner.len());
            format!("{}{inner}{}", "%20".repeat(start), "%20".repeat(end)).into()
        }
        _ => encoded.into(),
    }
}

/// Encodes a string as a value in a log line, where spaces separate fields and quotation marks can
/// surround them: space, `"`, `,`, `%`, and every octet that is not printable ASCII.
pub fn encode_log_value(string: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b'%');
    if string.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return Cow::Borrowed(string);
    }
    encode_octets(string, UPPER_CASE, is_plain).into()
}

/// Encodes a string as a value of `application/x-www-form-urlencoded` (RFC 6749 appendix B).
pub(crate) fn encode_form_value(string: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._ ".contains(&byte);
    encode_octets(string, UPPER_CASE, is_plain).replace(' ', "+")
}

/// Encodes a string as one word of a metric's name: every octet except letters, digits, `-` and
/// `_`. Different strings have different words.
pub(crate) fn encode_metric_label(string: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    encode_octets(string, LOWER_CASE, is_plain)
}

/// Returns the longest prefix of an encoded string that has at most `max_bytes` octets and does not
/// end within an encoded octet.
pub(crate) fn truncate_encoded(encoded: &str, max_bytes: usize) -> &str {
    let Some(prefix) = encoded.get(..max_bytes) else { return encoded };
    let cut = prefix.rfind('%').filter(|at| at.saturating_add(3) > max_bytes);
    cut.and_then(|at| prefix.get(..at)).unwrap_or(prefix)
}

const UPPER_CASE: &[u8; 16] = b"0123456789ABCDEF";
/// The names of metrics have lower-case digits.
const LOWER_CASE: &[u8; 16] = b"0123456789abcdef";

/// Encodes every octet for which `is_plain` is false.
#[inline(never)]
fn encode_octets(string: &str, digits: &[u8; 16], is_plain: fn(u8) -> bool) -> String {
    let digit = |value: u8| digits.get(usize::from(value)).copied().map_or('0', char::from);
    let mut encoded = String::with_capacity(string.len());
    for byte in string.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_value_of_each_octet_follows_rfc_6749() {
        // The value of RFC 6749 appendix B: space, percent, ampersand, plus, pound, euro.
        assert_eq!(encode_form_value(" %&+£€"), "+%25%26%2B%C2%A3%E2%82%AC");
        assert_eq!(encode_form_value("aZ0*-._~:/="), "aZ0*-._%7E%3A%2F%3D");
    }

    #[test]
    fn octets_are_decoded_once() {
        use Octet::{Encoded, Literal, LonePercent};
        for (text, expected) in [
            (&b""[..], vec![]),
            (b"a+", vec![Literal(b'a'), Literal(b'+')]),
            (b"%2f%2Fa", vec![Encoded(b'/'), Encoded(b'/'), Literal(b'a')]),
            (b"%252f", vec![Encoded(b'%'), Literal(b'2'), Literal(b'f')]),
            (b"%ff\xff", vec![Encoded(0xff), Literal(0xff)]),
            (b"%", vec![LonePercent]),
            (b"%2", vec![LonePercent, Literal(b'2')]),
            (b"%+1", vec![LonePercent, Literal(b'+'), Literal(b'1')]),
            (b"%%41", vec![LonePercent, Encoded(b'A')]),
        ] {
            assert_eq!(Octets::new(text).collect::<Vec<_>>(), expected, "{}", text.escape_ascii());
            let encoded = expected.iter().any(|octet| matches!(octet, Encoded(_)));
            assert_eq!(has_encoded_octet(text), encoded, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn encode_header_value_keeps_printable_ascii() {
        for (text, expected) in [
            ("joe.user@example.com", "joe.user@example.com"),
            ("a b", "a b"),
            (" a ", "%20a%20"),
            ("  ", "%20%20"),
            ("", ""),
            ("100%", "100%25"),
            ("caf\u{e9}", "caf%C3%A9"),
            (" caf\u{e9}", "%20caf%C3%A9"),
            ("a\r\nx-okta-sub: root", "a%0D%0Ax-okta-sub: root"),
            ("\0\u{7f}", "%00%7F"),
        ] {
            assert_eq!(encode_header_value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn encode_log_value_encodes_each_character_that_can_end_a_value() {
        for (text, expected) in [
            ("joe.user@example.com", "joe.user@example.com"),
            ("joe code=public sub=root", "joe%20code=public%20sub=root"),
            (" ", "%20"),
            ("", ""),
            ("a\"b", "a%22b"),
            ("a,b", "a%2Cb"),
            ("a%20b", "a%2520b"),
            ("a\tb\r\nc\u{7f}", "a%09b%0D%0Ac%7F"),
            ("\u{a0}\u{2028}", "%C2%A0%E2%80%A8"),
        ] {
            assert_eq!(encode_log_value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn encode_metric_label_encodes_in_lower_case() {
        assert_eq!(encode_metric_label("Okta-2_b"), "Okta-2_b");
        assert_eq!(encode_metric_label("a.b%\u{ea}"), "a%2eb%25%c3%aa");
    }

    #[test]
    fn truncate_encoded_keeps_encoded_octets_whole() {
        for (text, max_bytes, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("a%20b", 4, "a%20"),
            ("a%20b", 3, "a"),
            ("a%20b", 2, "a"),
            ("a%20b", 1, "a"),
            ("%20%20", 5, "%20"),
        ] {
            assert_eq!(truncate_encoded(text, max_bytes), expected, "{text} {max_bytes}");
        }
    }
}
