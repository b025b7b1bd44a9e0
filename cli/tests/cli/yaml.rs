//! YAML as Envoy reads it: `check` and `explain` use the configuration that the filter gets.

use std::fs;

use serde_json::Value;

use super::{okta_authz, root, scratch};

/// Returns `envoy.yaml` with replacements. Each replaced text must occur.
fn edited(changes: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(root().join("envoy.yaml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in envoy.yaml");
        text = text.replace(from, to);
    }
    text
}

/// Returns the errors and warnings of `check`, and whether `--deny-warnings` succeeds.
pub(crate) fn findings(name: &str, text: &str) -> (Vec<String>, bool) {
    let file = scratch(name, text);
    let run = okta_authz(["check", "--json", "--deny-warnings", file.to_str().unwrap()]);
    let output: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let of = |report: &Value, kind: &str| -> Vec<String> {
        let findings = report[kind].as_array().unwrap().iter();
        let line = |finding: &Value| {
            format!("{}: {}", finding["path"].as_str().unwrap(), finding["problem"].as_str().unwrap())
        };
        findings.map(line).collect()
    };
    let reports = output["configurations"].as_array().unwrap();
    let lines = reports.iter().flat_map(|report| [of(report, "errors"), of(report, "warnings")].concat());
    (lines.collect(), run.status == 0)
}

#[track_caller]
pub(crate) fn assert_found(name: &str, text: &str, expected: &str) {
    let (lines, is_good) = findings(name, text);
    assert!(!is_good && lines.iter().any(|line| line.contains(expected)), "{name}: {expected} in {lines:#?}");
}

#[track_caller]
pub(crate) fn assert_good(name: &str, text: &str) {
    let (lines, is_good) = findings(name, text);
    assert!(is_good, "{name}: {lines:#?}");
}

const POLICY: &str = "failure_policy: FAIL_RELOAD";
pub(crate) const FAILS_OPEN: &str = "fails open";

#[test]
fn check_envoy_field_in_any_spelling_is_checked() {
    for (name, changes, expected) in [
        ("policy-camel", &[(POLICY, "failurePolicy: FAIL_OPEN")][..], FAILS_OPEN),
        ("policy-number", &[(POLICY, "failure_policy: 3")], FAILS_OPEN),
        ("policy-hexadecimal", &[(POLICY, "failurePolicy: 0x3")], FAILS_OPEN),
        ("policy-text", &[(POLICY, "failurePolicy: \"3\"")], FAILS_OPEN),
        ("policy-case", &[(POLICY, "failure_policy: fail_open")], FAILS_OPEN),
        ("open-camel", &[(POLICY, "failOpen: true")], FAILS_OPEN),
        ("open-yes", &[(POLICY, "failOpen: yes")], FAILS_OPEN),
        ("open-text", &[(POLICY, "fail_open: \"true\"")], FAILS_OPEN),
        ("open-tag", &[(POLICY, "fail_open: !!str true")], FAILS_OPEN),
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
        assert_found(&format!("reading-{name}.yaml"), &edited(changes), expected);
    }
}

#[test]
fn check_envoy_file_in_other_spellings_has_no_findings() {
    let camel = [
        ("static_resources:", "staticResources:"),
        ("filter_chains:", "filterChains:"),
        ("http_filters:", "httpFilters:"),
        ("typed_config:", "typedConfig:"),
        ("vm_config:", "vmConfig:"),
        ("vm_id:", "vmId:"),
        // The field of Envoy, and not that of the filter.
        ("- filter_state:", "- filterState:"),
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
fn check_envoy_file_with_unsupported_yaml_is_an_error() {
    let requires = "- match: { path: /me }\n                                requires: {}";
    let public = "- match: { path: / }";
    for (name, changes, expected) in [
        (
            "merge",
            &[(
                requires,
                "- match: { path: /me }\n                                requires: { <<: { scopes: [a] } }",
            )][..],
            "rules[3].requires.<<: Envoy does not support merge keys",
        ),
        (
            "merge-quoted",
            &[(
                requires,
                "- match: { path: /me }\n                                requires: { \"<<\": { scopes: [a] } }",
            )],
            "Envoy does not support merge keys",
        ),
        (
            "merge-outside",
            &[("  clusters:\n    - name: app", "  clusters:\n    - <<: { name: app }")],
            "clusters[0].<<: Envoy does not support merge keys",
        ),
        ("twice", &[(public, "- match: { path: /, path: / }")], "path: is a duplicate field"),
        (
            "twice-spelled",
            &[(POLICY, "failurePolicy: 1\n                        failure_policy: 1")],
            "is a duplicate field",
        ),
        ("sequence-key", &[(public, "- match: { [path]: / }")], "must be a scalar"),
        ("document", &[("stats_config:", "---\nstats_config:")], "reads only the first document"),
    ] {
        assert_found(&format!("reading-{name}.yaml"), &edited(changes), expected);
    }
}

/// Requests `/me` without a token. Envoy drops the member that would make the path public.
#[test]
fn explain_ignored_member_is_absent() {
    let me = "- match: { path: /me }\n                                requires: {}";
    let explain = |name: &str, rule: &str| {
        let file = scratch(name, &edited(&[(me, rule)]));
        let args = ["explain", "--config", file.to_str().unwrap(), "--offline", "--path", "/me", "--json"];
        let run = okta_authz(args);
        let explanation: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
        (run.status, explanation["code"].as_str().unwrap().to_owned())
    };
    let protected = "- match: { path: /me }\n                                requires: {}\n                                !ignore public: true";
    assert_eq!(explain("ignore-public.yaml", protected), (1, "token_missing".to_owned()));
    let public = "- match: { path: /me }\n                                public: true\n                                !ignore requires: {}";
    assert_eq!(explain("ignore-requires.yaml", public).0, 0);
}

#[test]
fn explain_scalar_of_wrong_type_in_envoy_is_an_error() {
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
fn check_scalar_with_reader_difference_is_a_warning() {
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

#[test]
fn check_bare_configuration_with_reader_difference_is_a_warning() {
    let bare = |rules: &str| {
        format!(
            "providers: {{ okta: {{ issuer: https://acme.okta.com/oauth2/default, audiences: [api://default], \
             remote_jwks: {{ cluster: okta }} }} }}\nrules:\n  - {rules}\n"
        )
    };
    assert_good("bare.yaml", &bare("{ match: {}, requires: { groups: [a, '1e3', \"no\"] } }"));
    for (rules, expected) in [
        ("{ match: {}, requires: { groups: [1_000] } }", "rules[0].requires.groups[0]: Envoy reads `1_000`"),
        ("{ match: {}, requires: { groups: [no] } }", "rules[0].requires.groups[0]: Envoy reads `no`"),
        (
            "{ match: {}, requires: { <<: { groups: [a] } } }",
            "rules[0].requires.<<: Envoy does not support merge keys",
        ),
        ("{ match: {}, !ignore requires: { groups: [a] } }", "rules[0].requires: Envoy drops"),
    ] {
        assert_found("bare-differently.yaml", &bare(rules), expected);
    }
}
