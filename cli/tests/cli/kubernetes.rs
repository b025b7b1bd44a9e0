//! Kubernetes files in each form in which they occur.

use std::fs;

use serde_json::Value;

use super::yaml::{FAILS_OPEN, assert_found, assert_good, findings};
use super::{okta_authz, root, scratch};

pub(crate) const RESOURCE: &str = "apiVersion: extensions.istio.io/v1alpha1
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

/// Returns a `TrafficExtension` with the content of a `WasmPlugin`.
fn extension(resource: &str) -> String {
    let (head, spec) = resource.split_once("spec:\n").unwrap();
    let wasm: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("{}spec:\n  wasm:\n{wasm}", head.replace("kind: WasmPlugin", "kind: TrafficExtension"))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn check_kubernetes_file_in_any_form_is_checked() {
    let fail_closed = RESOURCE.replace("STRATEGY", "FAIL_CLOSE");
    let fail_open = RESOURCE.replace("STRATEGY", "FAIL_OPEN");
    let list =
        |kind: &str, item: &str| format!("apiVersion: v1\nkind: {kind}\nitems:\n  -\n{}", indented(item));
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
        assert_good(&file, &shape(&fail_closed));
        assert_found(&file, &shape(&fail_open), "failStrategy: fails open");
        let (lines, _) = findings(&file, &shape(&fail_open));
        assert_eq!(lines.len(), 1, "{name}: the copy in the annotation is not checked: {lines:#?}");
    }
    let (lines, _) = findings("kubernetes-path.yaml", &extension(&fail_open));
    assert!(lines[0].starts_with("spec.wasm.failStrategy: "), "{lines:?}");
}

/// The resources around the configuration are in the list, too.
#[test]
fn check_kubernetes_list_is_checked_like_its_documents() {
    let documents = super::findings::yaml("deploy/istio/gateway.yaml");
    let list = |items: &[Value]| serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
    for (name, resources) in [("guard", &documents[..]), ("no-guard", &documents[..1])] {
        let expected = super::findings::findings(&format!("flat-{name}"), &super::findings::text(resources));
        for (shape, documents) in [("list", list(resources)), ("nested", list(&[list(&[]), list(resources)]))]
        {
            let text = super::findings::text(&[documents]);
            let found = super::findings::findings(&format!("{shape}-{name}"), &text);
            assert_eq!(
                (found.warnings, found.notes),
                (expected.warnings.clone(), expected.notes.clone()),
                "{shape} {name}"
            );
        }
    }
}

#[test]
fn check_kubernetes_patch_in_any_spelling_is_checked() {
    let text = fs::read_to_string(root().join("deploy/istio/envoyfilter.yaml")).unwrap();
    assert!(text.contains("failure_policy: FAIL_RELOAD"));
    let open = text
        .replace("failure_policy: FAIL_RELOAD", "failurePolicy: 3")
        .replace("typed_config:", "typedConfig:");
    assert_found("envoyfilter.yaml", &open, FAILS_OPEN);
}

/// Istio 1.30 and later have `TrafficExtension`, with the module in `spec.wasm`.
#[test]
fn traffic_extension_is_read_by_every_command() {
    let policy = "    rules: [{ match: { path: /open }, public: true }]\n    claim_to_headers: [{ header_name: x-sub, claim_name: sub }]\n";
    let text = extension(&(RESOURCE.replace("STRATEGY", "FAIL_CLOSE") + policy));
    let text = text.replace("metadata:\n", "metadata:\n  namespace: orders\n");
    let file = scratch("traffic-extension.yaml", &text);
    let file = file.to_str().unwrap();
    for (path, status, decision) in [("/open", 0, "public"), ("/closed", 1, "token_missing")] {
        let run = okta_authz(["explain", "--config", file, "--path", path]);
        assert!(
            run.status == status && run.stdout.contains(decision),
            "{path}: {} {}",
            run.stdout,
            run.stderr
        );
    }
    let tests = format!(
        "config: {file}\ntests:\n  - {{ name: a, request: {{ path: /closed }}, expect: {{ code: token_missing }} }}\n"
    );
    let run = okta_authz(["test", scratch("traffic-extension-tests.yaml", &tests).to_str().unwrap()]);
    assert_eq!(run.status, 0, "{} {}", run.stdout, run.stderr);
    // `phase`, `match` and the selector are in `spec`, and not in `spec.wasm`.
    let rule = "{ when: [{ key: 'request.headers[x-sub]', values: [a] }] }";
    let policy = format!(
        "---\nkind: AuthorizationPolicy\nmetadata: {{ name: p, namespace: orders }}\nspec: {{ rules: [{rule}] }}\n"
    );
    let with_phase =
        |phase: &str| text.replace("\nspec:\n", &format!("\nspec:\n  phase: {phase}\n")) + &policy;
    assert_found(
        "extension-authz.yaml",
        &with_phase("AUTHZ"),
        "TrafficExtension/okta-authz.spec.phase: must be `AUTHN`",
    );
    assert_good("extension-authn.yaml", &with_phase("AUTHN"));
    let server = "\nspec:\n  phase: AUTHN\n  match: [{ mode: SERVER }]\n";
    let service = "---\nkind: Service\nmetadata: { name: s, namespace: orders }\nspec: { selector: { app: a }, ports: [{ port: 80 }] }\n";
    assert_found(
        "extension-service.yaml",
        &(text.replace("\nspec:\n", server) + service),
        "Service/s.spec.ports[0]: ",
    );
    assert_good("extension-gateway.yaml", &(text + service));
}
