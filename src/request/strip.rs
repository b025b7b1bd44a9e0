//! Requests without the tokens that were sent with them, for backends that need none. Only a request of which the
//! filter has examined a token is changed.
//!
//! Whole headers go by their names ([`TokenSources::is_token_header`]); here are the headers that carry other things as
//! well, of which everything else stays as it was.

use super::sources::is_token_protocol;
use super::{Header, RequestHead, TokenSources, query};

/// A header's name, and its new value; `None` if nothing is left of it.
pub type HeaderEdit = (&'static str, Option<Vec<u8>>);

impl TokenSources {
    /// What has to change in the headers of a request so that its tokens do not reach the backend. With `forward`, they may,
    /// but for the one in `Sec-WebSocket-Protocol`: it is no protocol, and the backend must choose another, or none.
    pub fn strip(&self, head: &RequestHead<'_>, forward: bool) -> Vec<HeaderEdit> {
        let mut changes = Vec::new();
        changes.extend(self.without_token_protocol(head.headers));
        if !forward {
            changes.extend(self.without_token_cookies(head.headers));
            changes.extend(self.path_without_tokens(head).map(|path| (":path", Some(path))));
        }
        changes
    }

    /// Returns the changes of a request's trailers after which no token reaches the backend in them. The filter
    /// verifies none of these, so `forward` makes no difference.
    pub fn strip_trailers(&self, trailers: &[Header<'_>]) -> Vec<HeaderEdit> {
        self.without_token_protocol(trailers)
            .into_iter()
            .chain(self.without_token_cookies(trailers))
            .collect()
    }

    fn without_token_protocol(&self, headers: &[Header<'_>]) -> Option<HeaderEdit> {
        let strip = || without(headers, "sec-websocket-protocol", b',', b", ", &is_token_protocol);
        self.websocket_protocol.then(strip).flatten()
    }

    fn without_token_cookies(&self, headers: &[Header<'_>]) -> Option<HeaderEdit> {
        let strip = || without(headers, "cookie", b';', b"; ", &|cookie| self.is_token_cookie(cookie));
        (!self.cookies.is_empty()).then(strip).flatten()
    }

    fn path_without_tokens(&self, head: &RequestHead<'_>) -> Option<Vec<u8>> {
        if self.params.is_empty() {
            return None;
        }
        let parameters = query::parameters(head.query()?);
        let (tokens, kept): (Vec<&[u8]>, Vec<&[u8]>) =
            parameters.partition(|parameter| self.is_token_param(parameter));
        if tokens.is_empty() {
            return None;
        }
        // The path itself cannot have a question mark.
        let path = head.path.split(|byte| *byte == b'?').next().unwrap_or_default();
        Some(if kept.is_empty() { path.to_vec() } else { [path, b"?", &kept.join(&b"&"[..])].concat() })
    }
}

/// The header without those elements of its list that are tokens; `None` if there are none.
fn without(
    headers: &[Header<'_>],
    name: &'static str,
    separator: u8,
    joint: &[u8],
    is_token: &dyn Fn(&[u8]) -> bool,
) -> Option<HeaderEdit> {
    let (mut kept, mut found) = (Vec::new(), false);
    for (_, value) in headers.iter().filter(|(have, _)| *have == name) {
        for element in value.split(|byte| *byte == separator).map(<[u8]>::trim_ascii) {
            if is_token(element) {
                found = true;
            } else if !element.is_empty() {
                kept.push(element);
            }
        }
    }
    found.then(|| (name, (!kept.is_empty()).then(|| kept.join(joint))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "base64url.bearer.authorization.k8s.io.YS5iLmM";

    fn sources() -> TokenSources {
        TokenSources {
            headers: Vec::new(),
            cookies: vec!["session".into()],
            params: vec!["access_token".into()],
            websocket_protocol: true,
        }
    }

    fn strip(headers: &[(&str, &str)], forward: bool) -> Vec<(&'static str, Option<String>)> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let changes = sources().strip(&RequestHead::new(&headers), forward);
        let text = |value: Vec<u8>| String::from_utf8(value).unwrap();
        changes.into_iter().map(|(name, value)| (name, value.map(text))).collect()
    }

    #[test]
    fn only_the_token_goes() {
        let kept = |value: &str| Some(Some(value.to_owned()));
        for (name, value, expected) in [
            (":path", "/a", None),
            (":path", "/a?", None),
            (":path", "/a?b=%zz&&c", None),
            (":path", "/a?access_token=x", kept("/a")),
            (":path", "/a?access_token", kept("/a")),
            (":path", "/a?access_token=x&", kept("/a?")),
            (":path", "/a?b=%zz&access%5Ftoken=x&&c=?&access_token=y", kept("/a?b=%zz&&c=?")),
            (":path", "/a?access_token2=x&my_access_token=x&a=access_token=x", None),
            (":path", "/a?Access_token=x&b=1&access.token[]=y", kept("/a?b=1")),
            (":path", "/a?b=1;access_token=x&c=2;d", kept("/a?c=2;d")),
            ("cookie", "a=1; b=session=2", None),
            ("cookie", "session=x", Some(None)),
            ("cookie", "a=1; session=x; b=\"2\";c", kept("a=1; b=\"2\"; c")),
            ("cookie", " session = x;session=;a", kept("a")),
            ("cookie", "Session=x; a=1, session=x; \"session\"=x; b=1", kept("b=1")),
            ("sec-websocket-protocol", "chat", None),
            ("sec-websocket-protocol", TOKEN, Some(None)),
            ("sec-websocket-protocol", &format!("{TOKEN}, chat,,v2"), kept("chat, v2")),
            ("sec-websocket-protocol", &format!("chat,{}", TOKEN.to_uppercase()), kept("chat")),
        ] {
            let changes = strip(&[(name, value)], false);
            assert_eq!(
                changes,
                expected.map(|value| (name, value)).into_iter().collect::<Vec<_>>(),
                "{value}"
            );
        }
    }

    #[test]
    fn a_header_that_was_sent_twice_becomes_one() {
        let twice = strip(&[("cookie", "session=x; a=1"), ("cookie", "b=2")], false);
        assert_eq!(twice, [("cookie", Some("a=1; b=2".to_owned()))]);
    }

    #[test]
    fn strip_trailers_takes_tokens_and_leaves_the_rest() {
        let trailers = [
            ("x", &b"session=x"[..]),
            ("cookie", b"session=x; a=1"),
            ("cookie", b"Session=y"),
            ("sec-websocket-protocol", TOKEN.as_bytes()),
        ];
        let changes = [("sec-websocket-protocol", None), ("cookie", Some(b"a=1".to_vec()))];
        assert_eq!(sources().strip_trailers(&trailers), changes);
        assert_eq!(sources().strip_trailers(&[("cookie", b"a=1, b=2")]), []);
        assert_eq!(TokenSources::default().strip_trailers(&trailers), []);
    }

    #[test]
    fn forward_leaves_everything_but_the_protocol() {
        let all = [(":path", "/?access_token=x"), ("cookie", "session=x"), ("sec-websocket-protocol", TOKEN)];
        assert_eq!(strip(&all, true), [("sec-websocket-protocol", None)]);
        assert_eq!(strip(&all, false).len(), 3);
    }
}
