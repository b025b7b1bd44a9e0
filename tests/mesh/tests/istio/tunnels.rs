//! HBONE, the tunnels of ambient mode, to a sidecar.

use okta_authz_mesh::manifest::Manifest;
use serde_json::Value;

use super::harness::{UPDATE_TIMEOUT, manifest, wait_until};
use super::workload::{DECLARED, Workload};

/// Returns the names of the HTTP filters of a listener that istiod sent, also if Envoy rejected it:
/// an upstream Envoy does not have all filters of `connect_terminate`.
fn http_filters(workload: &Workload, listener: &str) -> Vec<String> {
    let mut names = Vec::new();
    collect(&workload.proxy.config_dump(), listener, false, &mut names);
    names
}

fn collect(value: &Value, listener: &str, inside: bool, names: &mut Vec<String>) {
    let inside = inside || (value["name"] == listener && value["filter_chains"].is_array());
    if inside && let Some(filters) = value["http_filters"].as_array() {
        names.extend(filters.iter().filter_map(|filter| filter["name"].as_str().map(str::to_owned)));
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, listener, inside, names)),
        Value::Object(members) => members.values().for_each(|value| collect(value, listener, inside, names)),
        _ => {}
    }
}

/// Starts a workload whose sidecar accepts tunnels, and returns the filters of the listener that
/// ends tunnels and of the listener for the requests in them.
fn filters(namespace: &str, manifest: &Manifest) -> (Vec<String>, Vec<String>) {
    let hbone = [("ISTIO_META_ENABLE_HBONE", "true")];
    let workload = Workload::create(namespace, manifest, DECLARED, &hbone);
    let connected = || workload.proxy.try_admin("/ready").is_some();
    wait_until(UPDATE_TIMEOUT, connected);
    wait_until(UPDATE_TIMEOUT, || !http_filters(&workload, "main_internal").is_empty());
    (http_filters(&workload, "connect_terminate"), http_filters(&workload, "main_internal"))
}

#[test]
fn tunnel_listener_has_no_guard_and_requests_in_tunnels_have_one() {
    let guard = "okta-authz-guard".to_owned();
    let (outer, inner) = filters("tunnels", &manifest("sidecar.yaml", "tunnels"));
    assert!(!outer.is_empty() && !outer.contains(&guard), "{outer:?}");
    assert!(inner.contains(&guard), "{inner:?}");
    assert!(inner.iter().any(|name| name.starts_with("extensions.istio.io/")), "{inner:?}");

    // Control: without the patches, the guard would deny every tunnel.
    let text = manifest("sidecar.yaml", "tunnels-denied").text().to_owned();
    let (before, rest) = text.split_once("    # With ambient mode").unwrap();
    let (_, after) = rest.split_once("\n---\n").unwrap();
    let unpatched = Manifest::of(format!("{before}---\n{after}"));
    let (outer, inner) = filters("tunnels-denied", &unpatched);
    assert!(outer.contains(&guard) && inner.contains(&guard), "{outer:?} {inner:?}");
    assert!(!outer.iter().any(|name| name.starts_with("extensions.istio.io/")), "{outer:?}");
}
