//! One entry of a denylist: what a token must be like to be refused.

use std::borrow::Cow;
use std::fmt;

use crate::json::Value;
use crate::verify::Identity;

/// The members that name a claim, or what other profiles call it.
const CLAIMS: [&str; 5] = ["jti", "sub", "uid", "cid", "issuer"];
const ISSUED_BEFORE: &str = "issued_before";
/// The end of the year 9999. A time beyond it is in milliseconds, and would refuse everybody for thousands of years.
const LATEST: i64 = 253_402_300_799;

/// For each of [`CLAIMS`], the value that a token must have, or nothing.
pub(super) type Values<'a> = [Option<Cow<'a, str>>; CLAIMS.len()];

/// For each of them, whether a value is asked for.
pub(super) type Combination = [bool; CLAIMS.len()];

/// An entry: all that it says must fit.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) values: Values<'static>,
    /// In seconds since the epoch; [`ANY_TIME`] for an entry without it.
    pub(super) issued_before: i64,
}

/// Later than any token.
const ANY_TIME: i64 = i64::MAX;

/// What is wrong with an entry, without a byte of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EntryError {
    /// The member that it is about, if it is about one that is known.
    pub member: Option<&'static str>,
    /// What is wrong, as a predicate.
    pub problem: &'static str,
}

impl Entry {
    /// Reads an entry. One that cannot be understood as a whole might mean more than the part that can.
    pub(super) fn parse(entry: &Value) -> Result<Self, EntryError> {
        let about = |member, problem| Err(EntryError { member, problem });
        let Value::Object(members) = entry else { return about(None, "must be an object") };
        if members.is_empty() {
            return about(None, "must not be empty: it would refuse every token");
        }
        let mut values = Values::default();
        let mut issued_before = ANY_TIME;
        for (name, value) in members {
            let claim = CLAIMS.iter().zip(&mut values).find(|(claim, _)| *claim == name);
            match (claim, value) {
                (Some((claim, _)), Value::String(text)) if text.is_empty() => {
                    return about(Some(claim), "must not be empty");
                }
                (Some((_, asked)), Value::String(text)) => *asked = Some(Cow::Owned(text.clone())),
                (Some((claim, _)), _) => return about(Some(claim), "must be a string"),
                (None, value) if name == ISSUED_BEFORE => match value.as_i64() {
                    Some(seconds @ 0..=LATEST) => issued_before = seconds,
                    _ => return about(Some(ISSUED_BEFORE), "must be a time in whole seconds since 1970"),
                },
                (None, _) => {
                    return about(
                        None,
                        "has a member other than `jti`, `sub`, `uid`, `cid`, `issuer` and `issued_before`",
                    );
                }
            }
        }
        Ok(Self { values, issued_before })
    }

    pub(super) fn combination(&self) -> Combination {
        self.values.each_ref().map(Option::is_some)
    }
}

/// What a token has of that.
pub(super) fn values<'a>(identity: &Identity<'a>) -> Values<'a> {
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
