//! The cases of other projects' DPoP tests, each with the result of this filter. `Differs` marks
//! the rows in which the other project has another result on purpose, with the reason.
//!
//! Sources: `dpop-verifier.test.ts` of auth0/node-oauth2-jwt-bearer,
//! `DpopProofValidatorTests.cs` of Microsoft.IdentityModel, and `dpopProof.test.ts` of the
//! conformance suite of the Model Context Protocol.

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::dpop::TargetUri;
use okta_authz_filter::policy::AllowedInPaths;
use okta_authz_filter::rejection::Rejection::{self, *};
use serde_json::{Value, json};
use test_support::common::NOW;
use test_support::proofs::{ClientKey, Proof};

use super::{Case, assert_results};

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

/// Makes the case of a proof with these claims and header members. A null removes one.
fn changed(claims: Value, header: Value) -> Case {
    Case::new(|proof| proof.claims(claims).head(header))
}

fn claims(claims: Value) -> Case {
    changed(claims, json!({}))
}

fn header(header: Value) -> Case {
    changed(json!({}), header)
}

fn sent(change: fn(&str) -> String) -> Case {
    let case = Case::new(|proof| proof);
    let proof = String::from_utf8(case.proofs[0].clone()).unwrap();
    Case { proofs: vec![change(&proof).into_bytes()], ..case }
}

