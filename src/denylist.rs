//! A denylist: tokens that are refused although everything else about them is right.
//!
//! A token is refused if any entry fits, and an entry fits if all its members do. However long a list is, a token costs one
//! look-up for each combination of members that occurs in it, and these are few.

mod entry;
pub mod source;

use std::collections::HashMap;
use std::fmt;

use crate::json::{self, Value};
use crate::refresh::source::Document;
use crate::verify::Identity;
use entry::{Combination, Entry, Values};

pub use entry::EntryError;

/// More entries than this are not a denylist but a job for a database.
pub const MAX_ENTRIES: usize = 10_000;

/// The entries of one list.
#[derive(Clone, Debug, Default)]
pub struct Denylist {
    /// The claims that entries ask for, and the time before which a token that has them must have been issued.
    entries: HashMap<Values<'static>, i64>,
    /// Which claims are asked for together.
    combinations: Vec<Combination>,
}

/// Why something is no denylist.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DenylistError {
    /// Not a JSON object with a list of `entries` and nothing else, or a duplicate member.
    Malformed,
    /// More than [`MAX_ENTRIES`].
    TooManyEntries,
    /// An entry that cannot be understood.
    Entry {
        /// Which.
        index: usize,
        /// Why.
        error: EntryError,
    },
}

impl Denylist {
    /// The list of these entries.
    ///
    /// # Errors
    /// [`DenylistError::TooManyEntries`] or [`DenylistError::Entry`]: a list is taken as a whole or not at all, for what
    /// cannot be understood may be the entry that matters.
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

    /// Whether an entry fits this token.
    pub fn has(&self, identity: &Identity<'_>) -> bool {
        if self.combinations.is_empty() {
            return false;
        }
        let (entries, token): (&HashMap<Values<'_>, i64>, _) = (&self.entries, entry::values(identity));
        // Compared with the fraction that it may have. A token that does not say when it was issued may be old.
        let issued_at = identity.claims().get("iat").and_then(|issued_at| issued_at.as_f64());
        self.combinations.iter().any(|combination| {
            let mut asked = token.clone();
            asked
                .iter_mut()
                .zip(combination)
                .filter(|(_, asks)| !**asks)
                .for_each(|(value, _)| *value = None);
            let issued_before = entries.get(&asked);
            issued_before.is_some_and(|before| issued_at.is_none_or(|issued_at| issued_at < *before as f64))
        })
    }

    fn add(&mut self, entry: Entry) {
        let combination = entry.combination();
        if !self.combinations.contains(&combination) {
            self.combinations.push(combination);
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
                // A member that is not known could be the half of what the list says.
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
    fn documents_that_are_no_denylist() {
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
            (r#"{"entries":[{}]}"#, "entries[0] must not be empty: it would refuse every token"),
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
            let problem = Denylist::read(document.as_bytes()).map(|list| list.count());
            assert_eq!(problem, Err(expected.to_owned()), "{document:.100}");
        }
    }

    #[test]
    fn a_list_may_be_empty_or_long() {
        let count = |document: &str| Denylist::read(document.as_bytes()).map(|list| list.count());
        assert_eq!(count(r#"{"entries":[]}"#), Ok(0));
        let entries: Vec<String> = (0..MAX_ENTRIES).map(|n| format!(r#"{{"jti":"{n}"}}"#)).collect();
        assert_eq!(count(&format!(r#"{{"entries":[{}]}}"#, entries.join(","))), Ok(MAX_ENTRIES));
    }
}
