//! Unsigned integers of any size, with the operations that compare decimal and binary numbers.

use std::cmp::Ordering;

/// An unsigned integer: digits in base 2^32, least significant first, without leading zeros.
#[derive(Default)]
pub(super) struct BigUint(Vec<u32>);

impl From<u64> for BigUint {
    fn from(number: u64) -> Self {
        let mut big = Self(vec![low(number), low(number >> 32)]);
        big.trim();
        big
    }
}

impl BigUint {
    /// Multiplies the number by `factor` and adds `addend`.
    #[inline(never)]
    pub(super) fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for digit in &mut self.0 {
            // At most (2^32 - 1)^2 + 2^32 - 1, which is less than 2^64.
            carry = u64::from(*digit).wrapping_mul(factor.into()).wrapping_add(carry);
            *digit = low(carry);
            carry >>= 32;
        }
        self.0.push(low(carry));
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

/// Returns the lower 32 bits.
const fn low(number: u64) -> u32 {
    (number & u32::MAX as u64) as u32
}
