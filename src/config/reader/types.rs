//! The implementations of [`Read`] for types of the standard library and of serde_json, and for
//! [`ByName`].

use super::{ByName, Located, Read};
use crate::config::error::ConfigError;
use crate::json::{Object, Value};

impl<T: Read> Read for Option<T> {
    fn empty() -> Self {
        None
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        self.get_or_insert_with(T::empty).read(value)
    }
}

impl<T: Read> Read for Box<T> {
    fn empty() -> Self {
        Self::new(T::empty())
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        T::read(self, value)
    }
}

impl<T: Read> Read for Vec<T> {
    fn empty() -> Self {
        Self::new()
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let Value::Array(items) = value.value else { return Err(value.mismatch("a list")) };
        // `resize_with` can also shorten a list, so the module would contain code that drops
        // elements.
        self.extend(items.iter().map(|_| T::empty()));
        for (index, (slot, item)) in self.iter_mut().zip(items).enumerate() {
            slot.read(&Located { value: item, at: value.at.index(index) })?;
        }
        Ok(())
    }
}

impl<T: Read> Read for ByName<T> {
    fn empty() -> Self {
        Self(Vec::new())
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let Value::Object(members) = value.value else { return Err(value.mismatch("an object")) };
        self.0.extend(members.keys().map(|name| (name.clone(), T::empty())));
        for ((name, slot), member) in self.0.iter_mut().zip(members.values()) {
            slot.read(&Located { value: member, at: value.at.field(name) })?;
        }
        Ok(())
    }
}

impl Read for bool {
    fn empty() -> Self {
        false
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        *self = value.value.as_bool().ok_or_else(|| value.mismatch("`true` or `false`"))?;
        Ok(())
    }
}

impl Read for u32 {
    fn empty() -> Self {
        0
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let number = value.value.as_u64().and_then(|number| number.try_into().ok());
        *self = number.ok_or_else(|| value.mismatch("a whole number from 0 to 4294967295"))?;
        Ok(())
    }
}

impl Read for String {
    fn empty() -> Self {
        Self::new()
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        self.push_str(value.text()?);
        Ok(())
    }
}

impl Read for Value {
    fn empty() -> Self {
        Self::Null
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        *self = value.value.clone();
        Ok(())
    }
}

impl Read for Object {
    fn empty() -> Self {
        Self::new()
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let Value::Object(members) = value.value else { return Err(value.mismatch("an object")) };
        *self = members.clone();
        Ok(())
    }
}
