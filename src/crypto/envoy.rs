//! Messages of Envoy's foreign function `verify_signature`.
//!
//! `host` makes the call. The format is that of Envoy's `source/extensions/common/wasm/foreign.cc`
//! and `verify_signature.proto`:
//!
//! ```proto
//! message VerifySignatureArguments {
//!   string hash_function = 1;  bytes public_key = 2;  bytes signature = 3;  bytes text = 4;
//! }
//! message VerifySignatureResult { bool result = 1;  string error = 2; }
//! ```

use super::{Algorithm, SignatureError, SignatureInput, ecdsa};

/// The name of the foreign function.
pub const FUNCTION: &str = "verify_signature";

/// The serialized `VerifySignatureResult { result: true }`. Envoy returns it only for a valid
/// signature.
const VERIFIED: &[u8] = &[0x08, 0x01];

/// The beginning of the error text for an invalid signature. With other error texts, such as those
/// for an unknown digest and an unreadable key, Envoy has not checked the signature.
const INVALID: &[u8] = b"Failed to verify digest";

/// Serializes the `VerifySignatureArguments` of a verification.
///
/// # Errors
/// [`SignatureError::Unavailable`] for an algorithm that Envoy does not support. It supports RSA
/// with PKCS #1 v1.5 padding, and ECDSA. [`SignatureError::Invalid`] for a key of another
/// algorithm, and for an ECDSA signature of the wrong length.
pub fn serialize_arguments(input: &SignatureInput<'_>) -> Result<Vec<u8>, SignatureError> {
    let SignatureInput { algorithm, key, message, signature } = *input;
    if !key.supports(algorithm) {
        return Err(SignatureError::Invalid);
    }
    let hash_function = match algorithm {
        Algorithm::RS256 | Algorithm::ES256 => "sha256",
        Algorithm::RS384 | Algorithm::ES384 => "sha384",
        Algorithm::RS512 | Algorithm::ES512 => "sha512",
        Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 | Algorithm::EdDSA => {
            return Err(SignatureError::Unavailable);
        }
    };
    let der;
    let signature = match algorithm.curve() {
        Some(curve) => {
            der = ecdsa::der_from_jws(curve, signature)?;
            &der
        }
        None => signature,
    };
    let fields = [hash_function.as_bytes(), key.spki(), signature, message];
    /// The most that tags and lengths of four fields can have, for fields of less than 2 GiB.
    const OVERHEAD: usize = 24;
    let len = fields.iter().map(|field| field.len()).sum::<usize>();
    let mut arguments = Vec::with_capacity(len.saturating_add(OVERHEAD));
    for (tag, field) in [0x0a, 0x12, 0x1a, 0x22].into_iter().zip(fields) {
        arguments.push(tag);
        push_varint(&mut arguments, field.len());
        arguments.extend_from_slice(field);
    }
    Ok(arguments)
}

/// Parses a `VerifySignatureResult`.
///
/// # Errors
/// [`SignatureError::Invalid`] if Envoy has checked the signature and it is invalid;
/// [`SignatureError::Unavailable`] for every other error and for a malformed result.
pub fn parse_result(result: &[u8]) -> Result<(), SignatureError> {
    if result == VERIFIED {
        return Ok(());
    }
    // proto3 omits `false`, so the message has field 2 only: tag, one octet of length, and text.
    match result {
        [0x12, len, error @ ..] if usize::from(*len) == error.len() && error.starts_with(INVALID) => {
            Err(SignatureError::Invalid)
        }
        _ => Err(SignatureError::Unavailable),
    }
}

/// Appends a base-128 varint.
fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::super::PublicKey;
    use super::*;

    #[test]
    fn parse_result_of_envoy_is_valid_invalid_or_unavailable() {
        let text = |error: &str| [&[0x12, error.len() as u8], error.as_bytes()].concat();
        let cases: [(&str, Vec<u8>, Result<(), SignatureError>); 9] = [
            ("verified", vec![8, 1], Ok(())),
            ("bad signature", text("Failed to verify digest. Error code: 0"), Err(SignatureError::Invalid)),
            ("unreadable key", text("Failed to initialize digest verify."), Err(SignatureError::Unavailable)),
            ("unknown digest", text("md5 is not supported."), Err(SignatureError::Unavailable)),
            ("empty", vec![], Err(SignatureError::Unavailable)),
            ("explicit false", vec![8, 0], Err(SignatureError::Unavailable)),
            ("true and a trailing octet", vec![8, 1, 0], Err(SignatureError::Unavailable)),
            ("true with an error", [vec![8, 1], text("x")].concat(), Err(SignatureError::Unavailable)),
            ("wrong length", b"\x12\x7fFailed to verify digest".to_vec(), Err(SignatureError::Unavailable)),
        ];
        for (name, result, expected) in cases {
            assert_eq!(parse_result(&result), expected, "{name}");
        }
    }

    #[test]
    fn serialize_arguments_writes_the_message_of_the_proto() {
        let n = [&[0xff; 255][..], &[1]].concat();
        let key = PublicKey::rsa(&n, &[1, 0, 1]).unwrap();
        let input =
            SignatureInput { algorithm: Algorithm::RS256, key: &key, message: b"text", signature: &[9; 256] };
        let mut expected = b"\x0a\x06sha256\x12\xa6\x02".to_vec();
        expected.extend_from_slice(key.spki());
        expected.extend_from_slice(b"\x1a\x80\x02");
        expected.extend_from_slice(&[9; 256]);
        expected.extend_from_slice(b"\x22\x04text");
        assert_eq!(serialize_arguments(&input).unwrap(), expected);
    }

    #[test]
    fn serialize_arguments_unsupported_algorithm_is_unavailable() {
        let n = [&[0xff; 255][..], &[1]].concat();
        let key = PublicKey::rsa(&n, &[1, 0, 1]).unwrap();
        let serialize = |algorithm| {
            serialize_arguments(&SignatureInput { algorithm, key: &key, message: b"", signature: b"" })
        };
        assert_eq!(serialize(Algorithm::PS256), Err(SignatureError::Unavailable));
        assert_eq!(serialize(Algorithm::ES256), Err(SignatureError::Invalid));
    }
}
