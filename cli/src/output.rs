//! Output. Tokens, configurations and responses may contain control sequences of a terminal, so
//! control characters and invisible characters are printed as escapes.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::Value;

/// Returns the text on one line, with each control character or invisible character as an escape.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_visible(character) {
            safe.push(character);
        } else {
            safe.extend(character.escape_default());
        }
    }
    safe
}

/// Reports whether a character is visible, is the space, or is a mark on the character before it.
///
/// The standard library determines which characters are printable: none of the categories Cc, Cf, Cs,
/// Co, Cn, Zl and Zp, and of Zs only the space. [`is_shapeless`] lists the letters, marks and
/// symbols that have no shape.
fn is_visible(character: char) -> bool {
    // `escape_debug` escapes a mark that is the first character.
    let printable = || format!("a{character}").escape_debug().nth(2).is_none();
    matches!(character, ' '..='~') || (!is_shapeless(character) && !character.is_control() && printable())
}

/// Reports whether a printable character shows nothing: `Default_Ignorable_Code_Point` of Unicode
/// 16 without the category Cf, the blank Braille pattern, the Khitan filler and the null notehead.
const fn is_shapeless(character: char) -> bool {
    matches!(
        character,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{16fe4}'
            | '\u{1d159}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Prints text to standard output, line by line. Ignores a closed pipe.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    for text in text.lines() {
        let _ = writeln!(out, "{}", line(text));
    }
}

/// Prints JSON on one line to standard output. Ignores a closed pipe.
pub(crate) fn print_json(value: &Value) {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if is_visible(character) {
            text.push(character);
            continue;
        }
        // Every invisible character is inside a string, where JSON allows an escape.
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints text to standard error, line by line.
pub(crate) fn print_error(text: &str) {
    let mut out = io::stderr().lock();
    for text in text.lines() {
        let _ = writeln!(out, "{}", line(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_control_sequence_is_escaped() {
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

    #[test]
    fn line_invisible_character_is_escaped() {
        for character in [
            '\0',
            '\u{7f}',
            '\u{85}',
            // Spaces other than U+0020.
            '\u{a0}',
            '\u{1680}',
            '\u{2003}',
            '\u{202f}',
            '\u{3000}',
            // Without width, or with a text direction.
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{180f}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{2060}',
            '\u{2064}',
            '\u{2065}',
            '\u{2066}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{16fe4}',
            '\u{1d159}',
            '\u{fff0}',
            '\u{fff9}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
            '\u{e01ef}',
            // Private use, or unassigned.
            '\u{378}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{f0000}',
            '\u{10fffd}',
            '\u{ffff}',
        ] {
            assert_eq!(line(&format!("a{character}b")), format!("a{}b", character.escape_default()));
        }
    }

    #[test]
    fn line_visible_character_stays() {
        for text in [
            " !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~",
            "\u{e9}\u{df}\u{141}",
            "e\u{301}",
            "\u{3b1}\u{416}\u{5d0}\u{5b8}\u{627}\u{64e}",
            "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}",
            "\u{e2a}\u{e27}\u{e31}\u{e2a}\u{e14}\u{e35}",
            "\u{5c71}\u{7530}\u{d55c}\u{3042}\u{ff21}",
            "\u{20ac}\u{2192}\u{2026}\u{1f600}",
        ] {
            assert_eq!(line(text), text);
        }
    }
}
