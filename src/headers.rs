//! Claims as request headers for the backend (Envoy's `claim_to_headers`).

mod template;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::claims::Claims;
use crate::json::ValueRef;
use crate::lookalike;

pub use template::{Template, TemplateError};

/// A header that carries a claim. Whatever the client sent under its name is removed from every request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimToHeader {
    /// The header's name, in lower case.
    pub header_name: String,
    /// The names of the providers from whose tokens the filter sets it; none is all.
    pub providers: Vec<String>,
    /// The source of its value.
    pub source: HeaderSource,
}

/// The source of a header's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderSource {
    /// A claim, by its path.
    Claim(Vec<String>),
    /// A text with claims in it.
    Template(Template),
}

impl ClaimToHeader {
    /// Returns the header's value; `None` if the token has no such claim, or is another provider's.
    pub fn value(&self, claims: &Claims, provider: &str) -> Option<String> {
        if !self.is_for(provider) {
            return None;
        }
        match &self.source {
            HeaderSource::Claim(path) => claims.at(path).map(|claim| encode(&claim)),
            HeaderSource::Template(template) => template.value(claims),
        }
    }

    /// Returns whether the filter sets the header from tokens of this provider.
    pub fn is_for(&self, provider: &str) -> bool {
        self.providers.is_empty() || self.providers.iter().any(|name| name == provider)
    }
}

/// Strings keep their characters, as far as a header value can carry them: `%` and whatever is not printable ASCII is
/// percent-encoded (RFC 3986 section 2.1), so that the backend gets every string back by decoding. Everything else is
/// compact JSON, with non-ASCII characters as `\u` escapes.
fn encode(claim: &ValueRef<'_>) -> String {
    match claim {
        ValueRef::String(string) => percent_encode(string).into_owned(),
        other => escape_non_ascii(&other.to_string()),
    }
}

/// Whether this is a header's name (RFC 9110 section 5.1), and not a pseudo-header's.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// Returns whether names and schemes can have this character (`tchar`, RFC 9110 section 5.6.2).
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a backend could read a header as another. Gateways to CGI and WSGI turn every character but letters and digits
/// into an underscore, so `x_okta_sub` and `x.okta.sub` are `x-okta-sub` to them. A pseudo-header is no lookalike.
pub fn is_lookalike(name: &str, other: &str) -> bool {
    !name.starts_with(':') && lookalike::is_lookalike(name.as_bytes(), other.as_bytes())
}

/// Returns the string in characters that a header can carry.
pub fn percent_encode(string: &str) -> Cow<'_, str> {
    let as_it_is = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
    // Nearly all are like this, and without an early end many octets are looked at in one go.
    let plain = string.bytes().fold(true, |plain, byte| plain & as_it_is(byte));
    if plain && !string.starts_with(' ') && !string.ends_with(' ') {
        return Cow::Borrowed(string);
    }
    let encoded = percent_encode_others(string, as_it_is);
    // A space at either end would not survive: it is white space around the value (RFC 9110 section 5.5).
    let inner = encoded.trim_matches(' ');
    match encoded.find(inner) {
        Some(start) if inner.len() < encoded.len() => {
            let end = encoded.len().saturating_sub(start).saturating_sub(inner.len());
            format!("{}{inner}{}", "%20".repeat(start), "%20".repeat(end)).into()
        }
        _ => encoded.into(),
    }
}

/// Returns the string in characters that cannot end a value in a line of a log, where fields are separated by spaces and may be
/// in quotes: everything but printable ASCII is percent-encoded, and so are space, `"`, `,` and `%`.
pub fn encode_for_log(string: &str) -> Cow<'_, str> {
    let as_it_is = |byte: u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b'%');
    if string.bytes().fold(true, |plain, byte| plain & as_it_is(byte)) {
        return Cow::Borrowed(string);
    }
    percent_encode_others(string, as_it_is).into()
}

/// Percent-encodes every octet for which `stays` is false.
fn percent_encode_others(string: &str, stays: fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(string.len());
    for byte in string.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Returns the longest beginning of an encoded string that has at most this many octets and no part of an encoded octet.
pub fn truncate_encoded(encoded: &str, max_bytes: usize) -> &str {
    let Some(beginning) = encoded.get(..max_bytes) else { return encoded };
    let whole = beginning.rfind('%').filter(|at| at.saturating_add(3) > max_bytes);
    whole.and_then(|at| beginning.get(..at)).unwrap_or(beginning)
}

fn escape_non_ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Tape;

    #[test]
    fn encode_for_log_leaves_no_character_that_ends_a_value() {
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
            assert_eq!(encode_for_log(text), expected, "{text:?}");
        }
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

    #[test]
    fn every_value_fits_a_header_and_comes_back() {
        for (claim, expected) in [
            (r#""joe.user@example.com""#, "joe.user@example.com"),
            (r#""a b""#, "a b"),
            (r#"" a ""#, "%20a%20"),
            (r#""  ""#, "%20%20"),
            (r#""""#, ""),
            (r#""100%""#, "100%25"),
            (r#""caf\u00e9""#, "caf%C3%A9"),
            (r#""a\r\nx-okta-sub: root""#, "a%0D%0Ax-okta-sub: root"),
            (r#""\u0000""#, "%00"),
            ("1467145094", "1467145094"),
            ("1.5", "1.5"),
            ("true", "true"),
            ("null", "null"),
            (r#"["Everyone","IT, EMEA"]"#, r#"["Everyone","IT, EMEA"]"#),
            (r#"{"a":["\u00e9\ud83d\ude00\n"]}"#, r#"{"a":["\u00e9\ud83d\ude00\n"]}"#),
        ] {
            let claims = Tape::parse(format!(r#"{{"claim":{claim}}}"#).into_bytes()).unwrap();
            let encoded = encode(&claims.get("claim").unwrap());
            assert_eq!(encoded, expected, "{claim}");
            assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{claim}");
        }
    }
}
