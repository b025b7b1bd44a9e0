//! Cookies that carry a token, and those that a backend can take for one.
//!
//! Servers part cookies at `;` (RFC 6265 section 5.4), and some at commas (RFC 2965) or white space (Python's `http.cookies`)
//! as well.

use super::query;

/// The reading of a cookie under the configured names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Reading<'a> {
    /// The value of a cookie of exactly such a name, without white space and quotes around it.
    pub(super) exact: Option<&'a [u8]>,
    /// Whether a backend can read another cookie in it, of such a name or one like it.
    pub(super) lookalike: bool,
}

/// Yields the cookies of a header.
pub(super) fn cookies(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|byte| *byte == b';')
}

/// Reads a cookie under these names.
#[inline(never)]
pub(super) fn read<'a>(names: &[String], cookie: &'a [u8]) -> Reading<'a> {
    let (name, value) = query::pair(cookie);
    // White space around them means nothing, as to the servers that trim it.
    let (name, value) = (name.trim_ascii(), value.trim_ascii());
    let exact = names.iter().any(|ours| ours.as_bytes() == name);
    // The first name among the parts is that of the cookie itself.
    let others = names_within(cookie).skip(usize::from(exact));
    let whole = (!exact).then_some(name);
    let lookalike = whole.into_iter().chain(others).any(|name| query::is_lookalike(names, name));
    // A value may stand in quotes (RFC 6265 section 4.1.1).
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Reading { exact: exact.then_some(unquoted.unwrap_or(value)), lookalike }
}

/// Yields the names of all cookies that a server can find in one, if commas and white space part them as well.
fn names_within(cookie: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = |byte: &u8| *byte <= b' ' || *byte == b',' || *byte >= 0x7f;
    let mut before: &[u8] = b"";
    cookie.split(parts).filter(|part| !part.is_empty()).filter_map(move |part| {
        // The name may be the part before: `name = value`.
        let named_before = (part.first() == Some(&b'=')).then_some(before);
        before = part;
        let inner = part.iter().position(|byte| *byte != b'=').and_then(|start| part.get(start..));
        let inner = inner.unwrap_or_default();
        match inner.iter().position(|byte| *byte == b'=') {
            Some(end) => inner.get(..end),
            None => named_before,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cookie: &[u8]) -> (Option<&[u8]>, bool) {
        let Reading { exact, lookalike } = read(&["session_token".to_owned()], cookie);
        (exact, lookalike)
    }

    #[test]
    fn read_exact_name_is_no_lookalike() {
        for (cookie, value) in [
            (&b"session_token=x"[..], &b"x"[..]),
            (b" session_token = x\t", b"x"),
            (b"session_token=\"x\"", b"x"),
            (b"session_token=\"x", b"\"x"),
            (b"session_token==x", b"=x"),
            (b"session_token=x, b=2", b"x, b=2"),
            (b"session_token", b""),
            (b"session_token=", b""),
        ] {
            assert_eq!(reading(cookie), (Some(value), false), "{}", cookie.escape_ascii());
        }
    }

    #[test]
    fn read_other_spelling_is_a_lookalike() {
        for cookie in [
            &b"Session_Token=x"[..],
            b"session.token=x",
            b"session[token=x",
            b"session%5Ftoken=x",
            b"session%255Ftoken=x",
            b"session+token=x",
            b"session token=x",
            b"\xa0session_token=x",
            b"\x85session_token=x",
            b"session_token\xa0=x",
            b"\xc2\xa0session_token=x",
            b"\xe2\x80\x83session_token=x",
            b"\x1csession_token=x",
            b"\"session_token\"=x",
            b"$session_token=x",
            b"=session_token=x",
            b"==session_token=x",
            b"a=1, session_token=x",
            b"a=1,session_token=x",
            b"a=1 session_token=x",
            b"a=1\tsession_token = x",
            b"a=1\xa0session_token=x",
            b"a b session_token=x",
            b"session_token[]=x",
            b"session_token[0]=x",
            b"session_token\0=x",
        ] {
            assert_eq!(reading(cookie), (None, true), "{}", cookie.escape_ascii());
        }
        assert_eq!(reading(b"session_token=x,session_token=y"), (Some(&b"x,session_token=y"[..]), true));
    }

    #[test]
    fn read_other_name_is_nothing() {
        for cookie in [
            &b""[..],
            b"=",
            b"a",
            b"a=1",
            b"a=session_token",
            b"a=session_token=x",
            b"a=1, session_token",
            b"xsession_token=x",
            b"session_token2=x",
            b"session_tokens=x",
            b"__Host-session_token=x",
            b"a=YWJj==",
            b"100%=x",
        ] {
            assert_eq!(reading(cookie), (None, false), "{}", cookie.escape_ascii());
        }
    }
}
