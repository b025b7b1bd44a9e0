//! `allow_in_paths` with every kind of path match, and `max_match_bytes`.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, LocalResponse, Public};
use test_support::common::{NOW, Outcome, Token, config, decide, filter, get, outcome, rules, with};

use super::{Auth, Row, row};

const ALL: [&str; 4] = ["encoded_slash", "semicolon", "empty_segment", "encoded_hash"];

/// Returns a configuration with one public rule. A request that it does not match needs a token.
fn open(matches: Value) -> Value {
    with(rules(json!([{ "match": matches, "public": true }])), json!({ "allow_in_paths": ALL }))
}

pub(crate) fn rows() -> Vec<Row> {
    let other = || Deny(R::TokenMissing);
    let ambiguous = || Deny(R::PathAmbiguous);
    let table: Vec<(&'static str, Value, &str, Outcome)> = vec![
        ("slash, path", json!({ "path": "/a%2Fb" }), "/a%2fb", Public),
        ("slash, path, a separator is different", json!({ "path": "/a%2Fb" }), "/a/b", other()),
        ("slash, path with a separator", json!({ "path": "/a/b" }), "/a%2Fb", other()),
        ("slash, prefix", json!({ "prefix": "/a%2F" }), "/a%2Fb/c", Public),
        ("slash, prefix of a separator", json!({ "prefix": "/a/" }), "/a%2Fb", other()),
        ("slash, separated prefix", json!({ "path_separated_prefix": "/a%2Fb" }), "/a%2Fb/c", Public),
        ("slash, separated prefix before it", json!({ "path_separated_prefix": "/a" }), "/a%2Fb", other()),
        ("slash, template literal", json!({ "path_template": "/a%2Fb/{x}" }), "/a%2Fb/1", Public),
        ("slash, template variable", json!({ "path_template": "/v2/{name}/tags" }), "/v2/a%2Fb/tags", Public),
        ("slash, template star", json!({ "path_template": "/p/*" }), "/p/group%2Fproject", Public),
        (
            "slash, template, too many segments",
            json!({ "path_template": "/p/*" }),
            "/p/group/project",
            other(),
        ),
        ("slash, regex", json!({ "safe_regex": "/p/[^/]+" }), "/p/group%2Fproject", Public),
        ("slash, regex with it", json!({ "safe_regex": "/p/a%2Fb" }), "/p/a%2fb", Public),
        ("semicolon, path", json!({ "path": "/a;b=c" }), "/a;b=c", Public),
        ("semicolon, encoded", json!({ "path": "/a;b=c" }), "/a%3Bb=c", Public),
        ("semicolon, path without it", json!({ "path": "/a" }), "/a;b", other()),
        ("semicolon, prefix", json!({ "prefix": "/a" }), "/a;b", Public),
        ("semicolon, separated prefix without it", json!({ "path_separated_prefix": "/a" }), "/a;b", other()),
        ("semicolon, template", json!({ "path_template": "/a/{x}/c" }), "/a/b;v=1/c", Public),
        ("semicolon, regex", json!({ "safe_regex": "/a(;[^/]*)?" }), "/a;x=1", Public),
        ("empty, path", json!({ "path": "/a//b" }), "/a//b", Public),
        ("empty, another path", json!({ "path": "/a/b" }), "/a//b", other()),
        ("empty, before the path", json!({ "path": "/a" }), "//a", other()),
        ("empty, prefix", json!({ "prefix": "/a/" }), "/a//b", Public),
        ("empty, separated prefix", json!({ "path_separated_prefix": "/a" }), "/a//b", Public),
        ("empty, template literal", json!({ "path_template": "/a//{x}" }), "/a//b", Public),
        ("empty, a variable does not match it", json!({ "path_template": "/a/{x}/b" }), "/a//b", other()),
        ("empty, rest", json!({ "path_template": "/a/**" }), "/a//b", Public),
        ("empty, regex", json!({ "safe_regex": "/a//b" }), "/a//b", Public),
        ("hash, path", json!({ "path": "/a#b" }), "/a%23b", Public),
        ("hash, bare", json!({ "path": "/a#b" }), "/a#b", ambiguous()),
        ("hash, template", json!({ "path_template": "/a/{x}" }), "/a/%23b", Public),
        ("hash, regex", json!({ "safe_regex": "/a#." }), "/a%23b", Public),
        ("dots before a semicolon", json!({ "prefix": "/" }), "/a/..;/b", ambiguous()),
        ("dots before an encoded semicolon", json!({ "prefix": "/" }), "/a/..%3b/b", ambiguous()),
        ("dots before a slash", json!({ "prefix": "/" }), "/a/..%2Fb", ambiguous()),
        ("dots after a slash", json!({ "prefix": "/" }), "/a%2F..", ambiguous()),
        ("dots", json!({ "prefix": "/" }), "/a/../b", ambiguous()),
        ("backslash", json!({ "prefix": "/" }), "/a%5Cb", ambiguous()),
        ("encoded twice", json!({ "prefix": "/" }), "/a%252Fb", ambiguous()),
        ("control character", json!({ "prefix": "/" }), "/a%2F%0a", ambiguous()),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, matches, path, expected)| {
            row(name, open(matches), get(path), Auth::Missing, 0, expected)
        })
        .collect();
    rows.extend(variables());
    rows.extend(resources());
    rows.extend(lengths());
    rows
}

