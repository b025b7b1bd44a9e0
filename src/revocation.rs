//! Revocations that an Okta org pushes: security event tokens (SET, RFC 8417) of the Shared Signals
//! Framework, and the calls of Universal Logout (Global Token Revocation).
//!
//! An org signs both with the keys of its org authorization server. The keys of a custom
//! authorization server sign neither, so no access token and no ID token of an API passes. The
//! command `okta-authz receive` uses this module; the wasm module does not contain it.

mod logout;
mod org_jwt;
mod security_event;
mod subject;

use std::fmt;

pub use logout::{LogoutClaims, LogoutRequirements, logout_subject};
pub use org_jwt::OrgJwt;
pub use security_event::{EventKind, EventRequirements, SecurityEvent};
pub use subject::{Subject, SubjectError};

/// The tolerance for the clocks of Okta and of the receiver, in seconds. Okta dates `nbf` back by
/// this time.
pub const CLOCK_SKEW: i64 = 300;

/// The reason why a security event token or the token of a logout call is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OrgJwtError {
    /// The token is not a compact JWS with JSON objects, or it is too long.
    Malformed,
    /// `typ` is not the type of this use.
    TypeNotAllowed,
    /// `iss` is not an issuer of the org.
    IssuerUnknown,
    /// `alg` is not `RS256`, the algorithm of Okta.
    AlgorithmNotAllowed,
    /// The token has no `kid`, or the org has no such key.
    KeyUnknown,
    /// The keys of the org could not be fetched. The sender can retry.
    KeysUnavailable,
    /// The signature is invalid.
    SignatureInvalid,
    /// `aud` has none of the accepted values.
    AudienceNotAllowed,
    /// `sub` is not an accepted client ID.
    ClientNotAllowed,
    /// `jti` is missing, empty or longer than 256 bytes.
    TokenIdMissing,
    /// `iat`, `exp` or `nbf` is missing or malformed.
    TimeMalformed,
    /// `exp` is in the past.
    Expired,
    /// `iat` or `nbf` is in the future.
    NotYetValid,
    /// A SET has `sub` (forbidden by SSF 1.0 section 4.1.1).
    SubjectClaimPresent,
    /// `events` is not an object with exactly one known event.
    EventUnknown,
    /// The subject is missing, or the two places of the subject differ.
    SubjectMalformed,
    /// The subject has an unknown format, or belongs to another org.
    SubjectNotAllowed,
}

impl OrgJwtError {
    /// Returns the name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::IssuerUnknown => "issuer_unknown",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::KeyUnknown => "key_unknown",
            Self::KeysUnavailable => "keys_unavailable",
            Self::SignatureInvalid => "signature_invalid",
            Self::AudienceNotAllowed => "audience_not_allowed",
            Self::ClientNotAllowed => "client_not_allowed",
            Self::TokenIdMissing => "token_id_missing",
            Self::TimeMalformed => "time_malformed",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::SubjectClaimPresent => "subject_claim_present",
            Self::EventUnknown => "event_unknown",
            Self::SubjectMalformed => "subject_malformed",
            Self::SubjectNotAllowed => "subject_not_allowed",
        }
    }
}

impl fmt::Display for OrgJwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the token is not a signed JWT",
            Self::TypeNotAllowed => "the header typ has another type",
            Self::IssuerUnknown => "the issuer is not a configured org",
            Self::AlgorithmNotAllowed => "the algorithm must be RS256",
            Self::KeyUnknown => "the org has no key with this kid",
            Self::KeysUnavailable => "the keys of the org are unavailable",
            Self::SignatureInvalid => "the signature is invalid",
            Self::AudienceNotAllowed => "the audience is not this receiver",
            Self::ClientNotAllowed => "sub is not a configured client",
            Self::TokenIdMissing => "jti must have 1 to 256 bytes",
            Self::TimeMalformed => "a time is missing or is not a number of seconds",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::SubjectClaimPresent => "the token has sub",
            Self::EventUnknown => "events must have exactly one known event",
            Self::SubjectMalformed => "the subject is missing or ambiguous",
            Self::SubjectNotAllowed => "the subject has an unknown format or another issuer",
        })
    }
}

/// Returns the time in seconds by which a login must be later to be valid: the first whole second
/// after the event. `auth_time` has whole seconds, so a login within the second of the event counts
/// as earlier.
pub const fn first_valid_second(event_at: i64) -> i64 {
    event_at.saturating_add(1)
}
