//! What tells an access token from everything else that an issuer signs.

use super::token_type::TokenType;
use crate::claims::Claims;
use crate::json::ValueRef;
use crate::rejection::Rejection;

/// What makes a JWT an access token, rather than an ID token or something else from the same issuer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenProfile {
    /// Okta's custom authorization servers: `cid`, `scp`, no `typ`.
    Okta,
    /// RFC 9068: `typ: at+jwt`, `client_id`, `sub`, `jti`.
    Rfc9068,
    /// Any signed JWT for the right audience whose `typ` is not registered for another use. An ID token is one, too.
    Any,
}

impl TokenProfile {
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

    /// Whether the claims are those of an access token.
    pub(super) fn check_shape(self, claims: &Claims) -> Result<(), Rejection> {
        let has = |name| claims.string(name).is_some_and(|value| !value.is_empty());
        let access_token = match self {
            // Okta's reserved claims. An ID token has neither `cid` nor `scp`, and its `jti` begins with `ID.`; an ID-JAG's with
            // `IDAAG.`.
            Self::Okta => {
                let foreign = |id: &str| id.starts_with("ID.") || id.starts_with("IDAAG.");
                !claims.string("jti").is_some_and(foreign)
                    && has("cid")
                    && claims.get("scp").is_some_and(|list| is_list(&list))
            }
            // Section 2.2: what every access token of that profile has.
            Self::Rfc9068 => {
                let scopes = match (claims.get("scope"), claims.get("scp")) {
                    (Some(scope), _) => scope.as_str().is_some(),
                    (None, Some(list)) => is_list(&list),
                    (None, None) => true,
                };
                ["sub", "jti", "client_id"].into_iter().all(has) && scopes
            }
            Self::Any => true,
        };
        if access_token { Ok(()) } else { Err(Rejection::NotAnAccessToken) }
    }

    /// The client that a token was issued to.
    pub(super) fn client_id(self, claims: &Claims) -> Option<&str> {
        match self {
            Self::Okta => claims.string("cid"),
            Self::Rfc9068 => claims.string("client_id"),
            Self::Any => claims.string("cid").or_else(|| claims.string("client_id")),
        }
    }

    /// The scopes of a token. What has another form than expected is not there, and no rule that asks for it holds.
    pub(super) fn scopes(self, claims: &Claims) -> impl Iterator<Item = &str> {
        let list = match self {
            Self::Okta => claims.get("scp"),
            // RFC 8693 section 4.2's `scope`, or the `scp` that Okta and others write instead.
            Self::Rfc9068 => claims.get("scope").or_else(|| claims.get("scp")),
            Self::Any => claims.get("scp").or_else(|| claims.get("scope")),
        };
        let (words, items) = match list {
            Some(ValueRef::String(words)) => (Some(words), None),
            Some(ValueRef::Array(items)) => (None, Some(items)),
            _ => (None, None),
        };
        let words = words.into_iter().flat_map(str::split_ascii_whitespace);
        words.chain(items.into_iter().flatten().filter_map(|item| item.as_str()))
    }
}

/// An array of strings.
fn is_list(value: &ValueRef<'_>) -> bool {
    value.as_array().is_some_and(|mut items| items.all(|item| item.as_str().is_some()))
}
