//! The removal of tokens from a request before it reaches the upstream. The filter strips a request
//! only if it has examined a token of it.
//!
//! [`TokenSources::is_token_header`] selects the headers that the filter removes whole. This module
//! handles the headers that also carry other values, and leaves these unchanged.

use super::sources::is_token_protocol;
use super::{Header, RequestHead, TokenSources, query};

/// The name of a header, and its new value; `None` to remove the header.
pub type HeaderEdit = (&'static str, Option<Vec<u8>>);

impl TokenSources {
    /// Returns the edits after which the headers contain no token. With `forward`, tokens stay,
    /// except in `Sec-WebSocket-Protocol`: the token is not a subprotocol that a server can select.
    pub fn strip(&self, head: &RequestHead<'_>, forward: bool) -> Vec<HeaderEdit> {
        let mut edits = Vec::new();
        edits.extend(self.without_token_protocol(head.headers));
        if !forward {
            edits.extend(self.without_token_cookies(head.headers));
            edits.extend(self.path_without_tokens(head).map(|path| (":path", Some(path))));
        }
        edits
    }

    /// Returns the edits after which the trailers contain no token. The filter verifies no token in
    /// trailers, so `forward` has no effect on them.
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
        // A path contains no question mark.
        let path = head.path.split(|byte| *byte == b'?').next().unwrap_or_default();
        Some(if kept.is_empty() { path.to_vec() } else { [path, b"?", &kept.join(&b"&"[..])].concat() })
    }
}

/// Returns the edit that removes the tokens from a list header; `None` if it has no token. `joiner`
/// separates the elements of the new value.
fn without(
    headers: &[Header<'_>],
    name: &'static str,
    separator: u8,
    joiner: &[u8],
    is_token: &dyn Fn(&[u8]) -> bool,
) -> Option<HeaderEdit> {
    let (mut kept, mut found) = (Vec::new(), false);
    for (_, value) in headers.iter().filter(|(other, _)| *other == name) {
        for element in value.split(|byte| *byte == separator).map(<[u8]>::trim_ascii) {
            if is_token(element) {
                found = true;
            } else if !element.is_empty() {
                kept.push(element);
            }
        }
    }
    found.then(|| (name, (!kept.is_empty()).then(|| kept.join(joiner))))
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
            accepts_dpop: false,
        }
    }

    fn strip(headers: &[(&str, &str)], forward: bool) -> Vec<(&'static str, Option<String>)> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let edits = sources().strip(&RequestHead::new(&headers), forward);
        let text = |value: Vec<u8>| String::from_utf8(value).unwrap();
        edits.into_iter().map(|(name, value)| (name, value.map(text))).collect()
    }

    #[test]
    fn strip_of_each_header_removes_only_tokens() {
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
            let edits = strip(&[(name, value)], false);
            assert_eq!(edits, expected.map(|value| (name, value)).into_iter().collect::<Vec<_>>(), "{value}");
        }
    }

    #[test]
    fn strip_of_a_repeated_header_joins_its_values() {
        let edits = strip(&[("cookie", "session=x; a=1"), ("cookie", "b=2")], false);
        assert_eq!(edits, [("cookie", Some("a=1; b=2".to_owned()))]);
    }

    #[test]
    fn strip_trailers_with_tokens_removes_only_tokens() {
        let trailers = [
            ("x", &b"session=x"[..]),
            ("cookie", b"session=x; a=1"),
            ("cookie", b"Session=y"),
            ("sec-websocket-protocol", TOKEN.as_bytes()),
        ];
        let edits = [("sec-websocket-protocol", None), ("cookie", Some(b"a=1".to_vec()))];
        assert_eq!(sources().strip_trailers(&trailers), edits);
        assert_eq!(sources().strip_trailers(&[("cookie", b"a=1, b=2")]), []);
        assert_eq!(TokenSources::default().strip_trailers(&trailers), []);
    }

    #[test]
    fn strip_of_a_source_that_is_off_removes_nothing() {
        let all = [(":path", "/?access_token=x"), ("cookie", "session=x"), ("sec-websocket-protocol", TOKEN)];
        let all = all.map(|(name, value)| (name, value.as_bytes()));
        let head = RequestHead::new(&all);
        for (sources, expected) in [
            (TokenSources::default(), vec![]),
            (TokenSources { websocket_protocol: false, ..sources() }, vec!["cookie", ":path"]),
            (TokenSources { cookies: Vec::new(), ..sources() }, vec!["sec-websocket-protocol", ":path"]),
            (TokenSources { params: Vec::new(), ..sources() }, vec!["sec-websocket-protocol", "cookie"]),
        ] {
            let names: Vec<_> = sources.strip(&head, false).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, expected, "{sources:?}");
        }
    }

    #[test]
    fn strip_with_forward_removes_only_the_token_protocol() {
        let all = [(":path", "/?access_token=x"), ("cookie", "session=x"), ("sec-websocket-protocol", TOKEN)];
        assert_eq!(strip(&all, true), [("sec-websocket-protocol", None)]);
        assert_eq!(strip(&all, false).len(), 3);
    }
}
