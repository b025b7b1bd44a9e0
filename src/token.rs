//! The compact serialization of a JWS (RFC 7515 section 7.1), read strictly.
//!
//! Nothing here is verified. What this module promises is that the token has one reading: three non-empty
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

/// Real key ids have 43 characters at Okta. Longer ones than this are not looked up, nor kept anywhere.
pub const MAX_KEY_ID_BYTES: usize = 256;

/// A well-formed, unverified token.
pub struct CompactJws<'a> {
    /// Whose key, and which algorithm, the token claims.
    pub header: Rc<JoseHeader>,
    /// The bytes that were signed: header, dot, payload, exactly as they were received.
    pub signing_input: &'a [u8],
    /// The decoded payload, until it is taken.
    pub payload: Vec<u8>,
    /// The decoded signature.
    pub signature: Vec<u8>,
}

/// The members of the JOSE header that matter. `jku`, `jwk`, `x5u` and `x5c` do not exist here: a token does not
/// bring its own key (RFC 8725 sections 3.9 and 3.10).
#[derive(Debug, Eq, PartialEq)]
pub struct JoseHeader {
    /// The algorithm, or `None` for one that nobody here knows, such as `none` and `HS256`.
    pub algorithm: Option<Algorithm>,
    /// The key id, never empty.
    pub key_id: Option<String>,
    /// The type, as it was written.
    pub typ: Option<String>,
}

impl<'a> CompactJws<'a> {
    /// Reads a token of at most `max_bytes`.
    ///
    /// # Errors
    /// The rejection that says what is wrong with the form.
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
        let behind = |bytes: &'a [u8], dot: usize| bytes.get(dot.saturating_add(1)..).unwrap_or_default();
        let (signing_input, header) =
            (token.get(..second).unwrap_or_default(), token.get(..first).unwrap_or_default());
        Ok(Self {
            header: headers.read(header)?,
            signing_input,
            payload: decode(behind(signing_input, first))?,
            signature: decode(behind(token, second))?,
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
        // `b64` changes what was signed and must be listed in `crit` (RFC 7797 section 6); unlisted it is no less
        // a sign of a token that means something else than it says.
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

/// Canonical unpadded base64url, and not empty: a second spelling of the same bytes would be a second token.
fn decode(segment: &[u8]) -> Result<Vec<u8>, Rejection> {
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
    fn segments() {
        const H: &str = "eyJhbGciOiJSUzI1NiJ9"; // {"alg":"RS256"}
        for (name, token, expected) in [
            ("one", H.to_owned(), Rejection::TokenOpaque),
            ("none at all", String::new(), Rejection::TokenOpaque),
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
    fn size_limit_is_inclusive() {
        let token = b"eyJhbGciOiJSUzI1NiJ9.e30.AA";
        let parse = |max_bytes| CompactJws::parse(token, max_bytes, &JoseHeaderCache::default());
        assert!(parse(token.len()).is_ok());
        assert_eq!(parse(token.len() - 1).unwrap_err(), Rejection::TokenTooLarge);
    }

    #[test]
    fn headers() {
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
        let long = "k".repeat(MAX_KEY_ID_BYTES + 1);
        assert_eq!(with_header(&format!(r#"{{"alg":"RS256","kid":"{long}"}}"#)), Err(HeaderMalformed));
        let header =
            with_header(r#"{"kid":"k","alg":"RS256","jku":"https://evil.example","jwk":{}}"#).unwrap();
        assert_eq!(header.key_id.as_deref(), Some("k"));
        assert_eq!(header.algorithm, Some(Algorithm::RS256));
        assert_eq!(with_header(r#"{"alg":"none"}"#).unwrap().algorithm, None);
    }

    #[test]
    fn a_token_is_never_printed() {
        let jws = parse(b"eyJhbGciOiJSUzI1NiJ9.e30.AA").unwrap();
        assert_eq!(format!("{jws:?}"), "CompactJws(<redacted>)");
    }
}
