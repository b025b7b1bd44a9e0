//! Representation of a JSON document as a tape: one text buffer and one array of entries.
//!
//! The filter parses the claims of every token that is not cached, and the token cache stores the
//! claims of accepted tokens. A tape takes two allocations. A tree of maps and strings takes about
//! fifty for an access token of Okta.
//!
//! serde_json parses the text; [`builder`] writes the entries.

mod builder;
mod value_ref;

use std::fmt;
use std::ops::Range;

use serde_json::Number;

use super::{JsonError, Value, decimal};
use builder::TapeBuilder;
pub use value_ref::{Items, Members, ValueRef};

/// A JSON object without duplicate members at any depth. `Debug` does not show its content.
#[derive(Clone)]
pub struct Tape {
    /// The document, followed by the unescaped form of each string that has escapes.
    text: String,
    /// All values in document order, a container before its content and a name before its value.
    entries: Vec<TapeEntry>,
}

#[derive(Clone, Copy)]
enum TapeEntry {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    /// A number that is not an integer in the range of `i64` or `u64`.
    Decimal(StrSpan),
    String(StrSpan),
    /// An array, with the number of entries of its content.
    Array(u32),
    /// An object, with the number of entries of its content.
    Object(u32),
}

impl TapeEntry {
    /// Returns the number of the following entries that are the content of this one.
    const fn content_len(self) -> usize {
        match self {
            Self::Array(len) | Self::Object(len) => len as usize,
            _ => 0,
        }
    }
}

/// The position of a string in the text of a tape.
#[derive(Clone, Copy)]
struct StrSpan {
    start: u32,
    len: u32,
    /// The first and the last byte. They rule out nearly every name in a search.
    ends: [u8; 2],
}

impl StrSpan {
    fn new(start: usize, text: &str) -> Self {
        // `MAX_DOCUMENT_BYTES` ensures that both numbers have at most 32 bits.
        let to_u32 = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: to_u32(start), len: to_u32(text.len()), ends: ends(text.as_bytes()) }
    }

    const fn range(self) -> Range<usize> {
        self.start as usize..(self.start as usize).saturating_add(self.len as usize)
    }

    /// Returns the bytes of the string. A comparison needs no check of character boundaries.
    fn bytes(self, text: &str) -> Option<&[u8]> {
        text.as_bytes().get(self.range())
    }
}

fn ends(text: &[u8]) -> [u8; 2] {
    [text.first().copied().unwrap_or_default(), text.last().copied().unwrap_or_default()]
}

/// Consecutive entries of a tape, with its text.
#[derive(Clone, Copy)]
struct Entries<'a> {
    text: &'a str,
    entries: &'a [TapeEntry],
}

impl<'a> Entries<'a> {
    /// Returns the first value and the entries after its content; `None` if there are no entries.
    fn split_first(self) -> Option<(ValueRef<'a>, Self)> {
        let Self { text, entries } = self;
        let (first, rest) = entries.split_first()?;
        let (content, rest) = rest.split_at_checked(first.content_len())?;
        let content = Self { text, entries: content };
        let value = match *first {
            TapeEntry::Null => ValueRef::Null,
            TapeEntry::Bool(value) => ValueRef::Bool(value),
            TapeEntry::Unsigned(value) => ValueRef::Number(value.into()),
            TapeEntry::Signed(value) => ValueRef::Number(value.into()),
            TapeEntry::Decimal(span) => ValueRef::Decimal(text.get(span.range())?),
            TapeEntry::String(span) => ValueRef::String(text.get(span.range())?),
            TapeEntry::Array(_) => ValueRef::Array(Items(content)),
            TapeEntry::Object(_) => ValueRef::Object(Members(content)),
        };
        Some((value, Self { text, entries: rest }))
    }
}

/// Parses a document of any type.
pub(super) fn parse(document: &[u8]) -> Result<Value, JsonError> {
    let text = str::from_utf8(document)
        .ok()
        .filter(|text| text.len() <= MAX_DOCUMENT_BYTES)
        .ok_or(JsonError::Syntax)?;
    let (entries, unescaped) = TapeBuilder::build(text, text.len() / BYTES_PER_ENTRY)?;
    let text = [text, &unescaped].concat();
    let (value, _) = Entries { text: &text, entries: &entries }.split_first().ok_or(JsonError::Syntax)?;
    Ok(value.into())
}

/// The maximum length of a document. A span has 32 bits, and unescaped strings can double the text.
const MAX_DOCUMENT_BYTES: usize = u32::MAX as usize / 2;
/// About the number of bytes for each entry in an access token of Okta.
const BYTES_PER_ENTRY: usize = 12;

impl Tape {
    /// Parses a document that must be an object.
    ///
    /// # Errors
    /// See [`JsonError`].
    pub fn parse(document: Vec<u8>) -> Result<Self, JsonError> {
        let mut text = String::from_utf8(document)
            .ok()
            .filter(|text| text.len() <= MAX_DOCUMENT_BYTES)
            .ok_or(JsonError::Syntax)?;
        let (entries, unescaped) = TapeBuilder::build(&text, text.len() / BYTES_PER_ENTRY)?;
        if !matches!(entries.first(), Some(TapeEntry::Object(_))) {
            return Err(JsonError::NotAnObject);
        }
        text.push_str(&unescaped);
        Ok(Self { text, entries })
    }

