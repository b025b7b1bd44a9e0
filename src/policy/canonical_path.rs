//! The one reading of a path that rules are matched against.
//!
//! A rule protects nothing if the backend reads the path differently. So the filter undoes percent-encoding before it
//! matches, as every backend does, and rejects a path that backends are known to read in different ways. Envoy's own
//! normalization should have dealt with these; this does not rely on it. `allow_in_paths` admits four of them, each with
//! one meaning.

use crate::percent_encoding::{Octet, Octets, has_encoded_octet};
use crate::rejection::Rejection;
use crate::text::replace;

/// An encoded slash in a canonical path. It cannot be confused: every other `%` with two hexadecimal digits is rejected.
pub const ENCODED_SLASH: &str = "%2F";
/// Stands for an encoded slash while a path is read. A NUL that the client sends is rejected.
const SLASH_AS_DATA: u8 = 0;

/// The default of `max_match_bytes`: Envoy takes 60 KiB of request headers, and patterns cost time for each byte.
pub const DEFAULT_MAX_MATCH_BYTES: usize = 8 * 1024;

/// A path with one reading: decoded, without query or dot segments; without empty segments and parameters, unless the
/// policy allows them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CanonicalPath(String);

/// The characters that a policy allows in paths: `allow_in_paths`. By default none of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AllowedInPaths {
    /// `%2F` is data within its segment, never a separator. Rules and regular expressions see it as `%2F`.
    pub encoded_slash: bool,
    /// `;`, encoded or not, is data within its segment.
    pub semicolon: bool,
    /// `//` has an empty segment in it: `/a//b` is not `/a/b`.
    pub empty_segment: bool,
    /// `%23` is the character `#`. A bare `#` stays rejected.
    pub encoded_hash: bool,
}

/// The way in which a request is read before rules are matched against it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The characters that paths may have.
    pub allowed: AllowedInPaths,
    /// The greatest length, in bytes, of a path and of a value that a rule looks at: `max_match_bytes`.
    pub max_match_bytes: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self { allowed: AllowedInPaths::default(), max_match_bytes: DEFAULT_MAX_MATCH_BYTES }
    }
}

impl AllowedInPaths {
    /// Returns the names of those that are allowed, as `allow_in_paths` has them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            ("encoded_slash", self.encoded_slash),
            ("semicolon", self.semicolon),
            ("empty_segment", self.empty_segment),
            ("encoded_hash", self.encoded_hash),
        ]
        .into_iter()
        .filter_map(|(name, allowed)| allowed.then_some(name))
    }
}

impl CanonicalPath {
    /// Reads the path of a `:path` header, without the query.
    ///
    /// # Errors
    /// [`Rejection::PathTooLong`] for a path of more than `max_match_bytes`, as the client sent it.
    /// [`Rejection::PathAmbiguous`] for a backslash, a dot segment, a doubly encoded character, a control character, or
    /// bytes that are not UTF-8; and for an encoded slash or hash, a path parameter (`;`) and an empty segment, unless the
    /// policy allows them.
    pub fn new(path: &[u8], reading: Reading) -> Result<Self, Rejection> {
        // CONNECT has no path, and `OPTIONS *` is about the server.
        if !matches!(path, [] | b"*" | [b'/', ..]) {
            return Err(Rejection::PathAmbiguous);
        }
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        if path.len() > reading.max_match_bytes {
            return Err(Rejection::PathTooLong);
        }
        let decoded = decode(path, reading.allowed).ok_or(Rejection::PathAmbiguous)?;
        if path.contains(&b'%') && has_encoded_octet(decoded.as_bytes()) {
            return Err(Rejection::PathAmbiguous);
        }
        let mut segments = decoded.as_bytes().split(|byte| *byte == b'/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            let ends_here = segments.peek().is_none();
            if !is_plain(segment, ends_here, reading.allowed) {
                return Err(Rejection::PathAmbiguous);
            }
        }
        Ok(Self(if reading.allowed.encoded_slash { with_slashes(decoded) } else { decoded }))
    }

    /// Returns whether a text is a path as rules see it: one that some request has.
    pub fn is_canonical(text: &str, allowed: AllowedInPaths) -> bool {
        let sent = replace(&replace(&replace(text, ENCODED_SLASH, "\0"), "%", "%25"), "#", "%23");
        let sent = replace(&sent, "\0", ENCODED_SLASH);
        let reading = Reading { allowed, max_match_bytes: usize::MAX };
        Self::new(sent.as_bytes(), reading).is_ok_and(|path| path.0 == text)
    }

