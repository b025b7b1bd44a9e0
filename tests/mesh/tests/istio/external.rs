//! An external authorization service (`AuthorizationPolicy` with `action: CUSTOM`) beside the filter.

use std::sync::OnceLock;

use okta_authz_mesh::authorization_service::AuthorizationService;
use test_support::client::get;

use super::harness::{Gateway, apply, manifest, reader};

/// Returns the service. The first call starts it and makes it known to the mesh.
fn service() -> &'static AuthorizationService {
    static SERVICE: OnceLock<AuthorizationService> = OnceLock::new();
    SERVICE.get_or_init(|| {
        apply(
            r"apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: external, namespace: istio-system }
spec:
  hosts: [external.test]
  resolution: STATIC
  ports: [{ number: 9191, name: http, protocol: HTTP }]
  endpoints: [{ address: 10.96.0.13 }]
",
        );
        AuthorizationService::start()
    })
}

fn policy(namespace: &str) -> String {
    format!(
        r"apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{ name: external, namespace: {namespace} }}
spec:
  selector: {{ matchLabels: {{ istio: {namespace} }} }}
  action: CUSTOM
  provider: {{ name: external }}
  rules: [{{}}]
"
    )
}

#[test]
fn external_service_is_called_before_wasm_plugin() {
    let service = service();
    let gateway =
        Gateway::start_with("external", &manifest("gateway.yaml", "external").and(&policy("external")));
    gateway.expect(&get("/orders?plugin=none"), "CUSTOM, no token", 401, "token_missing");
    assert_eq!(service.requests("plugin=none").len(), 1, "the service gets requests without a token");
    let as_root = get("/orders?plugin=root").header("x-okta-sub", "root").bearer(reader());
    let response = gateway.expect(&as_root, "CUSTOM, the client's x-okta-sub: root", 200, "");
    let requests = service.requests("plugin=root");
    assert!(
        requests[0].contains("x-okta-sub: root"),
        "the service sees the header of the client: {requests:?}"
    );
    assert_ne!(response.json()["headers"]["x-okta-sub"][0], "root", "the API gets the header of the filter");
}

#[test]
fn external_service_is_called_after_envoyfilter() {
    let service = service();
    let module = test_support::root().join("target/image/okta_authz_filter.wasm");
    let namespace = "external-after";
    let first = manifest("envoyfilter.yaml", namespace)
        .replace("/etc/istio/extensions/okta_authz_filter.wasm", module.to_str().unwrap());
    let cluster = manifest("gateway.yaml", namespace).without("WasmPlugin").without("EnvoyFilter");
    let gateway = Gateway::start_with(namespace, &first.and(cluster.text()).and(&policy(namespace)));
    gateway.expect(&get("/orders?first=none"), "CUSTOM after the filter, no token", 401, "token_missing");
    assert_eq!(service.requests("first=none").len(), 0, "the service gets no request without a token");
    let as_root = get("/orders?first=root").header("x-okta-sub", "root").bearer(reader());
    gateway.expect(&as_root, "CUSTOM after the filter, the client's x-okta-sub: root", 200, "");
    let requests = service.requests("first=root");
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].contains("x-okta-sub: ") && !requests[0].contains("x-okta-sub: root"),
        "{requests:?}"
    );
}
