//! Denylists, which revoke tokens before they expire.
//!
//! An entry matches a token if all its members match. One matching entry revokes the token. The
//! check of a token takes one hash lookup for each set of members that occurs in the list, two for a
//! set with `email`, whatever the number of entries.

mod entry;
pub mod source;

use std::collections::HashMap;
use std::fmt;

use crate::json::{self, Value};
use crate::refresh::source::Document;
use crate::time::UnixTime;
use crate::verify::Identity;
use entry::{Entry, MemberSet, MemberValues, Times};

pub use entry::EntryError;

/// The maximum number of entries of one denylist.
pub const MAX_ENTRIES: usize = 10_000;

/// The entries of one denylist.
#[derive(Clone, Debug, Default)]
pub struct Denylist {
    /// The times of the entries with these values. No times include others.
    entries: HashMap<MemberValues<'static>, Vec<Times>>,
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

    /// Returns whether an entry matches a token at the time `now`.
    pub(crate) fn matches(&self, identity: &Identity<'_>, now: UnixTime) -> bool {
        if self.member_sets.is_empty() {
            return false;
        }
        let entries: &HashMap<MemberValues<'_>, Vec<Times>> = &self.entries;
        identity.issuers().any(|issuer| {
            let token = entry::values(identity, issuer);
            self.member_sets.iter().any(|members| {
                let found = entry::reduced(&token, members, identity).into_iter().flatten();
                let mut times = found.filter_map(|values| entries.get(&values)).flatten();
                times.any(|times| times.match_token(identity, now))
            })
        })
    }

    fn add(&mut self, entry: Entry) {
        let members = entry.member_set();
        if !self.member_sets.contains(&members) {
            self.member_sets.push(members);
        }
        let times = self.entries.entry(entry.values).or_default();
        if !times.iter().any(|other| other.include(&entry.times)) {
            times.retain(|other| !entry.times.include(other));
            times.push(entry.times);
        }
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
        self.entries.values().map(Vec::len).sum()
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
        let unknown = "entries[0] has a member other than `jti`, `sub`, `uid`, `cid`, `issuer`, `email`, \
                       `issued_before`, `authenticated_before` and `until`";
        let [authenticated, until] =
            [time.replace("issued", "authenticated"), time.replace("issued_before", "until")];
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
            (r#"{"entries":[{"uid":"a","authenticated_before":1.5}]}"#, &authenticated),
            (r#"{"entries":[{"uid":"a","until":"1"}]}"#, &until),
            (r#"{"entries":[{"email":""}]}"#, "entries[0].email must not be empty"),
            (r#"{"entries":[{"email":["a@b.example"]}]}"#, "entries[0].email must be a string"),
            (
                r#"{"entries":[{"until":1800000000}]}"#,
                "entries[0] must have a member other than `until`: it would match every token",
            ),
            (&many, "there are more than 10000 entries"),
        ] {
            let count = Denylist::read(document.as_bytes()).map(|list| list.count());
            assert_eq!(count, Err(expected.to_owned()), "{document:.100}");
        }
    }

    #[test]
    fn denylist_entries_that_others_include_count_once() {
        let count = |entries: &str| {
            Denylist::read(format!(r#"{{"entries":[{entries}]}}"#).as_bytes()).map(|list| list.count())
        };
        for (entries, expected) in [
            (r#"{"uid":"a","issued_before":1},{"uid":"a","issued_before":2}"#, 1),
            (r#"{"uid":"a"},{"uid":"a","issued_before":2,"until":3}"#, 1),
            (
                r#"{"uid":"a","authenticated_before":1,"until":9},{"uid":"a","authenticated_before":2,"until":8}"#,
                2,
            ),
            (r#"{"uid":"a","issued_before":1},{"uid":"a","authenticated_before":1}"#, 2),
            (r#"{"email":"A@b.example"},{"email":"a@B.example"}"#, 1),
            (r#"{"sub":"A"},{"sub":"a"}"#, 2),
        ] {
            assert_eq!(count(entries), Ok(expected), "{entries}");
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
