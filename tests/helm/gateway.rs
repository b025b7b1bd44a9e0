//! The values of Envoy Gateway: listeners, and the fields of its resources.

use serde_json::{Value, json};

use crate::chart::{ENVOY_GATEWAY, text};
use crate::platforms::assert_fields;
use crate::resources::parse;

/// Returns the xDS listeners to which the patches add a guard.
fn guarded(changes: &Value) -> Vec<String> {
    let resources = parse(&text(ENVOY_GATEWAY, changes));
    let patches =
        crate::chart::of_kind(&resources, "EnvoyPatchPolicy")["spec"]["jsonPatches"].as_array().unwrap();
    let guards = patches.iter().filter(|patch| patch["operation"]["value"]["name"] == "okta-authz-guard");
    guards.map(|patch| patch["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_listener_of_envoy_gateway_gets_a_guard() {
    let listeners = |listeners: Value| json!({ "envoyGateway": { "listeners": listeners } });
    let two = listeners(json!([{ "name": "http" }, { "name": "https", "http3": true }]));
    assert_eq!(guarded(&two), ["default/eg/http", "default/eg/https", "default/eg/https-quic"]);
    let timeout = json!({ "http": { "streamIdleTimeout": "7s" } });
    assert_fields(
        ENVOY_GATEWAY,
        &two,
        &[
            ("ClientTrafficPolicy", "/spec/http3", json!({})),
            ("ClientTrafficPolicy", "/spec/timeout", timeout),
        ],
    );
    assert_fields(ENVOY_GATEWAY, &json!({}), &[("ClientTrafficPolicy", "/spec/http3", Value::Null)]);

    let mut ports =
        listeners(json!([{ "name": "http", "port": 80 }, { "name": "https", "port": 443, "http3": true }]));
    ports["envoyGateway"]["xdsNameScheme"] = json!("V2");
    assert_eq!(guarded(&ports), ["tcp-80", "tcp-443", "udp-443"]);
}

#[test]
fn envoy_gateway_values_reach_their_fields() {
    let target =
        |kind: &str, name: &str| json!({ "group": "gateway.networking.k8s.io", "kind": kind, "name": name });
    let order = json!([{ "name": "envoy.filters.http.wasm", "after": "envoy.filters.http.cors" }]);
    assert_fields(
        ENVOY_GATEWAY,
        &json!({
            "fullnameOverride": "authz",
            "okta": { "name": null, "caFile": "/etc/ca.pem" },
            "http": { "streamIdleTimeout": "10s" },
            "envoyGateway": {
                "gateway": "public",
                "mergedGatewayClass": "merged",
                "envoyProxy": { "create": true, "name": "proxy", "filterOrder": order },
            },
        }),
        &[
            ("EnvoyExtensionPolicy", "/metadata/name", json!("authz")),
            ("EnvoyExtensionPolicy", "/spec/targetRefs", json!([target("Gateway", "public")])),
            (
                "EnvoyExtensionPolicy",
                "/spec/wasm/0/config/providers/okta/remote_jwks/cluster",
                json!("authz-okta"),
            ),
            ("ClientTrafficPolicy", "/spec/targetRefs", json!([target("Gateway", "public")])),
            ("ClientTrafficPolicy", "/spec/timeout/http/streamIdleTimeout", json!("10s")),
            ("EnvoyPatchPolicy", "/metadata/name", json!("authz-okta")),
            ("EnvoyPatchPolicy", "/spec/targetRef", target("GatewayClass", "merged")),
            ("EnvoyPatchPolicy", "/spec/jsonPatches/0/name", json!("authz-okta")),
            ("EnvoyPatchPolicy", "/spec/jsonPatches/1/name", json!("default/public/http")),
            (
                "EnvoyPatchPolicy",
                "/spec/jsonPatches/2/operation/jsonPath",
                json!(
                    "..http_filters[?(@.name=='envoy.filters.http.wasm/envoyextensionpolicy/default/authz/wasm/0')].typed_config.config"
                ),
            ),
            ("EnvoyProxy", "/metadata/name", json!("proxy")),
            ("EnvoyProxy", "/spec/filterOrder", order.clone()),
        ],
    );
}
