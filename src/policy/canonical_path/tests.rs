//! Paths, and their canonical forms.

use super::*;
use crate::policy::normalization::DEFAULT_MAX_MATCH_BYTES;

#[test]
fn canonical_path_of_ambiguous_path_is_an_error() {
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
        ("/100%25 off", Some("/100% off")),
        ("/100%25 all", Some("/100% all")),
        ("/100%25ax", Some("/100%ax")),
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
        let canonical = CanonicalPath::new(path.as_bytes(), NormalizationOptions::default()).ok();
        assert_eq!(canonical.as_ref().map(CanonicalPath::as_str), expected, "{path}");
    }
    assert_eq!(CanonicalPath::new(b"/\xff", NormalizationOptions::default()), Err(Rejection::PathAmbiguous));
}

fn normalize(path: &str, allowed: &str) -> Result<String, Rejection> {
    let has = |name: &str| allowed.split(' ').any(|allowed| allowed == name);
    let allowed = AllowedInPaths {
        encoded_slash: has("slash"),
        semicolon: has("semicolon"),
        empty_segment: has("empty"),
        encoded_hash: has("hash"),
    };
    let options = NormalizationOptions { allowed, ..NormalizationOptions::default() };
    let canonical = CanonicalPath::new(path.as_bytes(), options)?;
    assert!(CanonicalPath::is_canonical(canonical.as_str(), allowed), "{path}");
    Ok(canonical.0.into_owned())
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
        assert_eq!(normalize(path, allowed).as_deref(), Ok(expected), "{path} {allowed}");
        for name in allowed.split(' ') {
            let others = allowed.replace(name, "");
            assert_eq!(normalize(path, &others), Err(Rejection::PathAmbiguous), "{path} {others}");
        }
    }
}

#[test]
fn canonical_path_ambiguous_with_all_allowed_is_an_error() {
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
        assert_eq!(normalize(path, all), Err(Rejection::PathAmbiguous), "{path}");
    }
    assert_eq!(
        normalize("/;x/a", "semicolon"),
        Err(Rejection::PathAmbiguous),
        "a backend that drops `;x` reads an empty segment"
    );
    assert_eq!(normalize("/a/;x/b", "semicolon slash"), Err(Rejection::PathAmbiguous));
}

#[test]
fn canonical_path_length_is_bounded_without_the_query() {
    let options = NormalizationOptions { max_match_bytes: 300, ..NormalizationOptions::default() };
    for (path, expected) in [
        (format!("/{}", "a".repeat(299)), true),
        (format!("/{}", "a".repeat(300)), false),
        (format!("/{}?{}", "a".repeat(299), "b".repeat(9_000)), true),
        // The length before decoding counts.
        (format!("/{}", "%61".repeat(100)), false),
        (format!("/{}", "/../".repeat(100)), false),
    ] {
        let result = CanonicalPath::new(path.as_bytes(), options);
        assert_eq!(result.is_ok(), expected, "{path}");
        assert!(expected || result == Err(Rejection::PathTooLong), "{path}");
    }
    let longest = format!("/{}", "a".repeat(DEFAULT_MAX_MATCH_BYTES - 1));
    assert!(CanonicalPath::new(longest.as_bytes(), NormalizationOptions::default()).is_ok());
    let longer = format!("{longest}a");
    assert_eq!(
        CanonicalPath::new(longer.as_bytes(), NormalizationOptions::default()),
        Err(Rejection::PathTooLong)
    );
}
