//! Where a token may be: in `Authorization` always, elsewhere only where the configuration says so.
//!
//! Each place is read here and in [`super::strip`], and nowhere else: what is found is what is taken out.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{RequestHead, cookies, query};
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

/// The tokens in the configured places of a request.
#[derive(Debug, Default)]
struct Found<'a> {
    tokens: Vec<Candidate<'a>>,
    /// A header that is a source, without its prefix.
    unprefixed: bool,
    /// A place that a backend can take for one that was named.
    lookalike: bool,
}

impl TokenSources {
    /// The one token of a request.
    ///
    /// # Errors
    /// [`Rejection::TokenMissing`]; [`Rejection::MultipleCredentials`] for two tokens, in one place or in two
    /// (RFC 6750 section 2), or for one beside what a backend can read as another; [`Rejection::CredentialsAmbiguous`] for
    /// nothing but a header that lacks its prefix; [`Rejection::TokenMalformed`] for one that cannot be decoded.
    pub fn token<'a>(&self, head: &RequestHead<'a>) -> Result<Cow<'a, [u8]>, Rejection> {
        let bearer_token = match head.bearer_token() {
            Err(Rejection::TokenMissing) => None,
            other => Some(other?),
        };
        let mut found = Found::default();
        for (name, value) in head.headers {
            self.find_in_header(name, value, &mut found);
        }
        self.find_in_params(head, &mut found);
        let Found { tokens, unprefixed, lookalike } = found;
        let mut tokens = bearer_token.map(|token| Some(Cow::Borrowed(token))).into_iter().chain(tokens);
        match (tokens.next(), tokens.next()) {
            (None, _) if unprefixed => Err(Rejection::CredentialsAmbiguous),
            (None, _) => Err(Rejection::TokenMissing),
            (Some(_), None) if unprefixed || lookalike => Err(Rejection::MultipleCredentials),
            (_, Some(_)) => Err(Rejection::MultipleCredentials),
            (Some(token), None) => token.ok_or(Rejection::TokenMalformed),
        }
    }

    fn find_in_header<'a>(&self, name: &str, value: &'a [u8], found: &mut Found<'a>) {
        match name {
            "cookie" if !self.cookies.is_empty() => {
                for cookie in cookies::cookies(value) {
                    let cookies::Reading { exact, lookalike } = cookies::read(&self.cookies, cookie);
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
                    // The prefix alone has lost the space at its end on the way, and is no token.
                    found.unprefixed |= !value.is_empty() && value != prefix.trim_ascii_end();
                    return;
                };
                // A token has neither commas nor white space: what has, is several.
                for token in tokens.split(|byte| *byte == b',' || byte.is_ascii_whitespace()) {
                    if !token.is_empty() {
                        found.tokens.push(Some(Cow::Borrowed(token)));
                    }
                }
            }
        }
    }

    fn find_in_params<'a>(&self, head: &RequestHead<'a>, found: &mut Found<'a>) {
        if self.params.is_empty() {
            return;
        }
        query::readings(&self.params, head.query().unwrap_or_default(), &mut |reading| match reading {
            query::Reading::Exact(_, b"") => {}
            query::Reading::Exact(_, value) => found.tokens.push(query::decode(value)),
            query::Reading::Lookalike(value) => found.lookalike |= !value.is_empty(),
        });
    }

    /// Whether this is a header that carries a token, or one that a backend could read as such.
    pub fn is_token_header(&self, name: &str) -> bool {
        name == "authorization" || self.headers.iter().any(|source| headers::is_lookalike(name, &source.name))
    }

    /// Whether this is a header that nobody has verified although a backend could read it as one that was: it has not
    /// the name of a source, but one like it.
    pub fn is_lookalike(&self, name: &str) -> bool {
        self.is_token_header(name)
            && name != "authorization"
            && !self.headers.iter().any(|source| source.name == name)
    }

    /// Returns whether this cookie is a token, or one that a backend could read as such.
    pub(super) fn is_token_cookie(&self, cookie: &[u8]) -> bool {
        let cookies::Reading { exact, lookalike } = cookies::read(&self.cookies, cookie);
        exact.is_some() || lookalike
    }

    /// Returns whether this query parameter is a token, or one that a backend could read as such.
    pub(super) fn is_token_param(&self, parameter: &[u8]) -> bool {
        let mut found = false;
        query::readings_of(&self.params, parameter, &mut |_| found = true);
        found
    }
}

/// Returns whether this entry of `Sec-WebSocket-Protocol` is a token. Servers may compare names of protocols in any case.
pub(super) fn is_token_protocol(entry: &[u8]) -> bool {
    entry
        .split_at_checked(WEBSOCKET_PREFIX.len())
        .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(WEBSOCKET_PREFIX))
}
