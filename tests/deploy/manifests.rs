//! Kubernetes manifests: schemas of their kinds (`tests/data/crds`), configurations of the filter,
//! and parts of Envoy's configuration, which must equal the files that other tests run in an Envoy.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::root;

use super::harness::{find_values, yaml};
use super::resources::{documents, schema_violation};

/// Manifests with a configuration of the filter.
const MANIFESTS: [&str; 5] = [
    "deploy/istio/gateway.yaml",
    "deploy/istio/sidecar.yaml",
    "deploy/istio/envoyfilter.yaml",
    "deploy/envoy-gateway/policy.yaml",
    "deploy/envoy-gateway/backend.yaml",
];

/// Manifests that complete those with a configuration.
const OTHER_MANIFESTS: [&str; 3] =
    ["deploy/istio/sidecar-egress.yaml", "deploy/istio/cors.yaml", "deploy/envoy-gateway/filter-order.yaml"];

/// Runs `okta-authz check`, and returns whether it succeeded, and its output.
fn check(files: &[&str], deny_warnings: bool) -> (bool, String) {
    let options: &[&str] = if deny_warnings { &["check", "--deny-warnings"] } else { &["check"] };
    let check = test_support::okta_authz().args(options).args(files).current_dir(root()).output().unwrap();
    (check.status.success(), String::from_utf8(check.stdout).unwrap())
}

#[test]
fn resource_matches_the_schema_of_its_kind() {
    let mut kinds = BTreeSet::new();
    for file in MANIFESTS.iter().chain(&OTHER_MANIFESTS) {
        for resource in documents(file) {
            assert_eq!(schema_violation(&resource), None, "{file}: {}", resource["kind"]);
            assert!(
                resource["metadata"]["name"].is_string() && resource["metadata"]["namespace"].is_string()
            );
            kinds.insert(resource["kind"].as_str().unwrap().to_owned());
        }
    }
    let schemas: BTreeSet<String> = std::fs::read_dir(root().join("tests/data/crds"))
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, schemas, "there must be exactly one schema for each kind in the manifests");
}

#[test]
fn resource_with_an_error_violates_the_schema() {
    for (file, document, pointer, value, expected) in [
        ("istio/gateway.yaml", 0, "/spec/failStrategy", json!("FAIL_CLOSED"), "failStrategy: enum"),
        ("istio/gateway.yaml", 0, "/spec/sha256", json!("sha256:00"), "sha256: pattern"),
        ("istio/gateway.yaml", 0, "/spec/plugin_config", json!({}), "plugin_config: is not allowed"),
        ("istio/gateway.yaml", 0, "/spec/phase", json!("authn"), "phase: enum"),
        ("istio/gateway.yaml", 1, "/spec/configPatches/0/applyTo", json!("FILTER"), "applyTo: enum"),
        ("istio/gateway.yaml", 1, "/spec/configPatches/0/match/cluster", json!({}), "oneOf"),
        ("istio/gateway.yaml", 2, "/spec/ports/0/number", json!("443"), "number: type"),
        ("istio/gateway.yaml", 2, "/spec/resolution", json!("dns"), "resolution: enum"),
        ("istio/gateway.yaml", 3, "/spec/trafficPolicy/tls/mode", json!("TLS"), "mode: enum"),
        (
            "istio/gateway.yaml",
            3,
            "/spec/trafficPolicy/tls/subjectAltNames",
            json!("a"),
            "subjectAltNames: type",
        ),
        ("istio/sidecar.yaml", 4, "/spec/action", json!("REJECT"), "action: enum"),
        ("istio/sidecar.yaml", 4, "/spec/rules/0/to/0/operation/notPorts", json!(8080), "notPorts: type"),
        ("istio/sidecar-egress.yaml", 0, "/spec/egress/0/hosts", json!("./*"), "hosts: type"),
        ("envoy-gateway/filter-order.yaml", 0, "/spec/filterOrder/0/before", json!("wasm"), "before: enum"),
        ("envoy-gateway/policy.yaml", 0, "/spec/wasm/0/failopen", json!(false), "failopen: is not allowed"),
        ("envoy-gateway/policy.yaml", 0, "/spec/wasm/0/code/type", json!("OCI"), "type: enum"),
        ("envoy-gateway/policy.yaml", 1, "/spec/path/escapedSlashesAction", json!("Reject"), "enum"),
        ("envoy-gateway/policy.yaml", 2, "/spec/jsonPatches/0/type", json!("Cluster"), "type: enum"),
        ("envoy-gateway/backend.yaml", 0, "/spec/endpoints", json!([]), "endpoints: minItems"),
        ("envoy-gateway/backend.yaml", 1, "/spec/validation/hostname", json!("Acme"), "hostname: pattern"),
        ("envoy-gateway/backend.yaml", 2, "/spec/rules/0/matches/0/path/type", json!("Is"), "type: enum"),
    ] {
        let mut resource = documents(&format!("deploy/{file}"))[document].clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        resource.pointer_mut(parent).unwrap_or_else(|| panic!("{file}: {pointer}"))[name] = value;
        let violation = schema_violation(&resource).unwrap_or_default();
        assert!(violation.contains(expected), "{file}: {pointer}: {violation:?}");
    }
}

