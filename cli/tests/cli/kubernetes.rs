//! Kubernetes files in each form in which they occur.

use std::fs;

use serde_json::Value;

use super::root;
use super::yaml::{FAILS_OPEN, assert_found, assert_good, findings};

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

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn check_kubernetes_file_in_any_form_is_checked() {
    let fail_closed = RESOURCE.replace("STRATEGY", "FAIL_CLOSE");
    let fail_open = RESOURCE.replace("STRATEGY", "FAIL_OPEN");
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
        assert_good(&file, &shape(&fail_closed));
        assert_found(&file, &shape(&fail_open), "failStrategy: fails open");
        let (lines, _) = findings(&file, &shape(&fail_open));
        assert_eq!(lines.len(), 1, "{name}: the copy in the annotation is not checked: {lines:#?}");
    }
    let (lines, _) = findings("kubernetes-path.yaml", &extension(&fail_open));
    assert!(lines[0].starts_with("spec.wasm.failStrategy: "), "{lines:?}");
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
