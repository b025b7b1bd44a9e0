//! JSON (RFC 8259) in which every document has one meaning.
//!
//! The parser rejects duplicate members at every depth. RFC 8259 section 4 leaves their meaning
//! open, and parsers differ; RFC 7515 section 4 and RFC 7519 section 4 allow a verifier to reject
//! them. serde_json accepts at most 127 levels of nesting, so a deeper document is an error, not a
//! stack overflow.

mod big_uint;
mod decimal;
mod tape;

use std::fmt;

use serde_json::Number;
pub use serde_json::Value;
pub use tape::{Items, Members, Tape, ValueRef};

/// A JSON object without duplicate members.
pub type Object = serde_json::Map<String, Value>;

/// The reason why a document is rejected. [`Display`](fmt::Display) writes a predicate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonError {
    /// The document is not JSON, not UTF-8, or has more than 127 levels of nesting.
    Syntax,
    /// An object, at any depth, has two members with one name.
    DuplicateMember,
    /// The document is JSON of another type than object.
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

/// The largest integer below which an `f64` represents every integer: 2^53 - 1 (RFC 8259 section
/// 6).
pub const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Parses a document. A number with an integer value becomes an integer, also if it is written with
/// a fraction or an exponent. Another number becomes the nearest double.
///
/// # Errors
/// [`JsonError::Syntax`] or [`JsonError::DuplicateMember`].
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    tape::parse(bytes)
}

/// Parses a document that must be an object.
///
/// # Errors
/// See [`JsonError`].
pub fn parse_object(bytes: &[u8]) -> Result<Object, JsonError> {
    match parse(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Returns about how many bytes of memory a `String` with this text occupies.
pub(crate) const fn estimated_heap_bytes(string: &str) -> usize {
    string.len().saturating_add(size_of::<String>()).saturating_add(ALLOCATION_OVERHEAD)
}

/// The bytes that an allocator adds to each allocation.
const ALLOCATION_OVERHEAD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_object_error_names_the_problem() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let cases: [(&str, &[u8], JsonError); 10] = [
            ("empty", b"", JsonError::Syntax),
            ("truncated", br#"{"a":1"#, JsonError::Syntax),
            ("trailing text", br#"{} {}"#, JsonError::Syntax),
            ("not UTF-8", b"{\"a\":\"\xff\"}", JsonError::Syntax),
            ("lone surrogate", br#"{"a":"\ud800"}"#, JsonError::Syntax),
            ("too deep", deep.as_bytes(), JsonError::Syntax),
            ("number too large", br#"{"a":1e999}"#, JsonError::Syntax),
            ("duplicate", br#"{"a":1,"a":1}"#, JsonError::DuplicateMember),
            ("nested duplicate by escape", br#"{"b":[{"a":1,"\u0061":2}]}"#, JsonError::DuplicateMember),
            ("array", b"[]", JsonError::NotAnObject),
        ];
        for (name, document, expected) in cases {
            assert_eq!(parse_object(document), Err(expected), "{name}");
        }
    }

    #[test]
    fn parse_each_type_agrees_with_serde_json() {
        let document =
            br#" {"n":null,"b":true,"i":-1,"u":18446744073709551615,"f":1.5,"s":"\u00e9","a":[{}]} "#;
        assert_eq!(parse(document), Ok(serde_json::from_slice(document).unwrap()));
    }

    #[test]
    fn parse_number_is_exact_in_every_notation() {
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
