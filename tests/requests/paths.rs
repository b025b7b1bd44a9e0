//! Tricks with paths, methods and hosts. What is denied under its plain name must not be allowed under another one
//! that some backend reads as the plain name, whether the strict rule stands before the lax one or after it.

use okta_authz_filter::rejection::Rejection;
use serde_json::{Value, json};
use test_support::common::{NOW, Outcome, Token, decide, filter, get, outcome, request, rules};

/// Names under which some server, framework or proxy has been known to find `/admin` or what is below it.
const TRICKS: &[&str] = &[
    "/%61dmin",
    "/%61%64%6d%69%6e",
    "/%61%64%6D%69%6E/x",
    "/admin/",
    "/admin?x=1",
    "/admin?",
    "/admin/?",
    "/admin#",
    "/admin#/../public",
    "/admin/#",
    "//admin",
    "///admin",
    "/./admin",
    "/%2e/admin",
    "/admin/.",
    "/admin/..",
    "/admin/%2e",
    "/admin//",
    "/admin/x/..",
    "/admin/x/%2e%2e",
    "/public/../admin",
    "/public/%2e%2e/admin",
    "/public/%2E%2E/admin",
    "/public/.%2e/admin",
    "/public/%2e./admin",
    "/public/..%2fadmin",
    "/public/..%2Fadmin",
    "/public%2f..%2fadmin",
    "/public/%2e%2e%2fadmin",
    "/public/x/../../admin",
    "/public//../admin",
    "/public/..//admin",
    "/%2fadmin",
    "/%2Fadmin",
    "%2fadmin",
    "/admin%2f",
    "/admin%2fx",
    "/admin;",
    "/admin;x",
    "/admin;x=1/y",
    "/;/admin",
    "/.;/admin",
    "/..;/admin",
    "/public/..;/admin",
    "/public/..;x/admin",
    "/public;/../admin",
    "/admin%3b",
    "/admin%3Bx",
    "/public/%2e%2e;/admin",
    "/public\\..\\admin",
    "/public/..\\admin",
    "/\\admin",
    "\\admin",
    "/public%5c..%5cadmin",
    "/public/..%5Cadmin",
    "/public/%252e%252e/admin",
    "/public/%252e%252e%252fadmin",
    "/%2561dmin",
    "/public/..%252fadmin",
    "/admin%00",
    "/admin%00.html",
    "/public%00/../admin",
    "/admin%0a",
    "/admin%0d%0a",
    "/admin%09",
    "/admin\t",
    "/public/%c0%ae%c0%ae/admin",
    "/public/..%c0%afadmin",
    "/public/%e0%80%ae%e0%80%ae/admin",
    "/%ffadmin",
    "/public/%u002e%u002e/admin",
    "/public/%2",
    "/admin%",
    "/admin%zz",
    "admin",
    "../admin",
    "http://h/admin",
    "https://h/public/../admin",
    "/public/%2e%2e?x",
    "/public/..",
];

/// The same with the percent sign itself encoded digit by digit: decoded once, a dot segment or letter is still
/// encoded, and a backend that decodes again goes there.
const TWICE_ENCODED: &[&str] = &[
    "/public/%25%32%65%25%32%65/admin",
    "/public/%25%32%65./admin",
    "/public/..%25%32%66admin",
    "/%25%36%31dmin",
    "/public/%252%65%252%65/admin",
    "/public/%25%32e%25%32e/admin",
    "/admin%25%33%62x",
];

fn strict() -> Value {
    json!({ "match": { "prefix": "/admin" }, "requires": { "scopes": ["admin"] } })
}

