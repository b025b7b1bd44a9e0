//! Where a token may be: in `Authorization` always, elsewhere only where the configuration says so.
//!
//! Each place is read here and in [`super::strip`], and nowhere else: what is found is what is taken out.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{RequestHead, query};
use crate::headers;
use crate::rejection::Rejection;

/// How browsers, whose WebSocket API sets no headers, send a token to Kubernetes.
const WEBSOCKET_PREFIX: &[u8] = b"base64url.bearer.authorization.k8s.io.";

/// The places besides `Authorization`.
#[derive(Clone, Debug, Default)]
pub struct TokenSources {
    /// Headers.
    pub headers: Vec<HeaderSource>,
    /// Names of cookies.
    pub cookies: Vec<String>,
    /// Names of query parameters (RFC 6750 section 2.3).
    pub params: Vec<String>,
    /// An entry of `Sec-WebSocket-Protocol`.
    pub websocket_protocol: bool,
}

/// A header that carries a token.
#[derive(Clone, Debug)]
pub struct HeaderSource {
    /// The name, in lower case.
    pub name: String,
    /// What stands before the token, compared exactly.
    pub value_prefix: String,
}

/// A token as it was sent, or nothing where its place's encoding is broken.
type Candidate<'a> = Option<Cow<'a, [u8]>>;

impl TokenSources {
    /// The one token of a request.
    ///
    /// # Errors
    /// [`Rejection::TokenMissing`]; [`Rejection::MultipleCredentials`] for two tokens, in one place or in two
    /// (RFC 6750 section 2); [`Rejection::TokenMalformed`] for one that cannot be decoded.
    pub fn token<'a>(&self, head: &RequestHead<'a>) -> Result<Cow<'a, [u8]>, Rejection> {
        let bearer_token = match head.bearer_token() {
            Err(Rejection::TokenMissing) => None,
            other => Some(other?),
        };
        let mut found = Vec::new();
        for (name, value) in head.headers {
            self.find_in_header(name, value, &mut found);
        }
        self.find_in_params(head, &mut found);
        let mut found = bearer_token.map(|token| Some(Cow::Borrowed(token))).into_iter().chain(found);
        match (found.next(), found.next()) {
            (None, _) => Err(Rejection::TokenMissing),
            (_, Some(_)) => Err(Rejection::MultipleCredentials),
            (Some(token), None) => token.ok_or(Rejection::TokenMalformed),
        }
    }

    fn find_in_header<'a>(&self, name: &str, value: &'a [u8], found: &mut Vec<Candidate<'a>>) {
        match name {
            "cookie" => {
                for cookie in value.split(|byte| *byte == b';') {
                    let (name, value) = cookie_pair(cookie);
                    // A value may stand in quotes (RFC 6265 section 4.1.1).
                    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
                    let token = unquoted.unwrap_or(value);
                    if self.is_token_cookie(name) && !token.is_empty() {
                        found.push(Some(Cow::Borrowed(token)));
                    }
                }
            }
            "sec-websocket-protocol" if self.websocket_protocol => {
                for entry in value.split(|byte| *byte == b',') {
                    if let Some(encoded @ [_, ..]) = entry.trim_ascii().strip_prefix(WEBSOCKET_PREFIX) {
                        found.push(URL_SAFE_NO_PAD.decode(encoded).ok().map(Cow::Owned));
                    }
                }
            }
            _ => {
                let Some(source) = self.headers.iter().find(|source| source.name == name) else { return };
                let tokens = value.trim_ascii_start().strip_prefix(source.value_prefix.as_bytes());
                // A token has neither commas nor white space: what has, is several.
                for token in
                    tokens.unwrap_or_default().split(|byte| *byte == b',' || byte.is_ascii_whitespace())
                {
                    if !token.is_empty() {
                        found.push(Some(Cow::Borrowed(token)));
                    }
                }
            }
        }
    }

    fn find_in_params<'a>(&self, head: &RequestHead<'a>, found: &mut Vec<Candidate<'a>>) {
        for parameter in query::parameters(head.query().unwrap_or_default()) {
            let (name, value) = query::pair(parameter);
            if !value.is_empty() && self.is_token_param(name) {
                found.push(query::decode(value));
            }
        }
    }

    /// Whether this is a header that carries a token, or one that a backend could read as such.
    pub fn is_token_header(&self, name: &str) -> bool {
        name == "authorization" || self.headers.iter().any(|source| headers::reads_as(name, &source.name))
    }

    /// Whether this is a header that nobody has verified although a backend could read it as one that was: it has not
    /// the name of a source, but one like it.
    pub fn is_lookalike(&self, name: &str) -> bool {
        self.is_token_header(name)
            && name != "authorization"
            && !self.headers.iter().any(|source| source.name == name)
    }

    pub(super) fn is_token_cookie(&self, name: &[u8]) -> bool {
        self.cookies.iter().any(|cookie| cookie.as_bytes() == name)
    }

    pub(super) fn is_token_param(&self, name: &[u8]) -> bool {
        !self.params.is_empty()
            && query::decode(name)
                .is_some_and(|name| self.params.iter().any(|param| param.as_bytes() == &*name))
    }
}

/// Whether this entry of `Sec-WebSocket-Protocol` is a token.
pub(super) fn is_token_protocol(entry: &[u8]) -> bool {
    entry.starts_with(WEBSOCKET_PREFIX)
}

/// Name and value of a cookie. White space around them means nothing, as to the servers that trim it.
pub(super) fn cookie_pair(cookie: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = cookie.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
