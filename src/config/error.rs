//! What is wrong with a configuration, and where.

use std::fmt;

/// A problem, and the path to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// `rules[2].requires.scopes[0]`; empty for the configuration as a whole.
    pub path: String,
    /// What is wrong, as a predicate: `must not be empty`.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, problem) = (OneLine(&self.path), OneLine(&self.problem));
        if self.path.is_empty() {
            write!(f, "the configuration {problem}")
        } else {
            write!(f, "{path}: {problem}")
        }
    }
}

/// A text that quotes the configuration, with control characters escaped: it stays one line of a log.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if ends_line(character) {
                write!(f, "{}", character.escape_default())
            } else {
                write!(f, "{character}")
            }
        })
    }
}

/// Whether a reader of logs may see the end of a line in a character, or the beginning of a command.
fn ends_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

impl std::error::Error for ConfigError {}

/// A place in the configuration.
#[derive(Clone, Debug)]
pub(super) struct Path(String);

/// None of these is inlined: they are called in a hundred places, none of which is in a hurry, and the module's size counts.
impl Path {
    pub(super) const fn root() -> Self {
        Self(String::new())
    }

    #[inline(never)]
    pub(super) fn field(&self, name: &str) -> Self {
        self.then(&[if self.0.is_empty() { "" } else { "." }, name])
    }

    #[inline(never)]
    pub(super) fn index(&self, index: usize) -> Self {
        self.then(&["[", &index.to_string(), "]"])
    }

    /// Not by `format!`, which was a third of the work of reading ten thousand rules.
    fn then(&self, more: &[&str]) -> Self {
        let length = more.iter().fold(self.0.len(), |length, part| length.saturating_add(part.len()));
        let mut path = String::with_capacity(length);
        path.push_str(&self.0);
        more.iter().for_each(|part| path.push_str(part));
        Self(path)
    }

    /// Whether this is that place.
    pub(super) fn is(&self, path: &str) -> bool {
        self.0 == path
    }

    #[inline(never)]
    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError { path: self.0.clone(), problem: problem.into() }
    }

    /// Checks the name of a provider or a policy, which metrics and logs repeat.
    #[inline(never)]
    pub(super) fn named(&self, name: &str) -> Result<(), ConfigError> {
        if name.is_empty() {
            return Err(self.error("must have a name"));
        }
        if name.contains(ends_line) {
            return Err(self.error("must have a name without control characters"));
        }
        Ok(())
    }

    /// The list, if it has at least one element and none is empty.
    #[inline(never)]
    pub(super) fn non_empty(&self, list: Vec<String>) -> Result<Vec<String>, ConfigError> {
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

    /// The list, if it is absent or not empty; an empty list means something else to everybody.
    pub(super) fn optional(&self, list: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
        list.map_or(Ok(Vec::new()), |list| self.non_empty(list))
    }
}
