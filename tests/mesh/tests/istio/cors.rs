//! Pages on other origins: the position of Envoy's CORS filter.

use test_support::client::{Request, get, request};

use super::harness::{Gateway, UPDATE_TIMEOUT, apply, manifest, reader, token, wait_until};
use super::policies::http_filters;

/// Allows pages of one origin to call the API.
const CORS: &str = r#"apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: api, namespace: NAMESPACE }
spec:
  hosts: ["*"]
  gateways: [ingress]
  http:
    - corsPolicy:
        allowOrigins: [{ exact: "https://app.example.com" }]
        allowMethods: [GET]
        allowHeaders: [authorization]
        exposeHeaders: [www-authenticate]
      route:
        - destination: { host: api.NAMESPACE.test, port: { number: PORT } }
"#;

/// The page's origin.
const ORIGIN: &str = "https://app.example.com";

/// Applies [`CORS`] in the namespace of a gateway.
fn allow_origin(gateway: &Gateway) {
    let port = gateway.api.port().to_string();
    apply(&CORS.replace("NAMESPACE", &gateway.namespace).replace("PORT", &port));
}

/// Makes the request that a browser sends before a page calls the API with a token.
fn preflight() -> Request {
    request("OPTIONS", "/orders")
        .header("origin", ORIGIN)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
}

#[test]
fn preflight_needs_bypass_cors_preflight() {
    let gateway = Gateway::start("cors");
    allow_origin(&gateway);
    let allowed = get("/orders").header("origin", ORIGIN).bearer(reader());
    wait_until(UPDATE_TIMEOUT, || {
        gateway.client().send(&allowed).header("access-control-allow-origin").is_some()
    });
    gateway.expect(&preflight(), "a preflight request", 401, "token_missing");

    let bypass = manifest("gateway.yaml", "cors-bypass")
        .replace("    forward: false\n", "    forward: false\n    bypass_cors_preflight: true\n");
    let gateway = Gateway::start_with("cors-bypass", &bypass);
    allow_origin(&gateway);
    wait_until(UPDATE_TIMEOUT, || {
        gateway.client().send(&preflight()).header("access-control-allow-origin").is_some()
    });
    let before = gateway.api.requests();
    let response = gateway.send(&preflight(), "a preflight request, bypass_cors_preflight");
    assert_eq!(response.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(gateway.api.requests(), before, "Envoy responds to the preflight request");
    let response = gateway.send(&get("/orders").header("origin", ORIGIN), "a page without token");
    assert_eq!(response.status, 401);
    // The filter responds before Envoy's CORS filter sees the request.
    assert_eq!(response.header("access-control-allow-origin"), None, "a page cannot read this response");
}

/// With either manifest, `cors.yaml` moves the CORS filter to the front: it responds to preflight
/// requests, and pages can read denials with their challenge.
#[test]
fn cors_manifest_lets_page_read_denials() {
    let plugin = manifest("gateway.yaml", "cors-first");
    let module = test_support::root().join("target/image/okta_authz_filter.wasm");
    let cluster = manifest("gateway.yaml", "cors-filter").without("WasmPlugin").without("EnvoyFilter");
    let filter = manifest("envoyfilter.yaml", "cors-filter")
        .replace("/etc/istio/extensions/okta_authz_filter.wasm", module.to_str().unwrap())
        .and(cluster.text());
    for (namespace, policy) in [("cors-first", plugin), ("cors-filter", filter)] {
        let gateway = Gateway::start_with(namespace, &policy.and(manifest("cors.yaml", namespace).text()));
        allow_origin(&gateway);
        wait_until(UPDATE_TIMEOUT, || {
            gateway.client().send(&preflight()).header("access-control-allow-origin").is_some()
        });
        let filters = http_filters(&gateway);
        let cors = filters.iter().filter(|name| *name == "envoy.filters.http.cors").count();
        assert_eq!((filters[0].as_str(), cors), ("envoy.filters.http.cors", 1), "{filters:?}");
        assert_eq!(filters[filters.len() - 2], "okta-authz-guard", "{filters:?}");

        let before = gateway.api.requests();
        let response = gateway.send(&preflight(), "cors.yaml, a preflight request");
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, Some(ORIGIN)));
        let page = || get("/orders").header("origin", ORIGIN);
        let denied = gateway.expect(&page(), "cors.yaml, a page without token", 401, "token_missing");
        assert_eq!(denied.header("access-control-allow-origin"), Some(ORIGIN));
        assert_eq!(denied.header("access-control-expose-headers"), Some("www-authenticate"));
        let writer = page().bearer(token(&["orders:write"]));
        let denied =
            gateway.expect(&writer, "cors.yaml, a token without orders:read", 403, "insufficient_scope");
        assert_eq!(denied.header("access-control-allow-origin"), Some(ORIGIN));
        let other = get("/orders").header("origin", "https://other.example.com");
        let denied = gateway.expect(&other, "cors.yaml, a page of another origin", 401, "token_missing");
        assert_eq!(denied.header("access-control-allow-origin"), None);
        assert_eq!(gateway.api.requests(), before);
        gateway.expect(&page().bearer(reader()), "cors.yaml, a page with a token", 200, "");
    }
}
