//! `okta-authz check`: CORS policies with DPoP.

use serde_json::{Value, json};

use super::findings::{findings, text, yaml};
use super::hosts::{assert_warns, document, manager, plugin};

const POLICY: &str = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";

/// Returns `envoy.yaml` with a CORS policy of these headers.
fn with_cors(dpop: Value, allowed: &str, exposed: &str) -> Value {
    let mut document = document("envoy.yaml");
    if !dpop.is_null() {
        plugin(&mut document)["dpop"] = dpop;
    }
    let policy = json!({ "@type": POLICY, "allow_headers": allowed, "expose_headers": exposed });
    let route = &mut manager(&mut document)["route_config"]["virtual_hosts"][0];
    route["domains"] = json!(["api.example.com"]);
    route["typed_per_filter_config"] = json!({ "envoy.filters.http.cors": policy });
    document
}

#[test]
fn check_cors_policy_without_the_headers_of_dpop_is_a_warning() {
    let at = "typed_per_filter_config.envoy.filters.http.cors";
    let allow = format!("{at}.allow_headers: lacks `dpop`, which");
    let both = format!("{at}.allow_headers: lacks `authorization` and `dpop`, which");
    let expose = format!("{at}.expose_headers: lacks `www-authenticate`, which");
    let nonce = format!("{at}.expose_headers: lacks `dpop-nonce`, which");
    let (on, nonces) = (json!({}), json!({ "nonce": {} }));
    let cases: [(&Value, &str, &str, &[&str]); 8] = [
        (&Value::Null, "authorization", "", &[]),
        (&on, "authorization, content-type", "www-authenticate", &[&allow]),
        (&on, "", "", &[&both, &expose]),
        (&on, "Authorization,DPoP", "WWW-Authenticate", &[]),
        (&on, "*", "*", &[]),
        (&nonces, "authorization,dpop", "WWW-Authenticate", &[&nonce]),
        (&nonces, "authorization,dpop", "WWW-Authenticate, DPoP-Nonce", &[]),
        (&nonces, "authorization,x-dpop", "www-authenticate,dpop-nonce", &[&allow]),
    ];
    for (number, (dpop, allowed, exposed, expected)) in cases.into_iter().enumerate() {
        assert_warns(&format!("cors-{number}"), &with_cors(dpop.clone(), allowed, exposed), expected);
    }
}

/// Adds `dpop` to the configuration in a manifest, and a resource with a CORS policy.
fn manifest_with_cors(file: &str, configuration: &str, dpop: &Value, resource: Value) -> Vec<Value> {
    let mut documents = yaml(file);
    if !dpop.is_null() {
        documents[0].pointer_mut(configuration).unwrap()["dpop"] = dpop.clone();
    }
    documents.push(resource);
    documents
}

/// Returns a `VirtualService` of Istio whose second route has this CORS policy.
fn virtual_service(policy: &Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "api", "namespace": "istio-ingress" },
        "spec": { "hosts": ["api.example.com"], "http": [
            { "route": [{ "destination": { "host": "health" } }] },
            { "corsPolicy": policy, "route": [{ "destination": { "host": "api" } }] },
        ] },
    })
}

/// Returns a `SecurityPolicy` of Envoy Gateway with this CORS policy.
fn security_policy(policy: &Value) -> Value {
    let target = json!([{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "api" }]);
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "SecurityPolicy",
        "metadata": { "name": "cors", "namespace": "default" },
        "spec": { "targetRefs": target, "cors": policy },
    })
}

#[test]
fn check_cors_policy_of_a_mesh_without_the_headers_of_dpop_is_a_warning() {
    let istio = ("deploy/istio/gateway.yaml", "/spec/pluginConfig", "http[1].corsPolicy");
    let gateway = ("deploy/envoy-gateway/policy.yaml", "/spec/wasm/0/config", "spec.cors");
    let (on, nonces) = (json!({}), json!({ "nonce": {} }));
    let (dpop, authorization) = ("allowHeaders: lacks `dpop`, which", "`authorization` and `dpop`, which");
    let (challenge, nonce) = ("exposeHeaders: lacks `www-authenticate`", "exposeHeaders: lacks `dpop-nonce`");
    let cases: [(&Value, Value, Value, &[&str]); 8] = [
        (&Value::Null, json!(["authorization"]), json!([]), &[]),
        (&on, json!(["authorization", "content-type"]), json!(["www-authenticate"]), &[dpop]),
        (&on, json!([]), json!([]), &[authorization, challenge]),
        (&on, Value::Null, Value::Null, &[authorization, challenge]),
        (&on, json!(["Authorization", "DPoP"]), json!(["WWW-Authenticate"]), &[]),
        (&on, json!(["*"]), json!(["*"]), &[]),
        (&nonces, json!(["authorization", "dpop"]), json!(["WWW-Authenticate"]), &[nonce]),
        (&nonces, json!(["authorization", "dpop"]), json!(["www-authenticate", "DPoP-Nonce"]), &[]),
    ];
    for (file, configuration, at) in [istio, gateway] {
        for (number, (dpop, allowed, exposed, expected)) in cases.iter().enumerate() {
            let mut policy = json!({ "allowOrigins": ["https://app.example.com"] });
            for (field, names) in [("allowHeaders", allowed), ("exposeHeaders", exposed)] {
                if !names.is_null() {
                    policy[field] = names.clone();
                }
            }
            let resource = if at == istio.2 { virtual_service(&policy) } else { security_policy(&policy) };
            let documents = manifest_with_cors(file, configuration, dpop, resource);
            let found = findings(&format!("mesh-cors-{at}-{number}"), &text(&documents));
            assert!(found.errors.is_empty(), "{at} {number}: {:?}", found.errors);
            let warnings: Vec<_> =
                found.warnings.iter().filter(|warning| warning.contains("for DPoP")).collect();
            let is_expected =
                |(part, warning): (&&str, &&String)| warning.contains(at) && warning.contains(part);
            let all = expected.iter().zip(warnings.iter()).all(is_expected);
            assert!(all && warnings.len() == expected.len(), "{at} {number}: {warnings:?}");
        }
    }
}
