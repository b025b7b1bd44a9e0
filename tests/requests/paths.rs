//! Other spellings of paths and hosts.
//!
//! If a rule denies a path, the filter must not allow another spelling that an upstream may resolve
//! to the same path, in whichever order a strict and a lax rule are.

use serde_json::{Value, json};
use test_support::common::{
    NOW, Outcome, Token, decide, filter, get, missing_with_scopes, outcome, request, rules,
};

/// Spellings that a server, framework or proxy resolves to `/admin` or to a path below it.
const SPELLINGS: &[&str] = &[
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

/// Spellings with an encoded percent sign. After one decoding, a dot segment or letter is still
/// encoded, and an upstream that decodes again resolves the path to `/admin`.
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
        ("any token for other paths", json!({ "match": { "prefix": "/" }, "requires": {} })),
        ("other paths are public", json!({ "match": {}, "public": true })),
        ("/public is public", json!({ "match": { "prefix": "/public" }, "public": true })),
        ("/public/** is public", json!({ "match": { "path_template": "/public/**" }, "public": true })),
    ]
}

/// Returns the spellings that are allowed without a token, or with a token that lacks the scope.
fn allowed(spellings: &[&str]) -> Vec<String> {
    let token = format!("Bearer {}", Token::user().compact());
    let mut allowed = Vec::new();
    for (name, lax) in lax() {
        let mut orders = vec![("strict first", rules(json!([strict(), lax])))];
        // A lax rule for all paths before the strict rule makes the strict rule unreachable.
        if name.starts_with("/public") {
            orders.push(("lax first", rules(json!([lax, strict()]))));
        }
        for (order, config) in orders {
            let filter = filter(&config);
            let plain = outcome(decide(&filter, &get("/admin"), &[token.as_bytes()], NOW));
            assert_eq!(plain, test_support::common::scopes(&["admin"]), "{name}, {order}");
            for spelling in spellings {
                for values in [&[][..], &[token.as_bytes()]] {
                    let outcome = outcome(decide(&filter, &get(spelling), values, NOW));
                    if matches!(outcome, Outcome::Allow | Outcome::Public) {
                        allowed.push(format!("{spelling} ({name}, {order}): {outcome:?}"));
                    }
                }
            }
        }
    }
    allowed
}

#[test]
fn other_spelling_of_denied_path_is_denied() {
    let allowed = allowed(SPELLINGS);
    assert!(allowed.is_empty(), "{}", allowed.join("\n"));
}

// `%25%32%65` is `%2e` after one decoding: the filter must search the decoded path for encodings.
#[test]
fn double_encoded_spelling_of_denied_path_is_denied() {
    let allowed = allowed(TWICE_ENCODED);
    assert!(allowed.is_empty(), "{}", allowed.join("\n"));
}

// `?x` is not the empty path of CONNECT: upstreams read it as `/?x`.
#[test]
fn other_spelling_of_root_path_is_denied() {
    let root = json!({ "match": { "path": "/" }, "requires": {} });
    let filter = filter(&rules(json!([root, { "match": {}, "public": true }])));
    for path in ["/", "/?", "/?x", "?", "?x"] {
        let outcome = outcome(decide(&filter, &get(path), &[], NOW));
        assert!(matches!(outcome, Outcome::Deny(_)), "{path}: {outcome:?}");
    }
}

#[test]
fn unambiguous_path_is_matched() {
    let filter = filter(&rules(json!([strict(), { "match": {}, "public": true }])));
    for (path, expected) in [
        ("/public", Outcome::Public),
        ("/public/a.b/..c/...", Outcome::Public),
        ("/public/caf%C3%A9", Outcome::Public),
        ("/public/100%25", Outcome::Public),
        ("/public/a%20b+c", Outcome::Public),
        ("/.well-known/x?y=../admin;%2f", Outcome::Public),
        ("/%61dmin", missing_with_scopes(&["admin"])),
        ("/administrators", missing_with_scopes(&["admin"])),
    ] {
        assert_eq!(outcome(decide(&filter, &get(path), &[], NOW)), expected, "{path}");
    }
}

/// The filter compares paths with case and trailing slash (RFC 3986 section 6.2.2.1), as Envoy and
/// FastAPI do. An upstream that does not needs rules with a prefix or `(?i)`.
#[test]
fn path_with_another_case_or_trailing_slash_is_another_resource() {
    let exact = json!({ "match": { "path": "/admin" }, "requires": { "scopes": ["admin"] } });
    let case_insensitive =
        json!({ "match": { "safe_regex": "(?i)/admin(/.*)?" }, "requires": { "scopes": ["admin"] } });
    for (rule, path, expected) in [
        (&exact, "/admin", missing_with_scopes(&["admin"])),
        (&exact, "/Admin", Outcome::Public),
        (&exact, "/admin/", Outcome::Public),
        (&case_insensitive, "/Admin", missing_with_scopes(&["admin"])),
        (&case_insensitive, "/admin/", missing_with_scopes(&["admin"])),
        (&case_insensitive, "/aDmIn/x", missing_with_scopes(&["admin"])),
    ] {
        let filter = filter(&rules(json!([rule, { "match": {}, "public": true }])));
        assert_eq!(outcome(decide(&filter, &get(path), &[], NOW)), expected, "{path}");
    }
}

// If an ambiguous authority did not match a strict rule with `hosts`, it would reach a lax rule.
#[test]
fn other_spelling_of_denied_host_is_denied() {
    let strict = json!({ "match": { "hosts": ["admin.example.com"] }, "requires": { "scopes": ["admin"] } });
    let filter = filter(&rules(json!([strict, { "match": {}, "public": true }])));
    let mut allowed = Vec::new();
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
            allowed.push(authority);
        }
    }
    assert!(allowed.is_empty(), "{allowed:?}");
}
