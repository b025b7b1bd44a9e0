//! The matching of rules: path, method, host and order.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{Request, Token, config, get, missing_with_scopes, request, rules, scopes};

use super::{Auth, Row, row};

/// The rule under test is public: a request that it does not match needs a token.
pub(crate) fn rows() -> Vec<Row> {
    let only = |matches: Value| rules(json!([{ "match": matches, "public": true }]));
    let items = |method| request(method, "api.example.com", "/items");
    let host = |authority| request("GET", authority, "/items");
    let mut rows = Vec::new();
    let mut matching = |name: &'static str, matches: Value, request: Request, is_match: bool| {
        let expected = if is_match { Public } else { Deny(R::TokenMissing) };
        rows.push(row(name, only(matches), request, Auth::Missing, 0, expected));
    };
    matching("path, equal", json!({ "path": "/items" }), get("/items"), true);
    matching("path, with a query", json!({ "path": "/items" }), get("/items?a=/b"), true);
    matching("path, longer", json!({ "path": "/items" }), get("/items/1"), false);
    matching("path, trailing slash", json!({ "path": "/items" }), get("/items/"), false);
    matching("path, another case", json!({ "path": "/items" }), get("/Items"), false);
    matching("prefix, equal", json!({ "prefix": "/items" }), get("/items"), true);
    matching("prefix, below", json!({ "prefix": "/items" }), get("/items/1"), true);
    matching("prefix, longer word", json!({ "prefix": "/items" }), get("/itemsets"), true);
    matching("prefix, not at the start", json!({ "prefix": "/items" }), get("/x/items"), false);
    matching("prefix, only in the query", json!({ "prefix": "/items" }), get("/?/items"), false);
    matching("separated, equal", json!({ "path_separated_prefix": "/items" }), get("/items"), true);
    matching("separated, below", json!({ "path_separated_prefix": "/items" }), get("/items/1"), true);
    matching("separated, longer word", json!({ "path_separated_prefix": "/items" }), get("/itemsets"), false);
    matching("template", json!({ "path_template": "/items/{id}" }), get("/items/1"), true);
    matching("template, encoded", json!({ "path_template": "/items/{id}" }), get("/items/a%20b"), true);
    matching("template, an empty segment", json!({ "path_template": "/items/{id}" }), get("/items/"), false);
    matching("template, below", json!({ "path_template": "/items/{id}" }), get("/items/1/2"), false);
    matching("template, star", json!({ "path_template": "/items/*/x" }), get("/items/1/x"), true);
    matching("template, rest", json!({ "path_template": "/items/**" }), get("/items/1/2"), true);
    matching("template, rest is absent", json!({ "path_template": "/items/**" }), get("/items"), false);
    matching("regex", json!({ "safe_regex": "/items/[0-9]+" }), get("/items/12"), true);
    matching("regex in Envoy's form", json!({ "safe_regex": { "regex": "/i.*" } }), get("/items"), true);
    matching("regex, anchored at the start", json!({ "safe_regex": "/items" }), get("/x/items"), false);
    matching("regex, anchored at the end", json!({ "safe_regex": "/items" }), get("/items/1"), false);
    matching("regex, alternatives anchored", json!({ "safe_regex": "/a|/items" }), get("/items/1"), false);
    matching("regex, text in the query", json!({ "safe_regex": "/.*public.*" }), get("/x?public"), false);
    matching("methods, on the list", json!({ "methods": ["GET", "HEAD"] }), items("HEAD"), true);
    matching("methods, not on the list", json!({ "methods": ["GET", "HEAD"] }), items("POST"), false);
    matching("hosts, equal", json!({ "hosts": ["api.example.com"] }), host("api.example.com"), true);
    matching("hosts, case", json!({ "hosts": ["API.example.com"] }), host("api.Example.com"), true);
    matching("hosts, another", json!({ "hosts": ["api.example.com"] }), host("api.example.com.evil"), false);
    matching("hosts, below a domain", json!({ "hosts": ["*.example.com"] }), host("a.b.example.com"), true);
    matching("hosts, the domain itself", json!({ "hosts": ["*.example.com"] }), host("example.com"), false);
    matching("hosts, longer word", json!({ "hosts": ["*.example.com"] }), host("evilexample.com"), false);
    matching("no condition", json!({}), get("/"), true);
    matching("no condition, CONNECT", json!({}), request("CONNECT", "h:1", ""), true);
    matching("prefix / and CONNECT", json!({ "prefix": "/" }), request("CONNECT", "h:1", ""), false);
    matching("prefix / and OPTIONS *", json!({ "prefix": "/" }), request("OPTIONS", "h", "*"), false);
    matching(
        "path and methods, another method",
        json!({ "path": "/items", "methods": ["POST"] }),
        items("GET"),
        false,
    );

    let bearer = || Auth::Bearer(Token::user());
    let strict = json!({ "match": { "prefix": "/items" }, "requires": { "scopes": ["admin"] } });
    let lax = json!({ "match": { "prefix": "/" }, "requires": {} });
    let preflight = json!([{ "match": { "methods": ["OPTIONS"] }, "public": true }, strict]);
    let open = rules(json!([{ "match": {}, "public": true }]));
    rows.extend([
        row(
            "first match wins, strict first",
            rules(json!([strict, lax])),
            get("/items"),
            bearer(),
            0,
            scopes(&["admin"]),
        ),
        row("first match wins, lax first", rules(json!([lax, strict])), get("/items"), bearer(), 0, Allow),
        row("no rules, a token", config(json!({}), json!({})), get("/x"), bearer(), 0, Allow),
        row("an empty list of rules, a token", rules(json!([])), get("/x"), bearer(), 0, Allow),
        row(
            "no rules, no token",
            config(json!({}), json!({})),
            get("/x"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "no rule matches, a token",
            rules(json!([strict])),
            get("/x"),
            bearer(),
            0,
            Deny(R::NoRuleMatches),
        ),
        row(
            "no rule matches, no token",
            rules(json!([strict])),
            get("/x"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "no rule matches, an expired token",
            rules(json!([strict])),
            get("/x"),
            Auth::Bearer(Token::user().claims(json!({ "exp": 1 }))),
            0,
            Deny(R::TokenExpired),
        ),
        row(
            "public: false with requires",
            rules(json!([{ "match": {}, "public": false, "requires": {} }])),
            get("/x"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row("preflight", rules(preflight.clone()), items("OPTIONS"), Auth::Missing, 0, Public),
        row(
            "the request after the preflight",
            rules(preflight),
            items("GET"),
            Auth::Missing,
            0,
            missing_with_scopes(&["admin"]),
        ),
        row("an ambiguous path", rules(json!([lax])), get("/a/../b"), bearer(), 0, Deny(R::PathAmbiguous)),
        row("a method in lower case", open.clone(), items("get"), bearer(), 0, Deny(R::MethodAmbiguous)),
        row(
            "a host with user information",
            open,
            host("x@api.example.com"),
            bearer(),
            0,
            Deny(R::HostAmbiguous),
        ),
    ]);
    rows
}
