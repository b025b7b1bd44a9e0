//! From a document to the nodes of a [`Tape`](super::PackedObject), in one pass.

use std::collections::BinaryHeap;
use std::{fmt, iter};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::super::{JsonError, decimal};
use super::{StrSpan, TapeEntry};

/// Reads one value.
pub(super) struct TapeBuilder<'de> {
    document: &'de str,
    unescaped: String,
    nodes: Vec<TapeEntry>,
    /// Whether a number has a point or an exponent.
    has_decimals: bool,
}

impl<'de> TapeBuilder<'de> {
    /// The nodes of a document, and the strings that are written in it with escapes, without them. `expected` is about how many
    /// nodes there will be.
    pub(super) fn read(document: &'de str, expected: usize) -> Result<(Vec<TapeEntry>, String), JsonError> {
        let nodes = Vec::with_capacity(expected);
        let mut packer = Self { document, unescaped: String::new(), nodes, has_decimals: false };
        let mut deserializer = serde_json::Deserializer::from_str(document);
        packer.deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| {
            // Every type of value is taken, so the only complaint about the data is the one made here.
            if error.is_data() { JsonError::DuplicateMember } else { JsonError::Syntax }
        })?;
        if packer.has_decimals {
            packer.read_decimals();
        }
        Ok((packer.nodes, packer.unescaped))
    }

    /// Reads the numbers again that are not written as whole ones. serde_json does not say where in the document they are,
    /// but numbers and nodes have the same order.
    fn read_decimals(&mut self) {
        let mut numbers = decimal::numbers(self.document);
        let is_number = |node: &&mut TapeEntry| {
            matches!(node, TapeEntry::Unsigned(_) | TapeEntry::Signed(_) | TapeEntry::Decimal(_))
        };
        for node in self.nodes.iter_mut().filter(is_number) {
            let Some((start, text)) = numbers.next() else { return };
            if matches!(node, TapeEntry::Decimal(_)) {
                let whole = decimal::whole(text);
                *node = match whole.map(|number| (number.as_u64(), number.as_i64())) {
                    Some((Some(number), _)) => TapeEntry::Unsigned(number),
                    Some((None, Some(number))) => TapeEntry::Signed(number),
                    _ => TapeEntry::Decimal(StrSpan::of(start, text)),
                };
            }
        }
    }

    fn push(&mut self, node: TapeEntry) {
        self.nodes.push(node);
    }

    /// A string that begins here, in the document and what is behind it.
    fn push_string(&mut self, start: usize, text: &str) {
        self.push(TapeEntry::String(StrSpan::of(start, text)));
    }

    /// Begins an array or an object; returns its place, for [`Self::close`].
    fn open(&mut self) -> usize {
        let at = self.nodes.len();
        self.push(TapeEntry::Null);
        at
    }

    fn close(&mut self, at: usize, node: fn(u32) -> TapeEntry) {
        let inside = self.nodes.len().saturating_sub(at).saturating_sub(1);
        if let Some(open) = self.nodes.get_mut(at) {
            *open = node(u32::try_from(inside).unwrap_or(u32::MAX));
        }
    }

    /// The octets of a name.
    fn name(&self, place: StrSpan) -> Option<&[u8]> {
        match place.start.checked_sub(u32::try_from(self.document.len()).ok()?) {
            Some(start) => StrSpan { start, ..place }.bytes(&self.unescaped),
            None => place.bytes(self.document),
        }
    }

    /// Whether the object that begins here, complete but not closed, has a member twice.
    fn has_duplicates(&self, at: usize) -> bool {
        /// So many names are compared each with each; more are sorted, for their number is the sender's choice.
        const FEW: usize = 16;
        let members = names(self.nodes.get(at.saturating_add(1)..).unwrap_or_default());
        if members.clone().nth(FEW).is_some() {
            // By a heap: the standard library's sort takes 13 KiB of the module for this one place.
            let mut names: BinaryHeap<_> = members.map(|name| self.name(name)).collect();
            while let Some(name) = names.pop() {
                if names.peek() == Some(&name) {
                    return true;
                }
            }
            return false;
        }
        let same =
            |a: StrSpan, b: StrSpan| a.ends == b.ends && a.len == b.len && self.name(a) == self.name(b);
        let mut rest = members;
        while let Some(name) = rest.next() {
            if rest.clone().any(|other| same(name, other)) {
                return true;
            }
        }
        false
    }
}

/// The names of members that lie one after the other.
fn names(mut members: &[TapeEntry]) -> impl Iterator<Item = StrSpan> + Clone {
    iter::from_fn(move || {
        let ([TapeEntry::String(name), value], behind) = members.split_first_chunk()? else { return None };
        members = behind.get(value.inside()..).unwrap_or_default();
        Some(*name)
    })
}

impl<'de> DeserializeSeed<'de> for &mut TapeBuilder<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut TapeBuilder<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(TapeEntry::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(TapeEntry::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(TapeEntry::Signed(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(TapeEntry::Unsigned(value));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.has_decimals = true;
        self.push(TapeEntry::Decimal(StrSpan::of(0, "")));
        Ok(())
    }

    /// A string without escapes is a piece of the document.
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        let start = value.as_ptr().addr().wrapping_sub(self.document.as_ptr().addr());
        self.push_string(start, value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let start = self.document.len().saturating_add(self.unescaped.len());
        self.unescaped.push_str(value);
        self.push_string(start, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let at = self.open();
        while items.next_element_seed(&mut *self)?.is_some() {}
        self.close(at, TapeEntry::Array);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let at = self.open();
        while members.next_key_seed(&mut *self)?.is_some() {
            members.next_value_seed(&mut *self)?;
        }
        if self.has_duplicates(at) {
            return Err(A::Error::custom("duplicate member"));
        }
        self.close(at, TapeEntry::Object);
        Ok(())
    }
}
