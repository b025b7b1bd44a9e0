//! Public keys as DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), the form that Envoy's crypto reads.
//!
//! Written here and not taken from the issuer, so that no trailing byte, odd parameter or second encoding of the
//! same key can exist: Envoy's parser would accept trailing bytes.

use super::Curve;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// `AlgorithmIdentifier { rsaEncryption, NULL }`, RFC 8017 appendix A.1.
const RSA_ENCRYPTION: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `AlgorithmIdentifier { id-ecPublicKey, secp256r1 }`, RFC 5480 section 2.1.1.
const EC_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];
/// `AlgorithmIdentifier { id-ecPublicKey, secp384r1 }`.
const EC_P384: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22,
];
/// `AlgorithmIdentifier { id-ecPublicKey, secp521r1 }`.
const EC_P521: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x23,
];
/// `AlgorithmIdentifier { id-Ed25519 }`, RFC 8410 section 3.
const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// An RSA key; `n` and `e` big-endian without leading zeros.
pub fn rsa(n: &[u8], e: &[u8]) -> Vec<u8> {
    let key = tagged(SEQUENCE, &[unsigned(n), unsigned(e)].concat());
    wrap(RSA_ENCRYPTION, &key)
}

/// An elliptic curve key; `point` in uncompressed SEC 1 form.
pub fn ec(curve: Curve, point: &[u8]) -> Vec<u8> {
    let algorithm = match curve {
        Curve::P256 => EC_P256,
        Curve::P384 => EC_P384,
        Curve::P521 => EC_P521,
    };
    wrap(algorithm, point)
}

/// An Ed25519 key.
pub fn ed25519(x: &[u8; 32]) -> Vec<u8> {
    wrap(ED25519, x)
}

/// A non-negative DER INTEGER: minimal, with a zero in front where the sign bit would be set.
pub(super) fn unsigned(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut digits = number.get(zeros..).unwrap_or_default().to_vec();
    if digits.first().is_none_or(|byte| byte & 0x80 != 0) {
        digits.insert(0, 0);
    }
    tagged(INTEGER, &digits)
}

/// A DER SEQUENCE of what is already encoded.
pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
    tagged(SEQUENCE, content)
}

fn wrap(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = tagged(BIT_STRING, &[&[0], key].concat());
    sequence(&[algorithm, &bits].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len().to_be_bytes();
    let significant =
        len.iter().position(|byte| *byte != 0).map_or(&[0][..], |at| len.get(at..).unwrap_or_default());
    let mut out = vec![tag];
    match significant {
        [short @ 0..=0x7f] => out.push(*short),
        // Long form: 0x80 plus the count of length octets, which is at most 8 here.
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};

    use super::*;

    #[test]
    fn lengths_take_the_short_and_the_long_form() {
        for (len, head) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
        ] {
            let out = tagged(4, &vec![7; len]);
            assert_eq!((&out[..head.len()], out.len()), (head, head.len() + len));
        }
    }

    #[test]
    fn integers_are_minimal_and_never_negative() {
        for (number, expected) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 1], &[2, 1, 1]),
        ] {
            assert_eq!(unsigned(number), expected);
        }
    }

    #[test]
    fn an_independent_parser_reads_the_same_key_back() {
        let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let point = secret.public_key().to_sec1_bytes();
        let ours = ec(Curve::P256, &point);
        assert_eq!(ours, secret.public_key().to_public_key_der().unwrap().as_bytes());
        assert_eq!(p256::PublicKey::from_public_key_der(&ours).unwrap(), secret.public_key());

        let n = [&[0xff; 255][..], &[1]].concat();
        let der = rsa(&n, &[1, 0, 1]);
        let read = jwt_simple::algorithms::RSAPublicKey::from_der(&der).unwrap().to_components();
        assert_eq!((read.n, read.e), (n, vec![1, 0, 1]));
    }
}
