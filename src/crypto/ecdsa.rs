//! ECDSA signatures: JWS has r and s side by side (RFC 7518 section 3.4), Envoy's crypto wants DER (RFC 3279).

use super::{Curve, SignatureError, spki};

/// The DER form of a JWS signature.
///
/// # Errors
/// [`SignatureError::Invalid`] if it does not have the one length that its curve allows.
pub fn der_from_jws(curve: Curve, signature: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let half = curve.coordinate_len();
    if signature.len() != half.saturating_mul(2) {
        return Err(SignatureError::Invalid);
    }
    let (r, s) = signature.split_at(half);
    Ok(spki::sequence(&[spki::unsigned(r), spki::unsigned(s)].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_exact() {
        for (len, expected) in [(63, false), (64, true), (65, false), (0, false)] {
            assert_eq!(der_from_jws(Curve::P256, &vec![1; len]).is_ok(), expected, "{len}");
        }
    }

    #[test]
    fn an_independent_encoder_agrees() {
        let signature = [[0x80; 32], [0x01; 32]].concat();
        let theirs = p256::ecdsa::Signature::from_slice(&signature).unwrap().to_der();
        assert_eq!(der_from_jws(Curve::P256, &signature).unwrap(), theirs.as_bytes());
    }
}
