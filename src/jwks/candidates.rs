//! The candidate keys of a token: those with its key ID and its algorithm.

use std::sync::Arc;

use crate::crypto::{Algorithm, PublicKey, SignatureError, SignatureInput, SignatureVerifier};

/// The maximum number of different keys with one key ID that the filter tries for one algorithm. It
/// bounds the cost of a forged token.
pub const MAX_CANDIDATES: usize = 4;

/// Between one and [`MAX_CANDIDATES`] keys, in the order of the JWK Set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidates<'a> {
    first: &'a Arc<PublicKey>,
    others: [Option<&'a Arc<PublicKey>>; MAX_CANDIDATES - 1],
}

impl<'a> Candidates<'a> {
    /// Creates a list from the first key and up to [`MAX_CANDIDATES`] - 1 further keys.
    pub(super) fn new(first: &'a Arc<PublicKey>, more: impl Iterator<Item = &'a Arc<PublicKey>>) -> Self {
        let mut others = [None; MAX_CANDIDATES - 1];
        others.iter_mut().zip(more).for_each(|(slot, other)| *slot = Some(other));
        Self { first, others }
    }

    /// Yields the keys in the order in which [`Candidates::verify`] tries them.
    pub fn iter(&self) -> impl Iterator<Item = &'a Arc<PublicKey>> + use<'a> {
        std::iter::once(self.first).chain(self.others.into_iter().flatten())
    }

    /// Verifies a signature with each key until one succeeds, and returns that key.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] if the signature is invalid under every key.
    /// [`SignatureError::Unavailable`] if no key succeeds and the verifier could not try one of
    /// them.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
        verifier: &dyn SignatureVerifier,
    ) -> Result<&'a Arc<PublicKey>, SignatureError> {
        let mut error = SignatureError::Invalid;
        for key in self.iter() {
            match verifier.verify(&SignatureInput { algorithm, key, message, signature }) {
                Ok(()) => return Ok(key),
                Err(SignatureError::Invalid) => {}
                Err(SignatureError::Unavailable) => error = SignatureError::Unavailable,
            }
        }
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A verifier that returns these results in sequence.
    struct Scripted<'a>(&'a [Result<(), SignatureError>], Cell<usize>);

    impl SignatureVerifier for Scripted<'_> {
        fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
            let call = self.1.replace(self.1.get() + 1);
            self.0[call]
        }
    }

    #[test]
    fn verify_tries_each_key_until_one_succeeds() {
        let x = [
            215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218,
            166, 35, 37, 175, 2, 26, 104, 247, 7, 81, 26,
        ];
        let keys = [(); 4].map(|()| Arc::new(PublicKey::ed25519(&x).unwrap()));
        let (valid, invalid, unavailable) =
            (Ok(()), Err(SignatureError::Invalid), Err(SignatureError::Unavailable));
        for (results, expected) in [
            (&[valid][..], Ok(0)),
            (&[invalid], Err(SignatureError::Invalid)),
            (&[unavailable], Err(SignatureError::Unavailable)),
            (&[invalid, valid], Ok(1)),
            (&[unavailable, valid], Ok(1)),
            (&[invalid, invalid, invalid, valid], Ok(3)),
            (&[invalid, invalid, invalid, invalid], Err(SignatureError::Invalid)),
            (&[invalid, unavailable, invalid, invalid], Err(SignatureError::Unavailable)),
            (&[invalid, invalid, invalid, unavailable], Err(SignatureError::Unavailable)),
        ] {
            let number = if expected.is_ok() { 4 } else { results.len() };
            let candidates = Candidates::new(&keys[0], keys[1..number].iter());
            let verifier = Scripted(results, Cell::default());
            let verified = candidates.verify(Algorithm::EdDSA, b"", b"", &verifier);
            let index = verified.map(|key| keys.iter().position(|one| Arc::ptr_eq(one, key)).unwrap());
            assert_eq!((index, verifier.1.get()), (expected, results.len()), "{results:?}");
        }
    }
}
