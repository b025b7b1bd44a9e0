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

    /// Whether a user stands behind the token: Okta says so by `uid`; elsewhere a client that has a token of its own is
    /// its own subject (RFC 9068 section 2.2).
    pub fn is_user(&self) -> bool {
        let subject = self.claims.string("sub");
        self.claims.string("uid").is_some()
            || (self.claims.string("cid").is_none() && subject.is_some() && subject != self.client_id())
    }

    /// Whether the user has authenticated longer ago than this, or nobody knows when.
    pub fn authentication_is_older_than(&self, seconds: i64) -> bool {
        let authenticated_at = self.claims.get("auth_time").and_then(|at| at.as_f64());
        !authenticated_at.is_some_and(|at| (self.now.saturating_sub(seconds) as f64) <= at)
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
