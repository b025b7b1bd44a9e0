//! The path of a field in the configuration, and the checks that many fields share.

use super::error::{ConfigError, ends_line};

/// The path of a field: `rules[2].requires.scopes[0]`. Empty for the configuration as a whole.
///
/// A path refers to the path around it, so it needs no heap memory. Only an error has the path as
/// text.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldPath<'a> {
    /// The configuration as a whole.
    Root,
    /// The member of an object.
    Member(&'a Self, &'a str),
    /// The element of a list.
    Element(&'a Self, usize),
}

/// The functions are not inlined. They have about a hundred callers, none of which is on the request
/// path, and inlining makes the module larger.
impl FieldPath<'_> {
    /// Returns the path of a field of this object.
    #[inline(never)]
    pub(super) const fn field<'b>(&'b self, name: &'b str) -> FieldPath<'b> {
        FieldPath::Member(self, name)
    }

    /// Returns the path of an element of this list.
    #[inline(never)]
    pub(super) const fn index(&self, index: usize) -> FieldPath<'_> {
        FieldPath::Element(self, index)
    }

    /// Returns whether this is the field of the whole configuration with this name.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, FieldPath::Member(FieldPath::Root, field) if *field == name)
    }

    /// Appends the path to a text.
    fn write(&self, text: &mut String) {
        match self {
            FieldPath::Root => {}
            FieldPath::Member(object, name) => {
                object.write(text);
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            FieldPath::Element(list, index) => {
                list.write(text);
                text.push_str(&["[", &index.to_string(), "]"].concat());
            }
        }
    }

    /// Returns an error about the field. The problem is a predicate: `must not be empty`.
    #[inline(never)]
    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        let mut path = String::new();
        self.write(&mut path);
        ConfigError { path, problem: problem.into() }
    }

    /// Checks the name of a provider or a route policy, which metrics and logs contain.
    #[inline(never)]
    pub(super) fn check_name(&self, name: &str) -> Result<(), ConfigError> {
        if name.is_empty() {
            return Err(self.error("must have a name that is not empty"));
        }
        if name.contains(ends_line) {
            return Err(self.error("must have a name without control characters and line separators"));
        }
        Ok(())
    }

    /// Converts each element of a list.
    ///
    /// # Errors
    /// The first error of an element.
    pub(super) fn each<T, U>(
        &self,
        list: Vec<T>,
        convert: impl Fn(&FieldPath<'_>, T) -> Result<U, ConfigError>,
    ) -> Result<Vec<U>, ConfigError> {
        let mut converted = Vec::with_capacity(list.len());
        for (index, element) in list.into_iter().enumerate() {
            converted.push(convert(&self.index(index), element)?);
        }
        Ok(converted)
    }

    /// Returns the list if it has an element and no element is empty.
    #[inline(never)]
    pub(super) fn non_empty_list(&self, list: Vec<String>) -> Result<Vec<String>, ConfigError> {
        if list.is_empty() {
            return Err(self.error("must not be empty"));
        }
        for (index, element) in list.iter().enumerate() {
            if element.is_empty() {
                return Err(self.index(index).error("must not be empty"));
            }
        }
        Ok(list)
    }

    /// Returns the list like [`non_empty_list`](Self::non_empty_list), or an empty list if the
    /// field is absent. An empty list in the configuration is an error, because operators disagree
    /// on its meaning.
    pub(super) fn optional_list(&self, list: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
        list.map_or(Ok(Vec::new()), |list| self.non_empty_list(list))
    }
}
