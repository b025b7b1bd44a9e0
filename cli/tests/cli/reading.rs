//! Files as Envoy and Kubernetes read them: `check` and `explain` decide about what the filter gets.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{okta_authz, root, scratch};

/// `envoy.yaml` with replacements, each of which has to be possible.
fn edited(changes: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(root().join("envoy.yaml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in envoy.yaml");
        text = text.replace(from, to);
    }
    text
}

/// The findings of `check` about a file, as lines, and whether `--deny-warnings` accepts it.
fn findings(name: &str, text: &str) -> (Vec<String>, bool) {
    let file = scratch(name, text);
    let run = okta_authz(["check", "--json", "--deny-warnings", file.to_str().unwrap()]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let of = |report: &Value, kind: &str| -> Vec<String> {
        let findings = report[kind].as_array().unwrap().iter();
        let line = |finding: &Value| {
            format!("{}: {}", finding["path"].as_str().unwrap(), finding["problem"].as_str().unwrap())
        };
        findings.map(line).collect()
    };
    let reports = answer["configurations"].as_array().unwrap();
    let lines = reports.iter().flat_map(|report| [of(report, "errors"), of(report, "warnings")].concat());
    (lines.collect(), run.status == 0)
}

#[track_caller]
fn assert_found(name: &str, text: &str, says: &str) {
    let (lines, is_good) = findings(name, text);
    assert!(!is_good && lines.iter().any(|line| line.contains(says)), "{name}: {says} in {lines:#?}");
}

#[track_caller]
fn assert_good(name: &str, text: &str) {
    let (lines, is_good) = findings(name, text);
    assert!(is_good, "{name}: {lines:#?}");
}

const POLICY: &str = "failure_policy: FAIL_RELOAD";
const OPEN: &str = "lets every request through";

#[test]
fn check_camel_case_and_enum_numbers_is_warned_of() {
    for (name, changes, says) in [
        ("policy-camel", &[(POLICY, "failurePolicy: FAIL_OPEN")][..], OPEN),
        ("policy-number", &[(POLICY, "failure_policy: 3")], OPEN),
        ("policy-hexadecimal", &[(POLICY, "failurePolicy: 0x3")], OPEN),
        ("policy-text", &[(POLICY, "failurePolicy: \"3\"")], OPEN),
        ("policy-case", &[(POLICY, "failure_policy: fail_open")], OPEN),
        ("open-camel", &[(POLICY, "failOpen: true")], OPEN),
        ("open-yes", &[(POLICY, "failOpen: yes")], OPEN),
        ("open-text", &[(POLICY, "fail_open: \"true\"")], OPEN),
        ("open-tag", &[(POLICY, "fail_open: !!str true")], OPEN),
        (
            "allow-camel",
            &[(POLICY, "allowOnHeadersStopIteration: true")],
            "config.allow_on_headers_stop_iteration",
        ),
        (
            "vm-camel",
            &[("vm_config:", "vmConfig:"), ("vm_id: okta-authz", "allow_precompiled: true")],
            "config.vm_config.vm_id: is missing",
        ),
        ("vm-null", &[("vm_id: okta-authz", "vmId: null")], "config.vm_config.vm_id: is missing"),
        (
            "vm-ignored",
            &[("vm_id: okta-authz", "!ignore vm_id: okta-authz")],
            "config.vm_config.vm_id: is missing",
        ),
        (
            "clusters-camel",
            &[("static_resources:", "staticResources:"), ("transport_socket:", "!ignore transportSocket:")],
            "the cluster has no TLS",
        ),
        ("ca-ignored", &[("trusted_ca:", "!ignore trusted_ca:")], "no `trusted_ca`"),
        ("ca-null", &[("trusted_ca: {", "trustedCa: null\n              !ignore x: {")], "no `trusted_ca`"),
        ("sni-ignored", &[("sni: acme", "!ignore sni: acme")], "sends no SNI"),
        (
            "filters-camel",
            &[("http_filters:", "httpFilters:"), ("key: wasm.okta.permit", "key: another")],
            "which does not require `wasm.okta.permit` to be `granted`",
        ),
        (
            "guard-ignored",
            &[(
                "                      rules:\n                        action",
                "                      !ignore rules:\n                        action",
            )],
            "has no `rules`: it denies nothing",
        ),
    ] {
        assert_found(&format!("reading-{name}.yaml"), &edited(changes), says);
    }
}

#[test]
fn check_same_configuration_in_other_spellings_is_good() {
    let camel = [
        ("static_resources:", "staticResources:"),
        ("filter_chains:", "filterChains:"),
        ("http_filters:", "httpFilters:"),
        ("typed_config:", "typedConfig:"),
        ("vm_config:", "vmConfig:"),
        ("vm_id:", "vmId:"),
        ("filter_state:", "filterState:"),
        ("string_match:", "stringMatch:"),
        ("transport_socket:", "transportSocket:"),
        ("common_tls_context:", "commonTlsContext:"),
        ("validation_context:", "validationContext:"),
        ("trusted_ca:", "trustedCa:"),
        ("match_typed_subject_alt_names:", "matchTypedSubjectAltNames:"),
        ("san_type: DNS", "sanType: 2"),
        ("action: ALLOW", "action: 0"),
        ("failure_policy: FAIL_RELOAD", "failurePolicy: 1"),
        ("path_with_escaped_slashes_action: REJECT_REQUEST", "pathWithEscapedSlashesAction: 2"),
        ("normalize_path: true", "normalizePath: yes"),
        ("merge_slashes: true", "mergeSlashes: \"true\""),
    ];
    for (name, text) in [
        ("snake", edited(&[])),
        ("camel", edited(&camel)),
        ("ignored", edited(&[(POLICY, "!ignore failure_policy: FAIL_OPEN")])),
        ("anchors", edited(&[("- match: { path: / }", "- match: &root { path: / }")])),
        ("bom", format!("\u{feff}{}", edited(&[]))),
        ("crlf", edited(&[]).replace('\n', "\r\n")),
    ] {
        assert_good(&format!("reading-good-{name}.yaml"), &text);
    }
    let json = serde_json::to_string(&serde_saphyr::from_str::<Value>(&edited(&camel)).unwrap()).unwrap();
    assert_good("reading-good.json", &json.replace("\"normalizePath\":\"yes\"", "\"normalizePath\":true"));
}

#[test]
fn check_merge_keys_and_what_envoy_does_not_read_is_an_error() {
    let requires = "- match: { path: /me }\n                                requires: {}";
    let public = "- match: { path: / }";
    for (name, changes, says) in [
        (
            "merge",
            &[(
                requires,
                "- match: { path: /me }\n                                requires: { <<: { scopes: [a] } }",
            )][..],
            "rules[3].requires.<<: Envoy does not read merge keys",
        ),
        (
            "merge-quoted",
            &[(
                requires,
                "- match: { path: /me }\n                                requires: { \"<<\": { scopes: [a] } }",
            )],
            "Envoy does not read merge keys",
        ),
        (
            "merge-outside",
            &[("  clusters:\n    - name: app", "  clusters:\n    - <<: { name: app }")],
            "clusters[0].<<: Envoy does not read merge keys",
        ),
        ("twice", &[(public, "- match: { path: /, path: / }")], "path: must not be there twice"),
        (
            "twice-spelled",
            &[(POLICY, "failurePolicy: 1\n                        failure_policy: 1")],
            "must not be there twice",
        ),
        ("sequence-key", &[(public, "- match: { [path]: / }")], "must be a scalar"),
        ("document", &[("stats_config:", "---\nstats_config:")], "reads only the first document"),
    ] {
        assert_found(&format!("reading-{name}.yaml"), &edited(changes), says);
    }
}

/// Asks about `/me` without a token. The path is public in the rule that Envoy drops.
#[test]
fn explain_ignored_member_is_not_there() {
    let me = "- match: { path: /me }\n                                requires: {}";
    let ask = |name: &str, rule: &str| {
        let file = scratch(name, &edited(&[(me, rule)]));
        let args = ["explain", "--config", file.to_str().unwrap(), "--offline", "--path", "/me", "--json"];
        let run = okta_authz(args);
        let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        (run.status, answer["code"].as_str().unwrap().to_owned())
    };
    let protected = "- match: { path: /me }\n                                requires: {}\n                                !ignore public: true";
    assert_eq!(ask("ignore-public.yaml", protected), (1, "token_missing".to_owned()));
    let public = "- match: { path: /me }\n                                public: true\n                                !ignore requires: {}";
    assert_eq!(ask("ignore-requires.yaml", public).0, 0);
}

#[test]
fn explain_scalar_is_that_of_envoy() {
    let me = "- match: { path: /me }\n                                requires: {}";
    for (name, groups, is_good) in [
        ("exponent", "[1e3, 1_000, 0.9, 2.0, 3000000000]", true),
        ("octal", "[010]", false),
        ("boolean", "[yes]", false),
        ("tag", "[!!str 5]", false),
        ("quotes", "['010', 'yes', '5']", true),
    ] {
        let rule = format!(
            "- match: {{ path: /me }}\n                                requires: {{ groups: {groups} }}"
        );
        let file = scratch(&format!("scalars-{name}.yaml"), &edited(&[(me, &rule)]));
        let args = ["explain", "--config", file.to_str().unwrap(), "--offline", "--path", "/me"];
        assert_eq!(okta_authz(args).status == 1, is_good, "{name}");
    }
}

#[test]
fn check_scalar_that_is_read_differently_is_warned_of() {
    let me = "- match: { path: /me }\n                                requires: {}";
    for (scalar, is_good) in [
        ("1.5", false),
        ("2.0", false),
        ("1e3", false),
        ("1_000", false),
        ("010", false),
        ("0o17", false),
        ("0b11", false),
        ("5.", false),
        (".inf", false),
        ("3000000000", false),
        ("!!str 5", false),
        ("!!str a", true),
        ("'1.5'", true),
        ("5", true),
        ("-5", true),
        ("true", true),
        ("tRue", true),
        ("2001-01-01", true),
        ("1.2.3", true),
        ("a", true),
    ] {
        let rule = format!(
            "- match: {{ path: /me }}\n                                requires: {{ claims: [{{ name: a, equals: {scalar} }}] }}"
        );
        let (lines, accepted) = findings("scalar.yaml", &edited(&[(me, &rule)]));
        assert_eq!(accepted, is_good, "{scalar}: {lines:#?}");
        let warned = |line: &String| {
            line.contains("rules[3].requires.claims[0].equals: Envoy reads") && line.contains("in quotes")
        };
        assert!(is_good || lines.iter().any(warned), "{scalar}: {lines:#?}");
    }
}

const RESOURCE: &str = "apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: okta-authz
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {\"kind\":\"WasmPlugin\",\"spec\":{\"pluginConfig\":{\"providers\":{}}}}
  managedFields:
    - fieldsV1: { f:spec: { f:pluginConfig: { f:providers: {} } } }
spec:
  url: oci://registry.example.com/okta-authz-filter:1
  failStrategy: STRATEGY
  pluginConfig:
    providers:
      okta:
        issuer: https://acme.okta.com/oauth2/default
        audiences: [api://default]
        remote_jwks: { cluster: okta }
";

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn check_kubernetes_files_are_read_as_they_occur() {
    let good = RESOURCE.replace("STRATEGY", "FAIL_CLOSE");
    let open = RESOURCE.replace("STRATEGY", "FAIL_OPEN");
    let list =
        |kind: &str, item: &str| format!("apiVersion: v1\nkind: {kind}\nitems:\n  -\n{}", indented(item));
    let extension = |resource: &str| {
        let (head, spec) = resource.split_once("spec:\n").unwrap();
        let wasm: String = spec.lines().map(|line| format!("  {line}\n")).collect();
        format!("{}spec:\n  wasm:\n{wasm}", head.replace("kind: WasmPlugin", "kind: TrafficExtension"))
    };
    let without_kind = |resource: &str| resource.replace("kind: WasmPlugin\n", "");
    for (name, shape) in [
        ("plugin", &(|text: &str| text.to_owned()) as &dyn Fn(&str) -> String),
        ("list", &|text| list("List", text)),
        ("typed-list", &|text| list("WasmPluginList", &without_kind(text))),
        ("list-of-list", &|text| list("List", &list("List", text))),
        ("documents", &|text| format!("---\n---\nkind: Service\napiVersion: v1\n---\n{text}---\n")),
        ("extension", &extension),
        ("extension-list", &|text| list("List", &extension(text))),
        ("json", &|text| serde_saphyr::from_str::<Value>(text).unwrap().to_string()),
    ] {
        let file = format!("kubernetes-{name}.yaml");
        assert_good(&file, &shape(&good));
        assert_found(&file, &shape(&open), "failStrategy: lets every request through");
        let (lines, _) = findings(&file, &shape(&open));
        assert_eq!(lines.len(), 1, "{name}: the copy in the annotation is nothing to report: {lines:#?}");
    }
    let (lines, _) = findings("kubernetes-path.yaml", &extension(&open));
    assert!(lines[0].starts_with("spec.wasm.failStrategy: "), "{lines:?}");
}

#[test]
fn check_patch_of_envoy_in_kubernetes_is_read_as_a_message() {
    let text = fs::read_to_string(root().join("deploy/istio/envoyfilter.yaml")).unwrap();
    assert!(text.contains("failure_policy: FAIL_RELOAD"));
    let open = text
        .replace("failure_policy: FAIL_RELOAD", "failurePolicy: 3")
        .replace("typed_config:", "typedConfig:");
    assert_found("envoyfilter.yaml", &open, OPEN);
}

#[test]
fn check_standard_input_is_a_file() {
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
fn every_file_above_the_limit_is_an_error() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let bare = "providers: { okta: { issuer: https://acme.okta.com/oauth2/default, audiences: [api://default], \
                remote_jwks: { cluster: okta } } }\n";
    let padded = |length: usize, end: &str| {
        let comment = "#".repeat(length - bare.len() - end.len() - 1);
        format!("{bare}{comment}\n{end}")
    };
    let config = scratch("limit-small.yaml", bare);
    let long = scratch("limit-long.yaml", &padded(LIMIT + 20, "---\nproviders: 1\n"));
    let fits = scratch("limit-fits.yaml", &padded(LIMIT, ""));
    assert_eq!(okta_authz(["check", fits.to_str().unwrap()]).status, 0);
    let (config, long) = (config.to_str().unwrap(), long.to_str().unwrap());
    let suite = |more: &str| {
        format!("config: {config}\n{more}tests: [{{ name: a, request: {{ path: / }}, expect: deny }}]\n")
    };
    let file = |name: &str, text: &str| scratch(name, text).to_str().unwrap().to_owned();
    let of_config = file(
        "limit-1.yaml",
        &format!("config: {long}\ntests: [{{ name: a, request: {{ path: / }}, expect: deny }}]\n"),
    );
    let of_keys = file("limit-2.yaml", &suite(&format!("jwks: {long}\n")));
    let of_denylist = file("limit-3.yaml", &suite(&format!("denylist: {long}\n")));
    let at_long = format!("@{long}");
    let ask = ["explain", "--config", config, "--path", "/", "--offline"];
    for args in [
        vec!["check", long],
        vec!["explain", "--config", long, "--path", "/", "--offline"],
        [&ask[..], &["--jwks", long]].concat(),
        [&ask[..], &["--denylist", long]].concat(),
        [&ask[..], &["--token", &at_long]].concat(),
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
fn check_bare_configuration_is_warned_of_what_readers_read_differently() {
    let bare = |rules: &str| {
        format!(
            "providers: {{ okta: {{ issuer: https://acme.okta.com/oauth2/default, audiences: [api://default], \
             remote_jwks: {{ cluster: okta }} }} }}\nrules:\n  - {rules}\n"
        )
    };
    assert_good("bare.yaml", &bare("{ match: {}, requires: { groups: [a, '1e3', \"no\"] } }"));
    for (rules, says) in [
        ("{ match: {}, requires: { groups: [1_000] } }", "rules[0].requires.groups[0]: Envoy reads `1_000`"),
        ("{ match: {}, requires: { groups: [no] } }", "rules[0].requires.groups[0]: Envoy reads `no`"),
        (
            "{ match: {}, requires: { <<: { groups: [a] } } }",
            "rules[0].requires.<<: Envoy does not read merge keys",
        ),
        ("{ match: {}, !ignore requires: { groups: [a] } }", "rules[0].requires: Envoy drops"),
    ] {
        assert_found("bare-differently.yaml", &bare(rules), says);
    }
}

#[test]
fn check_file_without_a_configuration_says_what_is_in_it() {
    let none = "no configuration of this filter is in it";
    for (name, text, says) in [
        ("tests", "config: envoy.yaml\ntests: []\n", format!("{none}: it has tests of a policy")),
        ("log", "access_log: []\n", format!("{none}: a configuration has `providers`")),
        ("misspelled", "provider: {}\n", format!("{none}: a configuration has `providers`")),
        ("list", "- a\n", none.to_owned()),
        ("service", "apiVersion: v1\nkind: Service\n", none.to_owned()),
        ("field", "provider: {}\nrules: []\n", "provider: unknown field `provider`".to_owned()),
        ("empty", "{}\n", "missing field `providers`".to_owned()),
    ] {
        assert_found(&format!("nothing-{name}"), text, &says);
    }
}
