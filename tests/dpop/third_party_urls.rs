//! URLs in other projects' DPoP tests, each with the result of this filter. `Differs` marks the rows
//! in which the other project has another result on purpose, with the reason.
//!
//! Sources: `dpop-verifier.test.ts` of auth0/node-oauth2-jwt-bearer and
//! `DpopProofValidatorTests.cs` of Microsoft.IdentityModel.

use okta_authz_filter::dpop::TargetUri;
use okta_authz_filter::policy::AllowedInPaths;

/// The result of the other project.
enum Theirs {
    Agrees,
    Differs(&'static str),
}
use Theirs::{Agrees, Differs};

/// A pair of URLs: `htu` and the URL of the request, and whether they are equal.
const URLS: &[(&str, &str, bool, Theirs)] = &[
    // auth0
    ("https://a.example/r?foo=bar#hash", "https://a.example/r", true, Agrees),
    ("https://a.example/r/?abc=def", "https://a.example/r/", true, Agrees),
    ("https://a.example/r/?abc=def", "https://a.example/r", false, Agrees),
    ("https://a.example:8443/r?foo=bar", "https://a.example:8443/r", true, Agrees),
    (
        "https://user:pass@a.example/r",
        "https://a.example/r",
        false,
        Differs("auth0 ignores user information. No client needs it, and parsers disagree about its end."),
    ),
    ("http://localhost:3000/p?debug=true#frag", "http://localhost:3000/p", true, Agrees),
    ("http://127.0.0.1:4000/test?foo=bar", "http://127.0.0.1:4000/test", true, Agrees),
    (":://foo.bar?x=1", "https://foo.bar/", false, Agrees),
    ("::::://", "https://foo.bar/", false, Agrees),
    ("HTTPS://A.EXAMPLE/path", "https://a.example/path", true, Agrees),
    ("https://a.example:443/path", "https://a.example/path", true, Agrees),
    ("https://a.example/%7Euser", "https://a.example/~user", true, Agrees),
    (
        "https://a.example/path%2fto",
        "https://a.example/path%2Fto",
        false,
        Differs("The filter denies requests with an encoded slash, unless `allow_in_paths` accepts it."),
    ),
    (
        "https://a.example/path/../r/./file.txt",
        "https://a.example/r/file.txt",
        false,
        Differs("auth0 removes dot segments. Upstreams disagree about them, and no client must send them."),
    ),
    (
        "https://a.example/a/%2e%2e/b",
        "https://a.example/b",
        false,
        Differs("auth0 removes encoded dot segments too."),
    ),
    (
        "https://bad_host.example/path",
        "https://bad_host.example/path",
        true,
        Differs(
            "auth0 rejects an underscore in a host. Kubernetes and DNS allow it, and it has one meaning.",
        ),
    ),
    ("http://[::1]/path?x=1#y", "http://[::1]/path", true, Agrees),
    ("http://[2001:db8::1]:8080/alpha?x=1#y", "http://[2001:db8::1]:8080/alpha", true, Agrees),
    ("http://[2001:db8::1/path", "http://[2001:db8::1]/path", false, Agrees),
    ("https://a.example:999999/path", "https://a.example/path", false, Agrees),
    ("https://xn--bcher-kva.de/path", "https://xn--bcher-kva.de/path", true, Agrees),
    (
        "https://example.com./x",
        "https://example.com/x",
        true,
        Differs("auth0 keeps a final dot. Both names are one host, and the filter denies it in requests."),
    ),
    ("https://a.example//double/slash", "https://a.example/double/slash", false, Agrees),
    ("https://https://resource.com/intendedPath", "https://resource.com/intendedPath", false, Agrees),
    (
        "https://a.example/https:/evil.example/steal",
        "https://a.example/https:/evil.example/steal",
        true,
        Agrees,
    ),
    ("HTTPS://A.EXAMPLE:8443/A/Path?Q=1#F", "https://a.example:8443/A/Path", true, Agrees),
    ("http://a.example:80/path?x=1#y", "http://a.example/path", true, Agrees),
    (
        "https://b\u{fc}cher.de/weg",
        "https://xn--bcher-kva.de/weg",
        false,
        Differs("auth0 converts to Punycode. A URI has only ASCII (RFC 3986), and conversions disagree."),
    ),
    ("https://a.example/price/%e2%82%ac", "https://a.example/price/%E2%82%AC", true, Agrees),
    ("http://[::ffff:192.0.2.128]:3000/x", "http://[::ffff:c000:280]:3000/x", true, Agrees),
    ("https://a.example/other", "https://a.example/resource", false, Agrees),
    // Microsoft
    ("https://r.example/admin", "https://r.example/admin", true, Agrees),
    ("https://R.Example/admin", "https://r.example/admin", true, Agrees),
    ("https://r.example/admin", "https://r.example/Admin", false, Agrees),
    ("https://r.example/Admin", "https://r.example/admin", false, Agrees),
    ("https://r.example/admin", "https://r.example/admin/", false, Agrees),
    ("https://r.example:443/admin", "https://r.example/admin", true, Agrees),
    ("https://r.example:8443/admin", "https://r.example/admin", false, Agrees),
    ("https://r.example/a%41", "https://r.example/aA", true, Agrees),
    ("https://r.example/admin#frag", "https://r.example/admin", true, Agrees),
    ("https://r.example/admin", "https://r.example/admin?q=1", true, Agrees),
    (
        "https://r.example/a/../admin",
        "https://r.example/admin",
        false,
        Differs("Microsoft removes dot segments."),
    ),
    ("https://r.example/%2F", "https://r.example//", false, Agrees),
    ("https://r.example", "https://r.example/", true, Agrees),
    ("https://other.example/api", "https://r.example/api", false, Agrees),
];

#[test]
fn urls_of_third_parties_have_our_result() {
    let parse = |url: &str| TargetUri::parse(url, AllowedInPaths::default());
    let mut wrong = Vec::new();
    for (htu, request, expected, theirs) in URLS {
        let equal = parse(htu).is_some() && parse(htu) == parse(request);
        if equal != *expected {
            wrong.push(format!("{htu} and {request}: {equal}"));
        }
        if let Differs(reason) = theirs {
            assert!(reason.len() > 20, "{htu} needs a reason");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
