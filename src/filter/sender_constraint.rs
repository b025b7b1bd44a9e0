//! The check that the sender of a request is the client that its token is bound to.

use super::Filter;
use super::verified_token::VerifiedToken;
use crate::observer::{Check, DecisionObserver};
use crate::rejection::Rejection;

impl Filter {
    /// Checks the binding of the token (RFC 9449 section 7.1, RFC 8705 section 3).
    ///
    /// # Errors
    /// [`Rejection::TokenBound`] for a bound token.
    pub(super) fn check_sender_constraint(
        &self,
        verified: &VerifiedToken,
        observer: &mut impl DecisionObserver,
    ) -> Result<(), Rejection> {
        let is_bound = verified.token.confirmation().is_some();
        observer.checked(Check::Binding, if is_bound { Err(Rejection::TokenBound) } else { Ok(()) })
    }
}