#[test]
fn proofs_of_third_parties_have_our_result() {
    let private = ClientKey::new(Algorithm::ES256, 7);
    let unsigned = |proof: &str| {
        let payload = proof.split('.').nth(1).unwrap();
        format!("{}.{payload}.", test_support::common::b64(r#"{"typ":"dpop+jwt","alg":"none"}"#))
    };
    let rows: Vec<(&str, Case, Result<(), Rejection>)> = vec![
        // auth0
        ("auth0: a valid proof", claims(json!({})), Ok(())),
        ("auth0: no header", Case { proofs: vec![], ..claims(json!({})) }, Err(DpopProofMissing)),
        ("auth0: empty header", sent(|_| String::new()), Err(DpopProofMalformed)),
        ("auth0: two proofs with a comma", sent(|_| "proof1,proof2".to_owned()), Err(DpopProofRepeated)),
        ("auth0: two segments", sent(|_| "abc.def".to_owned()), Err(DpopProofMalformed)),
        ("auth0: typ", header(json!({ "typ": "wrong" })), Err(DpopTypeNotAllowed)),
        ("auth0: no typ", header(json!({ "typ": null })), Err(DpopTypeNotAllowed)),
        (
            "auth0: alg not listed",
            Case::signed(Algorithm::RS256, |proof| proof).allowing(Algorithm::ES256),
            Err(DpopAlgorithmNotAllowed),
        ),
        // These 94 characters are not canonical base64url.
        (
            "auth0: text after the signature",
            sent(|proof| format!("{proof}tampered")),
            Err(DpopProofMalformed),
        ),
        ("auth0: no jwk", header(json!({ "jwk": null })), Err(DpopKeyMalformed)),
        ("auth0: jwk a string", header(json!({ "jwk": "not-an-object" })), Err(DpopKeyMalformed)),
        ("auth0: no iat", claims(json!({ "iat": null })), Err(DpopClaimMissing)),
        ("auth0: iat a string", claims(json!({ "iat": "bad" })), Err(DpopProofMalformed)),
        ("auth0: iat old", claims(json!({ "iat": NOW - 1000 })), Err(DpopProofExpired)),
        ("auth0: iat ahead", claims(json!({ "iat": NOW + 1000 })), Err(DpopProofFromTheFuture)),
        ("auth0: no htm", claims(json!({ "htm": null })), Err(DpopClaimMissing)),
        ("auth0: htm a number", claims(json!({ "htm": 123 })), Err(DpopProofMalformed)),
        ("auth0: htm of another method", claims(json!({ "htm": "POST" })), Err(DpopMethodMismatch)),
        ("auth0: no htu", claims(json!({ "htu": null })), Err(DpopClaimMissing)),
        ("auth0: htu a number", claims(json!({ "htu": 123 })), Err(DpopProofMalformed)),
        (
            "auth0: htu of another URL",
            claims(json!({ "htu": "https://api.example.com/other" })),
            Err(DpopUrlMismatch),
        ),
        ("auth0: no jti", claims(json!({ "jti": null })), Err(DpopClaimMissing)),
        ("auth0: no ath", claims(json!({ "ath": null })), Err(DpopClaimMissing)),
        ("auth0: ath a number", claims(json!({ "ath": 123 })), Err(DpopProofMalformed)),
        ("auth0: ath of another token", claims(json!({ "ath": "tampered" })), Err(DpopTokenMismatch)),
        ("auth0: another key", Case { jkt: [0; 32], ..claims(json!({})) }, Err(DpopKeyMismatch)),
        (
            "auth0: further claims",
            claims(
                json!({ "foo": "bar", "aud": "x", "nbf": NOW - 10, "exp": NOW + 300, "nested": { "a": 1 } }),
            ),
            Ok(()),
        ),
        // auth0 accepts `get`, because it compares without letter case. Methods are case-sensitive.
        ("auth0 differs: htm in lower case", claims(json!({ "htm": "get" })), Err(DpopMethodMismatch)),
        // Microsoft
        ("Microsoft: typ `jwt`", header(json!({ "typ": "jwt" })), Err(DpopTypeNotAllowed)),
        ("Microsoft: no signature", sent(unsigned), Err(DpopProofMalformed)),
        ("Microsoft: alg `none`", header(json!({ "alg": "none" })), Err(DpopAlgorithmNotAllowed)),
        ("Microsoft: alg HS256", header(json!({ "alg": "HS256" })), Err(DpopAlgorithmNotAllowed)),
        ("Microsoft: empty alg", header(json!({ "alg": "" })), Err(DpopAlgorithmNotAllowed)),
        ("Microsoft: no accepted algorithm", no_algorithms(), Err(DpopAlgorithmNotAllowed)),
        (
            "Microsoft: private RSA key",
            Case::signed(Algorithm::RS256, |proof| proof.jwk(json!({ "d": "AA", "p": "AA", "q": "AA" }))),
            Err(DpopKeyPrivate),
        ),
        (
            "Microsoft: POST",
            claims(json!({ "htm": "POST" })).to("POST", "api.example.com", "/items/1"),
            Ok(()),
        ),
        ("Microsoft: iat 700 s old", claims(json!({ "iat": NOW - 700 })), Err(DpopProofExpired)),
        ("Microsoft: iat 700 s ahead", claims(json!({ "iat": NOW + 700 })), Err(DpopProofFromTheFuture)),
        (
            "Microsoft: another nonce",
            claims(json!({ "nonce": "different-nonce" })).nonces(&[[1; 32]]),
            Err(DpopNonceRequired),
        ),
        // Model Context Protocol
        ("MCP: POST", Case::new(mcp).to("POST", "mcp.example.com", "/mcp"), Ok(())),
        ("MCP: first character of the signature", tampered(), Err(DpopSignatureInvalid)),
        (
            "MCP: no jti",
            Case::new(|proof| mcp(proof).claims(json!({ "jti": null }))).to(
                "POST",
                "mcp.example.com",
                "/mcp",
            ),
            Err(DpopClaimMissing),
        ),
        ("MCP: alg `none`, empty signature", sent(unsigned), Err(DpopProofMalformed)),
        ("MCP: HS256", header(json!({ "alg": "HS256" })), Err(DpopAlgorithmNotAllowed)),
        ("MCP: private key in jwk", header(json!({ "jwk": with_scalar(&private) })), Err(DpopKeyPrivate)),
        ("MCP: an hour old", claims(json!({ "iat": NOW - 3600 })), Err(DpopProofExpired)),
    ];
    assert_results(rows);
}

fn no_algorithms() -> Case {
    let mut case = claims(json!({}));
    case.requirements.algorithms.clear();
    case
}

fn mcp(proof: Proof) -> Proof {
    proof.claims(json!({ "htm": "POST", "htu": "https://mcp.example.com/mcp" }))
}

fn tampered() -> Case {
    sent(|proof| {
        let (message, signature) = proof.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        format!("{message}.{first}{}", &signature[1..])
    })
}

fn with_scalar(key: &ClientKey) -> Value {
    let mut jwk = key.jwk();
    jwk["d"] = json!(test_support::common::b64([7; 32]));
    jwk
}
