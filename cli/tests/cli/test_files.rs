//! Test files that `okta-authz test` rejects.

use std::path::Path;

use super::{okta_authz, root, scratch};

#[test]
fn test_file_that_is_invalid_exits_with_2() {
    const EMPTY: &str = "tests[0].expect: must not be empty";
    let file = |test: &str| {
        let config = root().join("envoy.yaml");
        format!("config: {}\ntests:\n  - {test}\n", config.display())
    };
    let request = "request: { path: / }";
    for (name, text, problem) in [
        ("no-tests", "config: envoy.yaml\ntests: []\n".to_owned(), "tests: must not be empty"),
        ("no-config", "tests: []\n".to_owned(), "missing field `config`"),
        ("unknown", file("{ name: a, wish: b }"), "tests[0].wish: unknown field `wish`"),
        (
            "no-code",
            file(&format!("{{ name: a, {request}, expect: alow }}")),
            "expected `allow`, `deny`, a code",
        ),
        ("no-expectation", file(&format!("{{ name: a, {request}, expect: {{}} }}")), EMPTY),
        ("no-header", file(&format!("{{ name: a, {request}, expect: {{ headers: {{}} }} }}")), EMPTY),
        ("null-code", file(&format!("{{ name: a, {request}, expect: {{ code: null, status: ~ }} }}")), EMPTY),
        (
            "null",
            file(&format!("{{ name: a, {request}, expect: null }}")),
            "tests[0].expect: expected `allow`",
        ),
        ("left-out", file(&format!("{{ name: a, {request} }}")), "missing field `expect`"),
        (
            "no-header-name",
            file(&format!("{{ name: a, {request}, expect: {{ headers: {{ 'x y': null }} }} }}")),
            "tests[0].expect: headers: \"x y\" is not a header name",
        ),
        (
            "unknown-code",
            file(&format!("{{ name: a, {request}, expect: {{ code: alowed }} }}")),
            "expected `allow`, `deny`, a code",
        ),
        (
            "no-provider",
            file(&format!("{{ name: a, {request}, token: {{ provider: b }}, expect: allow }}")),
            "there is no provider `b`",
        ),
        (
            "no-token",
            file(&format!("{{ name: a, {request}, token: some, expect: allow }}")),
            "expected `none`",
        ),
    ] {
        let path = scratch(&format!("{name}.yaml"), &text);
        let run = okta_authz([Path::new("test"), &path]);
        assert!(run.status == 2 && run.stdout.is_empty(), "{name}: {}", run.stdout);
        assert!(run.stderr.contains(problem), "{name}: {}", run.stderr);
    }
}
