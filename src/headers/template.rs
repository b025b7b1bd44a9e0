//! Templates of header values: `{iss}/{sub}`.

use std::fmt;

use crate::claims::Claims;
use crate::json::ValueRef;
use crate::percent_encoding::encode_header_value;

/// The maximum length of a template, in bytes.
const MAX_BYTES: usize = 1024;
/// The maximum number of claims in a template. It limits the header to this multiple of the token's
/// length.
const MAX_CLAIMS: usize = 8;

/// A template: literal text and claims.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    /// The path of a claim.
    Claim(Vec<String>),
}

/// The error of a text that is not a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TemplateError {
    /// The text is longer than 1024 bytes.
    TooLong,
    /// The text has characters that are not printable ASCII.
    NotAscii,
    /// A `{` has no matching `}`, or the reverse.
    Brace,
    /// The text between braces is not a claim name, or names separated by dots.
    Name,
    /// The text has no claim, or more than eight.
    Claims,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "must have at most {MAX_BYTES} characters"),
            Self::NotAscii => f.write_str("must have printable ASCII characters only"),
            Self::Brace => f.write_str("must have each claim in braces; write `{{` and `}}` for a brace"),
            Self::Name => {
                f.write_str("must have a claim name, with dots for nested claims, in each pair of braces")
            }
            Self::Claims => write!(f, "must have 1 to {MAX_CLAIMS} claims in braces"),
        }
    }
}

impl Template {
    /// Parses a template. `{{` and `}}` are literal braces.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX_BYTES {
            return Err(TemplateError::TooLong);
        }
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(TemplateError::NotAscii);
        }
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '{' | '}' if rest.next_if_eq(&character).is_some() => literal.push(character),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some('{') | None => return Err(TemplateError::Brace),
                            Some(character) => name.push(character),
                        }
                    }
                    let path: Vec<String> = name.split('.').map(str::to_owned).collect();
                    if path.iter().any(|name| name.is_empty() || name.contains(' ')) {
                        return Err(TemplateError::Name);
                    }
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                    parts.push(Part::Claim(path));
                }
                '}' => return Err(TemplateError::Brace),
                character => literal.push(character),
            }
        }
        parts.push(Part::Text(literal));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        let claims = parts.iter().filter(|part| matches!(part, Part::Claim(_))).count();
        if (1..=MAX_CLAIMS).contains(&claims) { Ok(Self(parts)) } else { Err(TemplateError::Claims) }
    }

    /// Returns the percent-encoded text with the claims of a token; `None` if a claim is missing,
    /// null, an array or an object.
    pub(super) fn value(&self, claims: &Claims) -> Option<String> {
        let mut value = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => value.push_str(text),
                Part::Claim(path) => match claims.at(path)? {
                    ValueRef::String(text) => value.push_str(text),
                    scalar @ (ValueRef::Number(_) | ValueRef::Decimal(_) | ValueRef::Bool(_)) => {
                        value.push_str(&scalar.to_string());
                    }
                    ValueRef::Null | ValueRef::Array(_) | ValueRef::Object(_) => return None,
                },
            }
        }
        Some(encode_header_value(&value).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_value_without_every_claim_is_none() {
        let claims = r#"{"iss":"https://a","sub":"joe\r\nx: y","n":7,"f":1.50,"b":true,"e":"","o":{"p":"q"},"l":[],"z":null,"é":"x"}"#;
        let claims = Claims::parse(claims.as_bytes().to_vec()).unwrap();
        for (text, expected) in [
            ("{iss}/{n}", Some("https://a/7")),
            ("{sub}", Some("joe%0D%0Ax: y")),
            ("{n}{f}{b}", Some("71.5true")),
            ("{o.p}", Some("q")),
            ("{{{n}}}", Some("{7}")),
            ("{{n}}{n}", Some("{n}7")),
            ("100% {n}", Some("100%25 7")),
            (" {e} ", Some("%20%20")),
            ("{n}{n}", Some("77")),
            ("{iss}{missing}", None),
            ("{o.x}", None),
            ("{o}", None),
            ("{l}", None),
            ("{z}", None),
            ("{o.p.q}", None),
        ] {
            assert_eq!(Template::parse(text).unwrap().value(&claims).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn template_malformed_is_rejected() {
        use TemplateError::{Brace, Claims, Name, NotAscii, TooLong};
        let (many, long) = ("{a}".repeat(9), format!("{{a}}{}", "x".repeat(1024)));
        for (text, expected) in [
            ("", Claims),
            ("x", Claims),
            ("{{a}}", Claims),
            (&many, Claims),
            ("{", Brace),
            ("}", Brace),
            ("{a", Brace),
            ("a}", Brace),
            ("{a}}", Brace),
            ("{a{b}}", Brace),
            ("{}", Name),
            ("{a..b}", Name),
            ("{.a}", Name),
            ("{ a }", Name),
            ("{é}", NotAscii),
            ("{a}\n", NotAscii),
            (&long, TooLong),
        ] {
            assert_eq!(Template::parse(text), Err(expected), "{text}");
        }
        assert!(Template::parse(&"{a}".repeat(8)).is_ok());
    }
}