/// `okta-authz check` must report each place where the timeout for waiting requests is removed or
/// changed.
#[test]
fn idle_timeout_removed_or_changed_is_reported() {
    for (file, from, to) in [
        ("envoy.yaml", "stream_idle_timeout: 7s", "max_request_headers_kb: 60"),
        ("deploy/envoy/two-listeners.yaml", "stream_idle_timeout: 7s", "stream_idle_timeout: 0s"),
        ("deploy/envoy/ecds.yaml", "stream_idle_timeout: 7s", "stream_idle_timeout: 300s"),
        ("deploy/istio/gateway.yaml", "stream_idle_timeout: 7s", "max_request_headers_kb: 60"),
        ("deploy/istio/sidecar.yaml", "stream_idle_timeout: 7s", "stream_idle_timeout: 0s"),
        ("deploy/istio/envoyfilter.yaml", "stream_idle_timeout: 7s", "max_request_headers_kb: 60"),
        ("deploy/envoy-gateway/policy.yaml", "streamIdleTimeout: 7s", "idleTimeout: 7s"),
        ("book/examples/istio-after.yaml", "stream_idle_timeout: 7s", "stream_idle_timeout: 3s"),
        ("book/examples/jwt-authn-after.yaml", "stream_idle_timeout: 7s", "stream_idle_timeout: 60s"),
        ("book/examples/tutorial.yaml", "stream_idle_timeout: 7s", "max_request_headers_kb: 60"),
    ] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(from), "{file}");
        let reports = |text: &str| {
            let path = test_support::scratch("manifests").join("timeout.yaml");
            std::fs::write(&path, text).unwrap();
            check(&[path.to_str().unwrap()], false)
                .1
                .to_ascii_lowercase()
                .replace('_', "")
                .matches("streamidletimeout")
                .count()
        };
        assert_eq!(reports(&text), 0, "{file}");
        assert_eq!(reports(&text.replace(from, to)), text.matches(from).count(), "{file}");
    }
}

#[test]
fn configuration_in_every_file_is_accepted() {
    let envoy_files = [
        "deploy/envoy/two-listeners.yaml",
        "deploy/envoy/ecds.yaml",
        "deploy/envoy/ecds-okta-authz.yaml",
        "deploy/envoy/route-policies.yaml",
    ];
    let files: Vec<&str> = MANIFESTS.into_iter().chain(envoy_files).collect();
    let (succeeded, output) = check(&files, false);
    assert!(succeeded, "{output}");
    assert_eq!(
        output.matches("ok: 1 provider").count(),
        files.len(),
        "one configuration in each file; none in ecds.yaml and two in two-listeners.yaml: {output}"
    );
    assert!(
        output.contains("from the file deploy/envoy/ecds-okta-authz.yaml (ECDS): check it separately"),
        "{output}"
    );
    let warnings: Vec<&str> = output.lines().filter(|line| line.contains("warning:")).collect();
    assert_eq!(warnings, [""; 0]);
    let notes = output.lines().filter(|line| line.contains("sha256: is not set")).count();
    assert_eq!(notes, 4, "one note for each module in an image: {output}");
}

/// The manifests name the image that `make push REGISTRY=registry.example.com/team` pushes.
#[test]
fn image_reference_names_the_registry_of_the_examples_and_the_version() {
    let image = format!("registry.example.com/team/{}:{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    for file in ["istio/gateway.yaml", "istio/sidecar.yaml"] {
        let plugin = &documents(&format!("deploy/{file}"))[0]["spec"];
        assert_eq!(plugin["url"], format!("oci://{image}"), "{file}");
    }
    for (file, document) in [("envoy-gateway/policy.yaml", 0), ("envoy-gateway/backend.yaml", 3)] {
        let policy = &documents(&format!("deploy/{file}"))[document]["spec"];
        assert_eq!(policy["wasm"][0]["code"]["image"]["url"], image, "{file}");
    }
}

