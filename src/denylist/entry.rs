//! One entry of a denylist.

use std::borrow::Cow;
use std::fmt;

use crate::json::Value;
use crate::verify::Identity;

/// The members that match a claim. `cid` is the client ID under the name of any profile.
const CLAIMS: [&str; 5] = ["jti", "sub", "uid", "cid", "issuer"];
const ISSUED_BEFORE: &str = "issued_before";
/// The end of the year 9999, in Unix seconds. A later time is probably in milliseconds, and would
/// revoke every token for thousands of years.
const MAX_ISSUED_BEFORE: i64 = 253_402_300_799;

/// The value for each of [`CLAIMS`]; `None` for a member that an entry does not have.
pub(super) type MemberValues<'a> = [Option<Cow<'a, str>>; CLAIMS.len()];

/// Whether an entry has each of [`CLAIMS`].
pub(super) type MemberSet = [bool; CLAIMS.len()];

/// The `issued_before` of an entry that has none: later than the `iat` of any token.
const ANY_TIME: i64 = i64::MAX;

/// An entry. It matches a token if all its members match.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) values: MemberValues<'static>,
    /// The entry matches only tokens with an earlier `iat`; in Unix seconds.
    pub(super) issued_before: i64,
}

/// The reason why an entry is invalid. It contains no byte of the entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EntryError {
    /// The invalid member, if it is a known one.
    pub member: Option<&'static str>,
    /// The reason, as the predicate of a sentence.
    pub problem: &'static str,
}

impl Entry {
    /// Parses an entry.
    ///
    /// # Errors
    /// An entry with an unknown member is invalid, because the member could change its meaning.
    pub(super) fn parse(entry: &Value) -> Result<Self, EntryError> {
        let invalid = |member, problem| Err(EntryError { member, problem });
        let Value::Object(members) = entry else { return invalid(None, "must be an object") };
        if members.is_empty() {
            return invalid(None, "must not be empty: it would match every token");
        }
        let mut values = MemberValues::default();
        let mut issued_before = ANY_TIME;
        for (name, value) in members {
            let claim = CLAIMS.iter().zip(&mut values).find(|(claim, _)| *claim == name);
            match (claim, value) {
                (Some((claim, _)), Value::String(text)) if text.is_empty() => {
                    return invalid(Some(claim), "must not be empty");
                }
                (Some((_, value)), Value::String(text)) => *value = Some(Cow::Owned(text.clone())),
                (Some((claim, _)), _) => return invalid(Some(claim), "must be a string"),
                (None, value) if name == ISSUED_BEFORE => match value.as_i64() {
                    Some(seconds @ 0..=MAX_ISSUED_BEFORE) => issued_before = seconds,
                    _ => return invalid(Some(ISSUED_BEFORE), "must be a time in whole seconds since 1970"),
                },
                (None, _) => {
                    return invalid(
                        None,
                        "has a member other than `jti`, `sub`, `uid`, `cid`, `issuer` and `issued_before`",
                    );
                }
            }
        }
        Ok(Self { values, issued_before })
    }

    /// Returns the set of members that the entry has.
    pub(super) fn member_set(&self) -> MemberSet {
        self.values.each_ref().map(Option::is_some)
    }
}

/// Returns the values of a token for each of [`CLAIMS`].
pub(super) fn values<'a>(identity: &Identity<'a>) -> MemberValues<'a> {
    let claims = identity.claims();
    let [jti, sub, uid, iss] = ["jti", "sub", "uid", "iss"].map(|name| claims.string(name));
    [jti, sub, uid, identity.client_id(), iss].map(|value| value.map(Cow::Borrowed))
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => write!(f, ".{member} {}", self.problem),
            None => write!(f, " {}", self.problem),
        }
    }
}
