//! Calls of Universal Logout: Global Token Revocation (draft-parecki-oauth-global-token-revocation).
//! The token authenticates the org, and the body names the user.

use super::org_jwt::{check_audience, check_times, time, token_id};
use super::{OrgJwtError, Subject, SubjectError};
use crate::json::{self, Object, Value};
use crate::time::UnixTime;

/// The requirements for the tokens of one org.
#[derive(Clone, Copy, Debug)]
pub struct LogoutRequirements<'a> {
    /// The issuers of the org: its URL and its custom domains.
    pub issuers: &'a [String],
    /// The URL of the endpoint, without query.
    pub audience: &'a str,
    /// The client IDs of the apps whose calls are accepted.
    pub clients: &'a [String],
}

/// The claims of the token of a logout call that were verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogoutClaims {
    /// `jti` of the token.
    pub token_id: String,
    /// `iat` of the token in seconds since the epoch, rounded down; at most [`super::CLOCK_SKEW`]
    /// in the future.
    pub issued_at: Option<i64>,
}

impl LogoutClaims {
    /// The `typ` of the token.
    pub const TYP: &'static str = "global-token-revocation+jwt";

    /// Checks the payload of a token whose signature is verified.
    ///
    /// # Errors
    /// The error of the first check that fails. [`OrgJwtError::ClientNotAllowed`] if all other
    /// checks succeed.
    pub fn check(
        payload: &Object,
        requirements: &LogoutRequirements<'_>,
        now: UnixTime,
    ) -> Result<Self, OrgJwtError> {
        let text = |name| payload.get(name).and_then(Value::as_str);
        if !text("iss").is_some_and(|issuer| requirements.issuers.iter().any(|own| own == issuer)) {
            return Err(OrgJwtError::IssuerUnknown);
        }
        check_audience(payload, &[requirements.audience.to_owned()])?;
        let token_id = token_id(payload)?;
        let issued_at = check_times(payload, now)?;
        if time(payload, "exp")?.is_none() {
            return Err(OrgJwtError::TimeMalformed);
        }
        if !text("sub").is_some_and(|client| requirements.clients.iter().any(|own| own == client)) {
            return Err(OrgJwtError::ClientNotAllowed);
        }
        Ok(Self { token_id, issued_at })
    }
}

/// Returns the user of a logout call, from its body.
///
/// # Errors
/// [`SubjectError::Malformed`] if the body is not a JSON object with `sub_id`; otherwise the error
/// of the subject.
pub fn logout_subject(body: &[u8]) -> Result<Subject, SubjectError> {
    let body = json::parse_object(body).map_err(|_| SubjectError::Malformed)?;
    Subject::parse(body.get("sub_id").ok_or(SubjectError::Malformed)?)
}
