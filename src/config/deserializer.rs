//! A serde deserializer for JSON values whose errors have the path of the field.
//!
//! `serde_path_to_error` with `serde_json` has the same function, but wraps every type into several
//! layers of generic code, about a tenth of the module (100 KiB). This deserializer has one layer.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::ConfigError;
use super::field_path::FieldPath;
use crate::json::Value;

/// Deserializes the value of a field.
pub(super) fn read<T: DeserializeOwned>(at: &FieldPath, value: &Value) -> Result<T, ConfigError> {
    T::deserialize(ValueDeserializer { at, value }).map_err(|error| match error.at {
        Some(field) if !field.is_root() => field.error(error.problem),
        // The problem is a predicate, or a noun phrase of serde: `missing field`.
        _ if error.problem.starts_with("must ") => at.error(error.problem),
        _ => at.error(format!("is not valid: {}", error.problem)),
    })
}

/// A problem with a value. serde creates it without the path; the innermost deserializer of a list
/// or object adds the path.
#[derive(Debug)]
struct DeserializeError {
    at: Option<FieldPath>,
    problem: String,
}

impl DeserializeError {
    /// Returns the error of a value that has another type than the field.
    #[inline(never)]
    fn mismatch(expected: &str, unexpected: Unexpected<'_>) -> Self {
        Self::custom(format_args!("must be {expected}, not {}", describe(unexpected)))
    }

    /// Adds the path if the error has none.
    fn or_at(self, at: &FieldPath) -> Self {
        Self { at: self.at.or_else(|| Some(at.clone())), ..self }
    }
}

impl std::fmt::Display for DeserializeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for DeserializeError {}

impl serde::de::Error for DeserializeError {
    #[inline(never)]
    fn custom<T: std::fmt::Display>(problem: T) -> Self {
        Self { at: None, problem: problem.to_string() }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_value(unexpected, expected)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match expected.to_string().as_str() {
            // serde names the Rust type.
            "u32" => Self::mismatch(WHOLE_NUMBER, unexpected),
            expected => Self::mismatch(expected, unexpected),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::mismatch(&one_of(expected), Unexpected::Str(variant))
    }
}

const WHOLE_NUMBER: &str = "a whole number from 0 to 4294967295";

fn one_of(names: &[&str]) -> String {
    format!("one of `{}`", names.join("`, `"))
}

/// Describes a value. serde would format a floating point number with the standard library, which
/// takes 16 KiB of the module.
fn describe(value: Unexpected<'_>) -> String {
    match value {
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Bool(bool) => format!("`{bool}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{}`", Value::from(number)),
        Unexpected::Str(string) => format!("the string {string:?}"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        // JSON has no other types.
        _ => "another value".to_owned(),
    }
}

/// A JSON value with its path.
#[derive(Clone, Copy)]
struct ValueDeserializer<'de, 'p> {
    at: &'p FieldPath,
    value: &'de Value,
}

impl<'de> ValueDeserializer<'de, '_> {
    /// Returns the error of a value that has another type than the field.
    #[inline(never)]
    fn mismatch(self, expected: &str) -> DeserializeError {
        let unexpected = match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(bool) => Unexpected::Bool(*bool),
            Value::String(string) => Unexpected::Str(string),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => Unexpected::Unsigned(number),
                (None, Some(number), _) => Unexpected::Signed(number),
                (None, None, number) => Unexpected::Float(number.unwrap_or(f64::NAN)),
            },
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        DeserializeError::mismatch(expected, unexpected)
    }
}

/// Accepts one JSON type for each Rust type. The default code of serde also accepts a list in place
/// of an object, with the members in the order of the Rust type.
impl<'de> Deserializer<'de> for ValueDeserializer<'de, '_> {
    type Error = DeserializeError;

    /// Passes the value in its own type, for types with several forms.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(bool) => visitor.visit_bool(*bool),
            Value::String(_) => self.deserialize_str(visitor),
            Value::Number(_) => self.deserialize_u64(visitor),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::Bool(bool) => visitor.visit_bool(*bool),
            _ => Err(self.mismatch("`true` or `false`")),
        }
    }

    /// Passes every number. The visitor checks its range.
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        let Value::Number(number) = self.value else { return Err(self.mismatch(WHOLE_NUMBER)) };
        match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => visitor.visit_u64(number),
            (None, Some(number), _) => visitor.visit_i64(number),
            (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::String(string) => visitor.visit_borrowed_str(string),
            _ => Err(self.mismatch("a string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { at: self.at, items: items.iter().enumerate() }),
            _ => Err(self.mismatch("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::Object(members) => {
                visitor.visit_map(Members { at: self.at, members: members.iter(), value: None })
            }
            _ => Err(self.mismatch("an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeserializeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::String(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            _ => Err(self.mismatch(&one_of(variants))),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct identifier
        ignored_any
    }
}

/// The elements of a list.
struct Items<'de, 'p> {
    at: &'p FieldPath,
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = DeserializeError;

    #[inline(never)]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DeserializeError> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        let at = self.at.index(index);
        seed.deserialize(ValueDeserializer { at: &at, value }).map(Some).map_err(|error| error.or_at(&at))
    }
}

/// The members of an object.
struct Members<'de, 'p> {
    at: &'p FieldPath,
    members: serde_json::map::Iter<'de>,
    /// The value of the member whose name serde has read, with its path.
    value: Option<(FieldPath, &'de Value)>,
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = DeserializeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DeserializeError> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        let at = self.at.field(name);
        let key = seed
            .deserialize(BorrowedStrDeserializer::new(name))
            .map_err(|error: DeserializeError| error.or_at(&at))?;
        self.value = Some((at, value));
        Ok(Some(key))
    }

    #[inline(never)]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DeserializeError> {
        let Some((at, value)) = self.value.take() else {
            return Err(DeserializeError::custom("internal error: serde read a value without its name"));
        };
        seed.deserialize(ValueDeserializer { at: &at, value }).map_err(|error| error.or_at(&at))
    }
}
