//! A JSON object in two pieces of memory: its text, and where in it everything stands.
//!
//! Every request brings one, and those of good tokens are kept. A tree of maps and strings would be fifty pieces for a
//! token of Okta's, each to be asked for, to be scattered and to be given back (DESIGN.md, "Speed").
//!
//! serde_json reads the text; what is here is where the parts go.

mod packer;

use std::fmt;
use std::ops::Range;

use serde::ser::{Serialize, Serializer};
use serde_json::Number;

use super::{JsonError, Object, Value, decimal};
use packer::TapeBuilder;

/// An object without duplicate members, at any depth.
#[derive(Clone)]
pub struct Tape {
    /// The document, and behind it the strings that are written with escapes, without them.
    text: String,
    /// All values from first to last, each before what it contains; a member's name before its value.
    nodes: Vec<TapeEntry>,
}

/// A value.
#[derive(Clone, Debug)]
pub enum ValueRef<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in the range of `u64` and `i64`, however it is written.
    Number(Number),
    /// Another number, as it is written.
    Decimal(&'a str),
    /// A string, without escapes.
    String(&'a str),
    /// An array.
    Array(Items<'a>),
    /// An object.
    Object(Members<'a>),
}

/// The items of an array.
#[derive(Clone)]
pub struct Items<'a>(Nodes<'a>);

/// The members of an object, in the order of the document.
#[derive(Clone)]
pub struct Members<'a>(Nodes<'a>);

#[derive(Clone, Copy)]
enum TapeEntry {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    /// The text of a number that is not whole, or too large.
    Decimal(StrSpan),
    String(StrSpan),
    /// With the number of nodes that are inside.
    Array(u32),
    Object(u32),
}

impl TapeEntry {
    /// How many nodes behind it belong to it.
    const fn inside(self) -> usize {
        match self {
            Self::Array(count) | Self::Object(count) => count as usize,
            _ => 0,
        }
    }
}

/// Where a string is.
#[derive(Clone, Copy)]
struct StrSpan {
    start: u32,
    len: u32,
    /// Its first and last octet: enough to pass over nearly all names that are not the one looked for.
    ends: [u8; 2],
}

/// Nodes one after the other, with the text that they are about.
#[derive(Clone, Copy)]
struct Nodes<'a> {
    text: &'a str,
    nodes: &'a [TapeEntry],
}

/// Reads a document of any type.
pub(super) fn parse(document: &[u8]) -> Result<Value, JsonError> {
    let text =
        str::from_utf8(document).ok().filter(|text| text.len() <= MAX_BYTES).ok_or(JsonError::Syntax)?;
    let (nodes, unescaped) = TapeBuilder::read(text, text.len() / BYTES_PER_NODE)?;
    let text = [text, &unescaped].concat();
    let (value, _) = Nodes { text: &text, nodes: &nodes }.split().ok_or(JsonError::Syntax)?;
    Ok(value.into())
}

/// A node has 32 bits for a place in the text, which may double when escaped strings are added.
const MAX_BYTES: usize = u32::MAX as usize / 2;
/// About so many octets of a token of Okta's have a node: a value, or the name of a member.
const BYTES_PER_NODE: usize = 12;

impl Tape {
    /// Reads a document that must be an object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(document: Vec<u8>) -> Result<Self, JsonError> {
        let mut text = String::from_utf8(document)
            .ok()
            .filter(|text| text.len() <= MAX_BYTES)
            .ok_or(JsonError::Syntax)?;
        let (nodes, unescaped) = TapeBuilder::read(&text, text.len() / BYTES_PER_NODE)?;
        if !matches!(nodes.first(), Some(TapeEntry::Object(_))) {
            return Err(JsonError::NotAnObject);
        }
        text.push_str(&unescaped);
        Ok(Self { text, nodes })
    }

    /// All members.
    pub fn members(&self) -> Members<'_> {
        Members(Nodes { text: &self.text, nodes: self.nodes.get(1..).unwrap_or_default() })
    }

    /// The member with this name.
    pub fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.members().get(name)
    }

    /// What it occupies on the heap, in bytes.
    pub const fn heap_bytes(&self) -> usize {
        self.text.capacity().saturating_add(self.nodes.capacity().saturating_mul(size_of::<TapeEntry>()))
    }
}

impl<'a> Nodes<'a> {
    /// The value at the front, and what is behind it.
    fn split(self) -> Option<(ValueRef<'a>, Self)> {
        let Self { text, nodes } = self;
        let (first, behind) = nodes.split_first()?;
        let (inside, behind) = behind.split_at_checked(first.inside())?;
        let inside = Self { text, nodes: inside };
        let value = match *first {
            TapeEntry::Null => ValueRef::Null,
            TapeEntry::Bool(value) => ValueRef::Bool(value),
            TapeEntry::Unsigned(value) => ValueRef::Number(value.into()),
            TapeEntry::Signed(value) => ValueRef::Number(value.into()),
            TapeEntry::Decimal(place) => ValueRef::Decimal(text.get(place.range())?),
            TapeEntry::String(place) => ValueRef::String(text.get(place.range())?),
            TapeEntry::Array(_) => ValueRef::Array(Items(inside)),
            TapeEntry::Object(_) => ValueRef::Object(Members(inside)),
        };
        Some((value, Self { text, nodes: behind }))
    }
}

impl StrSpan {
    fn of(start: usize, text: &str) -> Self {
        // `Tape::parse` sees to it that they fit.
        let fit = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: fit(start), len: fit(text.len()), ends: ends(text.as_bytes()) }
    }

    const fn range(self) -> Range<usize> {
        self.start as usize..(self.start as usize).saturating_add(self.len as usize)
    }

    /// To compare, characters need not be told from each other.
    fn bytes(self, text: &str) -> Option<&[u8]> {
        text.as_bytes().get(self.range())
    }
}

