//! The check that the sender of a request is the client that its token is bound to.

use sha2::{Digest as _, Sha256};

use super::authentication::AuthenticatedToken;
use super::{Environment, Filter};
use crate::config::Provider;
use crate::dpop::{self, BoundRequest, VerifiedProof};
use crate::observer::{Check, DecisionObserver};
use crate::policy::NormalizedRequest;
use crate::rejection::Rejection;
use crate::request::{AuthScheme, RequestHead};
use crate::time::UnixTime;

impl Filter {
    /// Checks the binding of the token (RFC 9449 section 7.1, RFC 8705 section 3), and the proof of
    /// a token that is bound to a key. Returns the proof, which the filter has yet to record.
    ///
    /// # Errors
    /// [`Rejection::TokenBound`] for a binding that the configuration does not support.
    /// [`Rejection::TokenNotBound`], [`Rejection::DpopSchemeRequired`] and
    /// [`Rejection::SenderConstraintRequired`] for a token whose binding does not fit. The
    /// rejections of the client certificate and of the proof.
    pub(super) fn check_sender_constraint(
        &self,
        authenticated: &AuthenticatedToken<'_>,
        provider: &Provider,
        (head, request): (&RequestHead<'_>, &NormalizedRequest<'_>),
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<Option<VerifiedProof>, Rejection> {
        let result = match authenticated.verified.token.confirmation() {
            None if authenticated.credential.scheme == AuthScheme::Bearer
                && !provider.requires_sender_constraint =>
            {
                Ok(None)
            }
            _ => self.check_confirmation(authenticated, provider, head, environment),
        };
        let Some(jkt) = observer.checked(Check::Binding, result)? else { return Ok(None) };
        self.verify_proof(authenticated, &jkt, (head, request), environment, observer).map(Some)
    }

    /// Checks that the scheme fits the confirmation of the token, and the client certificate. The
    /// request must meet all methods of the confirmation. Returns the thumbprint of the key for
    /// which the request must have a proof.
    #[inline(never)]
    fn check_confirmation(
        &self,
        AuthenticatedToken { credential, verified, .. }: &AuthenticatedToken<'_>,
        provider: &Provider,
        head: &RequestHead<'_>,
        environment: &Environment<'_>,
    ) -> Result<Option<[u8; 32]>, Rejection> {
        let confirmation = verified.token.confirmation();
        let jkt = confirmation.and_then(|confirmation| confirmation.key_thumbprint);
        let certificate = confirmation.and_then(|confirmation| confirmation.certificate_sha256);
        if certificate.is_some() && self.config.client_certificate.is_none() {
            return Err(Rejection::TokenBound);
        }
        match (credential.scheme, jkt) {
            (_, Some(_)) if self.config.dpop.is_none() => return Err(Rejection::TokenBound),
            (AuthScheme::Bearer, Some(_)) => return Err(Rejection::DpopSchemeRequired),
            (AuthScheme::Dpop, None) => return Err(Rejection::TokenNotBound),
            _ => {}
        }
        if confirmation.is_none() && provider.requires_sender_constraint {
            return Err(Rejection::SenderConstraintRequired);
        }
        if let (Some(digest), Some(source)) = (&certificate, &self.config.client_certificate) {
            source.check(digest, head, environment.connection)?;
        }
        Ok(jkt)
    }

    /// Verifies the proof of a request, except that it is new.
    #[inline(never)]
    fn verify_proof(
        &self,
        AuthenticatedToken { credential, verified, .. }: &AuthenticatedToken<'_>,
        jkt: &[u8; 32],
        (head, request): (&RequestHead<'_>, &NormalizedRequest<'_>),
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<VerifiedProof, Rejection> {
        let settings = self.config.dpop.as_ref().ok_or(Rejection::TokenBound)?;
        if settings.nonce.is_some() && self.nonces.is_none() {
            // The process has no key, because the shared data did not keep one.
            return Err(Rejection::DpopReplayUnavailable);
        }
        let token_sha256 = verified.sha256.get_or_init(|| Box::new(Sha256::digest(&credential.token).into()));
        let bound = BoundRequest { head, request, token_sha256, jkt, arrived_at: environment.arrived_at };
        dpop::verify_proof(
            &bound,
            &settings.requirements,
            self.nonces.as_ref(),
            environment.verifier,
            observer,
        )
    }

    /// Records a proof, so that the filter rejects it from then on. It is the last check before the
    /// policy: a request that waits for a document, or fails another check, does not use up its
    /// proof.
    ///
    /// # Errors
    /// [`Rejection::DpopProofReplayed`], [`Rejection::DpopProofExpired`] and
    /// [`Rejection::DpopReplayUnavailable`].
    #[inline(never)]
    pub(super) fn record_proof(
        &self,
        proof: &VerifiedProof,
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), Rejection> {
        let replay = self.config.dpop.as_ref().and_then(|settings| settings.replay.as_ref());
        let Some(replay) = replay else { return Ok(()) };
        let time = |seconds: i64| UnixTime::from_seconds(u64::try_from(seconds).unwrap_or_default());
        let result = replay.record(
            environment.shared_data,
            &proof.thumbprint,
            proof.jti.as_bytes(),
            time(proof.issued_at),
            time(proof.expires_at),
            environment.now,
        );
        observer.checked(Check::ProofReplay, result)
    }
}
