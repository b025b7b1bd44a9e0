//! Token sources: `Authorization`, which is always one, and the configured headers, cookies, query
//! parameters and WebSocket subprotocols.
//!
//! Only this module and [`super::strip`] read these sources, so the filter strips every token that
//! it finds.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookies::{self, CookieMatch};
use super::{AuthScheme, RequestHead, query};
use crate::headers;
use crate::rejection::Rejection;

/// The prefix of a token in `Sec-WebSocket-Protocol`. Kubernetes introduced it, because the
/// WebSocket API of browsers cannot set other headers.
const WEBSOCKET_PREFIX: &[u8] = b"base64url.bearer.authorization.k8s.io.";

/// The configured token sources besides `Authorization`.
#[derive(Clone, Debug, Default)]
pub struct TokenSources {
    /// The headers.
    pub headers: Vec<HeaderSource>,
    /// The names of cookies.
    pub cookies: Vec<String>,
    /// The names of query parameters (RFC 6750 section 2.3).
    pub params: Vec<String>,
    /// Whether an entry of `Sec-WebSocket-Protocol` can be a token.
    pub websocket_protocol: bool,
    /// Whether `Authorization` can have the scheme `DPoP`.
    pub accepts_dpop: bool,
}

/// The token of a request, and how the client sent it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credential<'a> {
    /// The token as the client sent it.
    pub token: Cow<'a, [u8]>,
    /// The authentication scheme. It is `Bearer` for a source other than `Authorization`.
    pub scheme: AuthScheme,
}

/// A header that carries a token.
#[derive(Clone, Debug)]
pub struct HeaderSource {
    /// The name, in lower case.
    pub name: String,
    /// The text before the token, which must match exactly.
    pub value_prefix: String,
}

/// A token as the client sent it; `None` if its encoding in the source is invalid.
type FoundToken<'a> = Option<Cow<'a, [u8]>>;

/// The tokens in the configured sources of a request.
#[derive(Debug, Default)]
struct FoundTokens<'a> {
    tokens: Vec<FoundToken<'a>>,
    /// Whether a header that is a source lacks its prefix.
    unprefixed: bool,
    /// Whether an upstream may read another value as a configured source.
    lookalike: bool,
}