fn ends(text: &[u8]) -> [u8; 2] {
    [text.first().copied().unwrap_or_default(), text.last().copied().unwrap_or_default()]
}

impl<'a> Iterator for Items<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        let (item, behind) = self.0.split()?;
        self.0 = behind;
        Some(item)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, ValueRef<'a>);

    fn next(&mut self) -> Option<(&'a str, ValueRef<'a>)> {
        let (ValueRef::String(name), behind) = self.0.split()? else { return None };
        let (value, behind) = behind.split()?;
        self.0 = behind;
        Some((name, value))
    }
}

impl<'a> Members<'a> {
    /// The member with this name.
    pub fn get(&self, name: &str) -> Option<ValueRef<'a>> {
        let Nodes { text, mut nodes } = self.0;
        let looked_for = ends(name.as_bytes());
        while let Some(([own, value], behind)) = nodes.split_first_chunk() {
            if let TapeEntry::String(place) = own
                && place.ends == looked_for
                && place.len as usize == name.len()
                && place.bytes(text) == Some(name.as_bytes())
            {
                return Some(Nodes { text, nodes: nodes.get(1..)? }.split()?.0);
            }
            nodes = behind.get(value.inside()..)?;
        }
        None
    }
}

impl<'a> ValueRef<'a> {
    /// The string that it is.
    pub const fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number that it is, as near as a double can be.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            Self::Decimal(text) => decimal::nearest(text),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<Items<'a>> {
        match self {
            Self::Array(items) => Some(items.clone()),
            _ => None,
        }
    }

    /// The member with this name, if it is an object that has one.
    pub fn get(&self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Bool(value) => Self::Bool(value),
            ValueRef::Number(number) => Self::Number(number),
            ValueRef::Decimal(text) => decimal::nearest(text).and_then(Number::from_f64).into(),
            ValueRef::String(text) => Self::String(text.to_owned()),
            ValueRef::Array(items) => Self::Array(items.map(Self::from).collect()),
            ValueRef::Object(members) => {
                let mut object = Object::new();
                // Not collected: to build a map from a list takes 7 KiB of the module.
                for (name, value) in members {
                    object.insert(name.to_owned(), value.into());
                }
                Self::Object(object)
            }
        }
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Decimal(text) => decimal::nearest(text).serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items.clone()),
            Self::Object(members) => serializer.collect_map(members.clone()),
        }
    }
}

/// As JSON, without white space.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PackedObject(<redacted>)")
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn packed(document: &str) -> Result<Tape, JsonError> {
        Tape::parse(document.as_bytes().to_vec())
    }

    /// Two readers accept the same texts, and read the same values. serde_json alone would take
    /// members twice.
    #[test]
    fn it_says_what_the_tree_says() {
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
            let ours = packed(document);
            let tree =
                serde_json::from_str(document).map_err(|_| JsonError::Syntax).and_then(|tree| match tree {
                    Value::Object(_) if ours.as_ref().err() == Some(&JsonError::DuplicateMember) => {
                        Err(JsonError::DuplicateMember)
                    }
                    Value::Object(tree) => Ok(tree),
                    _ => Err(JsonError::NotAnObject),
                });
            assert_eq!(ours.as_ref().err(), tree.as_ref().err(), "{document}");
            let (Ok(ours), Ok(tree)) = (ours, tree) else { continue };
            let again = ValueRef::Object(ours.members()).to_string();
            assert_eq!(serde_json::from_str::<Object>(&again).unwrap(), tree, "{document}");
            assert_eq!(json::parse_object(document.as_bytes()).unwrap(), tree, "{document}");
            for (name, value) in &tree {
                assert_eq!(ours.get(name).unwrap().to_string(), value.to_string(), "{document}");
            }
            assert_eq!(ours.members().count(), tree.len(), "{document}");
        }
        assert_eq!(Tape::parse(b"{\"a\":\"\xff\"}".to_vec()).unwrap_err(), JsonError::Syntax);
    }

    #[test]
    fn a_member_is_found_by_its_whole_name() {
        let object = packed(r#"{"ab":1,"a":{"a":2},"b":["a"]}"#).unwrap();
        assert_eq!(object.get("a").and_then(|a| a.get("a")).and_then(|a| a.as_f64()), Some(2.0));
        assert!(object.get("").is_none() && object.get("A").is_none() && object.get("abc").is_none());
        assert!(object.get("b").unwrap().get("a").is_none());
    }

    #[test]
    fn members_of_every_depth_are_unique() {
        for (document, is_unique) in [
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"\u0061":1}"#, false),
            (r#"{"a":[{"b":{},"b":{}}]}"#, false),
            (r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#, true),
        ] {
            assert_eq!(packed(document).is_ok(), is_unique, "{document}");
        }
    }

    #[test]
    fn a_number_is_what_it_is_however_it_is_written() {
        let object = packed(r#"{"a":[1.0,"2.0",1e3],"b":9007199254740993.0,"c":-0,"d":1.5,"e":0.0000001e7}"#);
        let object = object.unwrap();
        assert_eq!(
            ValueRef::Object(object.members()).to_string(),
            r#"{"a":[1,"2.0",1000],"b":9007199254740993,"c":0,"d":1.5,"e":1}"#
        );
        assert!(matches!(object.get("d"), Some(ValueRef::Decimal("1.5"))));
    }

    #[test]
    fn claims_are_never_printed() {
        assert_eq!(format!("{:?}", packed(r#"{"sub":"joe"}"#).unwrap()), "PackedObject(<redacted>)");
    }
}
