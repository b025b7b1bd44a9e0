//! The chart renders the manifests of `deploy/`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::chart::{ENVOY_GATEWAY, EXAMPLES, Example, ISTIO_GATEWAY, ISTIO_SIDECAR, helm, render};
use crate::resources::documents;

/// Returns the resources by kind and name, without the labels of the release.
fn by_name(resources: Vec<Value>) -> BTreeMap<String, Value> {
    let count = resources.len();
    let named: BTreeMap<String, Value> = resources
        .into_iter()
        .map(|mut resource| {
            resource["metadata"].as_object_mut().unwrap().remove("labels");
            (format!("{}/{}", resource["kind"], resource["metadata"]["name"]), resource)
        })
        .collect();
    assert_eq!(named.len(), count, "each resource has a name of its kind");
    named
}

fn assert_renders(example: Example, values: &Value, files: &[&str]) {
    let rendered = by_name(render(example, values));
    let expected = by_name(files.iter().flat_map(|file| documents(file)).collect());
    assert_eq!(rendered.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{files:?}");
    for (name, resource) in &expected {
        assert_eq!(rendered[name], *resource, "{files:?}: {name}");
    }
}

#[test]
fn istio_gateway_example_renders_the_manifest() {
    assert_renders(ISTIO_GATEWAY, &json!({}), &["deploy/istio/gateway.yaml"]);
}

#[test]
fn istio_sidecar_example_renders_the_manifest() {
    assert_renders(ISTIO_SIDECAR, &json!({}), &["deploy/istio/sidecar.yaml"]);
}

#[test]
fn istio_sidecar_example_with_egress_renders_the_manifests() {
    let values = json!({ "istio": { "egress": { "create": true, "name": "orders" } } });
    assert_renders(
        ISTIO_SIDECAR,
        &values,
        &["deploy/istio/sidecar.yaml", "deploy/istio/sidecar-egress.yaml"],
    );
}

#[test]
fn envoy_gateway_example_renders_the_manifest() {
    assert_renders(ENVOY_GATEWAY, &json!({}), &["deploy/envoy-gateway/policy.yaml"]);
}

#[test]
fn envoy_gateway_example_with_filter_order_renders_the_manifests() {
    let values = json!({ "envoyGateway": { "envoyProxy": { "create": true } } });
    let files = ["deploy/envoy-gateway/policy.yaml", "deploy/envoy-gateway/filter-order.yaml"];
    assert_renders(ENVOY_GATEWAY, &values, &files);
}

#[test]
fn resource_has_the_labels_of_the_release() {
    let version = env!("CARGO_PKG_VERSION");
    for example in EXAMPLES {
        for resource in render(example, &json!({})) {
            let labels = json!({
                "helm.sh/chart": format!("okta-authz-filter-{version}"),
                "app.kubernetes.io/name": "okta-authz-filter",
                "app.kubernetes.io/instance": "okta-authz",
                "app.kubernetes.io/version": version,
                "app.kubernetes.io/managed-by": "Helm",
            });
            assert_eq!(resource["metadata"]["labels"], labels, "{example:?}");
        }
    }
}

/// Two renderings with several hosts are equal, byte by byte: Go's maps have a random order.
#[test]
fn rendering_is_reproducible() {
    let provider = |host: &str| json!({ "issuer": format!("https://{host}/oauth2/a"), "audiences": ["a"] });
    let providers: BTreeMap<String, Value> =
        (0..8).map(|number| (format!("p{number}"), provider(&format!("h{number}.example")))).collect();
    let values = json!({ "config": { "providers": providers } });
    for example in EXAMPLES {
        let texts: Vec<String> = (0..3).map(|_| crate::chart::text(example, &values)).collect();
        assert!(texts.iter().all(|text| *text == texts[0]), "{example:?}");
    }
}

#[test]
fn lint_finds_nothing() {
    for example in EXAMPLES {
        let mut lint = helm();
        lint.args(["lint", "--strict", "--namespace", example.1, "--values", &example.file()]);
        let output = lint.arg(crate::chart::CHART).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("1 chart(s) linted, 0 chart(s) failed"), "{text}");
        let findings: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
        assert_eq!(findings, ["[INFO] Chart.yaml: icon is recommended"], "{example:?}");
    }
}
