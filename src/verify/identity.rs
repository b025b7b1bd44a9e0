//! The identity of a request.

use super::profile::TokenProfile;
use crate::claims::Claims;

/// The verified identity of a request: the claims of an accepted token that is valid at the current
/// time.
#[derive(Debug)]
pub struct Identity<'a> {
    pub(super) claims: &'a Claims,
    /// The accepted issuers of the provider. They stand for `iss` in a token without it.
    pub(super) issuers: &'a [String],
    pub(super) profile: TokenProfile,
    /// Whether the token is bound to its client.
    pub(super) is_sender_constrained: bool,
    /// The current time minus the clock skew, in seconds since the epoch.
    pub(super) earliest_now: i64,
    /// The current time plus the clock skew, in seconds since the epoch.
    pub(super) latest_now: i64,
}

impl<'a> Identity<'a> {
    /// Returns all claims of the token.
    pub const fn claims(&self) -> &'a Claims {
        self.claims
    }

    /// Yields the issuers that the token can have: `iss`; without `iss`, which an introspection
    /// response may omit (RFC 7662 section 2.2), those of the provider.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = &'a str> {
        let issuer = self.claims.string("iss");
        let accepted = if issuer.is_none() { self.issuers } else { &[] };
        issuer.into_iter().chain(accepted.iter().map(String::as_str))
    }

    /// Returns whether the token is bound to a key or a certificate of the client. The filter has
    /// checked that the sender of the request has it.
    pub const fn is_sender_constrained(&self) -> bool {
        self.is_sender_constrained
    }

    /// Returns the client that the token was issued to: `cid` of Okta, or `client_id` of RFC 9068.
    pub fn client_id(&self) -> Option<&'a str> {
        self.profile.client_id(self.claims)
    }

    /// Returns whether the token was issued to a user. A token of Okta then has `uid`. Without
    /// `uid` and `cid`, a token whose `sub` equals its client ID was issued to a client (RFC 9068
    /// section 2.2). Returns `None` if the deciding claim is empty or blank.
    pub fn is_user(&self) -> Option<bool> {
        let [uid, cid, subject] = ["uid", "cid", "sub"].map(|name| self.claims.string(name).map(str::trim));
        match (uid, cid, subject) {
            (Some(""), ..) | (None, Some(""), _) | (None, None, Some("")) => None,
            (Some(_), ..) => Some(true),
            (None, Some(_), _) | (None, None, None) => Some(false),
            (None, None, subject) => Some(subject != self.client_id().map(str::trim)),
        }
    }

    /// Returns whether `auth_time` is more than `seconds` ago, in the future, or missing.
    /// `auth_time` is in seconds since the epoch (OpenID Connect Core section 2, RFC 9470 section
    /// 6.1).
    pub(crate) fn authentication_is_older_than(&self, seconds: i64) -> bool {
        let authenticated_at = self.claims.get("auth_time").and_then(|at| at.as_f64());
        let earliest = self.earliest_now.saturating_sub(seconds) as f64;
        let latest = self.latest_now as f64;
        !authenticated_at.is_some_and(|at| at >= 0.0 && (earliest..=latest).contains(&at))
    }

    /// Yields the scopes of the token.
    pub fn scopes(&self) -> impl Iterator<Item = &'a str> {
        self.profile.scopes(self.claims)
    }

    /// Returns whether the token has a scope, compared exactly.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.profile.has_scope(self.claims, scope)
    }
}
