//! JSON as a security decision needs it: one meaning per document.
//!
//! RFC 8259 section 4 leaves open what a duplicate member means, and parsers differ; RFC 7515 section 4 and
//! RFC 7519 section 4 let a verifier refuse it, and this one does, at every depth. Nesting is bounded by
//! serde_json (128 levels), so a deep document is an error and not a stack overflow.

mod big;
mod decimal;
mod packed;

use std::fmt;

pub use packed::{Items, Members, Tape, ValueRef};
use serde_json::Number;
pub use serde_json::Value;

/// A JSON object without duplicate members.
pub type Object = serde_json::Map<String, Value>;

/// Why a document is not acceptable JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonError {
    /// Not JSON, not UTF-8, or nested too deeply.
    Syntax,
    /// An object, at any depth, has the same member twice.
    DuplicateMember,
    /// JSON, but not an object.
    NotAnObject,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "is not JSON",
            Self::DuplicateMember => "has the same member twice",
            Self::NotAnObject => "is not a JSON object",
        })
    }
}

/// Parses a whole document. A whole number is an integer however it is written, and every other number is the nearest double.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    packed::parse(bytes)
}

/// Parses a document that must be an object.
pub fn parse_object(bytes: &[u8]) -> Result<Object, JsonError> {
    match parse(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotAnObject),
    }
}

/// About what a string occupies, in bytes, so that what is kept of strangers can be bounded.
pub fn string_bytes(string: &str) -> usize {
    string.len().saturating_add(size_of::<String>()).saturating_add(ALLOCATION)
}

/// What an allocator adds to each piece.
const ALLOCATION: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_trouble_has_its_name() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let cases: [(&str, &[u8], JsonError); 10] = [
            ("empty", b"", JsonError::Syntax),
            ("truncated", br#"{"a":1"#, JsonError::Syntax),
            ("something behind it", br#"{} {}"#, JsonError::Syntax),
            ("not UTF-8", b"{\"a\":\"\xff\"}", JsonError::Syntax),
            ("lone surrogate", br#"{"a":"\ud800"}"#, JsonError::Syntax),
            ("too deep", deep.as_bytes(), JsonError::Syntax),
            ("number without end", br#"{"a":1e999}"#, JsonError::Syntax),
            ("duplicate", br#"{"a":1,"a":1}"#, JsonError::DuplicateMember),
            ("duplicate by escape, inside", br#"{"b":[{"a":1,"\u0061":2}]}"#, JsonError::DuplicateMember),
            ("array", b"[]", JsonError::NotAnObject),
        ];
        for (name, document, expected) in cases {
            assert_eq!(parse_object(document), Err(expected), "{name}");
        }
    }

    #[test]
    fn every_kind_of_value_arrives_as_it_was() {
        let document =
            br#" {"n":null,"b":true,"i":-1,"u":18446744073709551615,"f":1.5,"s":"\u00e9","a":[{}]} "#;
        assert_eq!(parse(document), Ok(serde_json::from_slice(document).unwrap()));
    }

    #[test]
    fn parse_number_is_exact_however_it_is_written() {
        for (text, expected) in [
            ("1.0", "1"),
            ("1e3", "1000"),
            ("-0.0", "0"),
            ("9007199254740993.0", "9007199254740993"),
            ("0.12345678901234567", "0.12345678901234566"),
            ("1.5", "1.5"),
            ("1e300", "1e+300"),
        ] {
            let number = parse(text.as_bytes()).unwrap();
            assert_eq!(number.to_string(), expected, "{text}");
            assert_eq!(number.is_f64(), expected.contains(['.', 'e']), "{text}");
        }
    }
}
