//! A strict parser of the compact serialization of a JWS (RFC 7515 section 7.1).
//!
//! It verifies no signature. It ensures that a token has one interpretation: three non-empty
//! segments of canonical base64url, and a header without duplicate members.

mod jose_header_cache;

use std::fmt;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr_iter;

use crate::crypto::Algorithm;
use crate::json::Tape;
use crate::rejection::Rejection;

pub use jose_header_cache::JoseHeaderCache;

/// The maximum length of a key ID, in bytes. The filter rejects a token with a longer one. Okta's
/// have 43 bytes.
pub(crate) const MAX_KEY_ID_BYTES: usize = 256;

/// A well-formed token whose signature is not verified.
pub struct CompactJws<'a> {
    /// The JOSE header.
    pub header: Rc<JoseHeader>,
    /// The JWS Signing Input, as received: the encoded header, a dot, the encoded payload.
    pub signing_input: &'a [u8],
    /// The decoded payload.
    pub payload: Vec<u8>,
    /// The decoded signature.
    pub signature: Vec<u8>,
}

/// The members of the JOSE header that the filter uses. It ignores `jku`, `jwk`, `x5u` and `x5c`,
/// because a token must not supply the key that verifies it (RFC 8725 sections 3.9 and 3.10).
#[derive(Debug, Eq, PartialEq)]
pub struct JoseHeader {
    /// The algorithm; `None` for an unsupported one, such as `none` and `HS256`.
    pub algorithm: Option<Algorithm>,
    /// The key ID. It is never empty.
    pub key_id: Option<String>,
    /// The type, as received.
    pub typ: Option<String>,
}

impl<'a> CompactJws<'a> {
    /// Parses a token of at most `max_bytes`.
    ///
    /// # Errors
    /// The rejection for the defect of the form, such as [`Rejection::TokenOpaque`] for a text
    /// without dots.
    pub fn parse(token: &'a [u8], max_bytes: usize, headers: &JoseHeaderCache) -> Result<Self, Rejection> {
        if token.len() > max_bytes {
            return Err(Rejection::TokenTooLarge);
        }
        let mut dots = memchr_iter(b'.', token);
        let mut next = || dots.next();
        let (first, second) = match (next(), next(), next(), next(), next()) {
            (Some(first), Some(second), None, ..) => (first, second),
            (None, ..) => return Err(Rejection::TokenOpaque),
            (.., Some(_), None) => return Err(Rejection::TokenEncrypted),
            _ => return Err(Rejection::TokenMalformed),
        };
        let after = |bytes: &'a [u8], dot: usize| bytes.get(dot.saturating_add(1)..).unwrap_or_default();
        let (signing_input, header) =
            (token.get(..second).unwrap_or_default(), token.get(..first).unwrap_or_default());
        Ok(Self {
            header: headers.parse(header)?,
            signing_input,
            payload: decode(after(signing_input, first))?,
            signature: decode(after(token, second))?,
        })
    }
}

impl fmt::Debug for CompactJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompactJws(<redacted>)")
    }
}

impl JoseHeader {
    fn parse(bytes: Vec<u8>) -> Result<Self, Rejection> {
        let header = Tape::parse(bytes).map_err(|_| Rejection::HeaderMalformed)?;
        let string = |name| match header.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(Rejection::HeaderMalformed),
        };
        let algorithm = string("alg")?.ok_or(Rejection::HeaderMalformed)?;
        let key_id = string("kid")?;
        let typ = string("typ")?;
        if key_id.is_some_and(|id| id.is_empty() || id.len() > MAX_KEY_ID_BYTES) {
            return Err(Rejection::HeaderMalformed);
        }
        // `b64` changes the signing input. RFC 7797 section 6 requires it in `crit`; a token that
        // has it elsewhere could have two interpretations.
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(Rejection::CriticalExtension);
        }
        Ok(Self {
            algorithm: Algorithm::from_name(algorithm),
            key_id: key_id.map(str::to_owned),
            typ: typ.map(str::to_owned),
        })
    }
}

