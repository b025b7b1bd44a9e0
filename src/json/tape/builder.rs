//! Builder of the entries of a [`Tape`](super::Tape), in one pass over the document.

use std::collections::BinaryHeap;
use std::{fmt, iter};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::super::{JsonError, decimal};
use super::{StrSpan, TapeEntry};

/// Visitor that appends the entries of a value.
pub(super) struct TapeBuilder<'de> {
    document: &'de str,
    unescaped: String,
    entries: Vec<TapeEntry>,
    /// Whether a number has a fraction or an exponent.
    has_decimals: bool,
}

impl<'de> TapeBuilder<'de> {
    /// Parses a document. Returns its entries, and the unescaped form of each string that has
    /// escapes. `capacity` is the expected number of entries.
    pub(super) fn build(document: &'de str, capacity: usize) -> Result<(Vec<TapeEntry>, String), JsonError> {
        let entries = Vec::with_capacity(capacity);
        let mut builder = Self { document, unescaped: String::new(), entries, has_decimals: false };
        let mut deserializer = serde_json::Deserializer::from_str(document);
        builder.deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| {
            // The visitor accepts every type, so the only data error is its own.
            if error.is_data() { JsonError::DuplicateMember } else { JsonError::Syntax }
        })?;
        if builder.has_decimals {
            builder.read_decimals();
        }
        Ok((builder.entries, builder.unescaped))
    }

    /// Fills in the entries of numbers with a fraction or an exponent. serde_json does not give
    /// their positions, but numbers and entries are in document order.
    fn read_decimals(&mut self) {
        let mut numbers = decimal::numbers(self.document);
        let is_number = |entry: &&mut TapeEntry| {
            matches!(entry, TapeEntry::Unsigned(_) | TapeEntry::Signed(_) | TapeEntry::Decimal(_))
        };
        for entry in self.entries.iter_mut().filter(is_number) {
            let Some((start, text)) = numbers.next() else { return };
            if matches!(entry, TapeEntry::Decimal(_)) {
                let integer = decimal::as_integer(text);
                *entry = match integer.map(|number| (number.as_u64(), number.as_i64())) {
                    Some((Some(number), _)) => TapeEntry::Unsigned(number),
                    Some((None, Some(number))) => TapeEntry::Signed(number),
                    _ => TapeEntry::Decimal(StrSpan::new(start, text)),
                };
            }
        }
    }

    fn push(&mut self, entry: TapeEntry) {
        self.entries.push(entry);
    }

    /// Appends a string that begins at an offset in the text of the tape.
    fn push_string(&mut self, start: usize, text: &str) {
        self.push(TapeEntry::String(StrSpan::new(start, text)));
    }

    /// Begins an array or an object. Returns the index of its entry, for [`Self::close`].
    fn open(&mut self) -> usize {
        let index = self.entries.len();
        self.push(TapeEntry::Null);
        index
    }

    /// Ends an array or an object: writes its entry, with the number of entries of its content.
    fn close(&mut self, index: usize, entry: fn(u32) -> TapeEntry) {
        let content_len = self.entries.len().saturating_sub(index).saturating_sub(1);
        if let Some(open) = self.entries.get_mut(index) {
            *open = entry(u32::try_from(content_len).unwrap_or(u32::MAX));
        }
    }

    /// Returns the bytes of a name.
    fn name(&self, span: StrSpan) -> Option<&[u8]> {
        match span.start.checked_sub(u32::try_from(self.document.len()).ok()?) {
            Some(start) => StrSpan { start, ..span }.bytes(&self.unescaped),
            None => span.bytes(self.document),
        }
    }

    /// Returns whether the open object at an index has two members with one name.
    fn has_duplicates(&self, index: usize) -> bool {
        /// The maximum number of names that are compared in pairs. More are sorted, because the
        /// sender chooses their number.
        const MAX_PAIRWISE: usize = 16;
        let members = names(self.entries.get(index.saturating_add(1)..).unwrap_or_default());
        if members.clone().nth(MAX_PAIRWISE).is_some() {
            // A heap, because the standard library's sort takes 13 KiB of the module.
            let mut names: BinaryHeap<_> = members.map(|name| self.name(name)).collect();
            while let Some(name) = names.pop() {
                if names.peek() == Some(&name) {
                    return true;
                }
            }
            return false;
        }
        let is_same =
            |a: StrSpan, b: StrSpan| a.ends == b.ends && a.len == b.len && self.name(a) == self.name(b);
        let mut rest = members;
        while let Some(name) = rest.next() {
            if rest.clone().any(|other| is_same(name, other)) {
                return true;
            }
        }
        false
    }
}

/// Returns the names of consecutive members.
fn names(mut members: &[TapeEntry]) -> impl Iterator<Item = StrSpan> + Clone {
    iter::from_fn(move || {
        let ([TapeEntry::String(name), value], rest) = members.split_first_chunk()? else { return None };
        members = rest.get(value.content_len()..).unwrap_or_default();
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
        self.push(TapeEntry::Decimal(StrSpan::new(0, "")));
        Ok(())
    }

    /// Refers to a string without escapes where it is in the document.
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        let start = value.as_ptr().addr().wrapping_sub(self.document.as_ptr().addr());
        self.push_string(start, value);
        Ok(())
    }

    /// Copies a string that serde_json has unescaped.
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let start = self.document.len().saturating_add(self.unescaped.len());
        self.unescaped.push_str(value);
        self.push_string(start, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let index = self.open();
        while items.next_element_seed(&mut *self)?.is_some() {}
        self.close(index, TapeEntry::Array);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let index = self.open();
        while members.next_key_seed(&mut *self)?.is_some() {
            members.next_value_seed(&mut *self)?;
        }
        if self.has_duplicates(index) {
            return Err(A::Error::custom("duplicate member"));
        }
        self.close(index, TapeEntry::Object);
        Ok(())
    }
}