#[test]
fn configuration_with_unknown_field_is_rejected() {
    for file in MANIFESTS {
        let path = test_support::scratch("manifests").join("unknown-field.yaml");
        let text = std::fs::read_to_string(root().join(file)).unwrap().replace("requires:", "require:");
        std::fs::write(&path, text).unwrap();
        let (succeeded, output) = check(&[path.to_str().unwrap()], true);
        assert!(!succeeded && output.contains("unknown field `require`"), "{file}: {output}");
    }
}

/// Guard, cluster and capability list are copies of configurations that tests run in an Envoy.
#[test]
fn guard_cluster_and_capabilities_are_equal_in_all_files() {
    let reference = yaml("deploy/envoy/two-listeners.yaml");
    let named = |documents: &[Value], name: &str| -> Vec<Value> {
        let has_name = |value: &Value| value["name"] == name && value.get("operation").is_none();
        find_values(documents, &has_name).into_iter().cloned().collect()
    };
    let guard = named(std::slice::from_ref(&reference), "okta-authz-guard")[0].clone();
    // The alert OktaAuthzNotInChain selects the guard by this prefix.
    let prefix = guard["typed_config"]["rules_stat_prefix"].as_str().unwrap();
    let alerts = std::fs::read_to_string(root().join("deploy/monitoring/alerts.yml")).unwrap();
    assert!(alerts.contains(&format!("envoy_http_rbac_denied{{envoy_rbac_http_prefix=\"{prefix}\"}}")));
    for file in ["deploy/envoy/two-listeners.yaml", "deploy/envoy/ecds.yaml"].iter().chain(&MANIFESTS[..4]) {
        let guards = named(&documents(file), "okta-authz-guard");
        let guards: Vec<&Value> = guards.iter().filter(|guard| guard.get("typed_config").is_some()).collect();
        assert!(!guards.is_empty(), "{file}");
        assert!(guards.iter().all(|other| **other == guard), "{file}: {guards:?}");
    }

    let cluster = reference["static_resources"]["clusters"][1].clone();
    let policy = documents("deploy/envoy-gateway/policy.yaml");
    assert_eq!(policy[2]["spec"]["jsonPatches"][0]["operation"]["value"], cluster);
    assert_eq!(yaml("deploy/envoy/ecds.yaml")["static_resources"]["clusters"][1], cluster);

    let filter =
        documents("deploy/istio/envoyfilter.yaml")[0]["spec"]["configPatches"][0]["patch"]["value"].clone();
    assert_eq!(
        filter["typed_config"]["config"]["capability_restriction_config"],
        yaml("deploy/envoy/capabilities.yaml")["capability_restriction_config"]
    );
}

/// The filter uses the cluster that Istio creates for the ServiceEntry, and TLS is for that host.
#[test]
fn okta_host_is_equal_in_all_resources() {
    for file in ["deploy/istio/gateway.yaml", "deploy/istio/sidecar.yaml", "book/examples/istio-after.yaml"] {
        let documents = documents(file);
        let of =
            |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap()["spec"].clone();
        let (plugin, entry, rule) = (of("WasmPlugin"), of("ServiceEntry"), of("DestinationRule"));
        let provider = &plugin["pluginConfig"]["providers"]["okta"];
        let host = entry["hosts"][0].as_str().unwrap();
        let cluster = format!("outbound|{}||{host}", entry["ports"][0]["number"]);
        assert_eq!(provider["remote_jwks"]["cluster"], cluster, "{file}");
        assert!(provider["issuer"].as_str().unwrap().starts_with(&format!("https://{host}/")), "{file}");
        assert_eq!(entry["ports"][0]["protocol"], "HTTP", "{file}: the DestinationRule adds TLS");
        let tls = &rule["trafficPolicy"]["tls"];
        assert_eq!(
            (&rule["host"], &tls["sni"], &tls["subjectAltNames"]),
            (&json!(host), &json!(host), &json!([host]))
        );
        assert!(tls["caCertificates"].is_string() && tls["mode"] == "SIMPLE", "{file}");
    }
    let backend = documents("deploy/envoy-gateway/backend.yaml");
    let route = &backend[2]["metadata"];
    let cluster = format!(
        "httproute/{}/{}/rule/0",
        route["namespace"].as_str().unwrap(),
        route["name"].as_str().unwrap()
    );
    assert_eq!(
        backend[3]["spec"]["wasm"][0]["config"]["providers"]["okta"]["remote_jwks"]["cluster"],
        cluster
    );
    assert_eq!(
        backend[1]["spec"]["validation"]["hostname"],
        backend[0]["spec"]["endpoints"][0]["fqdn"]["hostname"]
    );
}
