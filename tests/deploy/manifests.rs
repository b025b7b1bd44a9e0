//! Manifests fit the schemas of their kinds (tests/data/crds), every configuration in them is one for the filter, and what they add to
//! Envoy's own configuration is what an Envoy runs on elsewhere in these tests.

use std::collections::BTreeSet;

use jsonschema::error::ValidationErrorKind;
use serde_json::{Value, json};
use test_support::root;

use super::scene::yaml;

const MANIFESTS: [&str; 5] = [
    "deploy/istio/gateway.yaml",
    "deploy/istio/sidecar.yaml",
    "deploy/istio/envoyfilter.yaml",
    "deploy/envoy-gateway/policy.yaml",
    "deploy/envoy-gateway/backend.yaml",
];

fn documents(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&std::fs::read_to_string(root().join(file)).unwrap()).expect(file)
}

/// Returns the first violation of the schema of the resource's kind: the path of the field and the
/// keyword of the schema.
fn wrong(resource: &Value) -> Option<String> {
    let kind = resource["kind"].as_str().expect("a kind");
    let text = std::fs::read_to_string(root().join(format!("tests/data/crds/{kind}.json"))).expect(kind);
    let schema: Value = serde_json::from_str(&text).unwrap();
    let error = jsonschema::validate(&schema, resource).err()?;
    // The error of `additionalProperties` has the path of the object.
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        return Some(format!("{}/{}: is not allowed", error.instance_path(), unexpected.join(", ")));
    }
    let keyword = error.schema_path().to_string();
    let keyword = keyword.rsplit('/').next()?;
    Some(format!("{}: {keyword}: {error}", error.instance_path()))
}

fn check(files: &[&str], deny_warnings: bool) -> (bool, String) {
    let options: &[&str] = if deny_warnings { &["check", "--deny-warnings"] } else { &["check"] };
    let check = test_support::okta_authz().args(options).args(files).current_dir(root()).output().unwrap();
    (check.status.success(), String::from_utf8(check.stdout).unwrap())
}

#[test]
fn every_resource_fits_the_schema_of_its_kind() {
    let mut kinds = BTreeSet::new();
    for file in MANIFESTS {
        for resource in documents(file) {
            assert_eq!(wrong(&resource), None, "{file}: {}", resource["kind"]);
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
    assert_eq!(kinds, schemas, "a schema for each kind, and none that nothing needs");
}

#[test]
fn and_with_a_slip_it_does_not() {
    for (file, document, pointer, value, says) in [
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
        ("istio/sidecar.yaml", 4, "/spec/egress/0/hosts", json!("./*"), "hosts: type"),
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
        let told = wrong(&resource).unwrap_or_default();
        assert!(told.contains(says), "{file}: {pointer}: {told:?}");
    }
}

/// What `check` says where the bound on held requests is taken away or switched off.
#[test]
fn timeout_for_held_requests_is_in_every_chain() {
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
        let told = |text: &str| {
            let changed = test_support::scratch("manifests").join("timeout.yaml");
            std::fs::write(&changed, text).unwrap();
            check(&[changed.to_str().unwrap()], false)
                .1
                .to_ascii_lowercase()
                .replace('_', "")
                .matches("streamidletimeout")
                .count()
        };
        assert_eq!(told(&text), 0, "{file}");
        assert_eq!(told(&text.replace(from, to)), text.matches(from).count(), "{file}");
    }
}

#[test]
fn every_configuration_is_one_for_the_filter() {
    let envoys = [
        "deploy/envoy/two-listeners.yaml",
        "deploy/envoy/ecds.yaml",
        "deploy/envoy/ecds-okta-authz.yaml",
        "deploy/envoy/route-policies.yaml",
    ];
    let files: Vec<&str> = MANIFESTS.into_iter().chain(envoys).collect();
    let (good, told) = check(&files, false);
    assert!(good, "{told}");
    assert_eq!(
        told.matches("ok: 1 provider").count(),
        files.len(),
        "one in each but the one that has it by ECDS, and two listeners: {told}"
    );
    assert!(
        told.contains("from the file deploy/envoy/ecds-okta-authz.yaml (ECDS): check that, too"),
        "{told}"
    );
    let warnings: Vec<&str> = told.lines().filter(|line| line.contains("warning:")).collect();
    assert_eq!(warnings, [""; 0]);
    let notes = told.lines().filter(|line| line.contains("sha256: is not set")).count();
    assert_eq!(notes, 4, "where the module is an image: {told}");
}

/// What the release workflow pushes, and how the manifests name it; `OWNER`, in capitals, is a name that no registry takes.
#[test]
fn the_image_is_the_releases() {
    let workflow = std::fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    assert!(workflow.contains("IMAGE: ghcr.io/${{ github.repository }}\n"), "{workflow}");
    let image = format!("ghcr.io/OWNER/{}:{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
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
fn and_with_a_slip_it_is_none() {
    for file in MANIFESTS {
        let broken = test_support::scratch("manifests").join("broken.yaml");
        let text = std::fs::read_to_string(root().join(file)).unwrap().replace("requires:", "require:");
        std::fs::write(&broken, text).unwrap();
        let (good, told) = check(&[broken.to_str().unwrap()], true);
        assert!(!good && told.contains("unknown field `require`"), "{file}: {told}");
    }
}

/// Every object in these documents for which this holds.
fn all<'a>(value: &'a Value, is: &dyn Fn(&Value) -> bool, found: &mut Vec<&'a Value>) {
    if is(value) {
        found.push(value);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| all(item, is, found)),
        Value::Object(members) => members.values().for_each(|member| all(member, is, found)),
        _ => {}
    }
}

/// Guard, cluster and list are copies of what an Envoy runs on in these tests.
#[test]
fn what_is_envoys_own_is_the_same_everywhere() {
    let reference = yaml("deploy/envoy/two-listeners.yaml");
    let named = |value: &Value, name: &str| value["name"] == name && value.get("operation").is_none();
    let only = |documents: &[Value], name: &str| -> Vec<Value> {
        let mut found = Vec::new();
        documents.iter().for_each(|document| all(document, &|value| named(value, name), &mut found));
        found.into_iter().cloned().collect()
    };
    let guard = only(std::slice::from_ref(&reference), "okta-authz-guard")[0].clone();
    for file in ["deploy/envoy/two-listeners.yaml", "deploy/envoy/ecds.yaml"].iter().chain(&MANIFESTS[..4]) {
        let guards = only(&documents(file), "okta-authz-guard");
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

/// The cluster that Istio makes of the ServiceEntry is the one that the filter asks through, and TLS is for that host.
#[test]
fn the_way_to_okta_is_the_same_in_all_resources() {
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
