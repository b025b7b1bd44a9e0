//! Requests without the tokens that were sent with them, for backends that have no use for these.
//!
//! Whole headers go by their names ([`TokenSources::is_token_header`]); here are the headers that carry other things as
//! well, of which everything else stays as it was.

use super::sources::{cookie_pair, is_token_protocol};
use super::{RequestHead, TokenSources, query};

/// A header's name, and its new value; `None` if nothing is left of it.
type Change = (&'static str, Option<Vec<u8>>);

impl TokenSources {
    /// What has to change in the headers of a request so that its tokens do not reach the backend. With `forward`, they may,
    /// but for the one in `Sec-WebSocket-Protocol`: it is no protocol, and the backend must choose another, or none.
    pub fn strip(&self, head: &RequestHead<'_>, forward: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.websocket_protocol {
            changes.extend(without(head, "sec-websocket-protocol", b',', b", ", &is_token_protocol));
        }
        if !forward {
            let is_token = |cookie: &[u8]| self.is_token_cookie(cookie_pair(cookie).0);
            changes.extend(without(head, "cookie", b';', b"; ", &is_token));
            changes.extend(self.path_without_tokens(head).map(|path| (":path", Some(path))));
        }
        changes
    }

    fn path_without_tokens(&self, head: &RequestHead<'_>) -> Option<Vec<u8>> {
        let parameters = query::parameters(head.query()?);
        let (tokens, kept): (Vec<&[u8]>, Vec<&[u8]>) =
            parameters.partition(|parameter| self.is_token_param(query::pair(parameter).0));
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
    head: &RequestHead<'_>,
    name: &'static str,
    separator: u8,
    joint: &[u8],
    is_token: &dyn Fn(&[u8]) -> bool,
) -> Option<Change> {
    let (mut kept, mut found) = (Vec::new(), false);
    for value in head.header_values(name) {
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
            (":path", "/a?access_token2=x&Access_token=x", None),
            ("cookie", "a=1; b=session=2", None),
            ("cookie", "session=x", Some(None)),
            ("cookie", "a=1; session=x; b=\"2\";c", kept("a=1; b=\"2\"; c")),
            ("cookie", " session = x;session=;a", kept("a")),
            ("sec-websocket-protocol", "chat", None),
            ("sec-websocket-protocol", TOKEN, Some(None)),
            ("sec-websocket-protocol", &format!("{TOKEN}, chat,,v2"), kept("chat, v2")),
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
    fn forward_leaves_everything_but_the_protocol() {
        let all = [(":path", "/?access_token=x"), ("cookie", "session=x"), ("sec-websocket-protocol", TOKEN)];
        assert_eq!(strip(&all, true), [("sec-websocket-protocol", None)]);
        assert_eq!(strip(&all, false).len(), 3);
    }
}
