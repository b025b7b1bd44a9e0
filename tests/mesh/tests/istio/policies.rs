//! Istio's own policies beside the filter.

use okta_authz_mesh::manifest::Manifest;
use serde_json::Value;
use stand_in_okta::{Server, TokenSpec};
use test_support::client::get;

use super::harness::{Gateway, manifest, mesh, reader};

/// Denies requests with these values of the header `x-okta-sub`.
const DENY_ROOT_AND_MALLORY: &str = r"apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: deny, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { istio: NAMESPACE } }
  action: DENY
  rules:
    - when: [{ key: 'request.headers[x-okta-sub]', values: [root, mallory@acme.com] }]
";

/// Requires a token of the issuer in Istio's own way.
const REQUIRE_PRINCIPAL: &str = r#"apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: okta, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { istio: NAMESPACE } }
  jwtRules:
    - issuer: https://acme.okta.com/oauth2/default
      jwks: 'KEYS'
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: principal, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { istio: NAMESPACE } }
  action: ALLOW
  rules:
    - from: [{ source: { requestPrincipals: ["https://acme.okta.com/oauth2/default/*"] } }]
"#;

fn start(namespace: &str, manifest: Manifest, policies: &str) -> Gateway {
    let keys = mesh().okta.jwks(Server::Default);
    let policies = policies.replace("NAMESPACE", namespace).replace("KEYS", &keys);
    Gateway::start_with(namespace, &manifest.and(&policies))
}

fn mallory() -> String {
    let spec = TokenSpec::user().scopes(&["orders:read"]).claim("sub", "mallory@acme.com");
    mesh().okta.mint(Server::Default, &spec)
}

/// Returns the names of the HTTP filters of the gateway's listener, in order.
pub(crate) fn http_filters(gateway: &Gateway) -> Vec<String> {
    let dump = gateway.proxy.config_dump();
    let is_manager = |value: &Value| {
        value["http_filters"].is_array()
            && value["stat_prefix"].as_str().is_some_and(|prefix| prefix.starts_with("outbound_0.0.0.0_8081"))
    };
    let manager = find(&dump, &is_manager).unwrap_or_else(|| panic!("no connection manager: {dump}"));
    let filters = manager["http_filters"].as_array().unwrap().iter();
    filters.map(|filter| filter["name"].as_str().unwrap().to_owned()).collect()
}

fn find<'a>(value: &'a Value, condition: &impl Fn(&Value) -> bool) -> Option<&'a Value> {
    if condition(value) {
        return Some(value);
    }
    match value {
        Value::Array(values) => values.iter().find_map(|value| find(value, condition)),
        Value::Object(members) => members.values().find_map(|value| find(value, condition)),
        _ => None,
    }
}

#[test]
fn authorization_policy_sees_identity_headers_of_filter() {
    let gateway = start("policy", manifest("gateway.yaml", "policy"), DENY_ROOT_AND_MALLORY);
    let expected = [
        "extensions.istio.io/trafficextension/policy.okta-authz~istio-translated-wasmplugin",
        "envoy.filters.http.rbac",
        "envoy.filters.http.grpc_stats",
        "envoy.filters.http.fault",
        "envoy.filters.http.cors",
        "okta-authz-guard",
        "envoy.filters.http.router",
    ];
    assert_eq!(http_filters(&gateway), expected);
    let as_root = get("/orders").header("x-okta-sub", "root").bearer(reader());
    gateway.expect(&as_root, "the client's x-okta-sub: root", 200, "");
    gateway.expect(&get("/healthz").header("x-okta-sub", "root"), "the client's x-okta-sub: root", 200, "");
    let denied = gateway.expect(&get("/orders").bearer(mallory()), "the token of mallory", 403, "");
    assert_eq!(denied.body, "RBAC: access denied");

    // Control: in a later phase, the policy sees the header of the client.
    let late = manifest("gateway.yaml", "policy-late").replace("phase: AUTHN", "phase: STATS");
    let gateway = start("policy-late", late, DENY_ROOT_AND_MALLORY);
    let as_root = get("/orders").header("x-okta-sub", "root").bearer(reader());
    gateway.expect(&as_root, "phase: STATS, the client's x-okta-sub: root", 403, "");
    gateway.expect(&get("/orders").bearer(mallory()), "phase: STATS, the token of mallory", 200, "");
}

#[test]
fn request_principals_need_the_token_that_the_filter_forwards() {
    let forward = manifest("gateway.yaml", "principal").replace("forward: false", "forward: true");
    let gateway = start("principal", forward, REQUIRE_PRINCIPAL);
    let filters = http_filters(&gateway);
    let position = |name: &str| filters.iter().position(|filter| filter.starts_with(name));
    assert_eq!(position("extensions.istio.io/"), Some(0), "{filters:?}");
    assert_eq!(position("envoy.filters.http.jwt_authn"), Some(1), "{filters:?}");
    gateway.expect(&get("/orders"), "no token", 401, "token_missing");
    gateway.expect(&get("/orders").bearer(reader()), "forward: true, a token", 200, "");
    let expired = TokenSpec::user().scopes(&["orders:read"]).issued_at(1_700_000_000);
    let expired = mesh().okta.mint(Server::Default, &expired);
    gateway.expect(&get("/orders").bearer(expired), "an expired token", 401, "token_expired");
    gateway.expect(&get("/healthz"), "a public path, no principal", 403, "");

    let gateway =
        start("principal-removed", manifest("gateway.yaml", "principal-removed"), REQUIRE_PRINCIPAL);
    let denied = gateway.expect(&get("/orders").bearer(reader()), "forward: false, a token", 403, "");
    assert_eq!(denied.body, "RBAC: access denied");
}

#[test]
fn envoyfilter_manifest_puts_filter_first_and_guard_last() {
    let module = test_support::root().join("target/image/okta_authz_filter.wasm");
    let policy = manifest("envoyfilter.yaml", "envoyfilter")
        .replace("/etc/istio/extensions/okta_authz_filter.wasm", module.to_str().unwrap());
    let cluster = manifest("gateway.yaml", "envoyfilter").without("WasmPlugin").without("EnvoyFilter");
    let gateway = start("envoyfilter", policy.and(cluster.text()), DENY_ROOT_AND_MALLORY);
    let filters = http_filters(&gateway);
    assert_eq!(filters.first().map(String::as_str), Some("okta-authz"));
    let last: Vec<&str> = filters[filters.len() - 2..].iter().map(String::as_str).collect();
    assert_eq!(last, ["okta-authz-guard", "envoy.filters.http.router"]);
    gateway.expect(&get("/orders"), "no token", 401, "token_missing");
    let as_root = get("/orders").header("x-okta-sub", "root").bearer(reader());
    gateway.expect(&as_root, "the client's x-okta-sub: root", 200, "");
    gateway.expect(&get("/orders").bearer(mallory()), "the token of mallory", 403, "");
}
