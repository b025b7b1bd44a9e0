//! The packaged chart, alone and as a dependency.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::chart::{CHART, ISTIO_GATEWAY, helm, render, render_chart};
use crate::resources::parse;

/// Packages the chart into a directory of the tests, and returns the path of the archive.
fn package(name: &str) -> PathBuf {
    let directory = test_support::scratch("helm").join(name);
    let output = helm().args(["package", CHART, "--destination"]).arg(&directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    directory.join(format!("okta-authz-filter-{}.tgz", env!("CARGO_PKG_VERSION")))
}

#[test]
fn packaged_chart_renders_as_the_directory() {
    let archive = package("package");
    let rendered = render_chart(&archive, ISTIO_GATEWAY.1, &ISTIO_GATEWAY.with(&json!({}))).unwrap();
    assert_eq!(parse(&rendered), render(ISTIO_GATEWAY, &json!({})));
}

/// Helm adds `global` to the values of a dependency.
#[test]
fn chart_renders_as_a_dependency() {
    let parent = test_support::scratch("helm").join("parent");
    let archive = package("parent/charts");
    fs::write(parent.join("Chart.yaml"), "{ apiVersion: v2, name: parent, version: 1.0.0 }\n").unwrap();
    assert!(archive.is_file());
    let values = json!({ "global": { "team": "a" }, "okta-authz-filter": ISTIO_GATEWAY.with(&json!({})) });
    let rendered = render_chart(&parent, ISTIO_GATEWAY.1, &values).unwrap();
    assert_eq!(parse(&rendered), render(ISTIO_GATEWAY, &json!({})));
}
