//! The keys that may have signed a token.

use std::sync::Arc;

use crate::crypto::{Algorithm, PublicKey, SignatureError, SignatureInput, SignatureVerifier};

/// The most different keys with one id that are tried for one algorithm: it bounds what a forged token costs.
pub const MAX_CANDIDATES: usize = 4;

/// At least one key, and at most [`MAX_CANDIDATES`], in the order of the document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidates<'a> {
    first: &'a Arc<PublicKey>,
    others: [Option<&'a Arc<PublicKey>>; MAX_CANDIDATES - 1],
}

impl<'a> Candidates<'a> {
    pub(super) fn new(first: &'a Arc<PublicKey>, more: impl Iterator<Item = &'a Arc<PublicKey>>) -> Self {
        let mut others = [None; MAX_CANDIDATES - 1];
        others.iter_mut().zip(more).for_each(|(place, other)| *place = Some(other));
        Self { first, others }
    }

    /// Returns the keys, in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = &'a Arc<PublicKey>> + use<'a> {
        std::iter::once(self.first).chain(self.others.into_iter().flatten())
    }

    /// Checks a signature with each key until it holds under one, and returns that.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] if it holds under none; [`SignatureError::Unavailable`] if it holds under none, and one could
    /// not be tried: the signature may be that key's.
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

    /// Answers in turn.
    struct Says<'a>(&'a [Result<(), SignatureError>], Cell<usize>);

    impl SignatureVerifier for Says<'_> {
        fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
            let turn = self.1.replace(self.1.get() + 1);
            self.0[turn]
        }
    }

    #[test]
    fn signature_is_tried_with_each_key_until_it_holds() {
        let x = [
            215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218,
            166, 35, 37, 175, 2, 26, 104, 247, 7, 81, 26,
        ];
        let keys = [(); 4].map(|()| Arc::new(PublicKey::ed25519(&x).unwrap()));
        let (good, bad, dumb) = (Ok(()), Err(SignatureError::Invalid), Err(SignatureError::Unavailable));
        for (answers, expected) in [
            (&[good][..], Ok(0)),
            (&[bad], Err(SignatureError::Invalid)),
            (&[dumb], Err(SignatureError::Unavailable)),
            (&[bad, good], Ok(1)),
            (&[dumb, good], Ok(1)),
            (&[bad, bad, bad, good], Ok(3)),
            (&[bad, bad, bad, bad], Err(SignatureError::Invalid)),
            (&[bad, dumb, bad, bad], Err(SignatureError::Unavailable)),
            (&[bad, bad, bad, dumb], Err(SignatureError::Unavailable)),
        ] {
            let number = if expected.is_ok() { 4 } else { answers.len() };
            let candidates = Candidates::new(&keys[0], keys[1..number].iter());
            let verifier = Says(answers, Cell::default());
            let told = candidates.verify(Algorithm::EdDSA, b"", b"", &verifier);
            let told = told.map(|key| keys.iter().position(|one| Arc::ptr_eq(one, key)).unwrap());
            assert_eq!((told, verifier.1.get()), (expected, answers.len()), "{answers:?}");
        }
    }
}
