//! Security event tokens (RFC 8417) of Okta's transmitter of the Shared Signals Framework.

use super::org_jwt::{check_audience, check_times, time, token_id};
use super::{CLOCK_SKEW, OrgJwtError, Subject};
use crate::json::{Object, Value};
use crate::time::UnixTime;

/// A timestamp above this number is in milliseconds: in seconds, it would be in the year 5138.
const MAX_SECONDS: f64 = 1e11;

/// The kind of a security event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventKind {
    /// CAEP session-revoked. Okta sends it for `user.session.end`.
    SessionRevoked,
    /// CAEP credential-change. Okta sends it if a factor or the password of a user changes.
    CredentialChange,
    /// SSF verification, or SSF stream-updated: about the stream, not about a user.
    Stream,
}

/// The requirements for the tokens of one org.
#[derive(Clone, Copy, Debug)]
pub struct EventRequirements<'a> {
    /// The issuers of the org: its URL and its custom domains.
    pub issuers: &'a [String],
    /// The accepted values of `aud`.
    pub audiences: &'a [String],
}

/// A security event that was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecurityEvent {
    /// `jti` of the token.
    pub token_id: String,
    /// The kind.
    pub kind: EventKind,
    /// The user; `None` for an event about the stream.
    pub subject: Option<Subject>,
    /// The time of the event in seconds since the epoch, rounded down.
    pub at: i64,
}

impl EventKind {
    const ALL: [(&'static str, Self); 4] = [
        ("https://schemas.openid.net/secevent/caep/event-type/session-revoked", Self::SessionRevoked),
        ("https://schemas.openid.net/secevent/caep/event-type/credential-change", Self::CredentialChange),
        ("https://schemas.openid.net/secevent/ssf/event-type/verification", Self::Stream),
        ("https://schemas.openid.net/secevent/ssf/event-type/stream-updated", Self::Stream),
    ];
}

impl SecurityEvent {
    /// The `typ` of a security event token (RFC 8417 section 2.3).
    pub const TYP: &'static str = "secevent+jwt";

    /// Checks the payload of a token whose signature is verified.
    ///
    /// # Errors
    /// The error of the first check that fails.
    pub fn check(
        payload: &Object,
        requirements: &EventRequirements<'_>,
        now: UnixTime,
    ) -> Result<Self, OrgJwtError> {
        let issuer = payload.get("iss").and_then(Value::as_str);
        if !issuer.is_some_and(|issuer| requirements.issuers.iter().any(|own| own == issuer)) {
            return Err(OrgJwtError::IssuerUnknown);
        }
        check_audience(payload, requirements.audiences)?;
        let token_id = token_id(payload)?;
        let issued_at = check_times(payload, now)?.ok_or(OrgJwtError::TimeMalformed)?;
        // SSF 1.0 section 4.1.1. It also keeps a SET from being an ID token.
        if payload.contains_key("sub") {
            return Err(OrgJwtError::SubjectClaimPresent);
        }
        let Some(Value::Object(events)) = payload.get("events") else {
            return Err(OrgJwtError::EventUnknown);
        };
        let mut events = events.iter();
        let (Some((uri, Value::Object(event))), None) = (events.next(), events.next()) else {
            return Err(OrgJwtError::EventUnknown);
        };
        let kind = EventKind::ALL.iter().find(|(known, _)| known == uri).map(|(_, kind)| *kind);
        let kind = kind.ok_or(OrgJwtError::EventUnknown)?;
        let subject = match kind {
            EventKind::Stream => None,
            EventKind::SessionRevoked | EventKind::CredentialChange => {
                Some(subject(payload, event).and_then(|subject| {
                    let is_own = subject.is_of(requirements.issuers);
                    if is_own { Ok(subject) } else { Err(OrgJwtError::SubjectNotAllowed) }
                })?)
            }
        };
        let at = event_time(event)?.unwrap_or(issued_at);
        // Okta's clock and the receiver's can differ, so the later one bounds the time. A token that
        // is sent again long after its issue has the time of its issue.
        let latest = now.seconds().clamp(issued_at, issued_at.saturating_add(CLOCK_SKEW));
        Ok(Self { token_id, kind, subject, at: at.min(latest) })
    }
}

/// Returns the subject: `sub_id` of the token (SSF 1.0), or `subject` of the event, where Okta has
/// it.
fn subject(payload: &Object, event: &Object) -> Result<Subject, OrgJwtError> {
    let places = [payload.get("sub_id"), event.get("subject")];
    let mut subjects = places.into_iter().flatten().map(|subject| {
        Subject::parse(subject).map_err(|error| match error {
            super::SubjectError::Malformed => OrgJwtError::SubjectMalformed,
            super::SubjectError::UnknownFormat | super::SubjectError::Unusable => {
                OrgJwtError::SubjectNotAllowed
            }
        })
    });
    match (subjects.next(), subjects.next()) {
        (Some(Ok(first)), None) => Ok(first),
        (Some(Ok(first)), Some(Ok(second))) if first == second => Ok(first),
        (Some(Err(error)), _) | (_, Some(Err(error))) => Err(error),
        _ => Err(OrgJwtError::SubjectMalformed),
    }
}

/// Returns `event_timestamp` in whole seconds. CAEP 1.0 defines seconds; Okta sends milliseconds.
fn event_time(event: &Object) -> Result<Option<i64>, OrgJwtError> {
    let millis = event.get("event_timestamp").and_then(Value::as_f64).filter(|time| *time > MAX_SECONDS);
    match (time(event, "event_timestamp")?, millis) {
        (_, Some(millis)) => Ok(Some((millis / 1000.0).floor() as i64)),
        (seconds, None) => Ok(seconds),
    }
}
