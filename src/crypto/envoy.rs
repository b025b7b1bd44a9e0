//! Envoy's foreign function `verify_signature`: what it is asked, and how its answer is read.
//!
//! Pure bytes; the call itself is the host's. Source: Envoy `source/extensions/common/wasm/foreign.cc` and
//! `verify_signature.proto`:
//!
//! ```proto
//! message VerifySignatureArguments {
//!   string hash_function = 1;  bytes public_key = 2;  bytes signature = 3;  bytes text = 4;
//! }
//! message VerifySignatureResult { bool result = 1;  string error = 2; }
//! ```

use super::{Algorithm, PublicKey, SignatureError, ecdsa};

/// The function's name.
pub const FUNCTION: &str = "verify_signature";

/// What Envoy answers when, and only when, the signature holds: field 1, true.
const VERIFIED: &[u8] = &[0x08, 0x01];

/// How the error text begins when the signature was checked and found bad. Everything else (an unknown digest, a
/// key that could not be read) means that nothing was checked.
const CHECKED: &[u8] = b"Failed to verify digest";

/// The message that asks about a signature.
///
/// # Errors
/// [`SignatureError::Unavailable`] for the algorithms that Envoy cannot do: it has PKCS#1 v1.5 and ECDSA only.
/// [`SignatureError::Invalid`] for an ECDSA signature of the wrong length.
pub fn request(
    algorithm: Algorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    if !key.fits(algorithm) {
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
    let mut request =
        Vec::with_capacity(fields.iter().map(|field| field.len()).sum::<usize>().saturating_add(24));
    for (tag, field) in [0x0a, 0x12, 0x1a, 0x22].into_iter().zip(fields) {
        request.push(tag);
        push_varint(&mut request, field.len());
        request.extend_from_slice(field);
    }
    Ok(request)
}

/// Reads the answer.
///
/// # Errors
/// [`SignatureError::Invalid`] only if Envoy says that it looked and the signature does not hold.
pub fn answer(reply: &[u8]) -> Result<(), SignatureError> {
    if reply == VERIFIED {
        return Ok(());
    }
    // proto3 leaves `false` out: what remains is field 2, one length octet for a text this short, and the text.
    match reply {
        [0x12, len, error @ ..] if usize::from(*len) == error.len() && error.starts_with(CHECKED) => {
            Err(SignatureError::Invalid)
        }
        _ => Err(SignatureError::Unavailable),
    }
}

fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_captured_from_envoy() {
        let text = |error: &str| [&[0x12, error.len() as u8], error.as_bytes()].concat();
        let cases: [(&str, Vec<u8>, Result<(), SignatureError>); 9] = [
            ("verified", vec![8, 1], Ok(())),
            ("bad signature", text("Failed to verify digest. Error code: 0"), Err(SignatureError::Invalid)),
            ("unreadable key", text("Failed to initialize digest verify."), Err(SignatureError::Unavailable)),
            ("unknown digest", text("md5 is not supported."), Err(SignatureError::Unavailable)),
            ("empty", vec![], Err(SignatureError::Unavailable)),
            ("false, spelled out", vec![8, 0], Err(SignatureError::Unavailable)),
            ("true, and more", vec![8, 1, 0], Err(SignatureError::Unavailable)),
            ("true with an error", [vec![8, 1], text("x")].concat(), Err(SignatureError::Unavailable)),
            (
                "length that lies",
                b"\x12\x7fFailed to verify digest".to_vec(),
                Err(SignatureError::Unavailable),
            ),
        ];
        for (name, reply, expected) in cases {
            assert_eq!(answer(&reply), expected, "{name}");
        }
    }

    #[test]
    fn the_request_is_the_message_that_the_proto_describes() {
        let n = [&[0xff; 255][..], &[1]].concat();
        let key = PublicKey::rsa(&n, &[1, 0, 1]).unwrap();
        let request = request(Algorithm::RS256, &key, b"text", &[9; 256]).unwrap();
        let mut expected = b"\x0a\x06sha256\x12\xa6\x02".to_vec();
        expected.extend_from_slice(key.spki());
        expected.extend_from_slice(b"\x1a\x80\x02");
        expected.extend_from_slice(&[9; 256]);
        expected.extend_from_slice(b"\x22\x04text");
        assert_eq!(request, expected);
    }

    #[test]
    fn what_envoy_cannot_do_is_not_asked() {
        let n = [&[0xff; 255][..], &[1]].concat();
        let key = PublicKey::rsa(&n, &[1, 0, 1]).unwrap();
        assert_eq!(request(Algorithm::PS256, &key, b"", b""), Err(SignatureError::Unavailable));
        assert_eq!(request(Algorithm::ES256, &key, b"", b""), Err(SignatureError::Invalid));
    }
}
