//! What is printed. A token, a configuration and an answer from the network may all have in them what makes a terminal
//! do things; nothing of that leaves here.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::Value;

/// The text on one line, with everything that is not to be seen written as an escape.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Characters that change the order of others, or take no room.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// Prints text, line by line. A reader that has gone away has heard enough.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    for text in text.lines() {
        let _ = writeln!(out, "{}", line(text));
    }
}

/// The same, as JSON on one line.
pub(crate) fn print_json(value: &Value) {
    let mut text = String::new();
    for character in value.to_string().chars() {
        // JSON has a spelling for these, and does not insist on it.
        if character.is_control() || is_invisible(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints text where it does not mix with the answer.
pub(crate) fn complain(text: &str) {
    let mut out = io::stderr().lock();
    for text in text.lines() {
        let _ = writeln!(out, "{}", line(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing() {
        for (text, expected) in [
            ("caf\u{e9} \"a\\b\"", "caf\u{e9} \"a\\b\""),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
        ] {
            assert_eq!(line(text), expected);
        }
    }
}
