//! HBONE, the tunnels of ambient mode, to a sidecar.

use serde_json::Value;

use super::harness::{UPDATE_TIMEOUT, manifest, mesh, wait_until};
use super::workload::{DECLARED, Workload};

/// Returns the names of the HTTP filters of a listener that istiod generates for a proxy.
fn http_filters(proxy: &str, listener: &str) -> Vec<String> {
    let dump = mesh().istio.debug(&format!("/debug/config_dump?proxyID={proxy}"));
    // istiod responds with a text until the proxy has connected.
    let dump: Value = serde_json::from_str(&dump).unwrap_or_default();
    let mut names = Vec::new();
    collect(&dump, listener, false, &mut names);
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

#[test]
fn tunnel_listener_has_no_guard() {
    let manifest = manifest("sidecar.yaml", "tunnels");
    let hbone = [("ISTIO_META_ENABLE_HBONE", "true")];
    let workload = Workload::create("tunnels", &manifest, DECLARED, &hbone);
    wait_until(UPDATE_TIMEOUT, || !http_filters("orders.tunnels", "connect_terminate").is_empty());
    let outer = http_filters("orders.tunnels", "connect_terminate");
    let inner = http_filters("orders.tunnels", "main_internal");
    println!("{outer:?}\n{inner:?}");
    assert!(!outer.is_empty() && !outer.contains(&"okta-authz-guard".to_owned()), "{outer:?}");
    assert!(inner.contains(&"okta-authz-guard".to_owned()), "{inner:?}");
    for line in workload.proxy.log().lines().filter(|line| line.contains("rejected")) {
        println!("{line}");
    }
}
