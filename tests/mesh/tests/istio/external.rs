//! An external authorization service (`AuthorizationPolicy` with `action: CUSTOM`) beside the filter.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Mutex, OnceLock};

use okta_authz_mesh::network::address;
use test_support::client::get;

use super::harness::{Gateway, apply, manifest, reader};

/// The requests that the service got, in lower case.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Starts the service, which allows every request, and makes it known to the mesh.
fn start_service() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let listener = TcpListener::bind((address::API, 9191)).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
                while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
                    match stream.read(&mut chunk) {
                        Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
                        _ => break,
                    }
                }
                SEEN.lock().unwrap().push(String::from_utf8_lossy(&bytes).to_ascii_lowercase());
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
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
    });
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

/// Returns the requests for a path that the service got.
fn seen(path: &str) -> Vec<String> {
    SEEN.lock().unwrap().iter().filter(|request| request.contains(path)).cloned().collect()
}

#[test]
fn external_service_is_called_before_wasm_plugin() {
    start_service();
    let gateway =
        Gateway::start_with("external", &manifest("gateway.yaml", "external").and(&policy("external")));
    gateway.expect(&get("/orders?plugin=none"), "CUSTOM, no token", 401, "token_missing");
    assert_eq!(seen("plugin=none").len(), 1, "the service gets requests without a token");
    let as_root = get("/orders?plugin=root").header("x-okta-sub", "root").bearer(reader());
    let response = gateway.expect(&as_root, "CUSTOM, the client's x-okta-sub: root", 200, "");
    let requests = seen("plugin=root");
    assert!(
        requests[0].contains("x-okta-sub: root"),
        "the service sees the header of the client: {requests:?}"
    );
    assert_ne!(response.json()["headers"]["x-okta-sub"][0], "root", "the API gets the header of the filter");
}

#[test]
fn external_service_is_called_after_envoyfilter() {
    start_service();
    let module = test_support::root().join("target/image/okta_authz_filter.wasm");
    let namespace = "external-after";
    let first = manifest("envoyfilter.yaml", namespace)
        .replace("/etc/istio/extensions/okta_authz_filter.wasm", module.to_str().unwrap());
    let cluster = manifest("gateway.yaml", namespace).without("WasmPlugin").without("EnvoyFilter");
    let gateway = Gateway::start_with(namespace, &first.and(cluster.text()).and(&policy(namespace)));
    gateway.expect(&get("/orders?first=none"), "CUSTOM after the filter, no token", 401, "token_missing");
    assert_eq!(seen("first=none").len(), 0, "the service gets no request without a token");
    let as_root = get("/orders?first=root").header("x-okta-sub", "root").bearer(reader());
    gateway.expect(&as_root, "CUSTOM after the filter, the client's x-okta-sub: root", 200, "");
    let requests = seen("first=root");
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].contains("x-okta-sub: ") && !requests[0].contains("x-okta-sub: root"),
        "{requests:?}"
    );
}
