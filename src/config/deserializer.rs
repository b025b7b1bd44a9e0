//! Reads types from a JSON value, and knows where it is when something does not fit.
//!
//! `serde_path_to_error` around `serde_json` tells the same, but wraps every type into several layers of generic code: a
//! tenth of the whole module. Here is one layer.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{ConfigError, Path};
use crate::json::Value;

/// Reads a value that stands at this place.
pub(super) fn read<T: DeserializeOwned>(at: &Path, value: &Value) -> Result<T, ConfigError> {
    T::deserialize(ValueDeserializer { at, value }).map_err(|misfit| match misfit.at {
        Some(place) if !place.is("") => place.error(misfit.problem),
        _ => at.error(format!("is not valid: {}", misfit.problem)),
    })
}

/// What does not fit, and where, as soon as somebody who knows has heard of it.
#[derive(Debug)]
struct DeserializeError {
    at: Option<Path>,
    problem: String,
}

impl DeserializeError {
    fn or_at(self, at: &Path) -> Self {
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

    #[inline(never)]
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("invalid type: {}, expected {expected}", found(unexpected)))
    }

    #[inline(never)]
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("invalid value: {}, expected {expected}", found(unexpected)))
    }
}

/// Returns the value that was found instead, in serde's words, except for `null`, which is a unit value there. serde's own
/// code also writes floating point numbers by the standard library's, which takes 16 KiB of the module.
fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Bool(bool) => format!("boolean `{bool}`"),
        Unexpected::Unsigned(number) => format!("integer `{number}`"),
        Unexpected::Signed(number) => format!("integer `{number}`"),
        Unexpected::Float(number) => format!("floating point `{}`", Value::from(number)),
        Unexpected::Str(string) => format!("string {string:?}"),
        Unexpected::Seq => "sequence".to_owned(),
        Unexpected::Map => "map".to_owned(),
        // JSON has no values of other kinds.
        _ => "another value".to_owned(),
    }
}

/// A value and its place.
#[derive(Clone, Copy)]
struct ValueDeserializer<'de, 'p> {
    at: &'p Path,
    value: &'de Value,
}

impl<'de> ValueDeserializer<'de, '_> {
    #[inline(never)]
    fn misfit(self, expected: &dyn Expected) -> DeserializeError {
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
        DeserializeError::invalid_type(unexpected, expected)
    }
}

/// Each type has one form, and only that is looked for: serde's own code for structs would read lists as well, member by
/// member, in an order that nobody promised.
impl<'de> Deserializer<'de> for ValueDeserializer<'de, '_> {
    type Error = DeserializeError;

    /// For what takes several forms, and tells them apart itself.
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
            _ => Err(self.misfit(&visitor)),
        }
    }

    /// Numbers of every kind: the type says which of them it takes.
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        let Value::Number(number) = self.value else { return Err(self.misfit(&visitor)) };
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
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { at: self.at, items: items.iter().enumerate() }),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::Object(members) => {
                visitor.visit_map(Members { at: self.at, members: members.iter(), value: None })
            }
            _ => Err(self.misfit(&visitor)),
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
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeserializeError> {
        match self.value {
            Value::String(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            _ => Err(self.misfit(&visitor)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct identifier
        ignored_any
    }
}

struct Items<'de, 'p> {
    at: &'p Path,
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
        seed.deserialize(ValueDeserializer { at: &at, value }).map(Some).map_err(|misfit| misfit.or_at(&at))
    }
}

struct Members<'de, 'p> {
    at: &'p Path,
    members: serde_json::map::Iter<'de>,
    /// The value of the member whose name has been read, and its place.
    value: Option<(Path, &'de Value)>,
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
            .map_err(|misfit: DeserializeError| misfit.or_at(&at))?;
        self.value = Some((at, value));
        Ok(Some(key))
    }

    #[inline(never)]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DeserializeError> {
        let Some((at, value)) = self.value.take() else {
            return Err(DeserializeError::custom("has a value without a name"));
        };
        seed.deserialize(ValueDeserializer { at: &at, value }).map_err(|misfit| misfit.or_at(&at))
    }
}
