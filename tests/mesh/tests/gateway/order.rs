//! The order of this filter and of the filters of a `SecurityPolicy`.

use okta_authz_mesh::authorization_service::{AuthorizationService, PORT};
use okta_authz_mesh::network::address;
use test_support::client::get;

use super::mesh::mesh;
use super::scenario::{FILTER_ORDER, POLICY, Scenario, filters, gateway_with_envoy_proxy};

/// Returns a `SecurityPolicy` with this service as the external authorization.
fn security_policy() -> String {
    format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {{ name: authorization }}
spec: {{ endpoints: [{{ ip: {{ address: '{}', port: {PORT} }} }}] }}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {{ name: authorization }}
spec:
  targetRefs: [{{ group: gateway.networking.k8s.io, kind: Gateway, name: eg }}]
  extAuth:
    headersToExtAuth: [x-okta-sub]
    http: {{ backendRefs: [{{ group: gateway.envoyproxy.io, kind: Backend, name: authorization, port: {PORT} }}] }}
",
        address::API
    )
}

/// Returns the names of the HTTP filters of the listener, in order.
fn names(scenario: &Scenario<'_>) -> Vec<String> {
    let chains = filters(&scenario.proxy().listeners(), &format!("{}/eg/http", scenario.namespace));
    chains[0].iter().map(|filter| filter["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn security_policy_sees_headers_of_the_client_without_filter_order() {
    let mesh = &*mesh();
    let service = AuthorizationService::start();
    let mut scenario = Scenario::new(mesh, "order");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.apply(&security_policy());
    scenario.start(&[]);
    scenario.wait_for_condition("securitypolicy", "authorization", "Accepted", "True");
    scenario.wait_for(401, "token_missing");
    assert!(names(&scenario)[0].starts_with("envoy.filters.http.ext_authz/"), "{:?}", names(&scenario));
    let forged = |path: &str| get(path).header("x-okta-sub", "forged");
    scenario.expect(&forged("/orders?order=none"), "extAuth, no token", 401, "token_missing");
    assert_eq!(service.requests("order=none").len(), 1, "the service gets requests without a token");
    let token = mesh.token(&["orders:read"]);
    scenario.expect(&forged("/orders?order=default").bearer(&token), "extAuth, forged x-okta-sub", 200, "");
    let seen = service.requests("order=default");
    assert!(seen[0].contains("x-okta-sub: forged"), "the service sees the header of the client: {seen:?}");

    // filter-order.yaml, attached as its comment says.
    scenario.apply(scenario.manifest(FILTER_ORDER).text());
    scenario.apply(&gateway_with_envoy_proxy());
    mesh.gateway.borrow().wait_for("the order of filter-order.yaml", || {
        names(&scenario)[0].starts_with("envoy.filters.http.wasm/").then_some(())
    });
    scenario.wait_for(401, "token_missing");
    scenario.expect(
        &forged("/orders?order=denied"),
        "filter-order.yaml, extAuth, no token",
        401,
        "token_missing",
    );
    assert_eq!(service.requests("order=denied").len(), 0, "the service gets no request without a token");
    scenario.expect(&forged("/orders?order=first").bearer(&token), "filter-order.yaml, extAuth", 200, "");
    let seen = service.requests("order=first");
    assert!(!seen[0].contains("forged"), "the service sees the header of the filter: {seen:?}");
    assert!(seen[0].contains("x-okta-sub: "), "the service sees the header of the filter: {seen:?}");
}
