//! A workload with a sidecar.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use okta_authz_mesh::manifest::Manifest;
use okta_authz_mesh::network::Pod;
use okta_authz_mesh::process::{Process, run};
use okta_authz_mesh::proxy::{Proxy, Start};
use okta_authz_mesh::{folder, tool, transcript};
use test_support::client::{Client, Request, Response};

use super::harness::{apply, mesh};

/// The port of the Service.
pub const HTTP: u16 = 8080;
/// A port with HTTP that no Service declares.
pub const OTHER_HTTP: u16 = 8090;
/// A port without HTTP that no Service declares.
pub const TCP: u16 = 9000;

/// Members of a port of a Service with a protocol.
pub const DECLARED: &str = "name: http, appProtocol: http";

/// The objects of the pod. In a cluster, the controllers and the kubelet make them.
const OBJECTS: &str = "apiVersion: v1
kind: Service
metadata: { name: orders, namespace: NAMESPACE }
spec:
  selector: { app: orders }
  ports: [{ PORT, port: 8080, targetPort: 8080 }]
---
apiVersion: v1
kind: Pod
metadata:
  name: orders
  namespace: NAMESPACE
  labels: { app: orders, security.istio.io/tlsMode: istio }
spec:
  nodeName: node
  serviceAccountName: default
  containers: [{ name: orders, image: orders }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: orders
  namespace: NAMESPACE
  labels: { kubernetes.io/service-name: orders }
addressType: IPv4
ports: [{ name: http, port: 8080, protocol: TCP }]
endpoints:
  - addresses: [ADDRESS]
    conditions: { ready: true }
    nodeName: node
    targetRef: { kind: Pod, name: orders, namespace: NAMESPACE }
";

/// A workload with a sidecar, whose packet filter redirects each connection to the sidecar.
pub struct Workload {
    namespace: String,
    pub proxy: Proxy,
    _program: Process,
}

impl Workload {
    /// Starts a workload whose Service declares the protocol of its port.
    pub fn start(namespace: &str, manifest: &Manifest) -> Self {
        Self::start_with(namespace, manifest, DECLARED)
    }

    /// Starts a workload. `port` are the members of the Service's port.
    pub fn start_with(namespace: &str, manifest: &Manifest, port: &str) -> Self {
        let mut workload = Self::create(namespace, manifest, port, &[]);
        workload.proxy.wait_ready();
        workload
    }

    /// Starts a workload, and does not wait for its sidecar.
    pub fn create(namespace: &str, manifest: &Manifest, port: &str, environment: &[(&str, &str)]) -> Self {
        let istio = &mesh().istio;
        let pod = Pod::new();
        let address = pod.address().to_string();
        istio.cluster.namespace(namespace);
        apply(manifest.text());
        apply(&OBJECTS.replace("NAMESPACE", namespace).replace("PORT", port).replace("ADDRESS", &address));
        let status = format!(
            r#"{{"status":{{"phase":"Running","podIP":"{address}","podIPs":[{{"ip":"{address}"}}],
                "conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
        );
        istio.cluster.run(&[
            "patch",
            "pod",
            "orders",
            "-n",
            namespace,
            "--subresource=status",
            "--patch",
            &status,
        ]);
        let folder = folder(&format!("{namespace}-workload"));
        let mut program = pod.command(env!("CARGO_BIN_EXE_workload"));
        program.args([HTTP, OTHER_HTTP, TCP].map(|port| port.to_string()));
        let program = Process::start("workload", &folder, &mut program);
        redirect_to_sidecar(&pod);
        let start = Start {
            role: "sidecar",
            name: "orders",
            namespace,
            label: "app=orders",
            environment,
            config: "{}",
        };
        let proxy = istio.proxy(pod, &start);
        Self { namespace: namespace.to_owned(), proxy, _program: program }
    }

    /// Returns a client for a port of the workload.
    pub fn client(&self, port: u16) -> Client {
        self.proxy.client(port)
    }

    /// Sends a request to the port of the Service, records it, and checks status and code.
    #[track_caller]
    pub fn expect(&self, port: u16, request: &Request, with: &str, status: u16, code: &str) -> Response {
        let place = format!("{}, port {port}", self.namespace);
        transcript::expect(&place, self.client(port), request, with, (status, code))
    }

    /// Sends bytes to a port, and returns what comes back until the connection ends, or within two
    /// seconds.
    pub fn exchange(&self, port: u16, bytes: &[u8]) -> Vec<u8> {
        let mut received = Vec::new();
        let Ok(mut stream) = self.client(port).connect() else { return received };
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut chunk = [0; 4096];
        if stream.write_all(bytes).is_ok() {
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                received.extend_from_slice(&chunk[..read]);
            }
        }
        received
    }

    /// Sends a GET request from the workload to an address outside, and returns the status.
    pub fn outbound(&self, address: SocketAddr, host: &str) -> u16 {
        let url = format!("http://{address}/");
        let mut curl = self.proxy.pod().command("curl");
        curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--noproxy", "*"]);
        curl.args(["--max-time", "10", "--header", &format!("host: {host}"), &url]);
        run(&mut curl).parse().unwrap()
    }
}

/// Redirects all connections of the pod to the sidecar, as Istio's init container does.
fn redirect_to_sidecar(pod: &Pod) {
    let mut iptables: Command = pod.command(tool("pilot-agent").to_str().unwrap());
    iptables.args(["istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337", "-g", "1337"]);
    iptables.args(["-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,15020"]);
    run(&mut iptables);
}
