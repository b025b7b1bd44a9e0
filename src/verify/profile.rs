//! The token profiles, which distinguish access tokens from other JWTs of an issuer.

use super::token_type::TokenType;
use crate::claims::Claims;
use crate::json::ValueRef;
use crate::rejection::Rejection;

/// The profile of access tokens: the rule that distinguishes them from ID tokens and other JWTs of
/// the same issuer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenProfile {
    /// Access tokens of Okta's custom authorization servers: `cid`, `scp`, no `typ`.
    Okta,
    /// Access tokens of RFC 9068: `typ: at+jwt`, `client_id`, `sub`, `jti`.
    Rfc9068,
    /// Any signed JWT whose `typ` is not registered for another use. This includes ID tokens.
    Any,
    /// Introspection responses (RFC 7662): `scope`, `client_id`. No JWT has this profile.
    Introspected,
}

impl TokenProfile {
    /// Checks the `typ` header (RFC 8725 section 3.11, RFC 9068 section 4).
    pub(super) fn check_type(self, typ: Option<&str>) -> Result<(), Rejection> {
        use TokenType::{AccessToken, Jwt, OrgServer, Unregistered};
        match (self, typ.map(TokenType::of)) {
            (_, Some(OrgServer)) => Err(Rejection::OrgServerToken),
            (_, Some(AccessToken))
            | (Self::Okta | Self::Any, None | Some(Jwt))
            | (Self::Any, Some(Unregistered)) => Ok(()),
            _ => Err(Rejection::TypeNotAllowed),
        }
    }

    /// Checks that the token has the claims of an access token.
    pub(super) fn check_claims(self, claims: &Claims) -> Result<(), Rejection> {
        let has = |name| claims.string(name).is_some_and(|value| !value.is_empty());
        let is_access_token = match self {
            // Okta's reserved claims. An ID token has neither `cid` nor `scp`, and its `jti` begins
            // with `ID.`. The `jti` of an ID-JAG begins with `IDAAG.`.
            Self::Okta => {
                let is_other_token = |id: &str| id.starts_with("ID.") || id.starts_with("IDAAG.");
                !claims.string("jti").is_some_and(is_other_token)
                    && has("cid")
                    && claims.get("scp").is_some_and(|list| is_list(&list))
            }
            // RFC 9068 section 2.2: the required claims.
            Self::Rfc9068 => {
                let scopes = match (claims.get("scope"), claims.get("scp")) {
                    (Some(scope), _) => scope.as_str().is_some(),
                    (None, Some(list)) => is_list(&list),
                    (None, None) => true,
                };
                ["sub", "jti", "client_id"].into_iter().all(has) && scopes
            }
            Self::Any => true,
            Self::Introspected => false,
        };
        if is_access_token { Ok(()) } else { Err(Rejection::NotAnAccessToken) }
    }

    /// Returns the client that the token was issued to.
    pub(super) fn client_id(self, claims: &Claims) -> Option<&str> {
        match self {
            Self::Okta => claims.string("cid"),
            Self::Rfc9068 | Self::Introspected => claims.string("client_id"),
            Self::Any => claims.string("cid").or_else(|| claims.string("client_id")),
        }
    }

    /// Yields the scopes of the token. Values of another type are ignored, so a rule that requires
    /// them denies the request.
    pub(super) fn scopes(self, claims: &Claims) -> impl Iterator<Item = &str> {
        let (words, items) = match self.scope_claim(claims) {
            Some(ValueRef::String(words)) => (Some(words), None),
            Some(ValueRef::Array(items)) => (None, Some(items)),
            _ => (None, None),
        };
        let words = words.into_iter().flat_map(str::split_ascii_whitespace);
        words.chain(items.into_iter().flatten().filter_map(|item| item.as_str()))
    }

    /// Returns whether the token has a scope, compared exactly.
    pub(super) fn has_scope(self, claims: &Claims, scope: &str) -> bool {
        match self.scope_claim(claims) {
            Some(ValueRef::String(words)) => words.split_ascii_whitespace().any(|word| word == scope),
            Some(ValueRef::Array(mut items)) => items.any(|item| item.as_str() == Some(scope)),
            _ => false,
        }
    }

    /// Returns the claim with the scopes.
    fn scope_claim(self, claims: &Claims) -> Option<ValueRef<'_>> {
        match self {
            Self::Okta => claims.get("scp"),
            // `scope` of RFC 8693 section 4.2, or `scp`, which Okta and other issuers use instead.
            Self::Rfc9068 => claims.get("scope").or_else(|| claims.get("scp")),
            Self::Any => claims.get("scp").or_else(|| claims.get("scope")),
            Self::Introspected => claims.get("scope").filter(|scope| scope.as_str().is_some()),
        }
    }
}

/// Returns whether the value is an array of strings.
fn is_list(value: &ValueRef<'_>) -> bool {
    value.as_array().is_some_and(|mut items| items.all(|item| item.as_str().is_some()))
}
