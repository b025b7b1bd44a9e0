//! `okta-authz`, as it is run: what it prints, and how it exits. That `explain` decides as the filter does is in
//! `tests/requests/replay.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod explain;
mod findings;
mod guards;
mod hosts;
mod lints;
mod mesh;
mod overrides;
mod reading;
mod route_policies;
mod sources;
mod tls;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a run has led to.
struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

/// The top folder of the repository, where the programs run.
fn root() -> &'static Path {
    test_support::root()
}

fn okta_authz<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    let output =
        Command::new(env!("CARGO_BIN_EXE_okta-authz")).args(args).current_dir(root()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let status = output.status.code().expect("an exit status");
    Run { status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A file of this test's own.
fn scratch(name: &str, contents: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, contents).unwrap();
    path
}

/// What is printed is what `cli/tests/golden` has; with `BLESS=1`, that is what is printed.
fn golden(name: &str, args: &[&str], status: i32) {
    let run = okta_authz(args);
    let path = root().join("cli/tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &run.stdout).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(run.stdout, expected, "{args:?}; BLESS=1 writes {name} anew");
    assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{args:?}");
}

#[test]
fn check() {
    let files = [
        "careless.yaml",
        "istio.yaml",
        "digest.yaml",
        "listener.yaml",
        "ecds.yaml",
        "broken.yaml",
        "twice.json",
        "other.yaml",
    ];
    let files = files.map(|name| format!("cli/tests/check/{name}"));
    let mut args = vec!["check", "envoy.yaml"];
    args.extend(files.iter().map(String::as_str));
    golden("check.txt", &args, 1);
    golden("check-good.txt", &["check", "--deny-warnings", "envoy.yaml"], 0);
    golden("check-careless.txt", &["check", "cli/tests/check/careless.yaml"], 0);
    golden("check.json", &["check", "--json", "--deny-warnings", "cli/tests/check/careless.yaml"], 1);
}

#[test]
fn test() {
    golden("test-good.txt", &["test", "cli/tests/policy.yaml"], 0);
    golden("test-elsewhere.txt", &["test", "cli/tests/elsewhere.yaml"], 0);
    golden("test-shadow.txt", &["test", "cli/tests/shadow.yaml"], 1);
    golden("test-failing.txt", &["test", "cli/tests/failing.yaml"], 1);
    let run = okta_authz(["test", "--json", "cli/tests/failing.yaml"]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.status, &answer["ok"]), (1, &Value::Bool(false)));
    assert_eq!(answer["tests"][0]["explanation"]["code"], "insufficient_scope");
    assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
}

#[test]
fn tests_that_make_no_sense() {
    const EMPTY: &str = "tests[0].expect: must not be empty";
    let suite = |test: &str| {
        let config = root().join("envoy.yaml");
        format!("config: {}\ntests:\n  - {test}\n", config.display())
    };
    let request = "request: { path: / }";
    for (name, text, says) in [
        ("no-tests", "config: envoy.yaml\ntests: []\n".to_owned(), "tests: must not be empty"),
        ("no-config", "tests: []\n".to_owned(), "missing field `config`"),
        ("unknown", suite("{ name: a, wish: b }"), "tests[0].wish: unknown field `wish`"),
        (
            "no-code",
            suite(&format!("{{ name: a, {request}, expect: alow }}")),
            "expected `allow`, `deny`, a code",
        ),
        ("no-expectation", suite(&format!("{{ name: a, {request}, expect: {{}} }}")), EMPTY),
        ("no-header", suite(&format!("{{ name: a, {request}, expect: {{ headers: {{}} }} }}")), EMPTY),
        (
            "null-code",
            suite(&format!("{{ name: a, {request}, expect: {{ code: null, status: ~ }} }}")),
            EMPTY,
        ),
        (
            "null",
            suite(&format!("{{ name: a, {request}, expect: null }}")),
            "tests[0].expect: expected `allow`",
        ),
        ("left-out", suite(&format!("{{ name: a, {request} }}")), "missing field `expect`"),
        (
            "no-header-name",
            suite(&format!("{{ name: a, {request}, expect: {{ headers: {{ 'x y': null }} }} }}")),
            "tests[0].expect: headers: \"x y\" is not the name of a header",
        ),
        (
            "unknown-code",
            suite(&format!("{{ name: a, {request}, expect: {{ code: alowed }} }}")),
            "expected `allow`, `deny`, a code",
        ),
        (
            "no-provider",
            suite(&format!("{{ name: a, {request}, token: {{ provider: b }}, expect: allow }}")),
            "there is no provider `b`",
        ),
        (
            "no-token",
            suite(&format!("{{ name: a, {request}, token: some, expect: allow }}")),
            "expected `none`",
        ),
    ] {
        let file = scratch(&format!("{name}.yaml"), &text);
        let run = okta_authz([Path::new("test"), &file]);
        assert!(run.status == 2 && run.stdout.is_empty(), "{name}: {}", run.stdout);
        assert!(run.stderr.contains(says), "{name}: {}", run.stderr);
    }
}

#[test]
fn questions_that_are_not_understood() {
    for (args, says) in [
        (&[][..], "a command is missing"),
        (&["chekc"], "no command `chekc`"),
        (&["check"], "a file is missing"),
        (&["check", "--strict", "envoy.yaml"], "--strict"),
        (&["check", "nowhere.yaml"], "nowhere.yaml: "),
        (&["test", "nowhere.yaml"], "nowhere.yaml: "),
        (&["explain", "--path", "/"], "--config is missing"),
        (&["explain", "--config", "envoy.yaml"], "--path is missing"),
        (&["explain", "--config", "cli/tests/check/istio.yaml", "--path", "/"], "several configurations"),
        (
            &["explain", "--config", "cli/tests/check/ecds.yaml", "--path", "/"],
            "from the file deploy/envoy/ecds-",
        ),
        (&["explain", "--config", "cli/tests/check/broken.yaml", "--path", "/"], "is not YAML"),
        (&["explain", "--config", "envoy.yaml", "--path", "/", "--header", "x"], "name: value"),
        (&["explain", "--config", "envoy.yaml", "--path", "/", "--at", "now"], "now"),
        (&["explain", "--config", "envoy.yaml", "--path", "/", "--jwks", "http://h/keys"], "https only"),
    ] {
        let run = okta_authz(args);
        assert!(run.status == 2 && run.stdout.is_empty(), "{args:?}: {}", run.stdout);
        assert!(run.stderr.contains(says), "{args:?}: {}", run.stderr);
    }
    for args in
        [&["--help"][..], &["check", "--help"], &["explain", "-h"], &["test", "--help"], &["--version"]]
    {
        let run = okta_authz(args);
        assert!(run.status == 0 && run.stdout.contains("okta-authz"), "{args:?}");
    }
}

// Each of these passed `check --deny-warnings`, and did not do what its author meant.
#[test]
fn check_pattern_that_does_not_match_is_told() {
    let provider = "issuer: https://acme.okta.com/oauth2/default, audiences: [api://default], remote_jwks: { cluster: okta }";
    for (name, rest, says) in [
        (
            "wildcard-path",
            "rules: [{ match: { path: /internal/* }, deny: true }]",
            "rules[0].match.path: must not have the pattern",
        ),
        (
            "wildcard-group",
            "rules: [{ match: {}, requires: { groups: [Contractors-*] } }]",
            "rules[0].requires.groups[0]: is compared exactly",
        ),
        (
            "glob-regex",
            "rules: [{ match: { safe_regex: /a/* }, deny: true }]",
            "rules[0].match.safe_regex: looks like a glob",
        ),
    ] {
        let file =
            scratch(&format!("{name}.yaml"), &format!("providers: {{ okta: {{ {provider} }} }}\n{rest}\n"));
        let run = okta_authz([Path::new("check"), Path::new("--deny-warnings"), &file]);
        assert!(run.status == 1 && run.stdout.contains(says), "{name}: {}", run.stdout);
    }
    let file = scratch(
        "allowed.yaml",
        &format!(
            "providers: {{ okta: {{ {provider} }} }}\nallow_in_paths: [encoded_slash]\nrules: [{{ match: {{ path: /a%2Fb }}, public: true }}]\n"
        ),
    );
    let run = okta_authz([Path::new("check"), Path::new("--deny-warnings"), &file]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    let run = okta_authz([
        Path::new("explain"),
        Path::new("--config"),
        &file,
        Path::new("--path"),
        Path::new("/a%2fb"),
    ]);
    assert!(run.stdout.contains("/a%2Fb (allow_in_paths: encoded_slash)"), "{}", run.stdout);
}
