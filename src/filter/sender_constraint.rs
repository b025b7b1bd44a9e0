//! The check that the sender of a request is the client that its token is bound to.

use super::verified_token::VerifiedToken;
use super::{Environment, Filter};
use crate::confirmation::Confirmation;
use crate::observer::{Check, DecisionObserver};
use crate::rejection::Rejection;
use crate::request::RequestHead;

impl Filter {
    /// Checks the binding of the token (RFC 9449 section 7.1, RFC 8705 section 3).
    ///
    /// # Errors
    /// [`Rejection::TokenBound`] for a binding that the configuration does not support. The
    /// rejections of the client certificate.
    pub(super) fn check_sender_constraint(
        &self,
        verified: &VerifiedToken,
        head: &RequestHead<'_>,
        environment: &Environment<'_>,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), Rejection> {
        let result = match verified.token.confirmation() {
            None => Ok(()),
            Some(confirmation) => self.check_confirmation(confirmation, head, environment),
        };
        observer.checked(Check::Binding, result)
    }

    /// Checks each method of a confirmation. The request must meet all of them.
    #[inline(never)]
    fn check_confirmation(
        &self,
        confirmation: &Confirmation,
        head: &RequestHead<'_>,
        environment: &Environment<'_>,
    ) -> Result<(), Rejection> {
        if confirmation.key_thumbprint.is_some() {
            return Err(Rejection::TokenBound);
        }
        if let Some(digest) = &confirmation.certificate_sha256 {
            let source = self.config.client_certificate.as_ref().ok_or(Rejection::TokenBound)?;
            source.check(digest, head, environment.connection)?;
        }
        Ok(())
    }
}
