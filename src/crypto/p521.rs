//! The check that a point is on the curve P-521 (NIST SP 800-186 section 3.2.1.5).
//!
//! Only the host verifies signatures with P-521. The filter checks the point itself, so that a
//! malformed key has one result with every host. The numbers are public, so the time may depend on
//! them. The arithmetic of the crate `crypto-bigint` for this size takes 17 KiB of the module.

use std::array;

/// The length of a coordinate, in bytes.
const BYTES: usize = 66;
/// The number of digits of a field element.
const DIGITS: usize = 17;
/// The bits of the last digit that belong to a number below 2^521.
const LAST_DIGIT: u32 = 0x1ff;

/// A number of at most 2^521 - 1 in base 2^32, least significant digit first. The greatest one
/// equals 0 in the field.
type Element = [u32; DIGITS];

/// The prime of the field, 2^521 - 1.
const PRIME: Element = {
    let mut prime = [u32::MAX; DIGITS];
    if let Some(last) = prime.last_mut() {
        *last = LAST_DIGIT;
    }
    prime
};
/// The coefficient b of the curve y^2 = x^3 - 3x + b.
const B: Element = [
    0x6b503f00, 0xef451fd4, 0x3d2c34f1, 0x3573df88, 0x3bb1bf07, 0x1652c0bd, 0xec7e937b, 0x56193951,
    0x8ef109e1, 0xb8b48991, 0x99b315f3, 0xa2da725b, 0xb68540ee, 0x929a21a0, 0x8e1c9a1f, 0x953eb961,
    0x00000051,
];

/// Returns whether the point with these big-endian coordinates of 66 bytes is on the curve.
#[inline(never)]
pub(super) fn is_on_curve(x: &[u8], y: &[u8]) -> bool {
    let (Some(x), Some(y)) = (element(x), element(y)) else { return false };
    // y^2 + 3x = x^3 + b needs no subtraction.
    let left = add(&add(&multiply(&y, &y), &x), &add(&x, &x));
    let right = add(&multiply(&multiply(&x, &x), &x), &B);
    canonical(left) == canonical(right)
}

/// Reads a coordinate; `None` for another length, or if it is not less than the prime.
fn element(bytes: &[u8]) -> Option<Element> {
    let mut digits = <&[u8; BYTES]>::try_from(bytes)
        .ok()?
        .rchunks(4)
        .map(|digit| digit.iter().fold(0_u32, |digit, byte| digit.wrapping_shl(8) | u32::from(*byte)));
    let element = array::from_fn(|_| digits.next().unwrap_or_default());
    (element.last() <= Some(&LAST_DIGIT) && element != PRIME).then_some(element)
}

fn canonical(element: Element) -> Element {
    if element == PRIME { [0; DIGITS] } else { element }
}

/// Adds two elements.
#[inline(never)]
fn add(a: &Element, b: &Element) -> Element {
    let sum = add_digits(a, b, 0);
    // 2^521 equals 1 in the field. The sum is below 2^522 - 1, so the result is below 2^521.
    let mut low = sum;
    let mut above = 0;
    if let Some(last) = low.last_mut() {
        above = last.wrapping_shr(9);
        *last &= LAST_DIGIT;
    }
    add_digits(&low, &[0; DIGITS], above)
}

/// Adds two numbers and a carry.
fn add_digits(a: &Element, b: &Element, carry: u32) -> Element {
    let mut carry = u64::from(carry);
    let mut digits = a.iter().zip(b);
    array::from_fn(|_| {
        let (a, b) = digits.next().unwrap_or((&0, &0));
        carry = u64::from(*a).wrapping_add(u64::from(*b)).wrapping_add(carry);
        let digit = carry as u32;
        carry >>= 32;
        digit
    })
}