    /// Makes a path of the text in a rule, which is decoded already.
    pub(super) const fn of_rule(path: String) -> Self {
        Self(path)
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a segment has one reading. A backend that decodes `%2F` first splits the segment there, and one that
/// knows path parameters drops them (`..;x` is `..` to it): neither may find a dot segment, nor an empty one that is not
/// allowed.
fn is_plain(segment: &[u8], ends_here: bool, allowed: AllowedInPaths) -> bool {
    if allowed == AllowedInPaths::default() {
        return !matches!(segment, b"." | b"..") && (ends_here || !segment.is_empty());
    }
    let has_dots = segment.split(|byte| *byte == SLASH_AS_DATA).any(|part| {
        // Before the first parameter, and before what a backend that parses the decoded path takes for a fragment.
        let name = part.split(|byte| matches!(byte, b';' | b'#')).next();
        matches!(name, Some(b"." | b".."))
    });
    let is_empty = matches!(segment, [] | [b';', ..]);
    !has_dots && (ends_here || allowed.empty_segment || !is_empty)
}

/// Writes the encoded slashes of a path as rules have them.
fn with_slashes(decoded: String) -> String {
    if memchr::memchr(SLASH_AS_DATA, decoded.as_bytes()).is_none() {
        return decoded;
    }
    replace(&decoded, "\0", ENCODED_SLASH)
}

/// Undoes percent-encoding, once. `None` for what backends are known to read in more than one way.
fn decode(path: &[u8], allowed: AllowedInPaths) -> Option<String> {
    let several_readings = |byte: u8| {
        matches!(byte, b'\\' | b'#') || (byte == b';' && !allowed.semicolon) || byte.is_ascii_control()
    };
    if !path.contains(&b'%') {
        let found = path.iter().fold(false, |found, byte| found | several_readings(*byte));
        return if found { None } else { Some(str::from_utf8(path).ok()?.to_owned()) };
    }
    let mut decoded = Vec::with_capacity(path.len());
    for octet in Octets::new(path) {
        decoded.push(match octet {
            Octet::Encoded(b'/') if allowed.encoded_slash => SLASH_AS_DATA,
            Octet::Encoded(b'/') | Octet::LonePercent => return None,
            Octet::Encoded(b'#') if allowed.encoded_hash => b'#',
            Octet::Encoded(byte) | Octet::Literal(byte) if several_readings(byte) => return None,
            Octet::Encoded(byte) | Octet::Literal(byte) => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_reading_or_none() {
        for (path, expected) in [
            ("/", Some("/")),
            ("", Some("")),
            ("*", Some("*")),
            ("/items/1?x=/../%2e%2e", Some("/items/1")),
            ("/items/", Some("/items/")),
            ("/%61dmin", Some("/admin")),
            ("/caf%C3%A9", Some("/café")),
            ("/a%20b%3Fc", Some("/a b?c")),
            ("/100%25", Some("/100%")),
            ("/...", Some("/...")),
            ("/.well-known/x", Some("/.well-known/x")),
            ("items", None),
            ("http://host/items", None),
            ("/items/../admin", None),
            ("/items/%2e%2e/admin", None),
            ("/items/.%2E/admin", None),
            ("/items/./1", None),
            ("/items/..", None),
            ("//admin", None),
            ("/items//1", None),
            ("/items%2f1", None),
            ("/items%2F1", None),
            ("/items%5c1", None),
            ("/items\\1", None),
            ("/admin;x", None),
            ("/admin%3bx", None),
            ("/admin#x", None),
            ("/items/%252e%252e/admin", None),
            ("/items%252f1", None),
            ("/a%00", None),
            ("/a%0d%0ab", None),
            ("/a%7f", None),
            ("/a%", None),
            ("/a%2", None),
            ("/a%zz", None),
            ("/a%+1", None),
            ("/a%ff", None),
            ("/a%c0%af", None),
        ] {
            let read = CanonicalPath::new(path.as_bytes(), Reading::default()).ok();
            assert_eq!(read.as_ref().map(CanonicalPath::as_str), expected, "{path}");
        }
        assert_eq!(CanonicalPath::new(b"/\xff", Reading::default()), Err(Rejection::PathAmbiguous));
    }

    fn read(path: &str, allowed: &str) -> Result<String, Rejection> {
        let has = |name: &str| allowed.split(' ').any(|allowed| allowed == name);
        let allowed = AllowedInPaths {
            encoded_slash: has("slash"),
            semicolon: has("semicolon"),
            empty_segment: has("empty"),
            encoded_hash: has("hash"),
        };
        let read = CanonicalPath::new(path.as_bytes(), Reading { allowed, ..Reading::default() })?;
        assert!(CanonicalPath::is_canonical(read.as_str(), allowed), "{path}");
        Ok(read.0)
    }

    #[test]
    fn canonical_path_allowed_character_is_data() {
        for (allowed, path, expected) in [
            ("slash", "/a%2Fb", "/a%2Fb"),
            ("slash", "/a%2fb/c", "/a%2Fb/c"),
            ("slash", "/%2F", "/%2F"),
            ("slash", "/a%2F%2Fb", "/a%2F%2Fb"),
            ("slash", "/%61%2Fb?x=%2e%2e", "/a%2Fb"),
            ("slash", "/a%2F...", "/a%2F..."),
            ("slash", "/100%25%2Fb", "/100%%2Fb"),
            ("slash", "/%252%2Fb", "/%2%2Fb"),
            ("semicolon", "/a;b=c", "/a;b=c"),
            ("semicolon", "/a;b=../c", "/a;b=../c"),
            ("semicolon", "/a%3Bb", "/a;b"),
            ("semicolon", "/a%3bb", "/a;b"),
            ("semicolon", "/;jsessionid=1", "/;jsessionid=1"),
            ("semicolon", "/...;x", "/...;x"),
            ("empty", "//", "//"),
            ("empty", "//a", "//a"),
            ("empty", "/a//b", "/a//b"),
            ("empty", "/a///b//", "/a///b//"),
            ("hash", "/a%23b", "/a#b"),
            ("hash", "/%23", "/#"),
            ("slash semicolon empty hash", "//a%2Fb;c//%23", "//a%2Fb;c//#"),
            ("semicolon empty", "/;x/a", "/;x/a"),
        ] {
            assert_eq!(read(path, allowed).as_deref(), Ok(expected), "{path} {allowed}");
            for name in allowed.split(' ') {
                let others = allowed.replace(name, "");
                assert_eq!(read(path, &others), Err(Rejection::PathAmbiguous), "{path} {others}");
            }
        }
    }

    #[test]
    fn canonical_path_second_reading_stays_rejected() {
        for path in [
            "/a/../b",
            "/a/..",
            "/./a",
            "/%2e%2e/a",
            "/.%2E/a",
            "/a/..%2Fb",
            "/a%2F..",
            "/a%2f..%2fb",
            "/a%2F.%2Fb",
            "/%2e%2e%2Fa",
            "/..;/a",
            "/a/..;x=1/b",
            "/a/.;/b",
            "/..%3B/a",
            "/%2e%2e%3b/a",
            "/a%2F..;x",
            "/a;%2F..",
            "/a;x%2F../b",
            "/..;%2Fa",
            "/.;%2F.",
            "/..%23/a",
            "/a%2F..%23",
            "/a\\b",
            "/a%5Cb",
            "/a;\\b",
            "/%252e%252e/a",
            "/a%252Fb",
            "/a%25%32%46b",
            "/a%253Bb",
            "/a%2523b",
            "/a#b",
            "/a%23#",
            "/a%00",
            "/a%2F%00",
            "/a%0a",
            "/a%7f",
            "/a%ff",
            "/a%2",
            "/a%2F%",
            "/a%c0%af",
            "%2Fa",
            ";/a",
            "#",
            "%23",
        ] {
            let all = "slash semicolon empty hash";
            assert_eq!(read(path, all), Err(Rejection::PathAmbiguous), "{path}");
        }
        assert_eq!(
            read("/;x/a", "semicolon"),
            Err(Rejection::PathAmbiguous),
            "an empty segment to who drops `;x`"
        );
        assert_eq!(read("/a/;x/b", "semicolon slash"), Err(Rejection::PathAmbiguous));
    }

    #[test]
    fn canonical_path_length_is_bounded_without_the_query() {
        let reading = Reading { max_match_bytes: 300, ..Reading::default() };
        for (path, expected) in [
            (format!("/{}", "a".repeat(299)), true),
            (format!("/{}", "a".repeat(300)), false),
            (format!("/{}?{}", "a".repeat(299), "b".repeat(9_000)), true),
            // As the client sent it.
            (format!("/{}", "%61".repeat(100)), false),
            (format!("/{}", "/../".repeat(100)), false),
        ] {
            let read = CanonicalPath::new(path.as_bytes(), reading);
            assert_eq!(read.is_ok(), expected, "{path}");
            assert!(expected || read == Err(Rejection::PathTooLong), "{path}");
        }
        let longest = format!("/{}", "a".repeat(DEFAULT_MAX_MATCH_BYTES - 1));
        assert!(CanonicalPath::new(longest.as_bytes(), Reading::default()).is_ok());
        let longer = format!("{longest}a");
        assert_eq!(CanonicalPath::new(longer.as_bytes(), Reading::default()), Err(Rejection::PathTooLong));
    }
}
