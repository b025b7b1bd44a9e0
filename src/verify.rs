//! The checks that turn a token into an identity, and their order.
//!
//! The filter first makes the cheap checks that need no key: form, header, issuer, expiration. Then
//! it verifies the signature. Audience, client ID and policy come after the signature, so that a
//! client cannot probe them with an unsigned token.
//!
//! Each step consumes or borrows the result of the step before, so no step can be omitted:
//! [`UnverifiedToken`], [`PrecheckedToken`], [`VerifiedJws`], [`AccessToken`], [`Identity`]. The
//! filter may cache an [`AccessToken`] while the configuration is in use. An [`Identity`] is valid
//! for one point in time.

mod identity;
mod introspected;
mod profile;
mod requirements;
mod token_type;

use std::rc::Rc;
use std::sync::Arc;

use crate::claims::Claims;
use crate::confirmation::Confirmation;
use crate::crypto::{Algorithm, PublicKey, SignatureError, SignatureVerifier};
use crate::jwks::KeySet;
use crate::observer::{Check, DecisionEvent, DecisionObserver};
use crate::rejection::{Rejection, ensure};
use crate::time::UnixTime;
use crate::token::{CompactJws, JoseHeader, JoseHeaderCache};

pub use identity::Identity;
pub use profile::TokenProfile;
pub use requirements::TokenRequirements;

/// A well-formed token whose signature is not verified.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    jws: CompactJws<'a>,
    claims: Claims,
}

/// A token that passed all checks that need no key. Its signature is not verified.
#[derive(Debug)]
pub struct PrecheckedToken<'a> {
    token: UnverifiedToken<'a>,
    algorithm: Algorithm,
}

/// A token with a valid signature under a key of its issuer.
#[derive(Clone, Debug)]
pub struct VerifiedJws {
    claims: Claims,
    header: Rc<JoseHeader>,
    algorithm: Algorithm,
    key: Arc<PublicKey>,
}

/// A token that met all requirements of its provider when the filter accepted it: a JWT, or a token
/// that is active by its introspection.
///
/// Two checks can have another result later, so a cache repeats them: the times
/// (`valid_at`) and the publication of the key (`is_key_published`).
#[derive(Clone, Debug)]
pub struct AccessToken {
    claims: Claims,
    /// `None` for the claims of an introspection response.
    signature: Option<VerifiedSignature>,
    confirmation: Option<Confirmation>,
}

/// The header of a JWT, and the key that verified its signature.
#[derive(Clone, Debug)]
struct VerifiedSignature {
    header: Rc<JoseHeader>,
    algorithm: Algorithm,
    key: Arc<PublicKey>,
}

impl<'a> UnverifiedToken<'a> {
    /// Parses a token of at most `max_bytes`.
    ///
    /// # Errors
    /// The rejection for the defect of its form.
    pub fn parse(token: &'a [u8], max_bytes: usize, headers: &JoseHeaderCache) -> Result<Self, Rejection> {
        let mut jws = CompactJws::parse(token, max_bytes, headers)?;
        let claims = Claims::parse(std::mem::take(&mut jws.payload))?;
        Ok(Self { jws, claims })
    }

    /// Returns `iss`. It is unverified: use it only to select the provider.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.string("iss")
    }

    /// Returns the JOSE header. It is unverified.
    pub fn header(&self) -> Rc<JoseHeader> {
        Rc::clone(&self.jws.header)
    }

    /// Returns the payload as the client sent it: base64url without padding.
    pub(crate) fn encoded_payload(&self) -> &'a [u8] {
        self.jws.signing_input.split(|byte| *byte == b'.').nth(1).unwrap_or_default()
    }

    /// Returns the event that reports the token to an observer.
    pub(crate) fn parsed_event(&self) -> DecisionEvent<'_> {
        DecisionEvent::TokenParsed(&self.jws.header, &self.claims)
    }

    /// Makes the checks that need no key: issuer, algorithm, type, key ID and expiration.
    ///
    /// # Errors
    /// The rejection of the first check that fails.
    pub fn precheck(
        self,
        requirements: &TokenRequirements,
        now: UnixTime,
        observer: &mut impl DecisionObserver,
    ) -> Result<PrecheckedToken<'a>, Rejection> {
        let issuer = self.issuer().ok_or(Rejection::IssuerUnknown)?;
        if !requirements.issuers.iter().any(|accepted| accepted == issuer) {
            return Err(Rejection::IssuerUnknown);
        }
        let header = &self.jws.header;
        let algorithm = header.algorithm.filter(|algorithm| requirements.algorithms.contains(algorithm));
        let algorithm =
            observer.checked(Check::Algorithm, algorithm.ok_or(Rejection::AlgorithmNotAllowed))?;
        observer.checked(Check::Type, requirements.profile.check_type(header.typ.as_deref()))?;
        let has_key_id = header.key_id.is_some() || requirements.profile == TokenProfile::Any;
        observer.checked(Check::KeyId, ensure(has_key_id, Rejection::KeyIdMissing))?;
        observer.checked(Check::Expiration, requirements.check_expiration(&self.claims, now))?;
        Ok(PrecheckedToken { token: self, algorithm })
    }
}

