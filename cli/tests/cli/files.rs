//! Input files: standard input, the size limit, and files without a configuration.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::kubernetes::RESOURCE;
use super::yaml::assert_found;
use super::{okta_authz, scratch};

#[test]
fn check_hyphen_reads_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_okta-authz"))
        .args(["check", "--deny-warnings", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("kind: Service\napiVersion: v1\n---\n{}", RESOURCE.replace("STRATEGY", "FAIL_OPEN"));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.code() == Some(1) && stdout.contains("-: [document 1].spec.pluginConfig"),
        "{stdout}"
    );
}

#[test]
fn file_above_16_mib_exits_with_2() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let bare = "providers: { okta: { issuer: https://acme.okta.com/oauth2/default, audiences: [api://default], \
                remote_jwks: { cluster: okta } } }\n";
    let padded = |length: usize, end: &str| {
        let comment = "#".repeat(length - bare.len() - end.len() - 1);
        format!("{bare}{comment}\n{end}")
    };
    let config = scratch("limit-small.yaml", bare);
    let long = scratch("limit-long.yaml", &padded(LIMIT + 20, "---\nproviders: 1\n"));
    let at_limit = scratch("at-limit.yaml", &padded(LIMIT, ""));
    assert_eq!(okta_authz(["check", at_limit.to_str().unwrap()]).status, 0);
    let (config, long) = (config.to_str().unwrap(), long.to_str().unwrap());
    let test_file = |more: &str| {
        format!("config: {config}\n{more}tests: [{{ name: a, request: {{ path: / }}, expect: deny }}]\n")
    };
    let file = |name: &str, text: &str| scratch(name, text).to_str().unwrap().to_owned();
    let of_config = file(
        "limit-1.yaml",
        &format!("config: {long}\ntests: [{{ name: a, request: {{ path: / }}, expect: deny }}]\n"),
    );
    let of_keys = file("limit-2.yaml", &test_file(&format!("jwks: {long}\n")));
    let of_denylist = file("limit-3.yaml", &test_file(&format!("denylist: {long}\n")));
    let at_long = format!("@{long}");
    let explain = ["explain", "--config", config, "--path", "/", "--offline"];
    for args in [
        vec!["check", long],
        vec!["explain", "--config", long, "--path", "/", "--offline"],
        [&explain[..], &["--jwks", long]].concat(),
        [&explain[..], &["--denylist", long]].concat(),
        [&explain[..], &["--token", &at_long]].concat(),
        vec!["explain", "--config", config, "--path", "/", "--ca", long],
        vec!["explain", "--batch", long],
        vec!["test", long],
        vec!["test", &of_config],
        vec!["test", &of_keys],
        vec!["test", &of_denylist],
    ] {
        let run = okta_authz(&args);
        assert!(
            run.status == 2 && run.stderr.contains("must not be longer than 16 MiB"),
            "{args:?}: {}{}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn check_file_without_a_configuration_is_an_error() {
    let none = "contains no configuration of this filter";
    for (name, text, problem) in [
        ("tests", "config: envoy.yaml\ntests: []\n", format!("{none}; it contains policy tests")),
        (
            "receiver",
            "listen: 127.0.0.1:8080\norgs: []\ndenylist: { retention: 24h }\n",
            format!("{none}; it contains a configuration of the receiver: use `okta-authz receive --check`"),
        ),
        ("log", "access_log: []\n", format!("{none}; a configuration has `providers`")),
        ("misspelled", "provider: {}\n", format!("{none}; a configuration has `providers`")),
        ("list", "- a\n", none.to_owned()),
        ("service", "apiVersion: v1\nkind: Service\n", none.to_owned()),
        ("field", "provider: {}\nrules: []\n", "provider: unknown field `provider`".to_owned()),
        ("empty", "{}\n", "missing field `providers`".to_owned()),
    ] {
        assert_found(&format!("nothing-{name}"), text, &problem);
    }
}
