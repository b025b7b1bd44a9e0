//! Rules.

use serde_json::{Value, json};
use test_support::common;

use super::refused;

fn matching(matches: Value) -> Value {
    common::rules(json!([{ "match": matches, "public": true }]))
}

fn requiring(requires: Value) -> Value {
    common::rules(json!([{ "match": {}, "requires": requires }]))
}

#[test]
fn access() {
    let either = "rules[0]: must have one of `public: true`, `deny: true` and `requires` (`requires: {}` accepts any valid token)";
    let rule = |rule: Value| common::rules(json!([rule]));
    refused([
        (rule(json!({ "public": true })), "rules[0]: missing field `match`"),
        (rule(json!({ "match": {} })), either),
        (rule(json!({ "match": {}, "public": false })), either),
        (rule(json!({ "match": {}, "public": true, "requires": {} })), either),
        (rule(json!({ "match": {}, "public": true, "deny": true })), either),
        (rule(json!({ "match": {}, "deny": true, "requires": {} })), either),
        (rule(json!({ "match": {}, "deny": false })), either),
        (
            rule(json!({ "match": {}, "public": true, "mode": "shadow" })),
            "rules[0].mode: must not be combined with `public: true`",
        ),
        (
            rule(json!({ "match": {}, "deny": true, "mode": "optional" })),
            "rules[0].mode: must be `enforce` or `shadow` with `deny: true`",
        ),
        (
            rule(json!({ "match": {}, "requires": {}, "mode": "audit" })),
            "rules[0].mode: must be one of `enforce`, `optional`, `shadow`, not the string \"audit\"",
        ),
        (
            rule(json!({ "match": {}, "public": "true" })),
            "rules[0].public: must be `true` or `false`, not the string \"true\"",
        ),
        (
            rule(json!({ "match": "/a", "public": true })),
            "rules[0].match: must be an object, not the string \"/a\"",
        ),
        (rule(json!({ "match": {}, "requires": true })), "rules[0].requires: must be an object, not `true`"),
        (
            common::rules(json!([{ "match": {}, "public": true }, { "match": {} }])),
            "rules[1]: must have one of `public: true`, `deny: true` and `requires` (`requires: {}` accepts any valid token)",
        ),
    ]);
}

