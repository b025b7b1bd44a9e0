//! Reads JSON values into the `raw` types. Each error has the path of the field.
//!
//! The code runs once for each configuration, so it is small rather than fast. One function reads
//! all objects: a type adds a table of its fields, and no code for names, unknown fields and errors.
//! serde's derive generates this code for each type, 139 KiB in total.

mod types;

use super::error::ConfigError;
use super::field_path::FieldPath;
use crate::json::Value;

/// A type that can be read from JSON.
pub(super) trait Read {
    /// Returns the value before [`read`](Self::read). It is also the value of an absent field with
    /// [`Presence::Optional`] or [`Presence::Default`].
    fn empty() -> Self
    where
        Self: Sized;

    /// Reads a value into this empty one. After an error, the value has no meaning.
    ///
    /// # Errors
    /// If the value has another type, with the path of the innermost value that is wrong.
    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError>;
}

/// Reads the value of the whole configuration.
pub(super) fn read<T: Read>(value: &Value) -> Result<T, ConfigError> {
    Located { value, at: FieldPath::Root }.read()
}

/// A JSON value and its path in the configuration.
pub(super) struct Located<'a> {
    value: &'a Value,
    at: FieldPath<'a>,
}

impl Located<'_> {
    /// Reads this value.
    ///
    /// # Errors
    /// See [`Read::read`].
    pub(super) fn read<T: Read>(&self) -> Result<T, ConfigError> {
        let mut read = T::empty();
        read.read(self)?;
        Ok(read)
    }

    /// Returns an error about this value. The problem is a predicate.
    #[cold]
    #[inline(never)]
    pub(super) fn error(&self, problem: &str) -> ConfigError {
        self.at.error(problem)
    }

    /// Returns the error of a value that has another type than the field.
    #[cold]
    #[inline(never)]
    pub(super) fn mismatch(&self, expected: &str) -> ConfigError {
        self.error(&["must be ", expected, ", not ", &describe(self.value)].concat())
    }

    #[cold]
    #[inline(never)]
    fn unknown_field(&self, name: &str, fields: &[Field]) -> ConfigError {
        let names: Vec<_> = fields.iter().map(|field| ["`", field.name, "`"].concat()).collect();
        let expected = match names.as_slice() {
            [] => "there are no fields".to_owned(),
            [name] => ["expected ", name].concat(),
            [first, second] => ["expected ", first, " or ", second].concat(),
            names => ["expected one of ", &names.join(", ")].concat(),
        };
        self.error(&["unknown field `", name, "`, ", &expected].concat())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn missing_field(&self, name: &str) -> ConfigError {
        // Without a path, the error needs a predicate.
        let predicate = if matches!(self.at, FieldPath::Root) { "is not valid: " } else { "" };
        self.error(&[predicate, "missing field `", name, "`"].concat())
    }

    /// Returns the text of a string.
    ///
    /// # Errors
    /// If the value is not a string.
    pub(super) fn text(&self) -> Result<&str, ConfigError> {
        self.value.as_str().ok_or_else(|| self.mismatch("a string"))
    }

    /// Returns the variant whose name is this string. `names` has the names of `variants`, in their
    /// order.
    ///
    /// # Errors
    /// If the value is not one of the names.
    pub(super) fn variant<T: Copy>(&self, names: &[&str], variants: &[T]) -> Result<T, ConfigError> {
        let variant = self.position(names).and_then(|index| variants.get(index));
        variant.copied().ok_or_else(|| self.unknown_name(names))
    }

    #[inline(never)]
    fn position(&self, names: &[&str]) -> Option<usize> {
        let text = self.value.as_str()?;
        names.iter().position(|name| *name == text)
    }

    #[cold]
    #[inline(never)]
    fn unknown_name(&self, names: &[&str]) -> ConfigError {
        self.mismatch(&["one of `", &names.join("`, `"), "`"].concat())
    }

    /// Returns the JSON value.
    pub(super) const fn value(&self) -> &Value {
        self.value
    }

    /// Reads each member of an object into the slot of the field with its name. `slots` has the
    /// order of `fields`.
    ///
    /// # Errors
    /// If the value is not an object. Otherwise the first error of a member, in their order: an
    /// unknown name, or a wrong value. Then the first required field that is missing.
    #[inline(never)]
    pub(super) fn fields(&self, fields: &[Field], slots: &mut [&mut dyn Read]) -> Result<(), ConfigError> {
        let Value::Object(members) = self.value else { return Err(self.mismatch("an object")) };
        for (name, value) in members {
            let member = Located { value, at: self.at.field(name) };
            match fields.iter().zip(slots.iter_mut()).find(|(field, _)| field.name == name) {
                Some((Field { presence: Presence::Optional, .. }, _)) if value.is_null() => {}
                Some((_, slot)) => slot.read(&member)?,
                None => return Err(member.unknown_field(name, fields)),
            }
        }
        let is_missing =
            |field: &&Field| field.presence == Presence::Required && !members.contains_key(field.name);
        match fields.iter().find(is_missing) {
            Some(field) => Err(self.missing_field(field.name)),
            None => Ok(()),
        }
    }
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    /// The name in the configuration.
    pub(super) name: &'static str,
    pub(super) presence: Presence,
}