fn lax() -> [(&'static str, Value); 4] {
    [
        ("any token for all else", json!({ "match": { "prefix": "/" }, "requires": {} })),
        ("all else public", json!({ "match": {}, "public": true })),
        ("/public is public", json!({ "match": { "prefix": "/public" }, "public": true })),
        ("/public/** is public", json!({ "match": { "path_template": "/public/**" }, "public": true })),
    ]
}

/// Every trick that is let through, with and without a token that lacks the scope.
fn let_through(tricks: &[&str]) -> Vec<String> {
    let token = format!("Bearer {}", Token::user().compact());
    let mut wrong = Vec::new();
    for (name, lax) in lax() {
        let mut orders = vec![("strict first", rules(json!([strict(), lax])))];
        // A lax rule for everything, put first, is what its author asked for: nothing is denied any more.
        if name.starts_with("/public") {
            orders.push(("lax first", rules(json!([lax, strict()]))));
        }
        for (order, config) in orders {
            let filter = filter(&config);
            let plain = outcome(decide(&filter, &get("/admin"), &[token.as_bytes()], NOW));
            assert_eq!(plain, test_support::common::scopes(&["admin"]), "{name}, {order}");
            for trick in tricks {
                for sent in [&[][..], &[token.as_bytes()]] {
                    let outcome = outcome(decide(&filter, &get(trick), sent, NOW));
                    if matches!(outcome, Outcome::Allow | Outcome::Public) {
                        wrong.push(format!("{trick} ({name}, {order}): {outcome:?}"));
                    }
                }
            }
        }
    }
    wrong
}

#[test]
fn no_other_name_for_what_is_denied() {
    let wrong = let_through(TRICKS);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// `%25%32%65` is `%2e` after one decoding: the look for a second encoding belongs on the decoded path.
#[test]
fn no_other_name_by_encoding_twice() {
    let wrong = let_through(TWICE_ENCODED);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// `?x` is not the empty path of CONNECT: what stands behind Envoy reads it as `/?x`.
#[test]
fn no_other_name_for_the_root() {
    let root = json!({ "match": { "path": "/" }, "requires": {} });
    let filter = filter(&rules(json!([root, { "match": {}, "public": true }])));
    for path in ["/", "/?", "/?x", "?", "?x"] {
        let outcome = outcome(decide(&filter, &get(path), &[], NOW));
        assert!(matches!(outcome, Outcome::Deny(_)), "{path}: {outcome:?}");
    }
}

#[test]
fn the_plain_names_of_tricks_still_work() {
    let filter = filter(&rules(json!([strict(), { "match": {}, "public": true }])));
    for (path, expected) in [
        ("/public", Outcome::Public),
        ("/public/a.b/..c/...", Outcome::Public),
        ("/public/caf%C3%A9", Outcome::Public),
        ("/public/100%25", Outcome::Public),
        ("/public/a%20b+c", Outcome::Public),
        ("/.well-known/x?y=../admin;%2f", Outcome::Public),
        ("/%61dmin", Outcome::Deny(Rejection::TokenMissing)),
        ("/administrators", Outcome::Deny(Rejection::TokenMissing)),
    ] {
        assert_eq!(outcome(decide(&filter, &get(path), &[], NOW)), expected, "{path}");
    }
}

/// Paths are compared as they are written (RFC 3986 section 6.2.2.1), as Envoy and FastAPI do. These are other
/// resources; a backend that thinks otherwise needs rules that say so, such as a prefix or `(?i)`.
#[test]
fn other_resources() {
    let exact = json!({ "match": { "path": "/admin" }, "requires": { "scopes": ["admin"] } });
    let case_blind =
        json!({ "match": { "safe_regex": "(?i)/admin(/.*)?" }, "requires": { "scopes": ["admin"] } });
    for (rule, path, expected) in [
        (&exact, "/admin", Outcome::Deny(Rejection::TokenMissing)),
        (&exact, "/Admin", Outcome::Public),
        (&exact, "/admin/", Outcome::Public),
        (&case_blind, "/Admin", Outcome::Deny(Rejection::TokenMissing)),
        (&case_blind, "/admin/", Outcome::Deny(Rejection::TokenMissing)),
        (&case_blind, "/aDmIn/x", Outcome::Deny(Rejection::TokenMissing)),
    ] {
        let filter = filter(&rules(json!([rule, { "match": {}, "public": true }])));
        assert_eq!(outcome(decide(&filter, &get(path), &[], NOW)), expected, "{path}");
    }
}

// An authority that is no host and port would pass by a strict rule with `hosts`, and reach a lax rule behind it.
#[test]
fn no_other_name_for_a_host() {
    let strict = json!({ "match": { "hosts": ["admin.example.com"] }, "requires": { "scopes": ["admin"] } });
    let filter = filter(&rules(json!([strict, { "match": {}, "public": true }])));
    let mut wrong = Vec::new();
    for authority in [
        "admin.example.com",
        "ADMIN.example.com",
        "admin.example.com.",
        "admin.example.com:443",
        "admin.example.com.:443",
        "admin.example.com:",
        "x@admin.example.com",
        "x:y@admin.example.com:443",
        "admin.example.com:443:443",
        "admin.example.com..",
        "admin%2eexample.com",
        " admin.example.com",
        "admin.example.com ",
        "admin.example.com/",
        "admin.example.com#",
        "admin.example.com,x",
    ] {
        let outcome = outcome(decide(&filter, &request("GET", authority, "/"), &[], NOW));
        if outcome == Outcome::Public {
            wrong.push(authority);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
