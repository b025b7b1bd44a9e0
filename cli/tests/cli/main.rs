//! The output and the exit status of `okta-authz`. `tests/requests/explain.rs` compares the
//! decisions of `explain` with those of the filter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod client_certificate;
mod cors;
mod dpop;
mod explain;
mod files;
mod filter_state;
mod findings;
mod gateway_guards;
mod gateway_order;
mod gateway_rules;
mod guards;
mod hosts;
mod istio_ports;
mod istio_rules;
mod kubernetes;
mod lints;
mod mcp;
mod mesh;
mod overrides;
mod resource_lists;
mod route_policies;
mod test_files;
mod tls;
mod tls_sources;
mod yaml;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The output of a command.
struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

/// The root of the repository, which is the working directory of the commands.
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

/// Writes a temporary file in the directory of the running test: tests run in parallel, and two may
/// use one name.
fn scratch(name: &str, contents: &str) -> PathBuf {
    let test = std::thread::current().name().expect("a test thread").replace("::", "-");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    fs::write(&path, contents).unwrap();
    path
}

/// Asserts that the output is that of a file in `cli/tests/golden`. `BLESS=1` writes the file.
fn assert_golden(name: &str, args: &[&str], status: i32) {
    let run = okta_authz(args);
    let path = root().join("cli/tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &run.stdout).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(run.stdout, expected, "{args:?}; BLESS=1 updates {name}");
    assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{args:?}");
}

#[test]
fn check_files_prints_golden_output() {
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
    assert_golden("check.txt", &args, 1);
    assert_golden("check-good.txt", &["check", "--deny-warnings", "envoy.yaml"], 0);
    assert_golden("check-careless.txt", &["check", "cli/tests/check/careless.yaml"], 0);
    assert_golden("check.json", &["check", "--json", "--deny-warnings", "cli/tests/check/careless.yaml"], 1);
}

#[test]
fn test_files_prints_golden_output() {
    assert_golden("test-good.txt", &["test", "cli/tests/policy.yaml"], 0);
    assert_golden("test-token-sources.txt", &["test", "cli/tests/token-sources.yaml"], 0);
    assert_golden("test-shadow.txt", &["test", "cli/tests/shadow.yaml"], 1);
    assert_golden("test-failing.txt", &["test", "cli/tests/failing.yaml"], 1);
    let run = okta_authz(["test", "--json", "cli/tests/failing.yaml"]);
    let results: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.status, &results["ok"]), (1, &Value::Bool(false)));
    assert_eq!(results["tests"][0]["explanation"]["code"], "insufficient_scope");
    assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
}

#[test]
fn usage_error_exits_with_2() {
    for (args, problem) in [
        (&[][..], "a command is missing"),
        (&["chekc"], "unknown command `chekc`"),
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
        (&["explain", "--config", "envoy.yaml", "--path", "/", "--header", "x"], "NAME: VALUE"),
        (&["explain", "--config", "envoy.yaml", "--path", "/", "--at", "now"], "now"),
        (
            &["explain", "--config", "envoy.yaml", "--path", "/", "--jwks", "http://h/keys"],
            "must be a file or an https URL",
        ),
    ] {
        let run = okta_authz(args);
        assert!(run.status == 2 && run.stdout.is_empty(), "{args:?}: {}", run.stdout);
        assert!(run.stderr.contains(problem), "{args:?}: {}", run.stderr);
    }
    for args in [
        &["--help"][..],
        &["check", "--help"],
        &["explain", "-h"],
        &["test", "--help"],
        &["schema", "--help"],
        &["--version"],
    ] {
        let run = okta_authz(args);
        assert!(run.status == 0 && run.stdout.contains("okta-authz"), "{args:?}");
    }
}

// Each of these once passed `check --deny-warnings`, but the rule does not match as intended.
#[test]
fn check_pattern_that_does_not_match_is_a_finding() {
    let provider = "issuer: https://acme.okta.com/oauth2/default, audiences: [api://default], remote_jwks: { cluster: okta }";
    for (name, rest, problem) in [
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
        assert!(run.status == 1 && run.stdout.contains(problem), "{name}: {}", run.stdout);
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
