//! Values of a tape.

use std::fmt;

use serde::ser::{Serialize, Serializer};

use super::super::Object;
use super::{Entries, Number, TapeEntry, Value, decimal, ends};

/// A value of a [`Tape`](super::Tape).
#[derive(Clone, Debug)]
pub enum ValueRef<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer in the range of `i64` or `u64`, in any notation.
    Number(Number),
    /// Another number, as the document has it.
    Decimal(&'a str),
    /// A string, unescaped.
    String(&'a str),
    /// An array.
    Array(Items<'a>),
    /// An object.
    Object(Members<'a>),
}

/// Iterator over the items of an array.
#[derive(Clone)]
pub struct Items<'a>(pub(super) Entries<'a>);

/// Iterator over the members of an object, in document order.
#[derive(Clone)]
pub struct Members<'a>(pub(super) Entries<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        let (item, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(item)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, ValueRef<'a>);

    fn next(&mut self) -> Option<(&'a str, ValueRef<'a>)> {
        let Entries { text, entries } = self.0;
        let (TapeEntry::String(name), rest) = entries.split_first()? else { return None };
        let (value, rest) = Entries { text, entries: rest }.split_first()?;
        self.0 = rest;
        Some((text.get(name.range())?, value))
    }
}

impl<'a> Members<'a> {
    /// Returns the member with a name. Takes time linear in the number of members.
    pub fn get(&self, name: &str) -> Option<ValueRef<'a>> {
        let Entries { text, mut entries } = self.0;
        let name_ends = ends(name.as_bytes());
        while let Some(([member_name, value], rest)) = entries.split_first_chunk() {
            if let TapeEntry::String(span) = member_name
                && span.ends == name_ends
                && span.len as usize == name.len()
                && span.bytes(text) == Some(name.as_bytes())
            {
                return Some(Entries { text, entries: entries.get(1..)? }.split_first()?.0);
            }
            entries = rest.get(value.content_len()..)?;
        }
        None
    }
}

impl<'a> ValueRef<'a> {
    /// Returns the text of a string; `None` for another type.
    pub const fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the double nearest to a number; `None` for another type.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            Self::Decimal(text) => decimal::nearest_double(text),
            _ => None,
        }
    }

    /// Returns the items of an array; `None` for another type.
    pub fn as_array(&self) -> Option<Items<'a>> {
        match self {
            Self::Array(items) => Some(items.clone()),
            _ => None,
        }
    }

    /// Returns the member of an object; `None` for another type, or if the object has no such
    /// member.
    pub fn get(&self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Bool(value) => Self::Bool(value),
            ValueRef::Number(number) => Self::Number(number),
            ValueRef::Decimal(text) => decimal::nearest_double(text).and_then(Number::from_f64).into(),
            ValueRef::String(text) => Self::String(text.to_owned()),
            ValueRef::Array(items) => Self::Array(items.map(Self::from).collect()),
            ValueRef::Object(members) => {
                let mut object = Object::new();
                // `collect` would take 7 KiB of the module: it builds the map from a sorted list.
                for (name, value) in members {
                    object.insert(name.to_owned(), value.into());
                }
                Self::Object(object)
            }
        }
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Decimal(text) => decimal::nearest_double(text).serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items.clone()),
            Self::Object(members) => serializer.collect_map(members.clone()),
        }
    }
}

/// Writes JSON without white space.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}
