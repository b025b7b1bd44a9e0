//! The requests of Okta: security events and logout calls.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use okta_authz_filter::revocation::{
    EventKind, EventRequirements, LogoutClaims, LogoutRequirements, OrgJwt, OrgJwtError, SecurityEvent,
    Subject, SubjectError, logout_subject,
};

use super::state::{Outcome, Receiver};
use crate::clock::now;

/// The reason why a security event was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EventError {
    /// `Content-Type` is not `application/secevent+jwt`.
    ContentType,
    /// `Authorization` is not that of the stream.
    Authorization,
    /// The token is invalid.
    Token(OrgJwtError),
    /// The event could not be stored.
    NotStored(Outcome),
}

/// The result of a security event that was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EventResult {
    Stored(Outcome),
    /// The event is about the stream, or the configuration ignores its kind.
    Ignored,
}

/// The reason why a logout call was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LogoutError {
    /// There is no bearer token.
    TokenMissing,
    /// The token is invalid.
    Token(OrgJwtError),
    /// The token was used before.
    Replayed,
    /// The body is malformed, or has an unknown format of the subject.
    Body(SubjectError),
    /// The subject belongs to another configured org.
    OtherOrg,
    /// The subject belongs to an org that is not configured.
    UnknownOrg,
    /// The event could not be stored.
    NotStored(Outcome),
}

impl Receiver {
    /// Handles a security event token (RFC 8935 section 2.1).
    pub(super) async fn on_event(&self, headers: &HeaderMap, body: &[u8]) -> Result<EventResult, EventError> {
        if !has_type(headers, "application/secevent+jwt") {
            return Err(EventError::ContentType);
        }
        let token = body.trim_ascii();
        let rejected = EventError::Token;
        let issuer = issuer(token, SecurityEvent::TYP).map_err(rejected)?;
        let (org, keys) = self.org(&issuer).ok_or(rejected(OrgJwtError::IssuerUnknown))?;
        let events = org.events.as_ref().ok_or(rejected(OrgJwtError::IssuerUnknown))?;
        if let Some(expected) = &events.authorization {
            let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
            if !Self::is_secret(expected, given) {
                return Err(EventError::Authorization);
            }
        }
        let payload = keys.verify(token, SecurityEvent::TYP).await.map_err(rejected)?;
        let requirements = EventRequirements { issuers: &org.issuers, audiences: &events.audiences };
        let event = SecurityEvent::check(&payload, &requirements, now()).map_err(rejected)?;
        let is_ignored = event.kind == EventKind::CredentialChange && !events.credential_change;
        let Some(subject) = event.subject.filter(|_| !is_ignored) else { return Ok(EventResult::Ignored) };
        match self.revoke("events", org, &event.token_id, subject, event.at).await {
            failed @ (Outcome::Full | Outcome::StoreFailed) => Err(EventError::NotStored(failed)),
            outcome => Ok(EventResult::Stored(outcome)),
        }
    }

    /// Handles a call of Universal Logout.
    pub(super) async fn on_logout(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), LogoutError> {
        let rejected = LogoutError::Token;
        let token = bearer(headers).ok_or(LogoutError::TokenMissing)?;
        let issuer = issuer(token, LogoutClaims::TYP).map_err(rejected)?;
        let (org, keys) = self.org(&issuer).ok_or(rejected(OrgJwtError::IssuerUnknown))?;
        if org.logout_clients.is_empty() {
            return Err(rejected(OrgJwtError::IssuerUnknown));
        }
        let payload = keys.verify(token, LogoutClaims::TYP).await.map_err(rejected)?;
        let requirements = LogoutRequirements {
            issuers: &org.issuers,
            audience: &self.settings.logout_url,
            clients: &org.logout_clients,
        };
        let claims = LogoutClaims::check(&payload, &requirements, now()).map_err(rejected)?;
        if !has_type(headers, "application/json") {
            return Err(LogoutError::Body(SubjectError::Malformed));
        }
        let subject = logout_subject(body).map_err(LogoutError::Body)?;
        if let Subject::User { issuer, .. } = &subject
            && !subject.is_of(&org.issuers)
        {
            let is_configured = self.org(issuer).is_some();
            return Err(if is_configured { LogoutError::OtherOrg } else { LogoutError::UnknownOrg });
        }
        // The login that the call ends has a time of Okta's clock. If the receiver's clock is behind,
        // its time could be earlier than the login.
        let at = claims.issued_at.map_or(now().seconds(), |issued_at| issued_at.max(now().seconds()));
        match self.revoke("logout", org, &claims.token_id, subject, at).await {
            // The body is not signed, so a token authenticates one call only.
            Outcome::Duplicate => Err(LogoutError::Replayed),
            failed @ (Outcome::Full | Outcome::StoreFailed) => Err(LogoutError::NotStored(failed)),
            Outcome::Accepted | Outcome::Ended => Ok(()),
        }
    }
}

/// Returns the unverified issuer of a token of this type.
fn issuer(token: &[u8], typ: &str) -> Result<String, OrgJwtError> {
    let jwt = OrgJwt::parse(token, typ)?;
    jwt.issuer().map(str::to_owned).ok_or(OrgJwtError::IssuerUnknown)
}

/// Returns the token of `Authorization: Bearer`, if the request has one such header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii()).filter(|token| !token.is_empty())
}

/// Returns whether `Content-Type` is this media type, with any parameters.
fn has_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
}
