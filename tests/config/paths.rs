//! Patterns in fields that match literally, `allow_in_paths`, and `max_match_bytes`.

use serde_json::{Value, json};
use test_support::common;

use super::{assert_errors, outcome};

/// Returns a configuration with one rule, and other fields.
fn with(matches: Value, rest: Value) -> Value {
    common::with(common::rules(json!([{ "match": matches, "deny": true }])), rest)
}

fn outcome_of(matches: Value, rest: Value) -> String {
    outcome(with(matches, rest).to_string().as_bytes())
}

#[test]
fn pattern_in_literal_field_is_rejected() {
    for field in ["path", "prefix", "path_separated_prefix"] {
        for (path, pattern, right) in [
            ("/internal/*", "*", "path_template"),
            ("/a/**", "**", "path_template"),
            ("/a/{id}", "{id}", "path_template"),
            ("/a/:id/b", ":id", "path_template"),
            ("/a/<int:id>", "<int:id>", "path_template"),
            ("/a/[slug]", "[slug]", "path_template"),
            ("/a*", "a*", "safe_regex"),
            ("/a/*.html", "*.html", "safe_regex"),
            ("/a/**/b", "**", "safe_regex"),
            ("/{a}-{b}", "{a}-{b}", "safe_regex"),
            ("/a/.*", ".*", "safe_regex"),
            ("^/a", "^", "safe_regex"),
            ("/a$", "$", "safe_regex"),
            ("/(a|b)", "|", "safe_regex"),
            ("/a/\\d+", "\\d", "safe_regex"),
            ("/a/[0-9]", "[0-9]", "safe_regex"),
        ] {
            let expected = format!(
                "rules[0].match.{field}: must not have the pattern `{pattern}`, which it would match literally: use `{right}`"
            );
            assert_eq!(outcome_of(json!({ field: path }), json!({})), expected, "{path}");
        }
    }
    for (template, expected) in [
        ("/a/:id", "must not have `:id`, which it would match literally: a variable is `{name}`"),
        ("/a/<id>", "must not have `<id>`, which it would match literally: a variable is `{name}`"),
        ("/a/[0-9]", "must not have `[0-9]`, which it would match literally: use `safe_regex`"),
        ("/a/.*", "must not have the regular expression `.*`: use `safe_regex`"),
        ("/a/(b|c)", "must not have the regular expression `|`: use `safe_regex`"),
        ("/a/*.html", "a variable must be a whole segment: `{name}`"),
        ("/{a}-{b}", "a variable must be a whole segment: `{name}`"),
        ("/{id}:verb", "a variable must be a whole segment: `{name}`"),
        ("/{id:int}", "a variable must be a whole segment: `{name}`"),
        ("/a/**/b", "`**` must be the last segment"),
    ] {
        let expected = format!("rules[0].match.path_template: {expected}");
        assert_eq!(outcome_of(json!({ "path_template": template }), json!({})), expected, "{template}");
    }
}

#[test]
fn path_of_a_real_api_is_accepted() {
    for path in [
        "/v1/items:batch",
        "/v1/items/1:cancel",
        "/urn:isbn:0451450523",
        "/$metadata",
        "/Orders(1)/$count",
        "/c++",
        "/~joe",
        "/@scope/package",
        "/a,b=c&d",
        "/it's!",
        "/.well-known/x",
        "/100%",
        "/a[0]",
    ] {
        for field in ["path", "prefix", "path_separated_prefix", "path_template"] {
            assert_eq!(outcome_of(json!({ field: path }), json!({})), "accepted", "{field} {path}");
        }
    }
    for template in ["/a/{id}", "/a/*/b", "/a/**", "/{a}/items:batch", "/Orders(1)/{x}/$count"] {
        assert_eq!(outcome_of(json!({ "path_template": template }), json!({})), "accepted", "{template}");
    }
    assert_eq!(outcome_of(json!({ "safe_regex": "/a/(b|c)/[0-9]+" }), json!({})), "accepted");
}

