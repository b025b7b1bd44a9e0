//! The token in the `Authorization` header (RFC 6750 section 2.1, RFC 9449 section 7.1).

use super::RequestHead;
use crate::headers;
use crate::rejection::Rejection;

/// The authentication scheme of a token.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AuthScheme {
    /// `Bearer` (RFC 6750), or a configured token source, which has no scheme.
    #[default]
    Bearer,
    /// `DPoP` (RFC 9449).
    Dpop,
}

impl AuthScheme {
    /// Returns the registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

impl<'a> RequestHead<'a> {
    /// Returns the token of `Authorization` with its scheme. Without `accepts_dpop`, `DPoP` is like
    /// any scheme that the filter does not know.
    ///
    /// # Errors
    /// [`Rejection::TokenMissing`] without credentials or with those of another scheme, which RFC
    /// 6750 section 3.1 does not distinguish. [`Rejection::MultipleCredentials`] for more than one
    /// token.
    pub(crate) fn authorization(&self, accepts_dpop: bool) -> Result<(AuthScheme, &'a [u8]), Rejection> {
        let mut values = self.header_values("authorization");
        let value = values.next().ok_or(Rejection::TokenMissing)?;
        if values.next().is_some() {
            return Err(Rejection::MultipleCredentials);
        }
        let after_scheme = |credentials| after_scheme(credentials, accepts_dpop);
        if let Some(found) = after_scheme(value).filter(|(_, token)| is_one_word(token)) {
            return Ok(found);
        }
        // Envoy joins repeated headers with commas. A token contains no comma, but the parameters
        // of other schemes may.
        let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let Some((scheme, token)) = parts.next().and_then(after_scheme) else {
            let has_token = parts.any(|part| after_scheme(part).is_some());
            return Err(if has_token { Rejection::MultipleCredentials } else { Rejection::TokenMissing });
        };
        if parts.next().is_some() || token.iter().any(u8::is_ascii_whitespace) {
            return Err(Rejection::MultipleCredentials);
        }
        if token.is_empty() { Err(Rejection::TokenMissing) } else { Ok((scheme, token)) }
    }
}

/// Returns the scheme `Bearer` or `DPoP`, in any letter case (RFC 9110 section 11.1), and the
/// credentials after it; empty for the scheme alone. Returns `None` for another scheme. An upstream
/// may end the scheme at any character that cannot be part of one, such as a tab, or non-ASCII white
/// space as in Python.
fn after_scheme(credentials: &[u8], accepts_dpop: bool) -> Option<(AuthScheme, &[u8])> {
    let start = credentials.iter().position(|byte| headers::is_token_byte(*byte))?;
    let credentials = credentials.get(start..)?;
    let after = |scheme: AuthScheme| {
        let (name, rest) = credentials.split_at_checked(scheme.name().len())?;
        let scheme_ends = rest.first().is_none_or(|byte| !headers::is_token_byte(*byte) && *byte != b'=');
        (scheme_ends && name.eq_ignore_ascii_case(scheme.name().as_bytes()))
            .then(|| (scheme, rest.trim_ascii()))
    };
    after(AuthScheme::Bearer).or_else(|| accepts_dpop.then(|| after(AuthScheme::Dpop)).flatten())
}

/// Returns whether the bytes are not empty and contain no comma, white space or control character.
/// The loop has no early exit, so that the compiler can vectorize it.
fn is_one_word(bytes: &[u8]) -> bool {
    let separates = |byte: u8| byte <= b' ' || byte == b',';
    !bytes.is_empty() && !bytes.iter().fold(false, |found, byte| found | separates(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Header;

    fn headers<'a>(name: &'a str, values: &[&'a [u8]]) -> Vec<Header<'a>> {
        values.iter().map(|value| (name, *value)).collect()
    }

    #[test]
    fn bearer_token_of_each_header_is_token_or_rejection() {
        use Rejection::{MultipleCredentials, TokenMissing};
        let cases: [(&str, &[&[u8]], Result<&[u8], Rejection>); 26] = [
            ("none", &[], Err(TokenMissing)),
            ("empty", &[b""], Err(TokenMissing)),
            ("scheme alone", &[b"Bearer"], Err(TokenMissing)),
            ("scheme and space", &[b"Bearer "], Err(TokenMissing)),
            ("another scheme", &[b"Basic dXNlcg=="], Err(TokenMissing)),
            ("an Okta API token", &[b"SSWS 00abc"], Err(TokenMissing)),
            ("a longer scheme", &[b"Bearerx a"], Err(TokenMissing)),
            ("a parameter", &[b"Bearer=a"], Err(TokenMissing)),
            ("tab", &[b"Bearer\ta"], Ok(b"a")),
            ("tabs and spaces", &[b"Bearer\t \ta\t"], Ok(b"a")),
            ("no-break space", &[b"Bearer\xa0a"], Ok(b"\xa0a")),
            ("no-break space in front", &[b"\xc2\xa0Bearer a"], Ok(b"a")),
            ("colon", &[b"Bearer:a"], Ok(b":a")),
            ("another scheme, joined, tab", &[b"Basic a,Bearer\tb"], Err(MultipleCredentials)),
            ("token alone", &[b"a.b.c"], Err(TokenMissing)),
            ("not UTF-8", &[b"Bearer \xff\xfe"], Ok(b"\xff\xfe")),
            ("usual form", &[b"Bearer a"], Ok(b"a")),
            ("lower case", &[b"bearer a"], Ok(b"a")),
            ("upper case", &[b"BEARER a"], Ok(b"a")),
            ("more spaces", &[b"Bearer   a "], Ok(b"a")),
            ("two headers", &[b"Bearer a", b"Bearer a"], Err(MultipleCredentials)),
            ("joined by Envoy", &[b"Bearer a,Bearer b"], Err(MultipleCredentials)),
            ("another scheme, joined", &[b"Basic a,Bearer b"], Err(MultipleCredentials)),
            ("another scheme with parameters", &[b"Digest username=\"a\", realm=\"b\""], Err(TokenMissing)),
            ("two tokens", &[b"Bearer a b"], Err(MultipleCredentials)),
            ("two tokens, tab", &[b"Bearer a\tb"], Err(MultipleCredentials)),
        ];
        for (name, authorization, expected) in cases {
            let headers = headers("authorization", authorization);
            for accepts_dpop in [false, true] {
                let found = RequestHead::new(&headers).authorization(accepts_dpop);
                let expected = expected.map(|token| (AuthScheme::Bearer, token));
                assert_eq!(found, expected, "{name}, {accepts_dpop}");
            }
        }
    }

    #[test]
    fn authorization_of_dpop_header_is_token_if_accepted() {
        use AuthScheme::{Bearer, Dpop};
        use Rejection::{MultipleCredentials, TokenMissing};
        let cases: [(&str, &[&[u8]], Result<(AuthScheme, &[u8]), Rejection>); 14] = [
            ("usual form", &[b"DPoP a"], Ok((Dpop, b"a"))),
            ("lower case", &[b"dpop a"], Ok((Dpop, b"a"))),
            ("upper case", &[b"DPOP   a "], Ok((Dpop, b"a"))),
            ("scheme alone", &[b"DPoP"], Err(TokenMissing)),
            ("a longer scheme", &[b"DPoPx a"], Err(TokenMissing)),
            ("a parameter", &[b"DPoP=a"], Err(TokenMissing)),
            ("bearer", &[b"Bearer a"], Ok((Bearer, b"a"))),
            ("two headers", &[b"DPoP a", b"DPoP a"], Err(MultipleCredentials)),
            ("two schemes", &[b"DPoP a", b"Bearer a"], Err(MultipleCredentials)),
            ("two schemes, joined", &[b"DPoP a,Bearer a"], Err(MultipleCredentials)),
            ("two schemes, joined, bearer first", &[b"Bearer a, DPoP a"], Err(MultipleCredentials)),
            ("another scheme, joined", &[b"Basic a,DPoP b"], Err(MultipleCredentials)),
            ("two tokens", &[b"DPoP a b"], Err(MultipleCredentials)),
            ("another scheme", &[b"Digest username=\"a\", realm=\"b\""], Err(TokenMissing)),
        ];
        for (name, authorization, expected) in cases {
            let headers = headers("authorization", authorization);
            assert_eq!(RequestHead::new(&headers).authorization(true), expected, "{name}");
        }
        let headers = headers("authorization", &[b"DPoP a"]);
        assert_eq!(RequestHead::new(&headers).authorization(false), Err(TokenMissing));
    }

    #[test]
    fn is_one_word_with_a_separator_anywhere_is_false() {
        let all: Vec<u8> = (b' ' + 1..=255).filter(|byte| *byte != b',').collect();
        assert!(is_one_word(&all) && !is_one_word(b""));
        for len in 1..40 {
            for position in 0..len {
                for byte in 0..=255 {
                    let mut bytes = vec![b'-'; len];
                    bytes[position] = byte;
                    assert_eq!(
                        is_one_word(&bytes),
                        byte > b' ' && byte != b',',
                        "{byte} at {position} of {len}"
                    );
                }
            }
        }
    }
}
