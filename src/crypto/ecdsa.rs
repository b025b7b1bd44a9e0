//! Conversion of ECDSA signatures from the JWS form, r and s concatenated (RFC 7518 section 3.4),
//! to the DER form that Envoy reads (RFC 3279 section 2.2.3).

use super::{Curve, SignatureError, spki};

/// Converts a JWS signature to DER.
///
/// # Errors
/// [`SignatureError::Invalid`] if the length of the signature is not twice the length of a
/// coordinate.
pub(crate) fn der_from_jws(curve: Curve, signature: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let half = curve.coordinate_len();
    if signature.len() != half.saturating_mul(2) {
        return Err(SignatureError::Invalid);
    }
    let (r, s) = signature.split_at(half);
    Ok(spki::integers(r, s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_from_jws_wrong_length_is_invalid() {
        for (len, expected) in [(63, false), (64, true), (65, false), (0, false)] {
            assert_eq!(der_from_jws(Curve::P256, &vec![1; len]).is_ok(), expected, "{len}");
        }
    }

    #[test]
    fn der_from_jws_agrees_with_p256() {
        let signature = [[0x80; 32], [0x01; 32]].concat();
        let expected = p256::ecdsa::Signature::from_slice(&signature).unwrap().to_der();
        assert_eq!(der_from_jws(Curve::P256, &signature).unwrap(), expected.as_bytes());
    }
}