#[test]
fn rule_with_allowed_character_is_accepted_with_its_entry_only() {
    for (entry, paths) in [
        ("encoded_slash", &["/a%2Fb", "/a%2fb/c", "/%2F", "/a%2F%2Fb"][..]),
        ("semicolon", &["/a;b", "/a;b=c/d", "/a%3Bb", "/a%3b"]),
        ("empty_segment", &["/a//b", "//a", "//", "/a//"]),
        ("encoded_hash", &["/a#b", "/a%23b", "/#"]),
    ] {
        let allow = |entries: &[&str]| json!({ "allow_in_paths": entries });
        let others = ["encoded_slash", "semicolon", "empty_segment", "encoded_hash"];
        let others: Vec<&str> = others.into_iter().filter(|other| *other != entry).collect();
        for path in paths {
            for field in ["path", "prefix", "path_template"] {
                let matches = json!({ field: path });
                assert_eq!(outcome_of(matches.clone(), allow(&[entry])), "accepted", "{field} {path}");
                for allowed in [allow(&others), json!({})] {
                    let error = outcome_of(matches.clone(), allowed);
                    assert!(
                        error.ends_with(&format!("unless `allow_in_paths` has `{entry}`")),
                        "{field} {path}: {error}"
                    );
                }
            }
        }
    }
    let all = json!({ "allow_in_paths": ["encoded_slash", "semicolon", "empty_segment", "encoded_hash"] });
    let never = "rules[0].match.path: can never match: the filter rejects paths with `/./`, `/../` or `\\`, also with `;` or `%2F` around the dots";
    for path in ["/a/..;/b", "/a/.;x", "/a%2F..", "/a/..%2Fb", "/../a", "/a;%2F.", "/a%2F.;x"] {
        assert_eq!(outcome_of(json!({ "path": path }), all.clone()), never, "{path}");
    }
    for path in ["/a%252Fb", "/a%2eb", "/a%5Cb"] {
        assert!(
            outcome_of(json!({ "path": path }), all.clone()).contains("must not be percent-encoded"),
            "{path}"
        );
    }
    for prefix in ["/a%", "/a%2"] {
        let expected = "rules[0].match.prefix: must not end within `%2F`";
        assert_eq!(outcome_of(json!({ "prefix": prefix }), all.clone()), expected);
        assert_eq!(outcome_of(json!({ "prefix": prefix }), json!({})), "accepted");
    }
}

#[test]
fn regex_that_no_path_matches_is_rejected() {
    let all = || json!({ "allow_in_paths": ["encoded_slash", "semicolon", "empty_segment", "encoded_hash"] });
    let regex = |pattern: &str, rest: Value| outcome_of(json!({ "safe_regex": pattern }), rest);
    for pattern in ["admin", "admin/.*", "^admin$", "\\.well-known/.*", "a+/b", "%2Fadmin", "\\*/a"] {
        let expected =
            "rules[0].match.safe_regex: can never match: it matches the whole path, which begins with `/`";
        assert_eq!(regex(pattern, all()), expected, "{pattern}");
    }
    // Neither with `allow_in_paths` nor without.
    for pattern in [
        "/a%20b",
        "/a%2fb",
        ".*%2f.*",
        "/a%3Bb",
        "/.*%23",
        "/%2e/.*",
        "/a/\\.\\./b",
        "/.*/\\.\\.",
        "/a\\\\.*",
    ] {
        for rest in [all(), json!({})] {
            let error = regex(pattern, rest);
            assert!(
                error
                    .starts_with("rules[0].match.safe_regex: can never match: the filter rejects paths with"),
                "{pattern}: {error}"
            );
        }
    }
    for (entry, pattern) in [
        ("encoded_slash", "/a%2Fb.*"),
        ("semicolon", "/[a-z]+;.*"),
        ("empty_segment", ".*//.*"),
        ("encoded_hash", "/.*#"),
    ] {
        assert_eq!(regex(pattern, json!({ "allow_in_paths": [entry] })), "accepted", "{pattern}");
        let error = regex(pattern, json!({}));
        assert!(
            error.starts_with("rules[0].match.safe_regex: can never match: the filter rejects paths with"),
            "{pattern}: {error}"
        );
    }
    let long = format!("/{}", "a".repeat(256));
    for (field, value) in [("safe_regex", format!("{long}.*")), ("path_template", format!("{long}/{{x}}"))] {
        let expected =
            format!("rules[0].match.{field}: can never match: it is longer than `max_match_bytes`");
        assert_eq!(outcome_of(json!({ field: value }), json!({ "max_match_bytes": 256 })), expected);
    }
    for pattern in [
        ".*",
        "\\*",
        "/?a",
        "a?/b",
        "a*/b",
        "[a/]b",
        "(a|/b)",
        "a|/b",
        "(?i)a",
        "/a\\?b",
        "/a%",
        "/a%2[Ff]b",
        "/a%zz.*",
        "/a\\..*",
        "/\\.well-known/.*",
        "/.*\\.\\.",
        "/a//*",
        "/a/+b",
        "/a;?b",
        "/é.*",
        "/a b",
    ] {
        assert_eq!(regex(pattern, json!({})), "accepted", "{pattern}");
    }
}

