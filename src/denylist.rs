//! Denylists, which revoke tokens before they expire.
//!
//! An entry matches a token if all its members match. One matching entry revokes the token. The
//! check of a token takes one hash lookup for each set of members that occurs in the list, whatever
//! the number of entries.

mod entry;
pub mod source;

use std::collections::HashMap;
use std::fmt;

use crate::json::{self, Value};
use crate::refresh::source::Document;
use crate::verify::Identity;
use entry::{Entry, MemberSet, MemberValues};

pub use entry::EntryError;

/// The maximum number of entries of one denylist.
pub const MAX_ENTRIES: usize = 10_000;

/// The entries of one denylist.
#[derive(Clone, Debug, Default)]
pub struct Denylist {
    /// The latest `issued_before` of all entries with these values, in Unix seconds.
    entries: HashMap<MemberValues<'static>, i64>,
    /// The different sets of members that the entries have.
    member_sets: Vec<MemberSet>,
}

/// The reason why a denylist is invalid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DenylistError {
    /// The document is not a JSON object with the array `entries` as its only member, or a member
    /// occurs twice.
    Malformed,
    /// The denylist has more than [`MAX_ENTRIES`] entries.
    TooManyEntries,
    /// An entry is invalid.
    Entry {
        /// The index of the entry.
        index: usize,
        /// The reason.
        error: EntryError,
    },
}

impl Denylist {
    /// Parses the entries.
    ///
    /// # Errors
    /// [`DenylistError::TooManyEntries`] or [`DenylistError::Entry`]. One invalid entry makes the
    /// list invalid, because the entry may be meant to revoke a compromised token.
    pub fn new(entries: &[Value]) -> Result<Self, DenylistError> {
        if entries.len() > MAX_ENTRIES {
            return Err(DenylistError::TooManyEntries);
        }
        let mut list = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            list.add(Entry::parse(entry).map_err(|error| DenylistError::Entry { index, error })?);
        }
        Ok(list)
    }

    /// Returns whether an entry matches a token.
    pub(crate) fn matches(&self, identity: &Identity<'_>) -> bool {
        if self.member_sets.is_empty() {
            return false;
        }
        let (entries, token): (&HashMap<MemberValues<'_>, i64>, _) = (&self.entries, entry::values(identity));
        // `iat` may have a fraction. An entry with `issued_before` matches a token without `iat`.
        let issued_at = identity.claims().get("iat").and_then(|issued_at| issued_at.as_f64());
        self.member_sets.iter().any(|members| {
            let mut values = token.clone();
            values
                .iter_mut()
                .zip(members)
                .filter(|(_, is_member)| !**is_member)
                .for_each(|(value, _)| *value = None);
            let issued_before = entries.get(&values);
            issued_before.is_some_and(|before| issued_at.is_none_or(|issued_at| issued_at < *before as f64))
        })
    }

    fn add(&mut self, entry: Entry) {
        let members = entry.member_set();
        if !self.member_sets.contains(&members) {
            self.member_sets.push(members);
        }
        let before = self.entries.entry(entry.values).or_insert(entry.issued_before);
        *before = entry.issued_before.max(*before);
    }
}

impl Document for Denylist {
    const MAX_BYTES: usize = 1024 * 1024;

    fn read(text: &[u8]) -> Result<Self, String> {
        let list = || {
            let mut members = json::parse_object(text).map_err(|_| DenylistError::Malformed)?;
            match members.remove("entries") {
                // An unknown member could change the meaning of the list.
                Some(Value::Array(entries)) if members.is_empty() => Self::new(&entries),
                _ => Err(DenylistError::Malformed),
            }
        };
        list().map_err(|error| error.to_string())
    }

    fn count(&self) -> usize {
        self.entries.len()
    }
}

impl fmt::Display for DenylistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the document is not an object with `entries` and nothing else"),
            Self::TooManyEntries => write!(f, "there are more than {MAX_ENTRIES} entries"),
            Self::Entry { index, error } => write!(f, "entries[{index}]{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denylist_from_an_invalid_document_is_an_error() {
        let malformed = "the document is not an object with `entries` and nothing else";
        let time = "entries[0].issued_before must be a time in whole seconds since 1970";
        let unknown =
            "entries[0] has a member other than `jti`, `sub`, `uid`, `cid`, `issuer` and `issued_before`";
        let many = format!(r#"{{"entries":[{}{{"jti":"a"}}]}}"#, r#"{"jti":"a"},"#.repeat(MAX_ENTRIES));
        for (document, expected) in [
            ("", malformed),
            ("<!doctype html>", malformed),
            (r#"{"entries":[{"jti":"a"}"#, malformed),
            ("[]", malformed),
            (r#"[{"jti":"a"}]"#, malformed),
            ("{}", malformed),
            (r#"{"entries":{}}"#, malformed),
            (r#"{"entries":null}"#, malformed),
            (r#"{"entries":[],"entries":[]}"#, malformed),
            (r#"{"entries":[{"jti":"a","jti":"b"}]}"#, malformed),
            (r#"{"entries":[],"except":[]}"#, malformed),
            (r#"{"entries":[{}]}"#, "entries[0] must not be empty: it would match every token"),
            (r#"{"entries":[{"jti":"a"},null]}"#, "entries[1] must be an object"),
            (r#"{"entries":["a"]}"#, "entries[0] must be an object"),
            (r#"{"entries":[["a"]]}"#, "entries[0] must be an object"),
            (r#"{"entries":[{"jti":""}]}"#, "entries[0].jti must not be empty"),
            (r#"{"entries":[{"sub":null}]}"#, "entries[0].sub must be a string"),
            (r#"{"entries":[{"uid":1}]}"#, "entries[0].uid must be a string"),
            (r#"{"entries":[{"cid":["a"]}]}"#, "entries[0].cid must be a string"),
            (r#"{"entries":[{"jti":"a","secret":"b"}]}"#, unknown),
            (r#"{"entries":[{"jti":"a","issued_before":null}]}"#, time),
            (r#"{"entries":[{"issued_before":"1"}]}"#, time),
            (r#"{"entries":[{"issued_before":-1}]}"#, time),
            (r#"{"entries":[{"issued_before":1700000000000}]}"#, time),
            (&many, "there are more than 10000 entries"),
        ] {
            let count = Denylist::read(document.as_bytes()).map(|list| list.count());
            assert_eq!(count, Err(expected.to_owned()), "{document:.100}");
        }
    }

    #[test]
    fn denylist_with_no_entry_or_the_most_entries_is_valid() {
        let count = |document: &str| Denylist::read(document.as_bytes()).map(|list| list.count());
        assert_eq!(count(r#"{"entries":[]}"#), Ok(0));
        let entries: Vec<String> = (0..MAX_ENTRIES).map(|n| format!(r#"{{"jti":"{n}"}}"#)).collect();
        assert_eq!(count(&format!(r#"{{"entries":[{}]}}"#, entries.join(","))), Ok(MAX_ENTRIES));
    }
}
