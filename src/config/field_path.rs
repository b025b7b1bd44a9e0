//! The path of a field in the configuration, and the checks that many fields share.

use super::error::{ConfigError, ends_line};

/// The path of a field: `rules[2].requires.scopes[0]`. Empty for the configuration as a whole.
///
/// The functions are not inlined. They have about a hundred callers, none of which is on the
/// request path, and inlining makes the module larger.
#[derive(Clone, Debug)]
pub(super) struct FieldPath(String);

impl FieldPath {
    /// Returns the path of the configuration as a whole.
    pub(super) const fn root() -> Self {
        Self(String::new())
    }

    /// Returns the path of a field of this object.
    #[inline(never)]
    pub(super) fn field(&self, name: &str) -> Self {
        self.join(&[if self.0.is_empty() { "" } else { "." }, name])
    }

    /// Returns the path of an element of this list.
    #[inline(never)]
    pub(super) fn index(&self, index: usize) -> Self {
        self.join(&["[", &index.to_string(), "]"])
    }

    /// Appends text. `format!` took a third of the time of parsing ten thousand rules.
    fn join(&self, parts: &[&str]) -> Self {
        let length = parts.iter().fold(self.0.len(), |length, part| length.saturating_add(part.len()));
        let mut path = String::with_capacity(length);
        path.push_str(&self.0);
        parts.iter().for_each(|part| path.push_str(part));
        Self(path)
    }

    /// Returns whether this path has this text.
    pub(super) fn is(&self, path: &str) -> bool {
        self.0 == path
    }

    /// Returns an error about the field. The problem is a predicate: `must not be empty`.
    #[inline(never)]
    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError { path: self.0.clone(), problem: problem.into() }
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
