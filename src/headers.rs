//! Claims as request headers for the backend (Envoy's `claim_to_headers`).

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::claims::Claims;
use crate::json::ValueRef;
use crate::lookalike;

/// A header that carries a claim. Whatever the client sent under its name is removed from every request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimToHeader {
    /// The header's name, in lower case.
    pub header_name: String,
    /// Where the claim is.
    pub claim: Vec<String>,
}

impl ClaimToHeader {
    /// The header's value; `None` if the token has no such claim.
    pub fn value(&self, claims: &Claims) -> Option<String> {
        claims.at(&self.claim).map(|claim| encode(&claim))
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
pub fn reads_as(name: &str, other: &str) -> bool {
    !name.starts_with(':') && lookalike::reads_as(name.as_bytes(), other.as_bytes())
}

/// The string, in characters that a header and a log line can carry.
pub fn percent_encode(string: &str) -> Cow<'_, str> {
    let as_it_is = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
    // Nearly all are like this, and without an early end many octets are looked at in one go.
    let plain = string.bytes().fold(true, |plain, byte| plain & as_it_is(byte));
    if plain && !string.starts_with(' ') && !string.ends_with(' ') {
        return Cow::Borrowed(string);
    }
    let mut encoded = String::with_capacity(string.len());
    for byte in string.bytes() {
        if as_it_is(byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
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
    use crate::json::PackedObject;

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
            let claims = PackedObject::parse(format!(r#"{{"claim":{claim}}}"#).into_bytes()).unwrap();
            let encoded = encode(&claims.get("claim").unwrap());
            assert_eq!(encoded, expected, "{claim}");
            assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{claim}");
        }
    }
}
