//! Who is asking.

use super::profile::TokenProfile;
use crate::claims::Claims;

/// Who is asking: signed, from the right issuer, for this audience, valid now.
#[derive(Debug)]
pub struct Identity<'a> {
    pub(super) claims: &'a Claims,
    pub(super) profile: TokenProfile,
    /// The earliest time that counts as now, in seconds since the epoch: what clocks may differ by is taken off.
    pub(super) now: i64,
    /// The latest time that counts as now: the current time and the clock skew.
    pub(super) latest: i64,
}

impl<'a> Identity<'a> {
    /// All claims of the token.
    pub const fn claims(&self) -> &'a Claims {
        self.claims
    }

    /// The client that the token was issued to: `cid`, or `client_id` in RFC 9068.
    pub fn client_id(&self) -> Option<&'a str> {
        self.profile.client_id(self.claims)
    }

    /// Returns whether a user stands behind the token: Okta says so by `uid`; elsewhere a client that has a token of its own
    /// is its own subject (RFC 9068 section 2.2). An empty or blank claim says neither, and the result is `None`.
    pub fn is_user(&self) -> Option<bool> {
        let [uid, cid, subject] = ["uid", "cid", "sub"].map(|name| self.claims.string(name).map(str::trim));
        match (uid, cid, subject) {
            (Some(""), ..) | (None, Some(""), _) | (None, None, Some("")) => None,
            (Some(_), ..) => Some(true),
            (None, Some(_), _) | (None, None, None) => Some(false),
            (None, None, subject) => Some(subject != self.client_id().map(str::trim)),
        }
    }

    /// Returns whether the user has authenticated longer ago than this, or the token does not tell when. `auth_time` is in
    /// seconds since 1970, and not in the future (OpenID Connect Core section 2, RFC 9470 section 6.1).
    pub fn authentication_is_older_than(&self, seconds: i64) -> bool {
        let authenticated_at = self.claims.get("auth_time").and_then(|at| at.as_f64());
        let (earliest, latest) = (self.now.saturating_sub(seconds) as f64, self.latest as f64);
        !authenticated_at.is_some_and(|at| at >= 0.0 && (earliest..=latest).contains(&at))
    }

    /// The scopes that the token carries.
    pub fn scopes(&self) -> impl Iterator<Item = &'a str> {
        self.profile.scopes(self.claims)
    }

    /// Whether the token carries that scope, compared exactly.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|own| own == scope)
    }
}
