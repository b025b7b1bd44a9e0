//! Mutants of valid signatures: every bit flipped, every shorter length. The verifier must reject
//! each.

use std::fmt;

use okta_authz_filter::crypto::Algorithm;

/// A valid signature.
#[derive(Clone, Copy, Debug)]
pub struct ValidSignature {
    pub algorithm: Algorithm,
    /// The length in bytes. For RSA, it is the size of the key.
    pub len: usize,
    /// Whether it is the first of its algorithm and length, or the vector requests mutants.
    pub first: bool,
}

/// The numbers of mutants of a valid signature to verify. They are spread evenly over the
/// signature.
#[derive(Clone, Copy, Debug)]
pub struct MutantLimits {
    pub flips: usize,
    pub truncations: usize,
}

impl MutantLimits {
    /// Every bit and every length.
    pub const EVERY: Self = Self { flips: usize::MAX, truncations: usize::MAX };
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mutant {
    Flip { bit: usize },
    Truncate { len: usize },
}

impl Mutant {
    /// Returns the mutants of a signature of `len` bytes.
    pub(super) fn of(len: usize, limits: MutantLimits) -> impl Iterator<Item = Self> {
        let flips = spread(len * 8, limits.flips).map(|bit| Self::Flip { bit });
        flips.chain(spread(len, limits.truncations).map(|len| Self::Truncate { len }))
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

/// Returns at most `limit` numbers below `end`: the middle of each of that many equal parts.
fn spread(end: usize, limit: usize) -> impl Iterator<Item = usize> {
    let count = end.min(limit);
    (0..count).map(move |part| (2 * part + 1) * end / (2 * count))
}

#[test]
fn spread_of_a_range_covers_it_evenly() {
    assert_eq!(spread(5, usize::MAX).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(spread(9, 3).collect::<Vec<_>>(), [1, 4, 7]);
    assert_eq!(spread(9, 1).collect::<Vec<_>>(), [4]);
    assert_eq!(spread(9, 0).count() + spread(0, 9).count(), 0);
    assert_eq!(Mutant::of(64, MutantLimits::EVERY).count(), 64 * 8 + 64);
    assert_eq!(Mutant::Flip { bit: 9 }.apply(&[0, 0]), [0, 2]);
    assert_eq!(Mutant::Truncate { len: 1 }.apply(&[7, 7]), [7]);
}
