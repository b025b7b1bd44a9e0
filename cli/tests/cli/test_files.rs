//! Test files that `okta-authz test` rejects.

use std::path::Path;

use super::{assert_golden, okta_authz, root, scratch};

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
            "tests[0].expect: there is no code \"alow\"; allowed are `allow`, `deny` and the codes",
        ),
        (
            "unknown-member",
            file(&format!("{{ name: a, {request}, expect: {{ state: 401 }} }}")),
            "tests[0].expect: state: unknown field `state`",
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
            "tests[0].expect: code: there is no code \"alowed\"",
        ),
        (
            "no-digest",
            file("{ name: a, request: { path: /, client_certificate_sha256: '03:80' }, expect: allow }"),
            "a: request.client_certificate_sha256: must be the SHA-256 digest",
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

#[test]
fn opaque_token_in_a_policy_test_exits_with_2() {
    let config = root().join("book/examples/introspection.yaml");
    let test = "{ name: a, request: { path: / }, token: { jwt: 2YotnFZFEjr1zCsicMWpAA }, expect: deny }";
    let path = scratch("opaque.yaml", &format!("config: {}\ntests:\n  - {test}\n", config.display()));
    let run = okta_authz([Path::new("test"), &path]);
    assert_eq!(run.status, 2, "{}", run.stdout);
    assert!(run.stderr.contains("a: token.jwt: must be a JWT, because"), "{}", run.stderr);
}

#[test]
fn proof_of_a_policy_test_has_its_decision() {
    assert_golden("test-dpop.txt", &["test", "cli/tests/dpop.yaml"], 0);
    assert_golden("test-dpop-failing.txt", &["test", "cli/tests/dpop-failing.yaml"], 1);
}

#[test]
fn proof_that_makes_no_sense_exits_with_2() {
    const FORMS: &str = "tests[0].proof: expected `true`, `none`, or an object";
    const REQUEST: &str = "request: { path: /, host: a }";
    let file = |config: &str, tests: &[String]| {
        let config = root().join("cli/tests").join(config);
        let tests: String = tests.iter().map(|test| format!("  - {{ {test}, expect: deny }}\n")).collect();
        format!("config: {}\ntests:\n{tests}", config.display())
    };
    let with = |proof: &str| vec![format!("name: a, {REQUEST}, token: {{}}, proof: {proof}")];
    let then = |first: &[&str], proof: &str| -> Vec<String> {
        let first = first.iter().map(|test| format!("{test}, {REQUEST}, token: {{}}"));
        first.chain([format!("name: last, {REQUEST}, {proof}")]).collect()
    };
    for (config, tests, problem) in [
        ("dpop-config.yaml", with("some"), FORMS),
        ("dpop-config.yaml", with("{ htm: GET }"), "tests[0].proof: htm: unknown field `htm`, expected"),
        (
            "dpop-config.yaml",
            with("{ key: first }"),
            "tests[0].proof: key: unknown variant `first`, expected `other`",
        ),
        (
            "dpop-config.yaml",
            with("{ age: 1m }"),
            "tests[0].proof: age: invalid type: string \"1m\", expected i64",
        ),
        ("dpop-config.yaml", with("null"), FORMS),
        (
            "dpop-config.yaml",
            with("{ alg: null }"),
            "tests[0].proof: alg: invalid type: null, expected a string",
        ),
        ("dpop-config.yaml", with("false"), "tests[0].proof: must not be false"),
        ("dpop-config.yaml", with("{ alg: HS256 }"), "tests[0].proof: alg: must be one of RS256, "),
        (
            "dpop-config.yaml",
            with("{ age: 1, claims: { iat: 1 } }"),
            "tests[0].proof: must not have both `age` and `claims.iat`",
        ),
        (
            "dpop-config.yaml",
            with("{ nonce_from: a, claims: { nonce: null } }"),
            "tests[0].proof: must not have both `nonce_from` and `claims.nonce`",
        ),
        (
            "dpop-config.yaml",
            with("{ repeat: a, age: 0 }"),
            "tests[0].proof: `repeat` must be the only member",
        ),
        (
            "dpop-config.yaml",
            with("{ repeat: a, nonce_from: a }"),
            "tests[0].proof: `repeat` must be the only member",
        ),
        ("dpop-config.yaml", with("{ repeat: a }"), "a: token: must be absent with `proof.repeat`"),
        (
            "dpop-config.yaml",
            with("{ nonce_from: a }"),
            "a: proof.nonce_from: there is no test `a` before this test",
        ),
        (
            "dpop-config.yaml",
            then(&["name: a, proof: true", "name: a, proof: true"], "proof: { repeat: a }"),
            "last: proof.repeat: several tests have the name `a`",
        ),
        (
            "dpop-config.yaml",
            then(&["name: a, proof: none"], "proof: { repeat: a }"),
            "last: proof.repeat: test `a` sends no proof",
        ),
        (
            "dpop-config.yaml",
            then(&["name: a"], "token: {}, proof: { nonce_from: b }"),
            "last: proof.nonce_from: there is no test `b`",
        ),
        (
            "../../book/examples/dpop.yaml",
            then(&["name: a"], "token: {}, proof: { nonce_from: a }"),
            "last: proof.nonce_from: the response to test `a` has no `DPoP-Nonce`",
        ),
        ("dpop-config.yaml", then(&[], "proof: true"), "last: proof: needs a token"),
        ("dpop-config.yaml", then(&[], "token: none, proof: none"), "last: proof: needs a token"),
        (
            "dpop-config.yaml",
            then(&[], "token: { jwt: a }, proof: true"),
            "last: proof: must be absent with `token.jwt`",
        ),
        (
            "dpop-config.yaml",
            vec![
                "name: a, request: { path: /, host: a, headers: { DPoP: b } }, token: {}, proof: true"
                    .to_owned(),
            ],
            "a: request.headers: must not have `dpop` with `proof`",
        ),
        (
            "dpop-config.yaml",
            vec!["name: a, request: { path: / }, token: {}, proof: true".to_owned()],
            "a: proof: request.host: is missing",
        ),
        (
            "token-sources-config.yaml",
            with("true"),
            "a: proof: must be absent, because the configuration has no `dpop`",
        ),
    ] {
        let text = file(config, &tests);
        let run = okta_authz([Path::new("test"), &scratch("proof.yaml", &text)]);
        assert!(run.status == 2 && run.stdout.is_empty(), "{text}: {}", run.stdout);
        assert!(run.stderr.contains(problem), "{text}: {}", run.stderr);
    }
}
