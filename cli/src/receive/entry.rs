//! Entries of the denylist that a receiver makes from events.

use okta_authz_filter::revocation::Subject;
use serde_json::{Value, json};

/// The member of an entry that names the user.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Member {
    /// The claim `uid`.
    Uid,
    /// The claim `sub` or `email`.
    Email,
}

/// The members of an entry other than its times. Two events about one user have one key.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    pub(super) member: Member,
    pub(super) value: String,
    /// The issuer of the tokens; empty for any.
    pub(super) issuer: String,
}

/// The times of an entry, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Times {
    pub(super) authenticated_before: i64,
    pub(super) until: i64,
}

impl Member {
    /// Returns the name in the denylist.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Uid => "uid",
            Self::Email => "email",
        }
    }

    /// Returns the member with this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Uid, Self::Email].into_iter().find(|member| member.name() == name)
    }
}

impl Key {
    /// Returns the keys for a user: one for each issuer of tokens, or one for any issuer.
    pub(super) fn of(subject: Subject, token_issuers: &[String]) -> Vec<Self> {
        let (member, value) = match subject {
            Subject::User { id, .. } => (Member::Uid, id),
            Subject::Email(email) => (Member::Email, email),
        };
        let any = [String::new()];
        let issuers = if token_issuers.is_empty() { &any[..] } else { token_issuers };
        issuers.iter().map(|issuer| Self { member, value: value.clone(), issuer: issuer.clone() }).collect()
    }
}

impl Times {
    /// Returns the later of both times of two entries with one key. `until` is always the event's
    /// time plus a constant, so these are the times of the later event.
    pub(super) fn merged(self, other: Self) -> Self {
        Self {
            authenticated_before: self.authenticated_before.max(other.authenticated_before),
            until: self.until.max(other.until),
        }
    }
}

/// Returns the entry in the format of the filter's denylist.
pub(super) fn to_json(key: &Key, times: Times) -> Value {
    let mut entry = json!({
        key.member.name(): key.value,
        "authenticated_before": times.authenticated_before,
        "until": times.until,
    });
    if let (Value::Object(members), false) = (&mut entry, key.issuer.is_empty()) {
        members.insert("issuer".to_owned(), Value::String(key.issuer.clone()));
    }
    entry
}
