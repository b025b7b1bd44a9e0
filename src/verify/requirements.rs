//! The requirements of a provider for its tokens, and the check of the times.

use super::profile::TokenProfile;
use crate::claims::Claims;
use crate::crypto::Algorithm;
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// The requirements of a provider for its tokens.
#[derive(Clone, Debug)]
pub struct TokenRequirements {
    /// Accepted values of `iss`, compared exactly.
    pub issuers: Vec<String>,
    /// Accepted values of `aud`, compared exactly. A token needs one of them.
    pub audiences: Vec<String>,
    /// Accepted client IDs, compared exactly; `None` accepts every client.
    pub client_ids: Option<Vec<String>>,
    /// Accepted values of `alg`.
    pub algorithms: Vec<Algorithm>,
    /// The clock skew tolerance for `exp`, `nbf`, `iat` and `auth_time`, in seconds.
    pub clock_skew: i64,
    /// The maximum age of a token since `iat`, in seconds. It applies even if `exp` is later.
    /// `None` sets no limit.
    pub max_token_age: Option<i64>,
    /// The profile of the tokens.
    pub profile: TokenProfile,
}

impl TokenRequirements {
    /// Checks `exp`, which is required.
    pub(super) fn check_expiration(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        let expires_at = claims.expires_at().ok_or(Rejection::ExpirationMissing)?;
        // "on or after which the JWT MUST NOT be accepted" (RFC 7519 section 4.1.4)
        if now.seconds() >= expires_at.saturating_add(self.clock_skew) {
            return Err(Rejection::TokenExpired);
        }
        Ok(())
    }

    /// Checks `nbf`, if present.
    fn check_not_before(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        let latest_now = now.seconds().saturating_add(self.clock_skew);
        if claims.not_before().is_some_and(|not_before| not_before > latest_now) {
            return Err(Rejection::TokenNotYetValid);
        }
        Ok(())
    }

    /// Checks `exp` and `nbf`, if present.
    pub(super) fn check_present_times(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        if claims.expires_at().is_some() {
            self.check_expiration(claims, now)?;
        }
        self.check_not_before(claims, now)
    }

    /// Returns the time from which on `exp` or the maximum age makes the token invalid, in Unix
    /// seconds.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`] or [`Rejection::TokenTooOld`] if that time has come.
    pub(super) fn check_end(&self, claims: &Claims, now: UnixTime) -> Result<i64, Rejection> {
        self.check_expiration(claims, now)?;
        let expires_at = claims.expires_at().unwrap_or(i64::MIN).saturating_add(self.clock_skew);
        let too_old_at = claims.issued_at().zip(self.max_token_age).map_or(i64::MAX, |(issued_at, max)| {
            [max, self.clock_skew, 1].into_iter().fold(issued_at, i64::saturating_add)
        });
        if now.seconds() >= too_old_at {
            return Err(Rejection::TokenTooOld);
        }
        Ok(expires_at.min(too_old_at))
    }

    /// Checks `exp`, `nbf`, `iat` and the age of the token.
    pub(super) fn check_times(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        self.check_expiration(claims, now)?;
        self.check_not_before(claims, now)?;
        let latest_now = now.seconds().saturating_add(self.clock_skew);
        let Some(issued_at) = claims.issued_at() else {
            let is_optional = matches!(self.profile, TokenProfile::Any | TokenProfile::Introspected);
            let is_required = !is_optional || self.max_token_age.is_some();
            return if is_required { Err(Rejection::IssueTimeMissing) } else { Ok(()) };
        };
        if issued_at > latest_now {
            return Err(Rejection::IssuedInFuture);
        }
        let age = now.seconds().saturating_sub(issued_at);
        if self.max_token_age.is_some_and(|max| age > max.saturating_add(self.clock_skew)) {
            return Err(Rejection::TokenTooOld);
        }
        Ok(())
    }
}