fn variables() -> Vec<Row> {
    let own = || {
        let claims = json!([{ "name": "project", "path_variable": "project" }]);
        let rules = rules(
            json!([{ "match": { "path_template": "/p/{project}/x" }, "requires": { "claims": claims } }]),
        );
        with(rules, json!({ "allow_in_paths": ["encoded_slash"] }))
    };
    let token = |project: &str| Auth::Bearer(Token::user().claims(json!({ "project": project })));
    let unmet = || Deny(R::RequirementNotMet);
    vec![
        row("variable, decoded", own(), get("/p/a%2Fb/x"), token("a/b"), 0, Allow),
        row("variable, decoded, lower case", own(), get("/p/a%2fb/x"), token("a/b"), 0, Allow),
        row("variable, the claim is encoded", own(), get("/p/a%2Fb/x"), token("a%2Fb"), 0, unmet()),
        row("variable, another value", own(), get("/p/a%2Fc/x"), token("a/b"), 0, unmet()),
        row("variable, without a slash", own(), get("/p/a/x"), token("a"), 0, Allow),
    ]
}

fn resources() -> Vec<Row> {
    let resources = |path: &str| {
        let resource = json!([{ "resource": format!("https://api.example.com{path}") }]);
        let rules = json!([{ "match": {}, "deny": true }]);
        let rest = json!({ "protected_resources": resource, "rules": rules, "allow_in_paths": ALL });
        config(json!({}), rest)
    };
    let at = |path: &str| get(&format!("/.well-known/oauth-protected-resource{path}"));
    let missing = || Deny(R::TokenMissing);
    vec![
        row("metadata, slash", resources("/a%2Fb"), at("/a%2fb"), Auth::Missing, 0, LocalResponse),
        row(
            "metadata, a separator is different",
            resources("/a%2Fb"),
            at("/a/b"),
            Auth::Missing,
            0,
            missing(),
        ),
        row("metadata, semicolon", resources("/a;b"), at("/a%3Bb"), Auth::Missing, 0, LocalResponse),
        row("metadata, empty segment", resources("/a//b"), at("/a//b"), Auth::Missing, 0, LocalResponse),
        row("metadata, hash", resources("/a%23b"), at("/a%23b"), Auth::Missing, 0, LocalResponse),
    ]
}

fn lengths() -> Vec<Row> {
    let headers = json!([{ "name": "x-a", "string_match": { "safe_regex": "a*" } }]);
    let parameters = json!([{ "name": "q", "string_match": { "prefix": "a" }, "invert_match": true }]);
    let conditions = || {
        rules(json!([
            { "match": { "headers": headers }, "public": true },
            { "match": { "query_parameters": parameters }, "public": true },
        ]))
    };
    let small = || with(conditions(), json!({ "max_match_bytes": 256 }));
    let a = |length: usize| "a".repeat(length);
    let path = |length: usize| get(&format!("/{}", a(length - 1)));
    let public = || rules(json!([{ "match": {}, "public": true }]));
    let q = |length: usize| get(&format!("/?q={}", a(length)));
    let header = |name: &'static str, length: usize| get("/").header(name, a(length));
    let long = || Deny(R::ValueTooLong);
    let sent = || Auth::Missing;
    vec![
        row("path, at the limit", public(), path(8192), sent(), 0, Public),
        row("path, above the limit", public(), path(8193), sent(), 0, Deny(R::PathTooLong)),
        row(
            "path, above the limit, no rules",
            config(json!({}), json!({})),
            path(8193),
            sent(),
            0,
            Deny(R::PathTooLong),
        ),
        row(
            "path, at most the limit, with a long query",
            public(),
            get(&format!("/?{}", a(9000))),
            sent(),
            0,
            Public,
        ),
        row("path, above a configured limit", small(), path(257), sent(), 0, Deny(R::PathTooLong)),
        row("header, at the limit", conditions(), header("x-a", 8192), sent(), 0, Public),
        row("header, above the limit", conditions(), header("x-a", 8193), sent(), 0, long()),
        row("header, above a configured limit", small(), header("x-a", 257), sent(), 0, long()),
        row("header without a condition", conditions(), header("x-b", 9000), sent(), 0, Public),
        row("parameter, at the limit", conditions(), q(8192), sent(), 0, Deny(R::TokenMissing)),
        row("parameter, above the limit", conditions(), q(8193), sent(), 0, long()),
        row(
            "parameter, above the limit, and an earlier rule matches",
            small(),
            q(257).header("x-a", "a"),
            sent(),
            0,
            long(),
        ),
        row(
            "parameter without a condition",
            conditions(),
            get(&format!("/?p={}", a(9000))),
            sent(),
            0,
            Public,
        ),
    ]
}

// A client must not be able to cause quadratic time.
#[test]
#[allow(clippy::disallowed_methods, reason = "measures time")]
fn matching_time_is_linear_in_the_length_of_the_text() {
    let pattern = format!("{}b", "a".repeat(2_000));
    let conditions = [
        json!({ "headers": [{ "name": "x-a", "string_match": { "contains": pattern } }] }),
        json!({ "headers": [{ "name": "x-a", "string_match": { "safe_regex": "(a+)+b" } }] }),
        json!({ "safe_regex": "/.*/internal/.*" }),
    ];
    for condition in conditions {
        let config =
            with(rules(json!([{ "match": condition, "public": true }])), json!({ "max_match_bytes": 65536 }));
        let filter = filter(&config);
        let time = |length: usize| {
            let text = "a".repeat(length);
            let request = get(&format!("/{text}")).header("x-a", text);
            let rounds = (0..5).map(|_| {
                let start = std::time::Instant::now();
                assert_eq!(outcome(decide(&filter, &request, &[], NOW)), Deny(R::TokenMissing));
                start.elapsed()
            });
            rounds.min().unwrap()
        };
        let (short, long) = (time(8_000), time(64_000));
        // The text is 8 times as long. Quadratic time would be 64 times as long.
        assert!(long < short * 32, "{condition}: {short:?} and {long:?}");
    }
}
