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
    let either = "rules[0]: needs one of `public: true`, `deny: true` and `requires` (`requires: {}` is any valid token)";
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
            "rules[0].mode: is for rules that ask for something",
        ),
        (
            rule(json!({ "match": {}, "deny": true, "mode": "optional" })),
            "rules[0].mode: must not be `optional` where everybody is denied",
        ),
        (
            rule(json!({ "match": {}, "requires": {}, "mode": "audit" })),
            "rules[0].mode: unknown variant `audit`, expected one of `enforce`, `optional`, `shadow`",
        ),
        (
            rule(json!({ "match": {}, "public": "true" })),
            "rules[0].public: invalid type: string \"true\", expected a boolean",
        ),
        (
            rule(json!({ "match": "/a", "public": true })),
            "rules[0].match: invalid type: string \"/a\", expected struct Match",
        ),
        (
            rule(json!({ "match": {}, "requires": true })),
            "rules[0].requires: invalid type: boolean `true`, expected struct Requires",
        ),
        (
            common::rules(json!([{ "match": {}, "public": true }, { "match": {} }])),
            "rules[1]: needs one of `public: true`, `deny: true` and `requires` (`requires: {}` is any valid token)",
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
        (matching(json!({ "path": 1 })), "rules[0].match.path: invalid type: integer `1`, expected a string"),
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
            "rules[0].match.methods[1]: must be in upper case, as methods are sent",
        ),
        (
            matching(json!({ "methods": "GET" })),
            "rules[0].match.methods: invalid type: string \"GET\", expected a sequence",
        ),
        (matching(json!({ "hosts": [] })), "rules[0].match.hosts: must not be empty"),
        (matching(json!({ "hosts": [""] })), "rules[0].match.hosts[0]: must not be empty"),
    ];
    for path in ["/a?b", "/a?b#c"] {
        cases.push((matching(json!({ "path": path })), "rules[0].match.path: must not have a query or a fragment: rules are matched against the path alone"));
    }
    for path in ["/%61", "/a%2eb", "/%25", "/%252F"] {
        cases.push((matching(json!({ "path": path })), "rules[0].match.path: must be written without percent-encoding: paths are decoded before they are matched"));
    }
    for path in ["/a/./b", "/a/..", "/.", "/a\\b"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: paths with `/./`, `/../` or `\\` are rejected, also before `;` and beside `%2F`",
        ));
    }
    for path in ["//", "//a", "/a//"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: paths with `//` are rejected unless `allow_in_paths` has `empty_segment`",
        ));
    }
    for path in ["/a;b", "/a%3Bb", "/a%3bb"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: paths with `;` are rejected unless `allow_in_paths` has `semicolon`",
        ));
    }
    for path in ["/a%2Fb", "/a%2fb"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: paths with `%2F` are rejected unless `allow_in_paths` has `encoded_slash`",
        ));
    }
    for path in ["/a#b", "/a%23b"] {
        cases.push((
            matching(json!({ "path": path })),
            "rules[0].match.path: can never match: paths with `#` are rejected unless `allow_in_paths` has `encoded_hash`",
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
            "rules[0].match.hosts[0]: must be a host name, or `*.` and a domain, without a port",
        ));
    }
    for host in [".example.com", "*..example.com"] {
        cases.push((
            matching(json!({ "hosts": [host] })),
            "rules[0].match.hosts[0]: must not begin with a dot: every host below a domain is `*.` and the domain",
        ));
    }
    refused(cases);
    // What the regex library says behind the colon is its own.
    for pattern in ["(", "a)|(b", "*", "[", "(?x)a #", "(?<n>", "\\p{Greek}", "a{1000}{1000}", "(?=a)", "\\1"]
    {
        let got = super::problem(matching(json!({ "safe_regex": pattern })).to_string().as_bytes());
        assert!(
            got.starts_with("rules[0].match.safe_regex: is not a usable regular expression: "),
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
    let one = "rules[0].requires.claims[0]: needs exactly one of `any_of`, `equals`, `matches`, `path_variable`, `exists`";
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
            "rules[0].requires.scopes: invalid type: string \"a\", expected a sequence",
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
            "rules[0].requires.audiences[1]: must be one of the providers' `audiences`",
        ),
        (
            requiring(json!({ "not": { "audiences": ["x"] } })),
            "rules[0].requires.not.audiences[0]: must be one of the providers' `audiences`",
        ),
        (requiring(json!({ "client_ids": [] })), "rules[0].requires.client_ids: must not be empty"),
        (requiring(json!({ "client_ids": ["a", ""] })), "rules[0].requires.client_ids[1]: must not be empty"),
        (requiring(json!({ "claims": [] })), "rules[0].requires.claims: must not be empty"),
        (requiring(json!({ "any_of": [] })), "rules[0].requires.any_of: must not be empty"),
        (requiring(json!({ "all_of": [] })), "rules[0].requires.all_of: must not be empty"),
        (
            requiring(json!({ "any_of": {} })),
            "rules[0].requires.any_of: invalid type: map, expected a sequence",
        ),
        (
            requiring(json!({ "not": 1 })),
            "rules[0].requires.not: invalid type: integer `1`, expected struct Requires",
        ),
        (
            requiring(json!({ "not": {} })),
            "rules[0].requires.not: must not be empty: it would refuse everybody",
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
            "rules[0].requires.all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0]: must not be nested more than 8 deep",
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
            "rules[0].requires.claims[0].exists: invalid type: integer `1`, expected a boolean",
        ),
        (
            claims(json!({ "name": "a..b", "equals": 1 })),
            "rules[0].requires.claims[0].name: must be names with dots between them; write a name that has dots as a list",
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
