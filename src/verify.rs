//! The order of the checks that make a token an identity.
//!
//! Cheap checks that need no secret come first: the form, the header, the issuer, a life that is over. Then the
//! signature. Audience, client and policy come after it, so that an unsigned token is no probe of these.
//!
//! Each step consumes or borrows the one before, so none can be left out: [`UnverifiedToken`] becomes [`PrecheckedToken`] by all checks
//! that need no key, [`VerifiedJws`] only by a signature that holds, and [`AccessToken`] by being meant for us. That may be
//! remembered, for nothing in it changes while the configuration does not; an [`Identity`] is lent for the moment it was asked for.

mod identity;
mod profile;
mod token_type;

use std::rc::Rc;
use std::sync::Arc;

use crate::claims::Claims;
use crate::crypto::{Algorithm, PublicKey, SignatureError, SignatureVerifier};
use crate::jwks::KeySet;
use crate::observer::{Check, DecisionEvent, DecisionObserver};
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::token::{CompactJws, JoseHeader, JoseHeaderCache};

pub use identity::Identity;
pub use profile::TokenProfile;

/// What a provider expects of a token.
#[derive(Clone, Debug)]
pub struct TokenRequirements {
    /// Accepted values of `iss`, compared exactly.
    pub issuers: Vec<String>,
    /// Accepted values of `aud`, any of, compared exactly.
    pub audiences: Vec<String>,
    /// Accepted clients; `None` accepts all.
    pub client_ids: Option<Vec<String>>,
    /// Accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Seconds by which clocks may differ.
    pub clock_skew: i64,
    /// Seconds since `iat` after which a token is refused, whatever its `exp`.
    pub max_token_age: Option<i64>,
    /// The shape of an access token.
    pub profile: TokenProfile,
}

/// A well-formed token that proves nothing yet.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    jws: CompactJws<'a>,
    claims: Claims,
}

/// A token that nothing speaks against, and that still proves nothing.
#[derive(Debug)]
pub struct PrecheckedToken<'a> {
    token: UnverifiedToken<'a>,
    algorithm: Algorithm,
}

/// Claims whose signature held under a key of the provider.
#[derive(Clone, Debug)]
pub struct VerifiedJws {
    claims: Claims,
    header: Rc<JoseHeader>,
    algorithm: Algorithm,
    key: Arc<PublicKey>,
}

/// A token that was good for its provider when it was accepted. What can change is asked anew: its times ([`Self::valid_at`]), and
/// whether its key is still published ([`Self::is_key_published`]).
#[derive(Clone, Debug)]
pub struct AccessToken(VerifiedJws);

impl<'a> UnverifiedToken<'a> {
    /// Reads a token.
    ///
    /// # Errors
    /// The rejection that says what is wrong with its form.
    pub fn parse(token: &'a [u8], max_bytes: usize, headers: &JoseHeaderCache) -> Result<Self, Rejection> {
        let mut jws = CompactJws::parse(token, max_bytes, headers)?;
        let claims = Claims::parse(std::mem::take(&mut jws.payload))?;
        Ok(Self { jws, claims })
    }

    /// The issuer the token claims to be from. Good for choosing whom to ask, and for nothing else.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.string("iss")
    }

    /// Whose key the token says it is signed with, and how.
    pub fn header(&self) -> Rc<JoseHeader> {
        Rc::clone(&self.jws.header)
    }

    /// The payload as it was sent: base64url without padding.
    pub fn encoded_payload(&self) -> &'a [u8] {
        self.jws.signing_input.split(|byte| *byte == b'.').nth(1).unwrap_or_default()
    }

    /// What those are told who watch.
    pub fn parsed_event(&self) -> DecisionEvent<'_> {
        DecisionEvent::TokenParsed(&self.jws.header, &self.claims)
    }

    /// Everything that can be refused without a key.
    ///
    /// # Errors
    /// The first rejection that applies.
    pub fn precheck(
        self,
        expected: &TokenRequirements,
        now: UnixTime,
        trace: &mut impl DecisionObserver,
    ) -> Result<PrecheckedToken<'a>, Rejection> {
        let issuer = self.issuer().ok_or(Rejection::IssuerUnknown)?;
        if !expected.issuers.iter().any(|accepted| accepted == issuer) {
            return Err(Rejection::IssuerUnknown);
        }
        let header = &self.jws.header;
        let algorithm = header.algorithm.filter(|algorithm| expected.algorithms.contains(algorithm));
        let algorithm = trace.checked(Check::Algorithm, algorithm.ok_or(Rejection::AlgorithmNotAllowed))?;
        trace.checked(Check::Type, expected.profile.check_type(header.typ.as_deref()))?;
        let named = header.key_id.is_some() || expected.profile == TokenProfile::Any;
        trace.checked(Check::KeyId, named.then_some(()).ok_or(Rejection::KeyIdMissing))?;
        trace.checked(Check::Expiration, expected.check_expiration(&self.claims, now))?;
        Ok(PrecheckedToken { token: self, algorithm })
    }
}