    /// Returns the members, in document order.
    pub fn members(&self) -> Members<'_> {
        Members(Entries { text: &self.text, entries: self.entries.get(1..).unwrap_or_default() })
    }

    /// Returns the member with a name. Takes time linear in the number of members.
    pub fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.members().get(name)
    }

    /// Returns the memory that the tape occupies on the heap, in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.text.capacity().saturating_add(self.entries.capacity().saturating_mul(size_of::<TapeEntry>()))
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tape(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Object;
    use super::*;
    use crate::json;

    fn tape(document: &str) -> Result<Tape, JsonError> {
        Tape::parse(document.as_bytes().to_vec())
    }

    /// The parser accepts the documents that serde_json accepts, except duplicate members, and
    /// reads the values that serde_json reads.
    #[test]
    fn tape_parse_agrees_with_serde_json() {
        let many: Vec<String> = (0..100).map(|i| format!("\"m{}\":{i}", i * 7919 % 100)).collect();
        let many = format!("{{{}}}", many.join(","));
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        for document in [
            "",
            "{",
            "{}",
            "[]",
            "null",
            "{} {}",
            " \n{ } \t",
            "\u{feff}{}",
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"\u0061":1,"\u0061":1}"#,
            r#"{"a":[{"b":{},"b":{}}]}"#,
            r#"{"a":"x","b":{"a":"x"},"c":["a","a"]}"#,
            r#"{"a":[1,-1,1.5,18446744073709551615,18446744073709551616,-9223372036854775808,0,1e300,-2.5e-3]}"#,
            r#"{"a":1e999}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\ud83d\ude00 \n\"\\\/","b":"caf\u00e9","c":"café","\t":"","d":"\u0000"}"#,
            r#"{"a":[[],[[]],{},[{}],null,true,false,{"b":[null,{"c":[1]}]},"end"],"z":{"y":{"x":"end"}}}"#,
            &many,
            &many.replace("\"m50\"", "\"m51\""),
            &deep(126),
            &deep(127),
            &deep(10_000),
        ] {
            let tape = tape(document);
            let expected =
                serde_json::from_str(document).map_err(|_| JsonError::Syntax).and_then(|value| match value {
                    Value::Object(_) if tape.as_ref().err() == Some(&JsonError::DuplicateMember) => {
                        Err(JsonError::DuplicateMember)
                    }
                    Value::Object(object) => Ok(object),
                    _ => Err(JsonError::NotAnObject),
                });
            assert_eq!(tape.as_ref().err(), expected.as_ref().err(), "{document}");
            let (Ok(tape), Ok(expected)) = (tape, expected) else { continue };
            let written = ValueRef::Object(tape.members()).to_string();
            assert_eq!(serde_json::from_str::<Object>(&written).unwrap(), expected, "{document}");
            assert_eq!(json::parse_object(document.as_bytes()).unwrap(), expected, "{document}");
            for (name, value) in &expected {
                assert_eq!(tape.get(name).unwrap().to_string(), value.to_string(), "{document}");
            }
            assert_eq!(tape.members().count(), expected.len(), "{document}");
        }
        assert_eq!(Tape::parse(b"{\"a\":\"\xff\"}".to_vec()).unwrap_err(), JsonError::Syntax);
    }

    #[test]
    fn tape_get_compares_the_whole_name() {
        let object = tape(r#"{"ab":1,"a":{"a":2},"b":["a"]}"#).unwrap();
        assert_eq!(object.get("a").and_then(|a| a.get("a")).and_then(|a| a.as_f64()), Some(2.0));
        assert!(object.get("").is_none() && object.get("A").is_none() && object.get("abc").is_none());
        assert!(object.get("b").unwrap().get("a").is_none());
    }

    #[test]
    fn tape_with_duplicate_member_at_any_depth_is_rejected() {
        for (document, is_unique) in [
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"\u0061":1}"#, false),
            (r#"{"a":[{"b":{},"b":{}}]}"#, false),
            (r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#, true),
        ] {
            assert_eq!(tape(document).is_ok(), is_unique, "{document}");
        }
    }

    #[test]
    fn tape_number_is_exact_in_every_notation() {
        let object = tape(r#"{"a":[1.0,"2.0",1e3],"b":9007199254740993.0,"c":-0,"d":1.5,"e":0.0000001e7}"#);
        let object = object.unwrap();
        assert_eq!(
            ValueRef::Object(object.members()).to_string(),
            r#"{"a":[1,"2.0",1000],"b":9007199254740993,"c":0,"d":1.5,"e":1}"#
        );
        assert!(matches!(object.get("d"), Some(ValueRef::Decimal("1.5"))));
    }

    #[test]
    fn tape_debug_is_redacted() {
        assert_eq!(format!("{:?}", tape(r#"{"sub":"joe"}"#).unwrap()), "Tape(<redacted>)");
    }
}
