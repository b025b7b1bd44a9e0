//! One entry of a denylist.

use std::borrow::Cow;
use std::fmt;

use crate::json::Value;
use crate::time::UnixTime;
use crate::verify::Identity;

/// The members that match a claim. `cid` is the client ID under the name of any profile. `email`
/// matches the claim `email` or `sub`, in any case of ASCII letters.
const CLAIMS: [&str; 6] = ["jti", "sub", "uid", "cid", "issuer", "email"];
/// The index of `email` in [`CLAIMS`].
const EMAIL: usize = 5;
/// The members that are times.
const TIMES: [&str; 3] = ["issued_before", "authenticated_before", "until"];
/// The end of the year 9999, in Unix seconds. A later time is probably in milliseconds, and would
/// revoke every token for thousands of years.
const MAX_TIME: i64 = 253_402_300_799;

const UNKNOWN_MEMBER: &str = "has a member other than `jti`, `sub`, `uid`, `cid`, `issuer`, `email`, \
     `issued_before`, `authenticated_before` and `until`";

/// The value for each of [`CLAIMS`]; `None` for a member that an entry does not have.
pub(super) type MemberValues<'a> = [Option<Cow<'a, str>>; CLAIMS.len()];

/// Whether an entry has each of [`CLAIMS`].
pub(super) type MemberSet = [bool; CLAIMS.len()];

/// The times of an entry, in Unix seconds. A time that the entry does not have is later than any
/// other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Times {
    /// The entry matches only tokens with an earlier `iat`.
    issued_before: i64,
    /// The entry matches only tokens with an earlier `auth_time`; without `auth_time`, an earlier
    /// `iat`.
    authenticated_before: i64,
    /// The entry ends at this time.
    until: i64,
}

/// An entry. It matches a token if all its members match.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) values: MemberValues<'static>,
    pub(super) times: Times,
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
        let mut times = [i64::MAX; TIMES.len()];
        for (name, value) in members {
            let claim = CLAIMS.iter().zip(&mut values).find(|(claim, _)| *claim == name);
            let time = TIMES.iter().zip(&mut times).find(|(time, _)| *time == name);
            match (claim, time, value) {
                (Some((claim, _)), _, Value::String(text)) if text.is_empty() => {
                    return invalid(Some(claim), "must not be empty");
                }
                (Some((_, value)), _, Value::String(text)) => *value = Some(Cow::Owned(text.clone())),
                (Some((claim, _)), ..) => return invalid(Some(claim), "must be a string"),
                (None, Some((name, time)), value) => match value.as_i64() {
                    Some(seconds @ 0..=MAX_TIME) => *time = seconds,
                    _ => return invalid(Some(name), "must be a time in whole seconds since 1970"),
                },
                (None, None, _) => return invalid(None, UNKNOWN_MEMBER),
            }
        }
        if let Some(Some(email)) = values.get_mut(EMAIL) {
            email.to_mut().make_ascii_lowercase();
        }
        let [issued_before, authenticated_before, until] = times;
        let times = Times { issued_before, authenticated_before, until };
        if members.len() == 1 && until != i64::MAX {
            return invalid(None, "must have a member other than `until`: it would match every token");
        }
        Ok(Self { values, times })
    }

    /// Returns the set of members that the entry has.
    pub(super) fn member_set(&self) -> MemberSet {
        self.values.each_ref().map(Option::is_some)
    }
}

impl Times {
    /// Returns whether the times match a token at the time `now`. A time of the token that is
    /// missing or not a number matches.
    pub(super) fn match_token(&self, identity: &Identity<'_>, now: UnixTime) -> bool {
        let claims = identity.claims();
        // A time of a token may have a fraction.
        let is_before = |name, time: i64| {
            let at = claims.get(name).and_then(|at| at.as_f64());
            time == i64::MAX || at.is_none_or(|at| at < time as f64)
        };
        let authentication = if claims.get("auth_time").is_some() { "auth_time" } else { "iat" };
        now.seconds() < self.until
            && is_before("iat", self.issued_before)
            && is_before(authentication, self.authenticated_before)
    }

    /// Returns whether these times match every token that `other` matches.
    pub(super) const fn include(&self, other: &Self) -> bool {
        self.issued_before >= other.issued_before
            && self.authenticated_before >= other.authenticated_before
            && self.until >= other.until
    }
}

/// Returns the values of a token of an issuer for each of [`CLAIMS`] except `email`.
pub(super) fn values<'a>(identity: &Identity<'a>, issuer: &'a str) -> MemberValues<'a> {
    let claims = identity.claims();
    let [jti, sub, uid] = ["jti", "sub", "uid"].map(|name| claims.string(name));
    [jti, sub, uid, identity.client_id(), Some(issuer), None].map(|value| value.map(Cow::Borrowed))
}

/// Reduces the values of a token to a set of members. Returns the different values under which an
/// entry with these members can be: two if the set has `email`, because a login name may be in `sub`
/// or in `email`.
pub(super) fn reduced<'a>(
    token: &MemberValues<'a>,
    members: &MemberSet,
    identity: &Identity<'a>,
) -> [Option<MemberValues<'a>>; 2] {
    let mut values = token.clone();
    for (value, is_member) in values.iter_mut().zip(members) {
        value.take_if(|_| !is_member);
    }
    if !members.get(EMAIL).is_some_and(|is_member| *is_member) {
        return [Some(values), None];
    }
    ["sub", "email"].map(|name| {
        let email = identity.claims().string(name)?.to_ascii_lowercase();
        let mut values = values.clone();
        values.last_mut()?.replace(Cow::Owned(email));
        Some(values)
    })
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => write!(f, ".{member} {}", self.problem),
            None => write!(f, " {}", self.problem),
        }
    }
}