impl PrecheckedToken<'_> {
    /// Checks the signature, with each of the keys that may have made it, until it holds under one: at most
    /// [`MAX_CANDIDATES`](crate::jwks::MAX_CANDIDATES).
    ///
    /// # Errors
    /// The first rejection that applies; [`Rejection::KeyUnknown`] may mean that `keys` is out of date.
    /// [`Rejection::CryptoUnavailable`] if one of several keys could not be tried: the signature may be that key's.
    pub fn verify(
        self,
        keys: &KeySet,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl DecisionObserver,
    ) -> Result<VerifiedJws, Rejection> {
        let Self { token: UnverifiedToken { jws, claims }, algorithm } = self;
        let candidates = trace.checked(Check::Key, keys.find(jws.header.key_id.as_deref(), algorithm))?;
        let signature = candidates.verify(algorithm, jws.signing_input, &jws.signature, verifier);
        let signature = signature.map_err(|error| match error {
            SignatureError::Invalid => Rejection::SignatureInvalid,
            SignatureError::Unavailable => Rejection::CryptoUnavailable,
        });
        let key = trace.checked(Check::Signature, signature)?;
        Ok(VerifiedJws { claims, header: jws.header, algorithm, key: Arc::clone(key) })
    }
}

impl VerifiedJws {
    /// Asks whether the token is good at this moment, and for this provider. The provider's expectations must not change
    /// as long as what comes of it is kept.
    ///
    /// # Errors
    /// The first rejection that applies.
    pub fn accept(
        self,
        expected: &TokenRequirements,
        now: UnixTime,
        trace: &mut impl DecisionObserver,
    ) -> Result<AccessToken, Rejection> {
        let claims = &self.claims;
        let holds = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        trace.checked(Check::Times, expected.check_times(claims, now))?;
        let for_us =
            claims.audiences().any(|audience| expected.audiences.iter().any(|accepted| accepted == audience));
        trace.checked(Check::Audience, holds(for_us, Rejection::AudienceNotAllowed))?;
        trace.checked(Check::Shape, expected.profile.check_shape(claims))?;
        let is_client = |accepted: &Vec<String>| {
            let client_id = expected.profile.client_id(claims);
            client_id.is_some_and(|id| accepted.iter().any(|accepted| accepted == id))
        };
        let client = expected.client_ids.as_ref().is_none_or(is_client);
        trace.checked(Check::Client, holds(client, Rejection::ClientNotAllowed))?;
        // A bound token taken as a bearer token is worth no more than a stolen one (RFC 9449 section 7.1).
        trace.checked(Check::Binding, holds(claims.get("cnf").is_none(), Rejection::TokenBound))?;
        Ok(AccessToken(self))
    }
}

impl AccessToken {
    /// Who asks with it at this moment, for the provider that has accepted it.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`], and what else its times may say.
    pub fn valid_at(&self, expected: &TokenRequirements, now: UnixTime) -> Result<Identity<'_>, Rejection> {
        let claims = &self.0.claims;
        expected.check_times(claims, now)?;
        let skew = expected.clock_skew;
        let (now, latest) = (now.seconds().saturating_sub(skew), now.seconds().saturating_add(skew));
        Ok(Identity { claims, profile: expected.profile, now, latest })
    }

    /// Whether the key that the signature held under is still among these, for the same use and under the same name.
    pub fn is_key_published(&self, keys: &KeySet) -> bool {
        let VerifiedJws { header, algorithm, key, .. } = &self.0;
        keys.find(header.key_id.as_deref(), *algorithm)
            .is_ok_and(|published| published.iter().any(|published| published == key))
    }

    /// Whether its time is over, now and for ever.
    pub fn has_expired(&self, expected: &TokenRequirements, now: UnixTime) -> bool {
        expected.check_expiration(&self.0.claims, now).is_err()
    }

    /// About what it occupies, in bytes. The header may be that of many: it counts as if it were not.
    pub fn heap_bytes(&self) -> usize {
        let VerifiedJws { claims, header, .. } = &self.0;
        let texts = [&header.key_id, &header.typ].into_iter().flatten();
        let header = texts.map(|text| text.len()).fold(size_of::<JoseHeader>(), usize::saturating_add);
        claims.heap_bytes().saturating_add(header)
    }
}

impl TokenRequirements {
    fn check_expiration(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        let expires_at = claims.expires_at().ok_or(Rejection::ExpirationMissing)?;
        // "on or after which the JWT MUST NOT be accepted" (RFC 7519 section 4.1.4)
        if now.seconds() >= expires_at.saturating_add(self.clock_skew) {
            return Err(Rejection::TokenExpired);
        }
        Ok(())
    }

    fn check_times(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        self.check_expiration(claims, now)?;
        let latest_past = now.seconds().saturating_add(self.clock_skew);
        if claims.not_before().is_some_and(|not_before| not_before > latest_past) {
            return Err(Rejection::TokenNotYetValid);
        }
        let Some(issued_at) = claims.issued_at() else {
            let required = self.profile != TokenProfile::Any || self.max_token_age.is_some();
            return if required { Err(Rejection::IssueTimeMissing) } else { Ok(()) };
        };
        if issued_at > latest_past {
            return Err(Rejection::IssuedInFuture);
        }
        let age = now.seconds().saturating_sub(issued_at);
        if self.max_token_age.is_some_and(|max| age > max.saturating_add(self.clock_skew)) {
            return Err(Rejection::TokenTooOld);
        }
        Ok(())
    }
}
