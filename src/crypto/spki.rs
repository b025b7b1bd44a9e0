//! Encoder of public keys as DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), the format that
//! Envoy reads.
//!
//! The filter encodes each key itself, because Envoy's parser accepts trailing bytes. So no key has
//! a second encoding, other parameters or trailing bytes.
//!
//! This is not the crate `spki`, whose encoder takes 6 KiB of the module although p256 links its
//! decoder.

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

/// Encodes an RSA key from its big-endian modulus `n` and exponent `e`.
pub(super) fn rsa(n: &[u8], e: &[u8]) -> Vec<u8> {
    encode(RSA_ENCRYPTION, &integers(n, e))
}

/// Encodes an elliptic curve key; `point` has the uncompressed SEC 1 form.
pub(super) fn ec(curve: Curve, point: &[u8]) -> Vec<u8> {
    let algorithm = match curve {
        Curve::P256 => EC_P256,
        Curve::P384 => EC_P384,
        Curve::P521 => EC_P521,
    };
    encode(algorithm, point)
}

/// Encodes an Ed25519 key.
pub(super) fn ed25519(x: &[u8; 32]) -> Vec<u8> {
    encode(ED25519, x)
}

/// Encodes a SEQUENCE of two non-negative INTEGERs, each big-endian with any number of leading
/// zeros.
pub(super) fn integers(first: &[u8], second: &[u8]) -> Vec<u8> {
    tagged(SEQUENCE, &[integer(first), integer(second)].concat())
}

/// Encodes a non-negative INTEGER in its shortest form: with one zero octet in front if the first
/// bit is set.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut digits = number.get(zeros..).unwrap_or_default().to_vec();
    if digits.first().is_none_or(|byte| byte & 0x80 != 0) {
        digits.insert(0, 0);
    }
    tagged(INTEGER, &digits)
}

fn encode(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = tagged(BIT_STRING, &[&[0], key].concat());
    tagged(SEQUENCE, &[algorithm, &bits].concat())
}

/// Encodes a value with its tag and the shortest form of its length.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len().to_be_bytes();
    let significant =
        len.iter().position(|byte| *byte != 0).map_or(&[0][..], |at| len.get(at..).unwrap_or_default());
    let mut out = vec![tag];
    match significant {
        [short @ 0..=0x7f] => out.push(*short),
        // The long form begins with 0x80 plus the number of length octets, which is at most 8.
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
    fn tagged_length_has_the_shortest_form() {
        for (len, header) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
        ] {
            let out = tagged(4, &vec![7; len]);
            assert_eq!((&out[..header.len()], out.len()), (header, header.len() + len));
        }
    }

    #[test]
    fn integer_is_minimal_and_not_negative() {
        for (number, expected) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 1], &[2, 1, 1]),
        ] {
            assert_eq!(integer(number), expected);
        }
    }

    #[test]
    fn spki_agrees_with_p256_and_jwt_simple() {
        let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let point = secret.public_key().to_sec1_bytes();
        let der = ec(Curve::P256, &point);
        assert_eq!(der, secret.public_key().to_public_key_der().unwrap().as_bytes());
        assert_eq!(p256::PublicKey::from_public_key_der(&der).unwrap(), secret.public_key());

        let n = [&[0xff; 255][..], &[1]].concat();
        let der = rsa(&n, &[1, 0, 1]);
        let read = jwt_simple::algorithms::RSAPublicKey::from_der(&der).unwrap().to_components();
        assert_eq!((read.n, read.e), (n, vec![1, 0, 1]));
    }
}
