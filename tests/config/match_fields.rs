//! `rules[].match`: paths, methods and hosts.

use serde_json::{Value, json};
use test_support::common;

use super::assert_errors;

fn matching(matches: Value) -> Value {
    common::rules(json!([{ "match": matches, "public": true }]))
}

#[test]
fn invalid_path_method_or_host_is_rejected() {
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
    assert_errors(cases);
    // The text after the colon is that of the regex library.
    for pattern in ["(", "a)|(b", "*", "[", "(?x)a #", "(?<n>", "\\p{Greek}", "a{1000}{1000}", "(?=a)", "\\1"]
    {
        let error = super::outcome(matching(json!({ "safe_regex": pattern })).to_string().as_bytes());
        assert!(
            error.starts_with("rules[0].match.safe_regex: must be a valid regular expression: "),
            "{pattern}: {error}"
        );
    }
}

// If a strict rule never matched, the rules after it would decide its paths.
#[test]
fn path_with_control_character_is_rejected() {
    for path in ["/a\r\n", "/a\u{0}", "/a\t", "/a\u{7f}"] {
        let error = super::outcome(matching(json!({ "path": path })).to_string().as_bytes());
        assert!(error.starts_with("rules[0].match.path: "), "{path:?}: {error}");
    }
}
