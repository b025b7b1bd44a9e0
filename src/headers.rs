//! Identity headers: claims that the filter sends to the upstream (Envoy's `claim_to_headers`).

mod reserved_names;
mod template;

use std::fmt::Write as _;

use crate::claims::Claims;
use crate::json::ValueRef;
use crate::lookalike;
use crate::percent_encoding::encode_header_value;

pub(crate) use reserved_names::ReservedNames;
pub use template::{Template, TemplateError};

/// An identity header. The filter removes the client's value from every request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimToHeader {
    /// The header's name, in lower case.
    pub header_name: String,
    /// The names of the providers from whose tokens the filter sets the header; empty for all.
    pub providers: Vec<String>,
    /// The source of the value.
    pub source: HeaderSource,
}

/// The source of a header's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderSource {
    /// A claim, by its path.
    Claim(Vec<String>),
    /// A text with placeholders for claims.
    Template(Template),
}

impl ClaimToHeader {
    /// Returns the header's value; `None` if the token has no such claim, or if it is from a
    /// provider for which the filter does not set the header.
    pub fn value(&self, claims: &Claims, provider: &str) -> Option<String> {
        if !self.applies_to(provider) {
            return None;
        }
        match &self.source {
            HeaderSource::Claim(path) => claims.at(path).map(|claim| encode_claim(&claim)),
            HeaderSource::Template(template) => template.value(claims),
        }
    }

    /// Returns whether the filter sets the header from tokens of this provider.
    pub(crate) fn applies_to(&self, provider: &str) -> bool {
        self.providers.is_empty() || self.providers.iter().any(|name| name == provider)
    }
}

/// Encodes a claim as the value of a header. A string is percent-encoded where it has `%` or is not
/// printable ASCII, so the upstream restores every string by decoding. Other values are compact
/// JSON, with non-ASCII characters as `\u` escapes.
fn encode_claim(claim: &ValueRef<'_>) -> String {
    match claim {
        ValueRef::String(string) => encode_header_value(string).into_owned(),
        other => escape_non_ascii(&other.to_string()),
    }
}

/// Returns whether a text is the name of a header (RFC 9110 section 5.1). The name of a
/// pseudo-header is not.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// Returns whether an octet is a `tchar` (RFC 9110 section 5.6.2), which names and authentication
/// schemes consist of.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns whether an upstream could read a header under another name. CGI and WSGI gateways
/// replace every character except letters and digits by an underscore, so they read `x_okta_sub`
/// and `x.okta.sub` as `x-okta-sub`. The name of a pseudo-header is equivalent to no other name.
pub(crate) fn is_lookalike(name: &str, other: &str) -> bool {
    !name.starts_with(':') && lookalike::is_lookalike(name.as_bytes(), other.as_bytes())
}

/// Replaces every character of a JSON text that is not printable ASCII by its `\u` escapes.
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
    fn encode_claim_value_is_printable_ascii_and_reversible() {
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
            let encoded = encode_claim(&claims.get("claim").unwrap());
            assert_eq!(encoded, expected, "{claim}");
            assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{claim}");
        }
    }
}
