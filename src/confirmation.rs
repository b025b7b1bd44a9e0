//! The confirmation of a token: the key or the certificate of the client that the token is bound to
//! (RFC 7800 section 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claims::Claims;
use crate::json::ValueRef;
use crate::rejection::Rejection;

/// The methods by which the client of a token proves possession. At least one is present; the
/// client must meet all that are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Confirmation {
    /// `jkt`: the SHA-256 thumbprint of the key of the client (RFC 9449 section 6.1, RFC 7638).
    pub key_thumbprint: Option<[u8; 32]>,
    /// `x5t#S256`: the SHA-256 digest of the certificate of the client in DER (RFC 8705 section
    /// 3.1).
    pub certificate_sha256: Option<[u8; 32]>,
}

impl Confirmation {
    /// Reads `cnf`. Returns `None` for a token without it, which is a bearer token.
    ///
    /// # Errors
    /// [`Rejection::TokenBound`] if `cnf` is not an object, has no member, has a member other than
    /// `jkt` and `x5t#S256`, or if a member is not base64url of 32 bytes without padding. A resource
    /// server must not accept such a token as a bearer token, because a stolen one would be valid
    /// (RFC 9449 section 7.1).
    pub fn of(claims: &Claims) -> Result<Option<Self>, Rejection> {
        claims.get("cnf").map(|cnf| Self::read(&cnf).ok_or(Rejection::TokenBound)).transpose()
    }

    fn read(cnf: &ValueRef<'_>) -> Option<Self> {
        let ValueRef::Object(members) = cnf else { return None };
        let mut confirmation = Self { key_thumbprint: None, certificate_sha256: None };
        for (name, value) in members.clone() {
            let digest = decode_digest(value.as_str()?)?;
            match name {
                "jkt" => confirmation.key_thumbprint = Some(digest),
                "x5t#S256" => confirmation.certificate_sha256 = Some(digest),
                _ => return None,
            }
        }
        (confirmation.key_thumbprint.is_some() || confirmation.certificate_sha256.is_some())
            .then_some(confirmation)
    }
}

/// Decodes a SHA-256 digest in canonical base64url without padding.
pub(crate) fn decode_digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut digest).ok()?;
    (length == digest.len()).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

    fn confirmation(claims: &str) -> Result<Option<Confirmation>, Rejection> {
        Confirmation::of(&Claims::parse(claims.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn confirmation_of_valid_cnf_has_its_digests() {
        assert_eq!(confirmation("{}"), Ok(None));
        let read = |cnf: &str| confirmation(&format!(r#"{{"cnf":{cnf}}}"#)).unwrap().unwrap();
        let key = read(&format!(r#"{{"jkt":"{JKT}"}}"#));
        assert_eq!((key.key_thumbprint, key.certificate_sha256), (decode_digest(JKT), None));
        let certificate = read(&format!(r#"{{"x5t#S256":"{X5T}"}}"#));
        assert_eq!((certificate.key_thumbprint, certificate.certificate_sha256), (None, decode_digest(X5T)));
        let both = read(&format!(r#"{{"jkt":"{JKT}","x5t#S256":"{X5T}"}}"#));
        assert_eq!(
            both.key_thumbprint.zip(both.certificate_sha256),
            decode_digest(JKT).zip(decode_digest(X5T))
        );
        assert!(decode_digest(JKT).is_some() && decode_digest(JKT) != decode_digest(X5T));
    }

    #[test]
    fn confirmation_that_the_filter_cannot_check_is_token_bound() {
        for cnf in [
            "null".to_owned(),
            "{}".to_owned(),
            "[]".to_owned(),
            format!(r#""{JKT}""#),
            r#"{"jkt":null}"#.to_owned(),
            r#"{"jkt":""}"#.to_owned(),
            format!(r#"{{"jkt":"{JKT}="}}"#),
            format!(r#"{{"jkt":"{}"}}"#, &JKT[..42]),
            format!(r#"{{"jkt":"{JKT}A"}}"#),
            // The last character has two bits that must be zero.
            format!(r#"{{"jkt":"{}J"}}"#, &JKT[..42]),
            format!(r#"{{"jkt":"{}+I"}}"#, &JKT[..41]),
            format!(r#"{{"jkt":"{JKT}","kid":"1"}}"#),
            format!(r#"{{"x5t#S256":"{JKT}","jwk":{{}}}}"#),
            r#"{"x5t#S256":"0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd"}"#.to_owned(),
        ] {
            assert_eq!(confirmation(&format!(r#"{{"cnf":{cnf}}}"#)), Err(Rejection::TokenBound), "{cnf}");
        }
    }
}
