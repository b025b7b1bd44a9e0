//! Reads JSON values into the `raw` types. Each error has the path of the field.
//!
//! The code runs once for each configuration, so it is small rather than fast. One function reads
//! all objects: a type adds a table of its fields, and no code for names, unknown fields and errors.
//! serde's derive generates this code for each type, 150 KiB in total.

use super::error::ConfigError;
use super::field_path::FieldPath;
use crate::json::{Object, Value};

/// A type that can be read from JSON.
pub(super) trait Read: Sized {
    /// Reads a value.
    ///
    /// # Errors
    /// If the value has another type, with the path of the innermost value that is wrong.
    fn read(value: &Located<'_>) -> Result<Self, ConfigError>;
}

/// Reads the value of the whole configuration.
pub(super) fn read<T: Read>(value: &Value) -> Result<T, ConfigError> {
    T::read(&Located { value, at: FieldPath::Root })
}

/// A JSON value and its path in the configuration.
pub(super) struct Located<'a> {
    value: &'a Value,
    at: FieldPath<'a>,
}

impl Located<'_> {
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
    pub(super) fn text(&self) -> Result<&str, ConfigError> {
        self.value.as_str().ok_or_else(|| self.mismatch("a string"))
    }

    /// Returns the value of the name in `variants` that this string has.
    pub(super) fn variant<T: Copy>(&self, variants: &[(&str, T)]) -> Result<T, ConfigError> {
        let text = self.value.as_str();
        match variants.iter().find(|(name, _)| text == Some(name)) {
            Some((_, variant)) => Ok(*variant),
            None => Err(self.mismatch(&one_of(&mut variants.iter().map(|(name, _)| *name)))),
        }
    }

    /// Returns the JSON value.
    pub(super) const fn value(&self) -> &Value {
        self.value
    }

    /// Reads the elements of a list.
    #[inline(never)]
    fn elements(
        &self,
        read: &mut dyn FnMut(&Located<'_>) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let Value::Array(items) = self.value else { return Err(self.mismatch("a list")) };
        let mut items = items.iter().enumerate();
        items.try_for_each(|(index, value)| read(&Located { value, at: self.at.index(index) }))
    }

    /// Reads the members of an object, in the order of their names.
    #[inline(never)]
    fn members(
        &self,
        read: &mut dyn FnMut(&str, &Located<'_>) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let Value::Object(members) = self.value else { return Err(self.mismatch("an object")) };
        let mut members = members.iter();
        members.try_for_each(|(name, value)| read(name, &Located { value, at: self.at.field(name) }))
    }

    /// Reads the members of an object into the slots of its fields.
    #[inline(never)]
    pub(super) fn fields(&self, fields: &[Field], slots: &mut [&mut dyn Slot]) -> Result<(), ConfigError> {
        self.members(&mut |name, member| {
            let mut known = fields.iter().zip(slots.iter_mut());
            match known.find(|(field, _)| field.name == name) {
                Some((field, _)) if field.is_optional && member.value.is_null() => Ok(()),
                Some((_, slot)) => slot.fill(member),
                None => Err(member.unknown_field(name, fields)),
            }
        })
    }
}

/// A field of an object.
pub(super) struct Field {
    /// The name in the configuration.
    pub(super) name: &'static str,
    /// Whether null has the meaning of an absent field. `strictness` then rejects the null.
    pub(super) is_optional: bool,
}

/// A place for the value of a field.
pub(super) trait Slot {
    /// Reads the value into the empty slot.
    fn fill(&mut self, value: &Located<'_>) -> Result<(), ConfigError>;
}

impl<T: Read> Slot for Option<T> {
    fn fill(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        // An object has each member once. Without this check, the compiler adds code that drops an
        // earlier value.
        if self.is_none() {
            *self = Some(T::read(value)?);
        }
        Ok(())
    }
}

/// Implements [`Read`] for a struct: `object!(Type { field, field: default, field: required })`. The
/// name of a field in the configuration is its name in Rust, or the name in `required("name")`.
macro_rules! object {
    ($type:ident { $($field:ident $(: $kind:ident $(($name:literal))?)?),* $(,)? }) => {
        impl $crate::config::reader::Read for $type {
            #[inline(never)]
            fn read(
                value: &$crate::config::reader::Located<'_>,
            ) -> Result<Self, $crate::config::ConfigError> {
                $(let mut $field = None;)*
                value.fields(
                    &[$($crate::config::reader::object!(@field $field $($kind $($name)?)?)),*],
                    &mut [$(&mut $field),*],
                )?;
                Ok(Self { $($field: $crate::config::reader::object!(@value value $field $($kind $($name)?)?)),* })
            }
        }
    };
    (@field $field:ident) => {
        $crate::config::reader::Field { name: stringify!($field), is_optional: true }
    };
    (@field $field:ident $kind:ident) => {
        $crate::config::reader::object!(@field $field $kind (stringify!($field)))
    };
    (@field $field:ident $kind:ident $name:expr) => {
        $crate::config::reader::Field { name: $name, is_optional: false }
    };
    (@value $value:ident $field:ident) => { $field };
    (@value $value:ident $field:ident default) => { $field.unwrap_or_default() };
    (@value $value:ident $field:ident required) => {
        $crate::config::reader::object!(@value $value $field required (stringify!($field)))
    };
    (@value $value:ident $field:ident required $name:expr) => {
        match $field {
            Some(field) => field,
            None => return Err($value.missing_field($name)),
        }
    };
}

/// Implements [`Read`] for an enum of names: `names!(Type { Variant: "name" })`.
macro_rules! names {
    ($type:ident { $($variant:ident: $name:literal),* $(,)? }) => {
        impl $crate::config::reader::Read for $type {
            fn read(
                value: &$crate::config::reader::Located<'_>,
            ) -> Result<Self, $crate::config::ConfigError> {
                value.variant(&[$(($name, Self::$variant)),*])
            }
        }
    };
}

pub(super) use {names, object};

/// Values by name, in the order of the names.
pub(super) struct ByName<T>(pub(super) Vec<(String, T)>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read> Read for ByName<T> {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        let mut values = Vec::new();
        value.members(&mut |name, value| {
            values.push((name.to_owned(), T::read(value)?));
            Ok(())
        })?;
        Ok(Self(values))
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        let mut values = Self::new();
        value.elements(&mut |value| {
            values.push(T::read(value)?);
            Ok(())
        })?;
        Ok(values)
    }
}

impl<T: Read> Read for Box<T> {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        T::read(value).map(Self::new)
    }
}

impl Read for bool {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        value.value.as_bool().ok_or_else(|| value.mismatch("`true` or `false`"))
    }
}

impl Read for u32 {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        let number = value.value.as_u64().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| value.mismatch("a whole number from 0 to 4294967295"))
    }
}

impl Read for String {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        value.text().map(str::to_owned)
    }
}

impl Read for Value {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        Ok(value.value.clone())
    }
}

impl Read for Object {
    fn read(value: &Located<'_>) -> Result<Self, ConfigError> {
        value.value.as_object().cloned().ok_or_else(|| value.mismatch("an object"))
    }
}

fn one_of(names: &mut dyn Iterator<Item = &str>) -> String {
    let names: Vec<_> = names.collect();
    format!("one of `{}`", names.join("`, `"))
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
