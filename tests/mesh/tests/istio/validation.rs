//! `istioctl` and `okta-authz check` on the manifests, and the kind `TrafficExtension`.

use std::path::PathBuf;
use std::process::Command;

use okta_authz_mesh::manifest::Manifest;
use okta_authz_mesh::tool;
use serde_json::json;
use test_support::client::get;

use super::harness::{Gateway, manifest, reader};

/// The manifests of `deploy/istio` but for stats.yaml, which is a patch of a Deployment.
const MANIFESTS: [&str; 5] =
    ["gateway.yaml", "sidecar.yaml", "sidecar-egress.yaml", "envoyfilter.yaml", "cors.yaml"];
/// What `istioctl` says about every `EnvoyFilter`.
const ENVOY_FILTER: &str = "EnvoyFilter exposes internal implementation details";

fn path(file: &str) -> PathBuf {
    test_support::root().join("deploy/istio").join(file)
}

/// Runs a command, and returns whether it succeeded and its output.
fn output(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn istioctl_validate_and_analyze_find_only_the_envoy_filters() {
    let files = std::fs::read_dir(path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(files.len(), MANIFESTS.len() + 1, "the test covers every file: {files:?}");
    for file in MANIFESTS {
        let (succeeded, text) =
            output(Command::new(tool("istioctl")).args(["validate", "-f"]).arg(path(file)));
        assert!(succeeded, "{file}: {text}");
        let findings = text.lines().filter(|line| line.trim_start().starts_with('*'));
        for finding in findings {
            assert!(finding.contains(ENVOY_FILTER), "{file}: {finding}");
        }
        let mut analyze = Command::new(tool("istioctl"));
        let (_, text) =
            output(analyze.args(["analyze", "--use-kube=false", "--all-namespaces"]).arg(path(file)));
        for finding in text.lines().filter(|line| line.contains("[IST")) {
            assert!(finding.contains(ENVOY_FILTER), "{file}: {finding}");
        }
    }
}

#[test]
fn check_reports_configuration_that_the_proxy_rejects() {
    let folder = okta_authz_mesh::folder("check");
    let check = |name: &str, manifest: &Manifest| {
        let file = folder.join(name);
        std::fs::write(&file, manifest.text()).unwrap();
        output(test_support::okta_authz().args(["check", "--deny-warnings"]).arg(file))
    };
    for file in ["gateway.yaml", "sidecar.yaml"] {
        let (succeeded, text) = check(file, &manifest(file, "check"));
        assert!(succeeded, "{file}: {text}");
    }
    // The configurations of the tests in `guard` and `updates`.
    let valid = manifest("gateway.yaml", "check");
    for (from, to, expected) in [
        ("audiences: [", "audience: [", "providers.okta.audience: unknown field `audience`"),
        ("public: true", "publik: true", "rules[0].publik: unknown field `publik`"),
    ] {
        let (succeeded, text) = check("invalid.yaml", &valid.clone().replace(from, to));
        assert!(!succeeded && text.contains(expected), "{text}");
    }
}

#[test]
fn traffic_extension_works_like_wasm_plugin() {
    let namespace = "traffic-extension";
    let plugin = manifest("gateway.yaml", namespace).only("WasmPlugin").resources().remove(0);
    let (mut spec, mut wasm) = (json!({}), json!({}));
    for (name, value) in plugin["spec"].as_object().unwrap() {
        let target =
            if ["selector", "phase", "match"].contains(&name.as_str()) { &mut spec } else { &mut wasm };
        target[name] = value.clone();
    }
    spec["wasm"] = wasm;
    let extension = json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "TrafficExtension",
        "metadata": plugin["metadata"],
        "spec": spec,
    });
    let manifest = manifest("gateway.yaml", namespace).without("WasmPlugin").and(&extension.to_string());
    let gateway = Gateway::start_with(namespace, &manifest);
    gateway.expect(&get("/orders"), "TrafficExtension, no token", 401, "token_missing");
    gateway.expect(&get("/orders").bearer(reader()), "TrafficExtension, a token", 200, "");
    gateway.expect(&get("/healthz"), "TrafficExtension, no token", 200, "");
}
