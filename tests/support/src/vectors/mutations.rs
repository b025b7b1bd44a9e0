//! Signatures that are almost good: every bit flipped, every shorter length. None of them may pass.

use std::fmt;

use okta_authz_filter::crypto::Algorithm;

/// A signature that holds.
#[derive(Clone, Copy, Debug)]
pub struct Good {
    pub algorithm: Algorithm,
    /// In bytes; for RSA, the size of the key.
    pub len: usize,
    /// Whether it is the first of its algorithm and length, or the vector asks for its mutants itself.
    pub first: bool,
}

/// How many of the mutants of a good signature a verifier has to look at, spread evenly over the signature.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub flips: usize,
    pub truncations: usize,
}

impl Bounds {
    /// Every bit and every length.
    pub const EVERY: Self = Self { flips: usize::MAX, truncations: usize::MAX };
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mutant {
    Flip { bit: usize },
    Truncate { len: usize },
}

impl Mutant {
    /// The mutants of a signature of that many bytes.
    pub(super) fn of(len: usize, bounds: Bounds) -> impl Iterator<Item = Self> {
        let flips = spread(len * 8, bounds.flips).map(|bit| Self::Flip { bit });
        flips.chain(spread(len, bounds.truncations).map(|len| Self::Truncate { len }))
    }

    pub(super) fn apply(self, signature: &[u8]) -> Vec<u8> {
        match self {
            Self::Flip { bit } => {
                let mut flipped = signature.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped
            }
            Self::Truncate { len } => signature[..len].to_vec(),
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip { bit } => write!(f, "bit {bit} flipped"),
            Self::Truncate { len } => write!(f, "truncated to {len} bytes"),
        }
    }
}

/// At most `limit` of the numbers below `end`: one from the middle of each of as many equal parts.
fn spread(end: usize, limit: usize) -> impl Iterator<Item = usize> {
    let count = end.min(limit);
    (0..count).map(move |part| (2 * part + 1) * end / (2 * count))
}

#[test]
fn mutants_are_spread_from_end_to_end() {
    assert_eq!(spread(5, usize::MAX).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(spread(9, 3).collect::<Vec<_>>(), [1, 4, 7]);
    assert_eq!(spread(9, 1).collect::<Vec<_>>(), [4]);
    assert_eq!(spread(9, 0).count() + spread(0, 9).count(), 0);
    assert_eq!(Mutant::of(64, Bounds::EVERY).count(), 64 * 8 + 64);
    assert_eq!(Mutant::Flip { bit: 9 }.apply(&[0, 0]), [0, 2]);
    assert_eq!(Mutant::Truncate { len: 1 }.apply(&[7, 7]), [7]);
}