/// Whether an object must have a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presence {
    /// The field can be absent. Null has the meaning of an absent field; `strictness` then rejects
    /// the null.
    Optional,
    /// The field can be absent, and is then empty.
    Default,
    Required,
}

/// Returns the slot of an optional field. The signature makes a field of another type an error of
/// the compiler.
pub(super) fn optional<T: Read>(field: &mut Option<T>) -> &mut dyn Read {
    field
}

/// A type with fields.
pub(super) trait Fields {
    /// The fields, in the order in which errors list them.
    const FIELDS: &[Field];
}

/// Implements [`Read`] for a struct: `object!(Type { field, field: default, field: required })`. The
/// name of a field in the configuration is its name in Rust, or the name in `required("name")`.
macro_rules! object {
    ($type:ident { $($field:ident $(: $kind:ident $(($name:literal))?)?),* $(,)? }) => {
        impl $crate::config::reader::Fields for $type {
            const FIELDS: &[$crate::config::reader::Field] =
                &[$($crate::config::reader::object!(@field $field $($kind $($name)?)?)),*];
        }

        impl $crate::config::reader::Read for $type {
            fn empty() -> Self {
                Self { $($field: $crate::config::reader::Read::empty()),* }
            }

            fn read(
                &mut self,
                value: &$crate::config::reader::Located<'_>,
            ) -> Result<(), $crate::config::ConfigError> {
                value.fields(
                    <Self as $crate::config::reader::Fields>::FIELDS,
                    &mut [$($crate::config::reader::object!(@slot (&mut self.$field) $($kind)?)),*],
                )
            }
        }
    };
    (@field $field:ident) => {
        $crate::config::reader::object!(@field Optional (stringify!($field)))
    };
    (@field $field:ident default) => {
        $crate::config::reader::object!(@field Default (stringify!($field)))
    };
    (@field $field:ident required) => {
        $crate::config::reader::object!(@field Required (stringify!($field)))
    };
    (@field $field:ident required $name:literal) => {
        $crate::config::reader::object!(@field Required ($name))
    };
    (@field $presence:ident ($name:expr)) => {
        $crate::config::reader::Field {
            name: $name,
            presence: $crate::config::reader::Presence::$presence,
        }
    };
    (@slot ($field:expr)) => { $crate::config::reader::optional($field) };
    (@slot ($field:expr) $kind:ident) => { $field };
}

/// Implements [`Read`] for an enum of names: `names!(Type { Variant: "name" })`.
macro_rules! names {
    ($type:ident { $first:ident: $first_name:literal $(, $variant:ident: $name:literal)* $(,)? }) => {
        impl $crate::config::reader::Read for $type {
            fn empty() -> Self {
                Self::$first
            }

            fn read(
                &mut self,
                value: &$crate::config::reader::Located<'_>,
            ) -> Result<(), $crate::config::ConfigError> {
                *self = value.variant(&[$first_name $(, $name)*], &[Self::$first $(, Self::$variant)*])?;
                Ok(())
            }
        }
    };
}

pub(super) use {names, object};

/// Values by name, in the order of the names.
pub(super) struct ByName<T>(pub(super) Vec<(String, T)>);

/// The default in the schema.
#[cfg(not(target_arch = "wasm32"))]
impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Describes a value in an error.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => format!("`{bool}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(string) => format!("the string {string:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