/// Multiplies two elements.
#[inline(never)]
fn multiply(a: &Element, b: &Element) -> Element {
    let mut product = [0_u32; 2 * DIGITS];
    for (position, factor) in a.iter().enumerate() {
        let mut carry = 0_u64;
        let mut digits = product.iter_mut().skip(position);
        for (other, digit) in b.iter().zip(&mut digits) {
            // At most (2^32 - 1)^2 + 2 (2^32 - 1), which is less than 2^64.
            carry = u64::from(*factor)
                .wrapping_mul(u64::from(*other))
                .wrapping_add(u64::from(*digit))
                .wrapping_add(carry);
            *digit = carry as u32;
            carry >>= 32;
        }
        if let Some(digit) = digits.next() {
            *digit = carry as u32;
        }
    }
    // The product is below 2^1042. Its digits above 2^521 count as digits from 1.
    let mut pairs = product.windows(2).skip(DIGITS - 1);
    let high = array::from_fn(|_| match pairs.next() {
        Some([low, high]) => low.wrapping_shr(9) | high.wrapping_shl(23),
        _ => 0,
    });
    let mut digits = product.iter().copied();
    let mut low: Element = array::from_fn(|_| digits.next().unwrap_or_default());
    if let Some(last) = low.last_mut() {
        *last &= LAST_DIGIT;
    }
    add(&low, &high)
}

#[cfg(test)]
mod tests {
    use p521::elliptic_curve::sec1::ToSec1Point as _;

    use super::*;

    /// Returns a number as the bytes of a coordinate.
    fn bytes(element: &Element) -> Vec<u8> {
        let all: Vec<u8> = element.iter().rev().flat_map(|digit| digit.to_be_bytes()).collect();
        all[2..].to_vec()
    }

    #[test]
    fn is_on_curve_agrees_with_p521() {
        let mut random = fastrand::Rng::with_seed(521);
        for round in 0..200 {
            let mut scalar = [0; BYTES];
            random.fill(&mut scalar[1..]);
            let point = p521::SecretKey::from_slice(&scalar).unwrap().public_key().to_sec1_point(false);
            let (x, y) = (point.x().unwrap(), point.y().unwrap());
            assert!(is_on_curve(x, y), "{round}");
            let at = random.usize(1..BYTES);
            for mutated in [x, y] {
                let mut other = mutated.to_vec();
                other[at] ^= 1 << (round % 8);
                let (x, y) = if mutated == x { (&other[..], &y[..]) } else { (&x[..], &other[..]) };
                let sec1 = [&[4][..], x, y].concat();
                assert_eq!(is_on_curve(x, y), p521::PublicKey::from_sec1_bytes(&sec1).is_ok(), "{round}");
            }
        }
    }

    #[test]
    fn multiply_of_greatest_elements_is_one() {
        let mut greatest = PRIME;
        greatest[0] -= 1;
        let one = array::from_fn(|digit| u32::from(digit == 0));
        // (p - 1)^2 = 1, and p = 0 in every operation.
        assert_eq!(multiply(&greatest, &greatest), one);
        assert_eq!(canonical(multiply(&PRIME, &greatest)), [0; DIGITS]);
        assert_eq!(canonical(multiply(&PRIME, &PRIME)), [0; DIGITS]);
        assert_eq!(canonical(add(&greatest, &one)), [0; DIGITS]);
        assert_eq!(add(&PRIME, &greatest), greatest);
        assert_eq!(canonical(add(&PRIME, &PRIME)), [0; DIGITS]);
    }

    #[test]
    fn element_of_other_length_or_size_is_none() {
        assert!(!is_on_curve(&[0; BYTES], &[0; BYTES]));
        assert!(!is_on_curve(&[0; BYTES - 1], &[0; BYTES]));
        assert_eq!(element(&[0; BYTES + 1]), None);
        assert_eq!(element(&[0xff; BYTES]), None);
        let mut prime = bytes(&PRIME);
        assert_eq!(element(&prime), None);
        prime[65] = 0xfe;
        assert_eq!(element(&prime).map(|element| bytes(&element)), Some(prime));
    }
}
