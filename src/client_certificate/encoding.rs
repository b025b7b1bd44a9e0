//! The encodings of a certificate or of its digest.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::CertificateDigest;
use crate::hex;
use crate::percent_encoding::{Octet, Octets};

const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const PEM_END: &[u8] = b"-----END CERTIFICATE-----";

/// Reads a digest in hexadecimal.
pub(super) fn hex_digest(text: &[u8]) -> Option<CertificateDigest> {
    hex::decode(text)?.try_into().ok()
}

/// Reads a digest or a certificate in hexadecimal.
pub(super) fn hex(text: &[u8]) -> Option<CertificateDigest> {
    digest_of(&hex::decode(text)?)
}

/// Reads a digest or a certificate in base64, which can be between colons.
pub(super) fn base64(text: &[u8]) -> Option<CertificateDigest> {
    let inner = text.strip_prefix(b":").and_then(|text| text.strip_suffix(b":"));
    decode_base64(inner.unwrap_or(text), &STANDARD_NO_PAD)
}

/// Reads a digest or a certificate in base64url.
pub(super) fn base64_url(text: &[u8]) -> Option<CertificateDigest> {
    decode_base64(text, &URL_SAFE_NO_PAD)
}

/// Reads one certificate in percent-encoded PEM.
pub(super) fn pem_urlencoded(text: &[u8]) -> Option<CertificateDigest> {
    let octet = |octet| match octet {
        Octet::Literal(byte) | Octet::Encoded(byte) => Some(byte),
        Octet::LonePercent => None,
    };
    let pem: Vec<u8> = Octets::new(text).map(octet).collect::<Option<_>>()?;
    let body = pem.trim_ascii().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let body: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    decode_base64(&body, &STANDARD_NO_PAD)
}

fn decode_base64(text: &[u8], engine: &GeneralPurpose) -> Option<CertificateDigest> {
    let unpadded = match text {
        [text @ .., b'=', b'='] | [text @ .., b'='] => text,
        text => text,
    };
    digest_of(&engine.decode(unpadded).ok()?)
}

/// Returns a digest unchanged, and the digest of a certificate. No certificate has 32 bytes.
fn digest_of(bytes: &[u8]) -> Option<CertificateDigest> {
    match bytes.try_into() {
        Ok(digest) => Some(digest),
        Err(_) => is_der_sequence(bytes).then(|| Sha256::digest(bytes).into()),
    }
}

/// Returns whether the bytes are one DER SEQUENCE of 128 to 65,535 bytes. So a certificate that a
/// proxy truncated, and a list of certificates, are not valid.
fn is_der_sequence(bytes: &[u8]) -> bool {
    let (length, minimum, content) = match bytes {
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), 0x80, content),
        [0x30, 0x82, high, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), 0x100, content)
        }
        _ => return false,
    };
    length >= minimum && content.len() == length
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    /// Returns bytes that have the outer form of a certificate.
    fn certificate(length: usize) -> Vec<u8> {
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        let size = if high == 0 { vec![0x81, low] } else { vec![0x82, high, low] };
        [&[0x30], &size[..], &(0..=255).cycle().take(length).collect::<Vec<u8>>()].concat()
    }

    fn to_hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digest_or_certificate_in_each_encoding_is_read() {
        let der = certificate(700);
        let expected: CertificateDigest = Sha256::digest(&der).into();
        for bytes in [&expected[..], &der] {
            let (lower, upper) = (to_hex(bytes), to_hex(bytes).to_uppercase());
            assert_eq!([hex(lower.as_bytes()), hex(upper.as_bytes())], [Some(expected); 2]);
            for text in [
                STANDARD.encode(bytes),
                STANDARD_NO_PAD.encode(bytes),
                format!(":{}:", STANDARD.encode(bytes)),
            ] {
                assert_eq!(base64(text.as_bytes()), Some(expected), "{text}");
            }
            for text in [URL_SAFE.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)] {
                assert_eq!(base64_url(text.as_bytes()), Some(expected), "{text}");
            }
        }
        let encoded = STANDARD.encode(&der);
        let lines: Vec<String> =
            encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
        for body in [
            lines.join("%0A"),
            lines.join("%0d%0a"),
            lines.join("\n"),
            encoded.replace('+', "%2B").replace('/', "%2f"),
        ] {
            let pem = format!("-----BEGIN%20CERTIFICATE-----%0A{body}%0A-----END CERTIFICATE-----%0A");
            assert_eq!(pem_urlencoded(pem.as_bytes()), Some(expected), "{pem}");
        }
        assert_eq!(hex_digest(to_hex(&expected).as_bytes()), Some(expected));
        assert_eq!(hex_digest(to_hex(&der).as_bytes()), None, "Envoy reports the digest only");
    }

    #[test]
    fn der_sequence_of_each_length_is_accepted_in_its_shortest_form_only() {
        for (length, expected) in
            [(0, false), (127, false), (128, true), (255, true), (256, true), (65_535, true)]
        {
            assert_eq!(is_der_sequence(&certificate(length)), expected, "{length}");
        }
        assert!(!is_der_sequence(&[&[0x30, 0x82, 0, 200], &[0; 200][..]].concat()));
    }

    #[test]
    fn value_in_another_form_is_none() {
        let der = certificate(700);
        for bytes in [
            &b""[..],
            &[0; 31],
            &[0; 33],
            &der[..der.len() - 1],
            &[&der[..], &[0]].concat(),
            &der.repeat(2),
            &certificate(127),
            &[&[0x31], &der[1..]].concat(),
        ] {
            assert_eq!(hex(to_hex(bytes).as_bytes()), None, "{bytes:?}");
            assert_eq!(base64(STANDARD.encode(bytes).as_bytes()), None, "{bytes:?}");
            assert_eq!(base64_url(URL_SAFE.encode(bytes).as_bytes()), None, "{bytes:?}");
        }
        let digest = [0xFB; 32];
        for text in [
            to_hex(&digest)[1..].to_owned(),
            format!("{}g", &to_hex(&digest)[1..]),
            format!("+{}", &to_hex(&digest)[1..]),
        ] {
            assert_eq!(hex(text.as_bytes()), None, "{text}");
        }
        assert_eq!(base64_url(STANDARD.encode(digest).as_bytes()), None);
        assert_eq!(base64(URL_SAFE.encode(digest).as_bytes()), None);
        assert_eq!(base64(format!(":{}", STANDARD.encode(digest)).as_bytes()), None);
        let encoded = STANDARD.encode(&der);
        let pem = |body: &str| format!("-----BEGIN CERTIFICATE-----{body}-----END CERTIFICATE-----");
        for text in [
            encoded.clone(),
            pem(""),
            pem("%"),
            pem(&encoded[1..]),
            pem(&encoded).repeat(2),
            pem(&encoded).replace("CERTIFICATE", "X509 CRL"),
        ] {
            assert_eq!(pem_urlencoded(text.as_bytes()), None, "{text}");
        }
        assert!(pem_urlencoded(pem(&encoded).as_bytes()).is_some());
    }
}
