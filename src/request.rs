//! What the decision needs of a request, and where its credentials are (RFC 6750 section 2.1).

use crate::rejection::Rejection;

/// The head of a request, as bytes: Envoy hands on header values that are not UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`, with the query; empty if there is none (CONNECT).
    pub path: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// Every value of `authorization`.
    pub authorization: &'a [&'a [u8]],
}

impl<'a> RequestHead<'a> {
    /// The one bearer token of the request.
    ///
    /// # Errors
    /// [`Rejection::TokenMissing`] for no credentials or those of another scheme, which RFC 6750 section 3.1 treats
    /// alike; [`Rejection::MultipleCredentials`] for more than one.
    pub fn bearer_token(&self) -> Result<&'a [u8], Rejection> {
        let value = match self.authorization {
            [] => return Err(Rejection::TokenMissing),
            [value] => value.trim_ascii(),
            _ => return Err(Rejection::MultipleCredentials),
        };
        let (scheme, credentials) = match value.iter().position(|byte| *byte == b' ') {
            Some(at) => value.split_at(at),
            None => (value, &[][..]),
        };
        // Envoy joins repeated headers with a comma, and neither a scheme nor a token has one.
        if value.contains(&b',') {
            return Err(Rejection::MultipleCredentials);
        }
        let token = credentials.trim_ascii();
        if !scheme.eq_ignore_ascii_case(b"bearer") || token.is_empty() {
            return Err(Rejection::TokenMissing);
        }
        if token.iter().any(u8::is_ascii_whitespace) {
            return Err(Rejection::MultipleCredentials);
        }
        Ok(token)
    }

    /// The host that was asked for, in lower case, without a port or the dot that ends a full name.
    pub fn host(&self) -> Vec<u8> {
        let host = match self.authority.iter().rposition(|byte| *byte == b':') {
            Some(at) if self.authority.get(at..).is_some_and(is_port) => self.authority.get(..at),
            _ => Some(self.authority),
        };
        let host = host.unwrap_or_default();
        host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase()
    }
}

fn is_port(tail: &[u8]) -> bool {
    matches!(tail, [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token<'a>(authorization: &'a [&'a [u8]]) -> Result<&'a [u8], Rejection> {
        RequestHead { method: b"GET", path: b"/", authority: b"", authorization }.bearer_token()
    }

    #[test]
    fn credentials() {
        use Rejection::{MultipleCredentials, TokenMissing};
        let cases: [(&str, &[&[u8]], Result<&[u8], Rejection>); 19] = [
            ("none", &[], Err(TokenMissing)),
            ("empty", &[b""], Err(TokenMissing)),
            ("scheme alone", &[b"Bearer"], Err(TokenMissing)),
            ("scheme and space", &[b"Bearer "], Err(TokenMissing)),
            ("another scheme", &[b"Basic dXNlcg=="], Err(TokenMissing)),
            ("Okta's own keys", &[b"SSWS 00abc"], Err(TokenMissing)),
            ("a longer scheme", &[b"Bearerx a"], Err(TokenMissing)),
            ("no space", &[b"Bearer\ta"], Err(TokenMissing)),
            ("token alone", &[b"a.b.c"], Err(TokenMissing)),
            ("not UTF-8", &[b"Bearer \xff\xfe"], Ok(b"\xff\xfe")),
            ("as usual", &[b"Bearer a"], Ok(b"a")),
            ("lower case", &[b"bearer a"], Ok(b"a")),
            ("upper case", &[b"BEARER a"], Ok(b"a")),
            ("more space", &[b"Bearer   a "], Ok(b"a")),
            ("two headers", &[b"Bearer a", b"Bearer a"], Err(MultipleCredentials)),
            ("joined by Envoy", &[b"Bearer a,Bearer b"], Err(MultipleCredentials)),
            ("another scheme, joined", &[b"Basic a,Bearer b"], Err(MultipleCredentials)),
            ("two tokens", &[b"Bearer a b"], Err(MultipleCredentials)),
            ("two tokens, tab", &[b"Bearer a\tb"], Err(MultipleCredentials)),
        ];
        for (name, authorization, expected) in cases {
            assert_eq!(token(authorization), expected, "{name}");
        }
    }

    #[test]
    fn hosts() {
        for (authority, expected) in [
            ("API.example.com", "api.example.com"),
            ("api.example.com:8443", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com.:80", "api.example.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            let head =
                RequestHead { method: b"", path: b"", authority: authority.as_bytes(), authorization: &[] };
            assert_eq!(head.host(), expected.as_bytes(), "{authority}");
        }
    }
}