impl TokenSources {
    /// Returns the credential of a request.
    ///
    /// # Errors
    /// - [`Rejection::TokenMissing`] without a token.
    /// - [`Rejection::MultipleCredentials`] for two tokens, in one source or in two (RFC 6750
    ///   section 2), and for one token and a value that an upstream may read as another token.
    /// - [`Rejection::CredentialsAmbiguous`] for no token and a header that lacks its prefix.
    /// - [`Rejection::TokenMalformed`] for a token that cannot be decoded.
    pub fn credential<'a>(&self, head: &RequestHead<'a>) -> Result<Credential<'a>, Rejection> {
        let authorization = match head.authorization(self.accepts_dpop) {
            Err(Rejection::TokenMissing) => None,
            other => Some(other?),
        };
        let scheme = authorization.map_or(AuthScheme::Bearer, |(scheme, _)| scheme);
        let mut found = FoundTokens::default();
        if !self.headers.is_empty() || !self.cookies.is_empty() || self.websocket_protocol {
            for (name, value) in head.headers {
                self.find_in_header(name, value, &mut found);
            }
        }
        self.find_in_params(head, &mut found);
        let FoundTokens { tokens, unprefixed, lookalike } = found;
        let mut tokens = authorization.map(|(_, token)| Some(Cow::Borrowed(token))).into_iter().chain(tokens);
        match (tokens.next(), tokens.next()) {
            (None, _) if unprefixed => Err(Rejection::CredentialsAmbiguous),
            (None, _) => Err(Rejection::TokenMissing),
            (Some(_), None) if unprefixed || lookalike => Err(Rejection::MultipleCredentials),
            (_, Some(_)) => Err(Rejection::MultipleCredentials),
            (Some(token), None) => {
                let token = token.ok_or(Rejection::TokenMalformed)?;
                Ok(Credential { token, scheme })
            }
        }
    }

    fn find_in_header<'a>(&self, name: &str, value: &'a [u8], found: &mut FoundTokens<'a>) {
        match name {
            "cookie" if !self.cookies.is_empty() => {
                for cookie in cookies::split(value) {
                    let CookieMatch { exact, lookalike } = cookies::match_names(&self.cookies, cookie);
                    found.lookalike |= lookalike;
                    found
                        .tokens
                        .extend(exact.filter(|token| !token.is_empty()).map(|token| Some(token.into())));
                }
            }
            "sec-websocket-protocol" if self.websocket_protocol => {
                for entry in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if let Some(encoded @ [_, ..]) = entry.strip_prefix(WEBSOCKET_PREFIX) {
                        found.tokens.push(URL_SAFE_NO_PAD.decode(encoded).ok().map(Cow::Owned));
                    } else {
                        found.lookalike |= is_token_protocol(entry) && entry.len() > WEBSOCKET_PREFIX.len();
                    }
                }
            }
            _ => {
                let Some(source) = self.headers.iter().find(|source| source.name == name) else { return };
                let (value, prefix) = (value.trim_ascii(), source.value_prefix.as_bytes());
                let Some(tokens) = value.strip_prefix(prefix) else {
                    // A proxy may have trimmed the space at the end of a prefix without a token.
                    found.unprefixed |= !value.is_empty() && value != prefix.trim_ascii_end();
                    return;
                };
                // A token contains no comma and no white space.
                for token in tokens.split(|byte| *byte == b',' || byte.is_ascii_whitespace()) {
                    if !token.is_empty() {
                        found.tokens.push(Some(Cow::Borrowed(token)));
                    }
                }
            }
        }
    }

    fn find_in_params<'a>(&self, head: &RequestHead<'a>, found: &mut FoundTokens<'a>) {
        if self.params.is_empty() {
            return;
        }
        query::match_parameters(
            &self.params,
            head.query().unwrap_or_default(),
            &mut |matched| match matched {
                query::ParameterMatch::Exact(_, b"") => {}
                query::ParameterMatch::Exact(_, value) => found.tokens.push(query::decode(value)),
                query::ParameterMatch::Lookalike(value) => found.lookalike |= !value.is_empty(),
            },
        );
    }

    /// Returns whether a header is a token source, or an upstream may read it as one.
    pub(crate) fn is_token_header(&self, name: &str) -> bool {
        name == "authorization" || self.headers.iter().any(|source| headers::is_lookalike(name, &source.name))
    }

    /// Returns whether a header is not a token source, and an upstream may read it as one.
    pub(crate) fn is_lookalike(&self, name: &str) -> bool {
        self.is_token_header(name)
            && name != "authorization"
            && !self.headers.iter().any(|source| source.name == name)
    }

    /// Returns whether a cookie is a token, or an upstream may read it as one.
    pub(super) fn is_token_cookie(&self, cookie: &[u8]) -> bool {
        let CookieMatch { exact, lookalike } = cookies::match_names(&self.cookies, cookie);
        exact.is_some() || lookalike
    }

    /// Returns whether a query parameter is a token, or an upstream may read it as one.
    pub(super) fn is_token_param(&self, parameter: &[u8]) -> bool {
        let mut found = false;
        query::match_parameter(&self.params, parameter, &mut |_| found = true);
        found
    }
}

/// Returns whether an entry of `Sec-WebSocket-Protocol` is a token. Servers may ignore the letter
/// case of subprotocols.
pub(super) fn is_token_protocol(entry: &[u8]) -> bool {
    entry
        .split_at_checked(WEBSOCKET_PREFIX.len())
        .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(WEBSOCKET_PREFIX))
}
