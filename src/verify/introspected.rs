//! The checks of an introspection response (RFC 7662 section 2.2) for an active token.

use super::{AccessToken, TokenRequirements};
use crate::claims::Claims;
use crate::confirmation::Confirmation;
use crate::rejection::{Rejection, ensure};
use crate::time::UnixTime;

/// The `token_type` of a token that is bound to a key (RFC 9449 section 6.2).
const DPOP: &str = "DPoP";

impl AccessToken {
    /// Accepts the claims of a response for an active token.
    ///
    /// For an opaque token, the response is all that the filter knows, so it must have `exp` and an
    /// accepted `aud`, which RFC 7662 does not require. For a JWT (`is_jwt`), whose own claims the
    /// filter has verified, the members that are present must be acceptable.
    ///
    /// # Errors
    /// The rejection of the first check that fails.
    pub(crate) fn introspected(
        claims: Claims,
        requirements: &TokenRequirements,
        is_jwt: bool,
        now: UnixTime,
    ) -> Result<Self, Rejection> {
        let issuer = claims.string("iss");
        let is_issuer = |issuer| requirements.issuers.iter().any(|accepted| accepted == issuer);
        ensure(issuer.is_none_or(is_issuer), Rejection::IssuerUnknown)?;
        // RFC 6749 section 5.1: the type is not case-sensitive.
        let token_type = claims.get("token_type").map(|value| value.as_str().unwrap_or_default());
        let is_type = |name: &str| token_type.is_some_and(|own| own.eq_ignore_ascii_case(name));
        let is_dpop = is_type(DPOP);
        ensure(token_type.is_none() || is_type("Bearer") || is_dpop, Rejection::NotAnAccessToken)?;
        if is_jwt {
            requirements.check_present_times(&claims, now)?;
        } else {
            requirements.check_times(&claims, now)?;
        }
        let is_accepted = |audience: &str| requirements.audiences.iter().any(|accepted| accepted == audience);
        let is_audience = (is_jwt && claims.get("aud").is_none()) || claims.audiences().any(is_accepted);
        ensure(is_audience, Rejection::AudienceNotAllowed)?;
        let is_client = is_jwt
            || requirements.client_ids.as_ref().is_none_or(|accepted| {
                claims.string("client_id").is_some_and(|id| accepted.iter().any(|accepted| accepted == id))
            });
        ensure(is_client, Rejection::ClientNotAllowed)?;
        let confirmation = Confirmation::of(&claims)?;
        // Without `cnf`, which servers omit, the filter cannot verify a proof. As a bearer token, the
        // token would be valid for each client.
        let is_bound = || confirmation.is_some_and(|confirmation| confirmation.key_thumbprint.is_some());
        ensure(is_jwt || !is_dpop || is_bound(), Rejection::TokenNotBound)?;
        Ok(Self { claims, signature: None, confirmation })
    }

    /// Returns whether the introspection response has `token_type: DPoP`.
    pub(crate) fn has_dpop_type(&self) -> bool {
        self.claims.string("token_type").is_some_and(|own| own.eq_ignore_ascii_case(DPOP))
    }

    /// Returns whether the claims are those of an introspection response.
    pub(crate) const fn is_introspected(&self) -> bool {
        self.signature.is_none()
    }

    /// Returns `exp` in seconds since the epoch.
    pub(crate) const fn expires_at(&self) -> Option<i64> {
        self.claims.expires_at()
    }
}
