//! Each value reaches its field, every resource matches the schema of its kind, and `okta-authz
//! check` accepts the result.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::chart::{ENVOY_GATEWAY, EXAMPLES, Example, ISTIO_GATEWAY, ISTIO_SIDECAR, text};
use crate::resources::{parse, schema_violation};

/// 64 digits that are not a placeholder.
const DIGEST: &str = "4b1f7d0c6a1e54f6c7a3f0b1d2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5";

/// Passes a text to `okta-authz check --deny-warnings -`, and returns whether it succeeded, and its
/// output.
fn check(text: &str) -> (bool, String) {
    let mut check = test_support::okta_authz()
        .args(["check", "--deny-warnings", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// Renders an example with changes. Asserts that the schemas and `check` accept it, and that these
/// fields have these values: kind, pointer, value. A null means an absent field.
pub(crate) fn assert_fields(example: Example, changes: &Value, fields: &[(&str, &str, Value)]) {
    let text = text(example, changes);
    let resources = parse(&text);
    for resource in &resources {
        assert_eq!(schema_violation(resource), None, "{example:?} {changes}: {resource}");
        assert_eq!(resource["metadata"]["namespace"], example.1, "{example:?}");
    }
    let (succeeded, output) = check(&text);
    assert!(succeeded && output.contains("ok: 1 provider, 3 rules"), "{example:?} {changes}: {output}");
    for (kind, pointer, expected) in fields {
        let resource = crate::chart::of_kind(&resources, kind);
        let found = resource.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, expected, "{example:?} {changes}: {kind} {pointer}");
    }
}

#[test]
fn example_is_accepted_with_one_note() {
    for example in EXAMPLES {
        assert_fields(example, &json!({}), &[]);
        let (_, output) = check(&text(example, &json!({})));
        assert!(output.contains("sha256: is not set"), "{output}");
        let (_, output) = check(&text(example, &json!({ "image": { "digest": DIGEST } })));
        assert!(!output.contains("note:") && !output.contains("warning:"), "{output}");
    }
}

#[test]
fn image_values_reach_their_fields() {
    let values = json!({ "image": {
        "registry": "127.0.0.1:5000/a/b", "repository": "c/d", "tag": "v1", "digest": format!("sha256:{DIGEST}"),
        "pullPolicy": "Always", "pullSecret": "registry-login",
    } });
    for example in [ISTIO_GATEWAY, ISTIO_SIDECAR] {
        assert_fields(
            example,
            &values,
            &[
                ("WasmPlugin", "/spec/url", json!("oci://127.0.0.1:5000/a/b/c/d:v1")),
                ("WasmPlugin", "/spec/sha256", json!(DIGEST)),
                ("WasmPlugin", "/spec/imagePullPolicy", json!("Always")),
                ("WasmPlugin", "/spec/imagePullSecret", json!("registry-login")),
            ],
        );
    }
    let code = json!({ "type": "Image", "pullPolicy": "Always", "image": {
        "url": "127.0.0.1:5000/a/b/c/d:v1", "sha256": DIGEST, "pullSecretRef": { "name": "registry-login" },
    } });
    assert_fields(ENVOY_GATEWAY, &values, &[("EnvoyExtensionPolicy", "/spec/wasm/0/code", code)]);
}

#[test]
fn module_url_replaces_the_image() {
    let url = "https://artifacts.example.com/okta_authz_filter.wasm";
    let values = json!({ "image": { "registry": null }, "module": { "url": url, "sha256": DIGEST } });
    assert_fields(
        ISTIO_GATEWAY,
        &values,
        &[("WasmPlugin", "/spec/url", json!(url)), ("WasmPlugin", "/spec/sha256", json!(DIGEST))],
    );
    let code =
        json!({ "type": "HTTP", "pullPolicy": "IfNotPresent", "http": { "url": url, "sha256": DIGEST } });
    assert_fields(ENVOY_GATEWAY, &values, &[("EnvoyExtensionPolicy", "/spec/wasm/0/code", code)]);
    let file = "file:///etc/istio/extensions/okta_authz_filter.wasm";
    let values = json!({ "image": { "registry": null }, "module": { "url": file } });
    assert_fields(ISTIO_SIDECAR, &values, &[("WasmPlugin", "/spec/url", json!(file))]);
}

#[test]
fn istio_values_reach_their_fields() {
    let refs = json!([{ "name": "eg" }]);
    let full = json!([{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg" }]);
    assert_fields(
        ISTIO_GATEWAY,
        &json!({ "istio": { "selector": { "istio": null }, "targetRefs": refs, "priority": 20_000_000 } }),
        &[
            ("WasmPlugin", "/spec/targetRefs", full.clone()),
            ("WasmPlugin", "/spec/selector", Value::Null),
            ("WasmPlugin", "/spec/priority", json!(20_000_000)),
            ("EnvoyFilter", "/spec/targetRefs", full),
            ("EnvoyFilter", "/spec/workloadSelector", Value::Null),
        ],
    );
    assert_fields(
        ISTIO_SIDECAR,
        &json!({
            "fullnameOverride": "orders-authz",
            "okta": { "name": null, "caFile": "/etc/ca.pem" },
            "http": { "streamIdleTimeout": "12s" },
            "istio": { "ports": [8080, 9090], "selector": { "version": "1.0" }, "egress": { "create": true, "hosts": ["a/b.c", "./*"] } },
        }),
        &[
            ("WasmPlugin", "/metadata/name", json!("orders-authz")),
            ("EnvoyFilter", "/metadata/name", json!("orders-authz-guard")),
            (
                "EnvoyFilter",
                "/spec/configPatches/1/patch/value/typed_config/stream_idle_timeout",
                json!("12s"),
            ),
            ("ServiceEntry", "/metadata/name", json!("orders-authz-okta")),
            ("DestinationRule", "/spec/trafficPolicy/tls/caCertificates", json!("/etc/ca.pem")),
            ("AuthorizationPolicy", "/metadata/name", json!("orders-authz-ports")),
            ("AuthorizationPolicy", "/spec/rules/0/to/0/operation/notPorts", json!(["8080", "9090"])),
            (
                "AuthorizationPolicy",
                "/spec/rules/1/to/0/operation",
                json!({ "ports": ["8080", "9090"], "methods": ["NOT-HTTP"] }),
            ),
            (
                "AuthorizationPolicy",
                "/spec/selector/matchLabels",
                json!({ "app": "orders", "version": "1.0" }),
            ),
            ("Sidecar", "/metadata/name", json!("orders-authz")),
            ("Sidecar", "/spec/egress", json!([{ "hosts": ["a/b.c", "./*"] }])),
        ],
    );
    let resources =
        parse(&text(ISTIO_SIDECAR, &json!({ "istio": { "denyOtherPorts": false, "ports": null } })));
    assert!(resources.iter().all(|resource| resource["kind"] != "AuthorizationPolicy"));
}

#[test]
fn other_ports_open_keeps_the_rule_for_tcp() {
    let rules = json!([{ "to": [{ "operation": { "ports": ["8080", "9090"], "methods": ["NOT-HTTP"] } }] }]);
    assert_fields(
        ISTIO_SIDECAR,
        &json!({ "istio": { "denyOtherPorts": false, "ports": [8080, 9090] } }),
        &[("AuthorizationPolicy", "/spec/rules", rules)],
    );
}

#[test]
fn fail_close_reaches_its_field() {
    let values = json!({ "failStrategy": "FAIL_CLOSE" });
    assert_fields(ISTIO_GATEWAY, &values, &[("WasmPlugin", "/spec/failStrategy", json!("FAIL_CLOSE"))]);
    assert_fields(ENVOY_GATEWAY, &values, &[("EnvoyExtensionPolicy", "/spec/wasm/0/failOpen", json!(false))]);
    assert!(!text(ENVOY_GATEWAY, &values).contains("failure_policy"));
}

/// YAML reads a plain `123` or `true` as another type.
#[test]
fn name_that_yaml_could_read_as_another_type_stays_a_text() {
    let names = json!({
        "fullnameOverride": "1e3",
        "okta": { "name": "true" },
        "image": { "pullSecret": "123" },
        "istio": { "selector": { "istio": null }, "targetRefs": [{ "name": "0" }] },
        "envoyGateway": { "gateway": "123", "listeners": [{ "name": "null" }] },
    });
    assert_fields(
        ISTIO_GATEWAY,
        &names,
        &[
            ("WasmPlugin", "/metadata/name", json!("1e3")),
            ("WasmPlugin", "/spec/imagePullSecret", json!("123")),
            ("WasmPlugin", "/spec/targetRefs/0/name", json!("0")),
            ("ServiceEntry", "/metadata/name", json!("true")),
        ],
    );
    assert_fields(
        ENVOY_GATEWAY,
        &names,
        &[
            ("EnvoyExtensionPolicy", "/spec/targetRefs/0/name", json!("123")),
            ("EnvoyExtensionPolicy", "/spec/wasm/0/code/image/pullSecretRef/name", json!("123")),
            ("EnvoyPatchPolicy", "/spec/jsonPatches/0/operation/value/name", json!("true")),
            ("EnvoyPatchPolicy", "/spec/jsonPatches/1/name", json!("default/123/null")),
        ],
    );
}

/// Without the guard, `check` reports what another file must have.
#[test]
fn disabled_guard_is_reported_by_check() {
    let reason =
        json!({ "guard": { "enabled": false, "disabledReason": "EnvoyFilter/gateway-guard has it" } });
    for example in EXAMPLES {
        let rendered = text(example, &reason);
        assert!(!rendered.contains("okta_authz_guard"), "{rendered}");
        let (_, output) = check(&rendered);
        assert!(output.contains("in this file adds a guard"), "{example:?}: {output}");
    }
}

#[test]
fn disabled_path_settings_are_not_rendered() {
    for example in EXAMPLES {
        let rendered = text(example, &json!({ "http": { "create": false } }));
        for field in
            ["stream_idle_timeout", "streamIdleTimeout", "strip_trailing_host_dot", "ClientTrafficPolicy"]
        {
            assert!(!rendered.contains(field), "{example:?}: {field}");
        }
        assert!(rendered.contains("okta_authz_guard"), "{example:?}");
    }
}