#[test]
fn invalid_allow_in_paths_or_max_match_bytes_is_rejected() {
    let rest = |rest: Value| common::config(json!({}), rest);
    let size = "max_match_bytes: must be from 256 to 65536";
    assert_errors([
        (rest(json!({ "allow_in_paths": ["semicolon", "semicolon"] })), "allow_in_paths[1]: duplicate entry"),
        (
            rest(json!({ "allow_in_paths": ["encoded_slash", "backslash"] })),
            "allow_in_paths[1]: must be one of `encoded_slash`, `semicolon`, `empty_segment`, `encoded_hash`, not the string \"backslash\"",
        ),
        (
            rest(json!({ "allow_in_paths": "semicolon" })),
            "allow_in_paths: must be a list, not the string \"semicolon\"",
        ),
        (
            rest(json!({ "allow_in_paths": [";"] })),
            "allow_in_paths[0]: must be one of `encoded_slash`, `semicolon`, `empty_segment`, `encoded_hash`, not the string \";\"",
        ),
        (
            rest(json!({ "allow_in_paths": [["semicolon"]] })),
            "allow_in_paths[0]: must be one of `encoded_slash`, `semicolon`, `empty_segment`, `encoded_hash`, not a list",
        ),
        (rest(json!({ "max_match_bytes": 0 })), size),
        (rest(json!({ "max_match_bytes": 255 })), size),
        (rest(json!({ "max_match_bytes": 65_537 })), size),
        (
            rest(json!({ "max_match_bytes": "8192" })),
            "max_match_bytes: must be a whole number from 0 to 4294967295, not the string \"8192\"",
        ),
        (
            rest(json!({ "max_match_bytes": 1000.5 })),
            "max_match_bytes: must be a whole number from 0 to 4294967295, not the number `1000.5`",
        ),
        (
            rest(json!({ "max_match_bytes": -1 })),
            "max_match_bytes: must be a whole number from 0 to 4294967295, not the number `-1`",
        ),
    ]);
    for accepted in [
        json!({ "allow_in_paths": [] }),
        json!({ "allow_in_paths": ["encoded_hash", "empty_segment", "semicolon", "encoded_slash"] }),
        json!({ "max_match_bytes": 256 }),
        json!({ "max_match_bytes": 65_536 }),
    ] {
        assert_eq!(outcome(rest(accepted.clone()).to_string().as_bytes()), "accepted", "{accepted}");
    }
    let path = format!("/{}", "a".repeat(256));
    let small = json!({ "max_match_bytes": 256 });
    let expected = "rules[0].match.prefix: can never match: it is longer than `max_match_bytes`";
    assert_eq!(outcome_of(json!({ "prefix": path }), small), expected);
}

#[test]
fn resource_path_follows_allow_in_paths() {
    for (path, entry) in [("/a%2Fb", "encoded_slash"), ("/a;b", "semicolon"), ("/a//b", "empty_segment")] {
        let resources = json!([{ "resource": format!("https://api.example.com{path}") }]);
        let config = |allowed: &[&str]| {
            common::config(json!({}), json!({ "protected_resources": resources, "allow_in_paths": allowed }))
        };
        assert_eq!(outcome(config(&[entry]).to_string().as_bytes()), "accepted", "{path}");
        let error = outcome(config(&[]).to_string().as_bytes());
        assert!(error.starts_with("protected_resources[0].resource: "), "{path}: {error}");
    }
}
