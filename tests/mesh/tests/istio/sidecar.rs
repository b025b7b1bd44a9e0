//! `deploy/istio/sidecar.yaml`: connections to a workload, with Istio's interception.

use test_support::backend::Backend;
use test_support::client::get;

use okta_authz_mesh::network::address;
use okta_authz_mesh::transcript;

use super::harness::{PORT, UPDATE_TIMEOUT, apply, manifest, mesh, reader, wait_until};
use super::workload::{HTTP, OTHER_HTTP, TCP, Workload};

#[test]
fn sidecar_manifest_unchanged_allows_only_valid_tokens() {
    let workload = Workload::start("sidecar", &manifest("sidecar.yaml", "sidecar"));
    workload.expect(HTTP, &get("/orders"), "no token", 401, "token_missing");
    let as_root = get("/orders").header("x-okta-sub", "root").bearer(reader());
    let response = workload.expect(HTTP, &as_root, "a token, the client's x-okta-sub: root", 200, "");
    let headers = &response.json()["headers"];
    assert_eq!(headers["x-okta-sub"].as_array().map(Vec::len), Some(1), "{headers}");
    assert_ne!(headers["x-okta-sub"][0], "root");
    workload.expect(HTTP, &get("/healthz"), "no token", 200, "");
    workload.expect(HTTP, &get("/admin").bearer(reader()), "no rule", 403, "no_rule_matches");
    let denied =
        workload.expect(OTHER_HTTP, &get("/healthz").bearer(reader()), "a port without Service", 403, "");
    assert_eq!(denied.body, "RBAC: access denied");
    assert_eq!(workload.exchange(TCP, b"hello\n"), b"", "the AuthorizationPolicy closes the TCP port");

    let api = Backend::start_on((address::API, 0).into());
    let status = workload.outbound((address::API, api.port()).into(), "api.example.com");
    assert_eq!((status, api.requests()), (200, 1), "requests that the workload sends need no token");
}

#[test]
fn tcp_port_without_authorization_policy_has_no_filter() {
    let changed = manifest("sidecar.yaml", "sidecar-tcp").without("AuthorizationPolicy");
    let workload = Workload::start("sidecar-tcp", &changed);
    workload.expect(HTTP, &get("/orders"), "no token", 401, "token_missing");
    // HTTP that Envoy detects passes the filter, also on a port without Service.
    workload.expect(OTHER_HTTP, &get("/orders"), "no token, a port without Service", 401, "token_missing");
    workload.expect(OTHER_HTTP, &get("/orders").bearer(reader()), "a token, a port without Service", 200, "");
    assert_eq!(workload.exchange(TCP, b"hello\n"), b"hello\n", "a TCP connection has no filter");
}

/// What the workload accepts as HTTP, and Envoy's detection of protocols does not.
const NOT_DETECTED: &[u8] = b"\r\nGET /orders HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[test]
fn service_port_without_protocol_is_closed_for_what_is_not_http() {
    let policy = manifest("sidecar.yaml", "detection");
    let workload = Workload::start_with("detection", &policy, "name: api");
    workload.expect(HTTP, &get("/orders"), "no token, no appProtocol", 401, "token_missing");
    workload.expect(HTTP, &get("/orders").bearer(reader()), "a token, no appProtocol", 200, "");
    assert_eq!(workload.exchange(HTTP, NOT_DETECTED), b"", "the policy closes TCP connections");

    // Control: without the policy, the request reaches the workload without filter and guard.
    let open = manifest("sidecar.yaml", "detection-open").without("AuthorizationPolicy");
    let workload = Workload::start_with("detection-open", &open, "name: api");
    workload.expect(HTTP, &get("/orders"), "no token, no appProtocol", 401, "token_missing");
    let response = String::from_utf8(workload.exchange(HTTP, NOT_DETECTED)).unwrap();
    assert!(
        response.starts_with("HTTP/1.1 200 OK") && response.contains(r#""path":"/orders""#),
        "{response}"
    );

    // A declared protocol closes this way, too.
    let declared = manifest("sidecar.yaml", "detection-off").without("AuthorizationPolicy");
    let workload = Workload::start("detection-off", &declared);
    workload.expect(HTTP, &get("/orders"), "no token, appProtocol: http", 401, "token_missing");
    let response = String::from_utf8(workload.exchange(HTTP, NOT_DETECTED)).unwrap();
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
}

#[test]
fn sidecar_egress_manifest_removes_other_namespaces_and_keeps_okta() {
    let workload = Workload::start("egress", &manifest("sidecar.yaml", "egress"));
    let clusters = || workload.proxy.admin("/clusters");
    mesh().istio.cluster.namespace("elsewhere");
    apply(
        r"apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: elsewhere, namespace: elsewhere }
spec:
  hosts: [elsewhere.test]
  resolution: STATIC
  ports: [{ number: 9191, name: http, protocol: HTTP }]
  endpoints: [{ address: 10.96.0.13 }]
",
    );
    wait_until(UPDATE_TIMEOUT, || clusters().contains("outbound|9191||elsewhere.test"));
    assert!(clusters().contains("outbound|443||acme.okta.com"));
    apply(manifest("sidecar-egress.yaml", "egress").text());
    wait_until(UPDATE_TIMEOUT, || !clusters().contains("outbound|9191||elsewhere.test"));
    assert!(clusters().contains("outbound|443||acme.okta.com"));
    workload.expect(HTTP, &get("/orders").bearer(reader()), "a Sidecar resource limits egress", 200, "");
}

#[test]
fn strict_mutual_tls_leaves_the_filter_in_the_sidecar() {
    let strict = manifest("sidecar.yaml", "strict").and(
        "apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict, namespace: strict }
spec: { mtls: { mode: STRICT } }
",
    );
    let workload = Workload::start("strict", &strict);
    assert!(workload.client(HTTP).try_send(&get("/healthz")).is_err(), "plain HTTP is closed");
    mesh().istio.cluster.namespace("strict-ingress");
    apply(
        r#"apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ingress, namespace: strict-ingress }
spec:
  selector: { istio: strict-ingress }
  servers:
    - port: { number: 8081, name: http, protocol: HTTP }
      hosts: ["*"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: orders, namespace: strict-ingress }
spec:
  hosts: ["*"]
  gateways: [ingress]
  http:
    - route:
        - destination: { host: orders.strict.svc.cluster.local, port: { number: 8080 } }
"#,
    );
    let mut gateway = mesh().istio.gateway("strict-ingress", "istio=strict-ingress", "{}");
    gateway.wait_ready();
    gateway.wait_response(PORT);
    let send = |request, with: &str| {
        let response = transcript::send("strict, through a gateway", gateway.client(PORT), &request, with);
        (response.status, response.code())
    };
    wait_until(UPDATE_TIMEOUT, || send(get("/healthz"), "mutual TLS to the sidecar").0 == 200);
    assert_eq!(
        send(get("/orders"), "mutual TLS to the sidecar, no token"),
        (401, "token_missing".to_owned())
    );
    assert_eq!(
        send(get("/orders").bearer(reader()), "mutual TLS to the sidecar, a token"),
        (200, String::new())
    );
}