#[test]
fn paths() {
    let mut cases = vec![
        (
            matching(json!({ "path": "/a", "prefix": "/a" })),
            "rules[0].match: must have only one of `path`, `prefix`, `path_separated_prefix`, `path_template`, `safe_regex`",
        ),
        (matching(json!({ "path": 1 })), "rules[0].match.path: must be a string, not the number `1`"),
        (matching(json!({ "path": "" })), "rules[0].match.path: must begin with `/`"),
        (matching(json!({ "prefix": "a" })), "rules[0].match.prefix: must begin with `/`"),
        (
            matching(json!({ "path_separated_prefix": "/a/" })),
            "rules[0].match.path_separated_prefix: must not end with `/`",
        ),
        (
            matching(json!({ "path_separated_prefix": "/" })),
            "rules[0].match.path_separated_prefix: must not end with `/`",
        ),
        (matching(json!({ "path_template": "a/{b}" })), "rules[0].match.path_template: must begin with `/`"),
        (
            matching(json!({ "path_template": "/**/b" })),
            "rules[0].match.path_template: `**` must be the last segment",
        ),
        (
            matching(json!({ "path_template": "/{a}/{a}" })),
            "rules[0].match.path_template: must not have the same variable twice",
        ),
        (matching(json!({ "safe_regex": "" })), "rules[0].match.safe_regex: must not be empty"),
        (matching(json!({ "safe_regex": { "regex": "" } })), "rules[0].match.safe_regex: must not be empty"),
        (
            matching(json!({ "safe_regex": 1 })),
            "rules[0].match.safe_regex: expected a pattern, or `{regex: pattern}`",
        ),
        (
            matching(json!({ "safe_regex": {} })),
            "rules[0].match.safe_regex: expected a pattern, or `{regex: pattern}`",
        ),
        (matching(json!({ "methods": [] })), "rules[0].match.methods: must not be empty"),
        (matching(json!({ "methods": ["GET", ""] })), "rules[0].match.methods[1]: must not be empty"),
        (
            matching(json!({ "methods": ["GET", "post"] })),
            "rules[0].match.methods[1]: must consist of upper-case letters and `-`: methods are case-sensitive",
        ),
        (
            matching(json!({ "methods": "GET" })),
            "rules[0].match.methods: must be a list, not the string \"GET\"",
        ),
        (matching(json!({ "hosts": [] })), "rules[0].match.hosts: must not be empty"),
        (matching(json!({ "hosts": [""] })), "rules[0].match.hosts[0]: must not be empty"),
    ];
    for path in ["/a?b", "/a?b#c"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: must not have a query or a fragment: the filter matches only the path",
        ));
    }
    for path in ["/%61", "/a%2eb", "/%25", "/%252F"] {
        cases.push((matching(json!({ "path": path })), "rules[0].match.path: must not be percent-encoded: the filter decodes paths before it matches them"));
    }
    for path in ["/a/./b", "/a/..", "/.", "/a\\b"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: the filter rejects paths with `/./`, `/../` or `\\`, also with `;` or `%2F` around the dots",
        ));
    }
    for path in ["//", "//a", "/a//"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: the filter rejects paths with `//` unless `allow_in_paths` has `empty_segment`",
        ));
    }
    for path in ["/a;b", "/a%3Bb", "/a%3bb"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: the filter rejects paths with `;` unless `allow_in_paths` has `semicolon`",
        ));
    }
    for path in ["/a%2Fb", "/a%2fb"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: the filter rejects paths with `%2F` unless `allow_in_paths` has `encoded_slash`",
        ));
    }
    for path in ["/a#b", "/a%23b"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: the filter rejects paths with `#` unless `allow_in_paths` has `encoded_hash`",
        ));
    }
    for template in ["/{}", "/a{b}", "/{a b}", "/a*", "/{a", "/a}"] {
        cases.push((
            matching(json!({ "path_template": template })),
            "rules[0].match.path_template: a variable must be a whole segment: `{name}`",
        ));
    }
    for host in [
        "*",
        "*.",
        "a b",
        "h:80",
        "h:",
        "h.",
        "a/b",
        "u@h",
        "*.*.x",
        "é.example",
        "https://h",
        "*h",
        "h.*",
        "*.h:80",
        "*.h.",
        "www.*.example.com",
        "[::1]:80",
        "[::1]:",
        "[::1].",
        "[::1",
        "::1]",
        "[]",
        "[x]",
        "*.[::1]",
        "*.::1",
        "[1.2.3.4]",
        "1.2.3.4:80",
        "::x",
        "a:b:c",
        "[::1%lo]",
        ".",
    ] {
        cases.push((
            matching(json!({ "hosts": [host] })),
            "rules[0].match.hosts[0]: must be a host name, an IP address, or `*.` and a domain, without a port",
        ));
    }
    for host in [".example.com", "*..example.com"] {
        cases.push((
            matching(json!({ "hosts": [host] })),
            "rules[0].match.hosts[0]: must not begin with a dot: `*.example.com` matches every host below a domain",
        ));
    }
    refused(cases);
    // What the regex library says behind the colon is its own.
    for pattern in ["(", "a)|(b", "*", "[", "(?x)a #", "(?<n>", "\\p{Greek}", "a{1000}{1000}", "(?=a)", "\\1"]
    {
        let got = super::problem(matching(json!({ "safe_regex": pattern })).to_string().as_bytes());
        assert!(
            got.starts_with("rules[0].match.safe_regex: must be a valid regular expression: "),
            "{pattern}: {got}"
        );
    }
}

// A strict rule that is silently dead leaves its paths to the rules behind it.
#[test]
fn rules_that_can_never_match() {
    for path in ["/a\r\n", "/a\u{0}", "/a\t", "/a\u{7f}"] {
        let got = super::problem(matching(json!({ "path": path })).to_string().as_bytes());
        assert!(got.starts_with("rules[0].match.path: "), "{path:?}: {got}");
    }
}

