//! The URL of a proof (`htu`), and the URL of a request.

use okta_authz_filter::dpop::{ExternalUrl, Scheme, SchemeSource};
use okta_authz_filter::policy::AllowedInPaths;
use okta_authz_filter::rejection::Rejection::{self, DpopUrlMismatch};
use serde_json::json;

use super::{Case, assert_results};

const HOST: &str = "api.example.com";

/// Makes the case of a proof for `htu` and a request for this path.
fn case(htu: &str, authority: &'static str, path: &str) -> Case {
    Case::new(|proof| proof.claims(json!({ "htu": htu }))).to("GET", authority, path)
}

fn assert_equal(rows: &[(&str, &'static str, &str)]) {
    let row = |(htu, authority, path): &(&str, &'static str, &str)| {
        (format!("{htu:?} and {authority} {path}"), case(htu, authority, path), Ok(()))
    };
    assert_results(rows.iter().map(row));
}

fn assert_different(rows: &[(&str, &'static str, &str)]) {
    let row = |(htu, authority, path): &(&str, &'static str, &str)| {
        (format!("{htu:?} and {authority} {path}"), case(htu, authority, path), Err(DpopUrlMismatch))
    };
    assert_results(rows.iter().map(row));
}

#[test]
fn url_equal_after_normalization_is_accepted() {
    assert_equal(&[
        ("https://api.example.com/items/1", HOST, "/items/1"),
        // RFC 9449 section 4.3: without query and fragment.
        ("https://api.example.com/items/1?a=b", HOST, "/items/1"),
        ("https://api.example.com/items/1?a=b#c", HOST, "/items/1"),
        ("https://api.example.com/items/1#c?d", HOST, "/items/1"),
        ("https://api.example.com/items/1", HOST, "/items/1?a=b&c=%2F"),
        ("https://api.example.com/items/1?x", HOST, "/items/1?y"),
        ("https://api.example.com?x=/y", HOST, "/"),
        // RFC 3986 section 6.2.2.1: letter case of scheme and host.
        ("HTTPS://API.Example.COM/items/1", HOST, "/items/1"),
        ("https://api.example.com/items/1", "API.example.com", "/items/1"),
        // RFC 3986 section 6.2.3: the default port, and the empty path.
        ("https://api.example.com:443/items/1", HOST, "/items/1"),
        ("https://api.example.com/items/1", "api.example.com:443", "/items/1"),
        ("https://api.example.com:8443/items/1", "api.example.com:8443", "/items/1"),
        ("https://api.example.com:0443/items/1", HOST, "/items/1"),
        ("https://api.example.com", HOST, "/"),
        ("https://api.example.com/", HOST, "/"),
        ("https://api.example.com./items/1", HOST, "/items/1"),
        // RFC 3986 section 6.2.2.2, and reserved characters, which rules decode too.
        ("https://api.example.com/%7Ea", HOST, "/~a"),
        ("https://api.example.com/~a", HOST, "/%7ea"),
        ("https://api.example.com/u/%40x", HOST, "/u/@x"),
        ("https://api.example.com/u/@x", HOST, "/u/%40x"),
        ("https://api.example.com/caf%c3%a9", HOST, "/caf%C3%A9"),
        ("https://api.example.com/a%20b", HOST, "/a%20b"),
        ("https://api.example.com/%61", HOST, "/a"),
        ("https://api.example.com/a%3Fb", HOST, "/a%3Fb?c"),
        ("https://[::1]/items/1", "[::1]", "/items/1"),
        ("https://[2001:DB8:0:0::1]:8443/x", "[2001:db8::1]:8443", "/x"),
        ("https://127.0.0.1/x", "127.0.0.1", "/x"),
        ("https://xn--bcher-kva.example/x", "xn--bcher-kva.example", "/x"),
        ("https://api_1.example.com/x", "api_1.example.com", "/x"),
    ]);
}

#[test]
fn url_of_another_resource_is_a_mismatch() {
    assert_different(&[
        ("https://other.example.com/items/1", HOST, "/items/1"),
        ("https://api.example.com.evil.example/items/1", HOST, "/items/1"),
        ("https://api.example.co/items/1", HOST, "/items/1"),
        ("https://backend.internal:8080/items/1", HOST, "/items/1"),
        ("http://api.example.com/items/1", HOST, "/items/1"),
        ("http://api.example.com:443/items/1", HOST, "/items/1"),
        ("https://api.example.com:80/items/1", HOST, "/items/1"),
        ("https://api.example.com:8443/items/1", HOST, "/items/1"),
        ("https://api.example.com/items/1", "api.example.com:8443", "/items/1"),
        ("https://api.example.com/items/2", HOST, "/items/1"),
        ("https://api.example.com/items", HOST, "/items/1"),
        ("https://api.example.com/items/1/x", HOST, "/items/1"),
        ("https://api.example.com/", HOST, "/items/1"),
        ("https://api.example.com", HOST, "/items/1"),
        // Not equal for the upstream: final slash, letter case, empty segment.
        ("https://api.example.com/items/1/", HOST, "/items/1"),
        ("https://api.example.com/items/1", HOST, "/items/1/"),
        ("https://api.example.com/Items/1", HOST, "/items/1"),
        ("https://api.example.com/items/%2541", HOST, "/items/A"),
        ("https://[::1]/x", "[::2]", "/x"),
    ]);
}

#[test]
fn url_ambiguous_or_malformed_is_a_mismatch() {
    assert_different(&[
        ("", HOST, "/"),
        ("/items/1", HOST, "/items/1"),
        ("items/1", HOST, "/items/1"),
        ("//api.example.com/items/1", HOST, "/items/1"),
        ("api.example.com/items/1", HOST, "/items/1"),
        ("https:/api.example.com/items/1", HOST, "/items/1"),
        ("https:api.example.com/items/1", HOST, "/items/1"),
        ("https:///items/1", HOST, "/items/1"),
        ("https://", HOST, "/"),
        ("wss://api.example.com/items/1", HOST, "/items/1"),
        ("ftp://api.example.com/items/1", HOST, "/items/1"),
        ("https ://api.example.com/items/1", HOST, "/items/1"),
        ("urn:x?https://api.example.com/items/1", HOST, "/items/1"),
        ("https://user@api.example.com/items/1", HOST, "/items/1"),
        ("https://user:password@api.example.com/items/1", HOST, "/items/1"),
        ("https://evil.example@api.example.com/items/1", HOST, "/items/1"),
        ("https://api.example.com@evil.example/items/1", HOST, "/items/1"),
        ("https://api.example.com\\@evil.example/items/1", HOST, "/items/1"),
        ("https://api.example.com\\items\\1", HOST, "/items/1"),
        ("https:\\\\api.example.com/items/1", HOST, "/items/1"),
        ("https://api.example.com:/items/1", HOST, "/items/1"),
        ("https://api.example.com:+443/items/1", HOST, "/items/1"),
        ("https://api.example.com:65979/items/1", HOST, "/items/1"),
        ("https://api%2eexample.com/items/1", HOST, "/items/1"),
        ("https://api.example.com../items/1", HOST, "/items/1"),
        ("https://api..example.com/items/1", HOST, "/items/1"),
        (" https://api.example.com/items/1", HOST, "/items/1"),
        ("https://api.example.com/items/1 ", HOST, "/items/1"),
        ("https://api.example.com/items/\u{0}1", HOST, "/items/1"),
        ("https://api.example.com/it\tems/1", HOST, "/items/1"),
        ("https://api.example.com/it\nems/1", HOST, "/items/1"),
        ("https://api.example.com/caf\u{e9}", HOST, "/caf%C3%A9"),
        ("https://api.example.com/./items/1", HOST, "/items/1"),
        ("https://api.example.com/x/../items/1", HOST, "/items/1"),
        ("https://api.example.com/x/%2e%2e/items/1", HOST, "/items/1"),
        ("https://api.example.com//items/1", HOST, "/items/1"),
        ("https://api.example.com/items//1", HOST, "/items/1"),
        ("https://api.example.com/items%2F1", HOST, "/items/1"),
        ("https://api.example.com/items%5C1", HOST, "/items/1"),
        ("https://api.example.com/items/1;x", HOST, "/items/1"),
        ("https://api.example.com/items/1%23", HOST, "/items/1"),
        ("https://api.example.com/items/1%", HOST, "/items/1%25"),
        ("https://api.example.com/items/%ff", HOST, "/items/1"),
        ("https://[::1/x", "[::1]", "/x"),
        ("https://[::1]x/x", "[::1]", "/x"),
        ("https://::1/x", "[::1]", "/x"),
        ("https://[0:0:0:0:0:0:0:1]/x", "[::2]", "/x"),
    ]);
}

#[test]
fn path_with_allowed_characters_has_one_meaning() {
    let allow = |allowed: AllowedInPaths, htu: &str, path: &str| {
        let mut case = case(htu, HOST, path);
        case.requirements.allowed_in_paths = allowed;
        case
    };
    let slash = AllowedInPaths { encoded_slash: true, ..AllowedInPaths::default() };
    let semicolon = AllowedInPaths { semicolon: true, ..AllowedInPaths::default() };
    let empty = AllowedInPaths { empty_segment: true, ..AllowedInPaths::default() };
    let hash = AllowedInPaths { encoded_hash: true, ..AllowedInPaths::default() };
    assert_results([
        ("%2F", allow(slash, "https://api.example.com/a%2fb", "/a%2Fb"), Ok(())),
        ("%2F is data", allow(slash, "https://api.example.com/a/b", "/a%2Fb"), Err(DpopUrlMismatch)),
        ("%2F is data, in htu", allow(slash, "https://api.example.com/a%2Fb", "/a/b"), Err(DpopUrlMismatch)),
        (";", allow(semicolon, "https://api.example.com/a;x", "/a%3Bx"), Ok(())),
        ("//", allow(empty, "https://api.example.com/a//b", "/a//b"), Ok(())),
        ("// is not /", allow(empty, "https://api.example.com/a//b", "/a/b"), Err(DpopUrlMismatch)),
        ("%23", allow(hash, "https://api.example.com/a%23b", "/a%23b"), Ok(())),
        ("# ends htu", allow(hash, "https://api.example.com/a#b", "/a%23b"), Err(DpopUrlMismatch)),
        ("# ends htu, also here", allow(hash, "https://api.example.com/a#b", "/a"), Ok(())),
    ]);
}

#[test]
fn request_without_path_has_the_path_slash() {
    // RFC 9110 section 7.1: the target of CONNECT and of `OPTIONS *` has the empty path.
    let with_method = |method: &'static str, path: &str, htu: &str| {
        Case::new(|proof| proof.claims(json!({ "htm": method, "htu": htu }))).to(method, HOST, path)
    };
    let prefixed = |path: &str| {
        case("https://api.example.com/svc1*", HOST, path).external(&[("https://api.example.com/svc1", &[])])
    };
    assert_results([
        ("OPTIONS *", with_method("OPTIONS", "*", "https://api.example.com"), Ok(())),
        (
            "OPTIONS *, with a path",
            with_method("OPTIONS", "*", "https://api.example.com/*"),
            Err(DpopUrlMismatch),
        ),
        ("GET *", case("https://api.example.com/", HOST, "*"), Err(DpopUrlMismatch)),
        ("GET * with a prefix", prefixed("*"), Err(DpopUrlMismatch)),
        ("CONNECT", with_method("CONNECT", "", "https://api.example.com/"), Ok(())),
        ("no host", case("https://api.example.com/", "", "/"), Err(DpopUrlMismatch)),
    ]);
}

#[test]
fn scheme_is_that_of_the_configuration() {
    let forwarded = |values: &[&str], htu: &str| Case {
        headers: values.iter().map(|value| ("x-forwarded-proto", (*value).to_owned())).collect(),
        ..case(htu, HOST, "/items/1").scheme(SchemeSource::Forwarded)
    };
    let (http, https) = ("http://api.example.com/items/1", "https://api.example.com/items/1");
    let mut spoofed = case(http, HOST, "/items/1");
    for name in
        ["x-forwarded-proto", "forwarded", "x-forwarded-host", "x-forwarded-prefix", "x-envoy-original-path"]
    {
        spoofed.headers.push((name, "http".to_owned()));
    }
    assert_results([
        ("forwarded https", forwarded(&["https"], https), Ok(())),
        ("forwarded http", forwarded(&["http"], http), Ok(())),
        ("forwarded in capitals", forwarded(&["HTTPS"], https), Ok(())),
        ("forwarded http, htu https", forwarded(&["http"], https), Err(DpopUrlMismatch)),
        ("no header", forwarded(&[], https), Err(DpopUrlMismatch)),
        ("two headers", forwarded(&["https", "https"], https), Err(DpopUrlMismatch)),
        ("two values", forwarded(&["https,http"], https), Err(DpopUrlMismatch)),
        ("another scheme", forwarded(&["wss"], https), Err(DpopUrlMismatch)),
        ("fixed http", case(http, HOST, "/items/1").scheme(SchemeSource::Fixed(Scheme::Http)), Ok(())),
        (
            "fixed http, port 80",
            {
                case("http://api.example.com:80/items/1", HOST, "/items/1")
                    .scheme(SchemeSource::Fixed(Scheme::Http))
            },
            Ok(()),
        ),
        ("headers of the client with a fixed scheme", spoofed, Err(DpopUrlMismatch)),
    ]);
}

#[test]
fn external_url_has_its_path_and_hosts() {
    let urls: &[(&str, &[&str])] = &[
        ("https://api.example.com/svc1", &["svc1.internal", "[2001:DB8::1]"]),
        ("https://API.example.com:8443/", &["svc2.internal"]),
        ("https://shop.example.com/a%20b/", &[]),
        ("http://localhost:8080", &[]),
    ];
    let row = |htu: &str, authority: &'static str, path: &str, expected: Result<(), Rejection>| {
        (format!("{htu} and {authority} {path}"), case(htu, authority, path).external(urls), expected)
    };
    assert_results([
        row("https://api.example.com/svc1/items", "svc1.internal", "/items?x", Ok(())),
        row("https://api.example.com/svc1/items", "SVC1.internal:15443", "/items", Ok(())),
        row("https://api.example.com/svc1/items", "[2001:db8::1]", "/items", Ok(())),
        row("https://api.example.com/svc1/", "svc1.internal", "/", Ok(())),
        row("https://api.example.com/svc1", "svc1.internal", "/", Err(DpopUrlMismatch)),
        row("https://api.example.com/items", "svc1.internal", "/items", Err(DpopUrlMismatch)),
        row("https://svc1.internal/items", "svc1.internal", "/items", Err(DpopUrlMismatch)),
        row("https://api.example.com:8443/items", "svc2.internal", "/items", Ok(())),
        row("https://api.example.com:8443", "svc2.internal", "/", Ok(())),
        row("https://api.example.com/items", "svc2.internal", "/items", Err(DpopUrlMismatch)),
        row("https://shop.example.com/a%20b/x", "shop.example.com", "/x", Ok(())),
        row("http://localhost:8080/x", "localhost:8080", "/x", Ok(())),
        // A host that no entry has, although the URL of an entry has it.
        row("https://api.example.com/svc1/items", "api.example.com", "/svc1/items", Err(DpopUrlMismatch)),
        row("https://evil.example/items", "evil.example", "/items", Err(DpopUrlMismatch)),
    ]);
}

#[test]
fn external_url_with_mistake_is_an_error() {
    let problem = |url: &str| ExternalUrl::new(url, AllowedInPaths::default()).err().unwrap_or("none");
    for (url, text) in [
        ("https://api.example.com", "none"),
        ("https://api.example.com/svc1/", "none"),
        ("http://localhost:8080", "none"),
        ("http://127.0.0.1", "none"),
        ("http://[::1]:8080/x", "none"),
        ("http://api.example.com", "https://"),
        ("http://localhost.example", "https://"),
        ("https://api.example.com?x", "query"),
        ("https://api.example.com/#x", "fragment"),
        ("api.example.com", "http or https URL"),
        ("https://", "http or https URL"),
        ("https://user@api.example.com", "user information"),
        ("https://api.example.com/../x", "dot segments"),
        ("https://api.example.com//x", "ambiguous"),
        ("https://api.example.com/caf\u{e9}", "ambiguous"),
    ] {
        assert!(problem(url).contains(text), "{url}: {}", problem(url));
    }
    let entry = ExternalUrl::new("https://api.example.com", AllowedInPaths::default()).unwrap();
    assert_eq!(entry.hosts(), ["api.example.com"]);
    for hosts in [&[][..], &["a:80"], &[""], &["a b"], &["a..b"], &["*.example.com"], &["https://a"]] {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        assert!(entry.clone().with_hosts(&hosts).is_err(), "{hosts:?}");
    }
    let entry = entry.with_hosts(&["B.Internal.".to_owned(), "[0:0::1]".to_owned()]).unwrap();
    assert_eq!(entry.hosts(), ["b.internal", "[::1]"]);
}
