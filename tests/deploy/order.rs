//! Manifests in which the order of the entries matters.

use serde_json::{Value, json};

use super::manifests::documents;

/// The patches of `sidecar.yaml` for the listener that ends tunnels are after those for all inbound
/// listeners: Istio applies patches in order.
#[test]
fn sidecar_patches_leave_the_tunnel_listener_unchanged() {
    let documents = documents("deploy/istio/sidecar.yaml");
    let patches = documents[1]["spec"]["configPatches"].as_array().unwrap();
    let is_for_tunnels = |patch: &&Value| patch["match"]["listener"]["name"] == "connect_terminate";
    let (general, tunnels) =
        patches.split_at(patches.iter().position(|patch| is_for_tunnels(&patch)).unwrap());
    assert!(tunnels.iter().all(|patch| is_for_tunnels(&patch)) && general.len() == tunnels.len());
    let (guard, removal) = (&general[0]["patch"], &tunnels[0]);
    assert_eq!(removal["patch"], json!({ "operation": "REMOVE" }));
    let removed = &removal["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"];
    assert_eq!(*removed, guard["value"]["name"]);
    assert_eq!(tunnels[1]["patch"]["value"]["typed_config"]["stream_idle_timeout"], "0s");
}

/// Envoy Gateway applies the entries in order, and each moves the wasm filter: the filter that runs
/// first by default is the last one that it moves before.
#[test]
fn filter_order_names_the_filters_from_the_last_to_the_first() {
    let order = documents("deploy/envoy-gateway/filter-order.yaml")[0]["spec"]["filterOrder"].clone();
    let entries: Vec<(&str, &str)> = order
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap(), entry["before"].as_str().unwrap()))
        .collect();
    let filter = |name: &str| format!("envoy.filters.http.{name}");
    let (last, first) = entries.split_last().unwrap();
    assert_eq!((last.0, last.1), (filter("oauth2").as_str(), filter("wasm").as_str()));
    assert!(first.iter().all(|(name, _)| *name == filter("wasm")));
    let before: Vec<&str> = first.iter().map(|(_, before)| *before).collect();
    let expected = ["ext_proc", "lua", "jwt_authn", "basic_auth", "api_key_auth", "ext_authz"].map(filter);
    assert_eq!(before, expected);
}