#[test]
fn requirements() {
    let scope = "must be printable ASCII without space, `\"` and `\\`";
    let claims = |claim: Value| requiring(json!({ "claims": [claim] }));
    let one = "rules[0].requires.claims[0]: must have exactly one of `any_of`, `equals`, `matches`, `path_variable`, `exists`";
    let nested = |depth: usize| {
        requiring((1..depth).fold(json!({ "scopes": ["a"] }), |inner, _| json!({ "all_of": [inner] })))
    };
    let refused_scopes = ["a b", "a\"b", "a\\b", "é", "a\n"].map(|name| {
        let path = format!("rules[0].requires.scopes[0]: {scope}");
        (requiring(json!({ "scopes": [name] })), path)
    });
    for (config, expected) in refused_scopes {
        assert_eq!(super::problem(config.to_string().as_bytes()), expected);
    }
    refused([
        (requiring(json!({ "scopes": [] })), "rules[0].requires.scopes: must not be empty"),
        (requiring(json!({ "scopes": ["a", ""] })), "rules[0].requires.scopes[1]: must not be empty"),
        (
            requiring(json!({ "scopes": "a" })),
            "rules[0].requires.scopes: must be a list, not the string \"a\"",
        ),
        (requiring(json!({ "any_scopes": [] })), "rules[0].requires.any_scopes: must not be empty"),
        (
            requiring(json!({ "any_scopes": ["a b"] })),
            "rules[0].requires.any_scopes[0]: must be printable ASCII without space, `\"` and `\\`",
        ),
        (requiring(json!({ "groups": [] })), "rules[0].requires.groups: must not be empty"),
        (requiring(json!({ "groups": [""] })), "rules[0].requires.groups[0]: must not be empty"),
        (requiring(json!({ "audiences": [] })), "rules[0].requires.audiences: must not be empty"),
        (
            requiring(json!({ "audiences": ["api://default", "api://default/"] })),
            "rules[0].requires.audiences[1]: must be one of the `audiences` of the providers",
        ),
        (
            requiring(json!({ "not": { "audiences": ["x"] } })),
            "rules[0].requires.not.audiences[0]: must be one of the `audiences` of the providers",
        ),
        (requiring(json!({ "client_ids": [] })), "rules[0].requires.client_ids: must not be empty"),
        (requiring(json!({ "client_ids": ["a", ""] })), "rules[0].requires.client_ids[1]: must not be empty"),
        (requiring(json!({ "claims": [] })), "rules[0].requires.claims: must not be empty"),
        (requiring(json!({ "any_of": [] })), "rules[0].requires.any_of: must not be empty"),
        (requiring(json!({ "all_of": [] })), "rules[0].requires.all_of: must not be empty"),
        (requiring(json!({ "any_of": {} })), "rules[0].requires.any_of: must be a list, not an object"),
        (requiring(json!({ "not": 1 })), "rules[0].requires.not: must be an object, not the number `1`"),
        (
            requiring(json!({ "not": {} })),
            "rules[0].requires.not: must not be empty: it would deny every request",
        ),
        (
            requiring(json!({ "not": { "all_of": [{}] } })),
            "rules[0].requires.not.all_of[0]: must not be empty: every token meets it",
        ),
        (
            requiring(json!({ "any_of": [{ "scopes": ["a"] }, { "groups": [] }] })),
            "rules[0].requires.any_of[1].groups: must not be empty",
        ),
        (
            requiring(json!({ "all_of": [{ "not": { "scopes": [""] } }] })),
            "rules[0].requires.all_of[0].not.scopes[0]: must not be empty",
        ),
        (
            nested(9),
            "rules[0].requires.all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0]: must not be nested more than 8 levels deep",
        ),
        (claims(json!({ "equals": 1 })), "rules[0].requires.claims[0]: missing field `name`"),
        (claims(json!({ "name": "a" })), one),
        (claims(json!({ "name": "a", "equals": 1, "exists": true })), one),
        (claims(json!({ "name": "a", "any_of": [1], "equals": 1 })), one),
        (
            claims(json!({ "name": "a", "any_of": [] })),
            "rules[0].requires.claims[0].any_of: must not be empty",
        ),
        (
            claims(json!({ "name": "a", "exists": 1 })),
            "rules[0].requires.claims[0].exists: must be `true` or `false`, not the number `1`",
        ),
        (
            claims(json!({ "name": "a..b", "equals": 1 })),
            "rules[0].requires.claims[0].name: must be names with dots between them; a list can have names with dots",
        ),
        (claims(json!({ "name": [], "equals": 1 })), "rules[0].requires.claims[0].name: must not be empty"),
        (
            claims(json!({ "name": ["a", ""], "equals": 1 })),
            "rules[0].requires.claims[0].name[1]: must not be empty",
        ),
        (
            claims(json!({ "name": 1, "equals": 1 })),
            "rules[0].requires.claims[0].name: expected a dotted path, or a list of names",
        ),
    ]);
}

// `any_of` with an empty alternative asks for nothing, whatever stands beside it: the author meant something else.
#[test]
fn an_alternative_that_asks_for_nothing() {
    for requires in
        [json!({ "any_of": [{ "scopes": ["admin"] }, {}] }), json!({ "any_of": [{ "all_of": [{}] }] })]
    {
        let got = super::problem(requiring(requires.clone()).to_string().as_bytes());
        assert!(got.starts_with("rules[0].requires.any_of["), "{requires}: {got}");
    }
}
