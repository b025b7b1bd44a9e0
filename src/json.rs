//! JSON as a security decision needs it: one meaning per document.
//!
//! RFC 8259 section 4 leaves open what a duplicate member means, and parsers differ; RFC 7515 section 4 and
//! RFC 7519 section 4 let a verifier refuse it, and this one does, at every depth. Nesting is bounded by
//! serde_json (128 levels), so a deep document is an error and not a stack overflow.

mod packed;

use std::fmt;

pub use packed::{Items, Members, PackedObject, ValueRef};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
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

/// Parses a whole document.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    serde_json::from_slice(bytes).map(|Unique(value)| value).map_err(|error| {
        // `Unique` takes every type of value, so the only complaint about the data is its own.
        if error.is_data() { JsonError::DuplicateMember } else { JsonError::Syntax }
    })
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

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Unique)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(object))
    }
}

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
}
