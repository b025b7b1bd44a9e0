//! Cookies with a configured name, and cookies that an upstream may read under such a name.
//!
//! Servers separate cookies at `;` (RFC 6265 section 5.4). Some also separate them at commas (RFC
//! 2965) or at white space (Python's `http.cookies`).

use super::query;

/// The comparison of a cookie with the configured names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct CookieMatch<'a> {
    /// The value, without surrounding white space and quotes, if the name is a configured one.
    pub(super) exact: Option<&'a [u8]>,
    /// Whether an upstream may read another cookie in it, under a configured name or a lookalike.
    pub(super) lookalike: bool,
}

/// Yields the cookies of a `Cookie` header.
pub(super) fn split(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|byte| *byte == b';')
}

/// Compares a cookie with the configured names.
#[inline(never)]
pub(super) fn match_names<'a>(names: &[String], cookie: &'a [u8]) -> CookieMatch<'a> {
    let (name, value) = query::pair(cookie);
    // Servers trim white space around name and value.
    let (name, value) = (name.trim_ascii(), value.trim_ascii());
    let exact = names.iter().any(|configured| configured.as_bytes() == name);
    // The first name is that of the cookie itself.
    let others = embedded_names(cookie).skip(usize::from(exact));
    let whole = (!exact).then_some(name);
    let lookalike = whole.into_iter().chain(others).any(|name| query::is_lookalike(names, name));
    // A value may have quotes (RFC 6265 section 4.1.1).
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    CookieMatch { exact: exact.then_some(unquoted.unwrap_or(value)), lookalike }
}

/// Yields the names of all cookies that a server reads in one cookie if it also separates cookies
/// at commas and white space.
fn embedded_names(cookie: &[u8]) -> impl Iterator<Item = &[u8]> {
    let separates = |byte: &u8| *byte <= b' ' || *byte == b',' || *byte >= 0x7f;
    let mut previous: &[u8] = b"";
    cookie.split(separates).filter(|part| !part.is_empty()).filter_map(move |part| {
        // The name may be the previous part: `name = value`.
        let previous_name = (part.first() == Some(&b'=')).then_some(previous);
        previous = part;
        let inner = part.iter().position(|byte| *byte != b'=').and_then(|start| part.get(start..));
        let inner = inner.unwrap_or_default();
        match inner.iter().position(|byte| *byte == b'=') {
            Some(end) => inner.get(..end),
            None => previous_name,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact_and_lookalike(cookie: &[u8]) -> (Option<&[u8]>, bool) {
        let CookieMatch { exact, lookalike } = match_names(&["session_token".to_owned()], cookie);
        (exact, lookalike)
    }

    #[test]
    fn match_names_of_an_exact_name_is_not_a_lookalike() {
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
            assert_eq!(exact_and_lookalike(cookie), (Some(value), false), "{}", cookie.escape_ascii());
        }
    }

    #[test]
    fn match_names_of_another_spelling_is_a_lookalike() {
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
            assert_eq!(exact_and_lookalike(cookie), (None, true), "{}", cookie.escape_ascii());
        }
        assert_eq!(
            exact_and_lookalike(b"session_token=x,session_token=y"),
            (Some(&b"x,session_token=y"[..]), true)
        );
    }

    #[test]
    fn match_names_of_another_name_is_no_match() {
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
            assert_eq!(exact_and_lookalike(cookie), (None, false), "{}", cookie.escape_ascii());
        }
    }
}