impl PrecheckedToken<'_> {
    /// Verifies the signature under the keys that the key ID and the algorithm select, at most
    /// [`MAX_CANDIDATES`](crate::jwks::MAX_CANDIDATES) of them, until it is valid under one.
    ///
    /// # Errors
    /// * [`Rejection::KeyUnknown`] if no key has the key ID; `keys` may be out of date.
    /// * [`Rejection::KeyMismatch`] if the key is for another algorithm or use.
    /// * [`Rejection::SignatureInvalid`] if the signature is invalid under every selected key.
    /// * [`Rejection::CryptoUnavailable`] if the verifier cannot use one of the selected keys, and
    ///   the signature is valid under no other key.
    pub fn verify(
        self,
        keys: &KeySet,
        verifier: &dyn SignatureVerifier,
        observer: &mut impl DecisionObserver,
    ) -> Result<VerifiedJws, Rejection> {
        let Self { token: UnverifiedToken { jws, claims }, algorithm } = self;
        let candidates = observer.checked(Check::Key, keys.find(jws.header.key_id.as_deref(), algorithm))?;
        let signature = candidates.verify(algorithm, jws.signing_input, &jws.signature, verifier);
        let signature = signature.map_err(|error| match error {
            SignatureError::Invalid => Rejection::SignatureInvalid,
            SignatureError::Unavailable => Rejection::CryptoUnavailable,
        });
        let key = observer.checked(Check::Signature, signature)?;
        Ok(VerifiedJws { claims, header: jws.header, algorithm, key: Arc::clone(key) })
    }
}

impl VerifiedJws {
    /// Checks the claims: times, audience, the claims of the token profile, client ID, and the
    /// form of `cnf`.
    ///
    /// The result is valid only for these requirements.
    ///
    /// # Errors
    /// The rejection of the first check that fails.
    pub fn accept(
        self,
        requirements: &TokenRequirements,
        now: UnixTime,
        observer: &mut impl DecisionObserver,
    ) -> Result<AccessToken, Rejection> {
        let claims = &self.claims;
        observer.checked(Check::Times, requirements.check_times(claims, now))?;
        let is_audience = claims
            .audiences()
            .any(|audience| requirements.audiences.iter().any(|accepted| accepted == audience));
        observer.checked(Check::Audience, ensure(is_audience, Rejection::AudienceNotAllowed))?;
        observer.checked(Check::Shape, requirements.profile.check_claims(claims))?;
        let is_accepted_by = |accepted: &Vec<String>| {
            let client_id = requirements.profile.client_id(claims);
            client_id.is_some_and(|id| accepted.iter().any(|accepted| accepted == id))
        };
        let is_client = requirements.client_ids.as_ref().is_none_or(is_accepted_by);
        observer.checked(Check::Client, ensure(is_client, Rejection::ClientNotAllowed))?;
        let confirmation = observer.checked(Check::Confirmation, Confirmation::of(claims))?;
        let Self { claims, header, algorithm, key } = self;
        Ok(AccessToken {
            claims,
            signature: Some(VerifiedSignature { header, algorithm, key }),
            confirmation,
        })
    }
}

impl AccessToken {
    /// Returns the key or the certificate that the token is bound to; `None` for a bearer token.
    pub(crate) const fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Returns the identity of the token at the time `now`. `requirements` must be those with which
    /// the filter accepted the token.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`] and the other rejections for times.
    pub(crate) fn valid_at<'a>(
        &'a self,
        requirements: &'a TokenRequirements,
        now: UnixTime,
    ) -> Result<Identity<'a>, Rejection> {
        requirements.check_times(&self.claims, now)?;
        Ok(self.identity_at(requirements, now))
    }

    /// Returns the identity of the token without a check of its times.
    pub(crate) fn identity_at<'a>(
        &'a self,
        requirements: &'a TokenRequirements,
        now: UnixTime,
    ) -> Identity<'a> {
        let skew = requirements.clock_skew;
        let (earliest_now, latest_now) =
            (now.seconds().saturating_sub(skew), now.seconds().saturating_add(skew));
        Identity {
            claims: &self.claims,
            issuers: &requirements.issuers,
            profile: requirements.profile,
            is_sender_constrained: self.confirmation.is_some(),
            earliest_now,
            latest_now,
        }
    }

    /// Returns the time from which on the filter rejects the token, in Unix seconds.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`] or [`Rejection::TokenTooOld`] if that time has come.
    pub(crate) fn check_end(
        &self,
        requirements: &TokenRequirements,
        now: UnixTime,
    ) -> Result<i64, Rejection> {
        let ends_at = requirements.check_end(&self.claims, now)?;
        match self.expires_at().filter(|_| self.is_introspected()) {
            // No result may be used beyond `exp` (RFC 7662 section 4), so without the clock skew.
            Some(expires_at) if expires_at <= now.seconds() => Err(Rejection::TokenExpired),
            Some(expires_at) => Ok(expires_at.min(ends_at)),
            None => Ok(ends_at),
        }
    }

    /// Returns whether `aud` has this value, compared exactly.
    pub(crate) fn has_audience(&self, audience: &str) -> bool {
        self.claims.audiences().any(|value| value == audience)
    }

    /// Returns whether `keys` still has the key that verified the signature, with the same key ID
    /// and for the same algorithm.
    pub(crate) fn is_key_published(&self, keys: &KeySet) -> bool {
        let Some(VerifiedSignature { header, algorithm, key }) = &self.signature else { return false };
        keys.find(header.key_id.as_deref(), *algorithm)
            .is_ok_and(|published| published.iter().any(|published| published == key))
    }

    /// Returns whether `exp` plus the clock skew has passed.
    pub(crate) fn has_expired(&self, requirements: &TokenRequirements, now: UnixTime) -> bool {
        requirements.check_expiration(&self.claims, now).is_err()
    }

    /// Returns the approximate heap size in bytes. Several tokens may share a header; each counts
    /// it.
    pub(crate) fn heap_bytes(&self) -> usize {
        let header = self.signature.as_ref().map_or(0, |VerifiedSignature { header, .. }| {
            let texts = [&header.key_id, &header.typ].into_iter().flatten();
            texts.map(|text| text.len()).fold(size_of::<JoseHeader>(), usize::saturating_add)
        });
        self.claims.heap_bytes().saturating_add(header)
    }
}