/// Decodes a segment: canonical base64url without padding, not empty. Another spelling of the same
/// bytes would make a second token with the same meaning.
pub(crate) fn decode(segment: &[u8]) -> Result<Vec<u8>, Rejection> {
    if segment.is_empty() {
        return Err(Rejection::TokenMalformed);
    }
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| Rejection::TokenMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 16 * 1024;

    fn parse(token: &[u8]) -> Result<CompactJws<'_>, Rejection> {
        CompactJws::parse(token, MAX, &JoseHeaderCache::default())
    }

    fn with_header(header: &str) -> Result<Rc<JoseHeader>, Rejection> {
        let token = format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        parse(token.as_bytes()).map(|jws| jws.header)
    }

    #[test]
    fn parse_malformed_segments_are_rejected() {
        const H: &str = "eyJhbGciOiJSUzI1NiJ9"; // {"alg":"RS256"}
        for (name, token, expected) in [
            ("one", H.to_owned(), Rejection::TokenOpaque),
            ("no segment", String::new(), Rejection::TokenOpaque),
            ("two", format!("{H}.e30"), Rejection::TokenMalformed),
            ("four", format!("{H}.e30.AA.AA"), Rejection::TokenMalformed),
            ("five", format!("{H}.e30.AA.AA.AA"), Rejection::TokenEncrypted),
            ("six", format!("{H}.e30.AA.AA.AA.AA"), Rejection::TokenMalformed),
            ("empty header", ".e30.AA".to_owned(), Rejection::TokenMalformed),
            ("empty payload", format!("{H}..AA"), Rejection::TokenMalformed),
            ("empty signature", format!("{H}.e30."), Rejection::TokenMalformed),
            ("padding", format!("{H}.e30=.AA"), Rejection::TokenMalformed),
            ("standard alphabet", format!("{H}.e30.+/8"), Rejection::TokenMalformed),
            ("trailing bits", format!("{H}.e30.AB"), Rejection::TokenMalformed),
            ("white space", format!("{H}.e30.AA\n"), Rejection::TokenMalformed),
            ("not ASCII", format!("{H}.e30.AÄ"), Rejection::TokenMalformed),
        ] {
            assert_eq!(parse(token.as_bytes()).unwrap_err(), expected, "{name}");
        }
        let jws = parse(b"eyJhbGciOiJSUzI1NiJ9.e30.AA").unwrap();
        assert_eq!(jws.signing_input, b"eyJhbGciOiJSUzI1NiJ9.e30");
        assert_eq!((jws.payload, jws.signature), (b"{}".to_vec(), vec![0]));
    }

    #[test]
    fn parse_size_limit_is_inclusive() {
        let token = b"eyJhbGciOiJSUzI1NiJ9.e30.AA";
        let parse = |max_bytes| CompactJws::parse(token, max_bytes, &JoseHeaderCache::default());
        assert!(parse(token.len()).is_ok());
        assert_eq!(parse(token.len() - 1).unwrap_err(), Rejection::TokenTooLarge);
    }

    #[test]
    fn header_malformed_is_rejected() {
        use Rejection::{CriticalExtension, HeaderMalformed};
        for (header, expected) in [
            ("", Rejection::TokenMalformed),
            ("[]", HeaderMalformed),
            ("null", HeaderMalformed),
            ("{}", HeaderMalformed),
            (r#"{"alg":null}"#, HeaderMalformed),
            (r#"{"alg":["RS256"]}"#, HeaderMalformed),
            (r#"{"alg":"none","alg":"RS256"}"#, HeaderMalformed),
            (r#"{"alg":"RS256","kid":1}"#, HeaderMalformed),
            (r#"{"alg":"RS256","kid":""}"#, HeaderMalformed),
            (r#"{"alg":"RS256","kid":null}"#, HeaderMalformed),
            (r#"{"alg":"RS256","typ":{}}"#, HeaderMalformed),
            (r#"{"alg":"RS256","crit":[]}"#, CriticalExtension),
            (r#"{"alg":"RS256","crit":["exp"]}"#, CriticalExtension),
            (r#"{"alg":"RS256","b64":false}"#, CriticalExtension),
        ] {
            assert_eq!(with_header(header), Err(expected), "{header}");
        }
        for (bytes, expected) in [(MAX_KEY_ID_BYTES, Ok(())), (MAX_KEY_ID_BYTES + 1, Err(HeaderMalformed))] {
            let header = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(bytes));
            assert_eq!(with_header(&header).map(drop), expected, "{bytes}");
        }
        let header =
            with_header(r#"{"kid":"k","alg":"RS256","jku":"https://evil.example","jwk":{}}"#).unwrap();
        assert_eq!(header.key_id.as_deref(), Some("k"));
        assert_eq!(header.algorithm, Some(Algorithm::RS256));
        assert_eq!(with_header(r#"{"alg":"none"}"#).unwrap().algorithm, None);
    }

    #[test]
    fn debug_output_omits_the_token() {
        let jws = parse(b"eyJhbGciOiJSUzI1NiJ9.e30.AA").unwrap();
        assert_eq!(format!("{jws:?}"), "CompactJws(<redacted>)");
    }
}
