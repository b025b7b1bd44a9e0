//! Errors of the configuration.

use std::fmt;

/// An error of the configuration: the path of a field, and the problem with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The path of the field: `rules[2].requires.scopes[0]`. Empty for the configuration as a
    /// whole.
    pub path: String,
    /// The problem, as a predicate: `must not be empty`.
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

impl std::error::Error for ConfigError {}

/// A text from the configuration, displayed with escaped control characters. It cannot end the line
/// of a log.
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

/// Returns whether a character is a control character or a line separator, and so can end the line
/// of a log.
pub(super) fn ends_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}
