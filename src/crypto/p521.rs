//! The check that a point is on the curve P-521 (NIST SP 800-186 section 3.2.1.5).
//!
//! Only the host verifies signatures with P-521. The filter checks the point itself, so that a
//! malformed key has the same result with every host. The crate `p521` would add its arithmetic of
//! curves to the module; p256 already links that of integers.

use crypto_bigint::{NonZero, U576};

/// The length of a coordinate, in bytes.
const BYTES: usize = 66;
/// The prime of the field, 2^521 - 1.
const PRIME: NonZero<U576> = NonZero::<U576>::new_unwrap(U576::ONE.shl_vartime(521).wrapping_sub(&U576::ONE));
/// The coefficient b of the curve y^2 = x^3 - 3x + b.
const B: U576 = U576::from_be_hex(
    "0000000000000051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b\
     1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
);

/// Returns whether the point with these big-endian coordinates of 66 bytes is on the curve.
#[inline(never)]
pub(super) fn is_on_curve(x: &[u8], y: &[u8]) -> bool {
    let (Some(x), Some(y)) = (coordinate(x), coordinate(y)) else { return false };
    let square = x.square_mod_vartime(&PRIME);
    let cubic = x.mul_mod_vartime(&square.sub_mod(&U576::from_u8(3), &PRIME), &PRIME);
    y.square_mod_vartime(&PRIME) == cubic.add_mod(&B, &PRIME)
}

/// Reads a coordinate; `None` for another length, or if it is not less than the prime.
fn coordinate(bytes: &[u8]) -> Option<U576> {
    let mut padded = [0; U576::BYTES];
    *padded.last_chunk_mut()? = *<&[u8; BYTES]>::try_from(bytes).ok()?;
    Some(U576::from_be_slice(&padded)).filter(|coordinate| *coordinate < *PRIME)
}

#[cfg(test)]
mod tests {
    use p521::elliptic_curve::sec1::ToSec1Point as _;

    use super::*;

    #[test]
    fn is_on_curve_agrees_with_p521() {
        for scalar in 1..50_u8 {
            let mut bytes = [scalar; BYTES];
            bytes[0] = 0;
            let point = p521::SecretKey::from_slice(&bytes).unwrap().public_key().to_sec1_point(false);
            let (x, y) = (point.x().unwrap(), point.y().unwrap());
            assert!(is_on_curve(x, y), "{scalar}");
            let mut other = y.to_vec();
            other[65] ^= 1 << (scalar % 8);
            assert!(!is_on_curve(x, &other), "{scalar}");
        }
    }

    #[test]
    fn coordinate_of_other_length_or_size_is_none() {
        assert!(!is_on_curve(&[0; BYTES], &[0; BYTES]));
        assert!(!is_on_curve(&[0; BYTES - 1], &[0; BYTES]));
        let mut prime = [0xff; BYTES];
        prime[0] = 1;
        assert_eq!(coordinate(&prime), None);
        prime[65] = 0xfe;
        assert!(coordinate(&prime).is_some());
    }
}
