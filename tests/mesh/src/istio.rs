//! istiod.

use std::process::Command;
use std::time::Duration;

use test_support::client::Client;

use super::cluster::Cluster;
use super::network::Pod;
use super::process::Process;
use super::proxy::{Proxy, START_TIMEOUT, Start};
use super::{folder, tool};

/// The namespace of istiod.
const SYSTEM: &str = "istio-system";
/// The configuration of the mesh: Istio's default, and the service of `authorization_service`.
const MESH_CONFIG: &str = r"apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
      - name: external
        envoyExtAuthzHttp:
          service: external.test
          port: 9191
          includeRequestHeadersInCheck: [authorization, x-okta-sub]
";

/// A running control plane.
pub struct Istio {
    /// The Kubernetes API that istiod watches.
    pub cluster: Cluster,
    istiod: Process,
}

impl Istio {
    /// Starts a Kubernetes API and istiod, and waits until istiod is ready.
    ///
    /// # Panics
    ///
    /// If one of them does not start.
    pub fn start() -> Self {
        let cluster = Cluster::start();
        let crds = tool("istio-crds.yaml");
        cluster.run(&["apply", "--server-side", "-f", crds.to_str().expect("UTF-8")]);
        cluster.run(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]);
        cluster.namespace(SYSTEM);
        cluster.apply(MESH_CONFIG);
        let folder = folder("istiod");
        let mut istiod = Process::start(
            "istiod",
            &folder,
            Command::new(tool("pilot-discovery"))
                .current_dir(&folder)
                .arg("discovery")
                .arg("--kubeconfig")
                .arg(cluster.kubeconfig())
                .args(["--domain", "cluster.local", "--monitoringAddr", ":15014"])
                .env("POD_NAMESPACE", SYSTEM)
                .env("POD_NAME", "istiod-0")
                .env("SERVICE_ACCOUNT", "istiod")
                .env("PILOT_CERT_PROVIDER", "istiod")
                .env("PILOT_ENABLE_GATEWAY_API", "false")
                // Filters of Istio's own Envoy build. The proxies here run an upstream Envoy.
                .env("PILOT_ENABLE_METADATA_EXCHANGE", "false")
                .env("PILOT_ENABLE_ALPN_FILTER", "false")
                // A proxy uses HBONE only if it announces that it can.
                .env("PILOT_ENABLE_AMBIENT", "true"),
        );
        let ready = || {
            (Client::new(8080).try_send(&test_support::client::get("/ready")).ok()?.status == 200)
                .then_some(())
        };
        istiod.wait_for("readiness", Duration::from_secs(90), ready);
        Self { cluster, istiod }
    }

    /// Returns the log of istiod.
    pub fn log(&self) -> String {
        self.istiod.log()
    }

    /// Starts a gateway: a proxy that receives requests for the whole mesh. `config` is the
    /// annotation `proxy.istio.io/config` of its pod.
    ///
    /// # Panics
    ///
    /// If the proxy does not start.
    pub fn gateway(&self, namespace: &str, label: &str, config: &str) -> Proxy {
        let start = Start { role: "router", name: "gateway", namespace, label, environment: &[], config };
        self.proxy(Pod::new(), &start)
    }

    /// Starts a proxy in a pod.
    ///
    /// # Panics
    ///
    /// If the proxy does not start.
    pub fn proxy(&self, pod: Pod, start: &Start<'_>) -> Proxy {
        let folder = folder(&format!("{}-{}", start.namespace, start.name));
        for part in ["etc/istio/pod", "etc/istio/proxy", "var/run/secrets/tokens", "var/run/secrets/istio"] {
            std::fs::create_dir_all(folder.join(part)).expect("folders of a pod");
        }
        self.write_credentials(&folder, start.namespace);
        Proxy::start(pod, folder, start)
    }

    /// Returns a document of istiod's debug interface.
    pub fn debug(&self, path: &str) -> String {
        Client::new(8080).send(&test_support::client::get(path)).body
    }

    /// Writes the service account's token, and the certificate of istiod's authority, which istiod
    /// publishes in each namespace. In a cluster, the kubelet mounts both.
    fn write_credentials(&self, folder: &std::path::Path, namespace: &str) {
        self.cluster.namespace(namespace);
        self.cluster.apply(&format!(
            "{{ apiVersion: v1, kind: ServiceAccount, metadata: {{ name: default, namespace: {namespace} }} }}"
        ));
        let token =
            self.cluster.run(&["create", "token", "default", "-n", namespace, "--audience", "istio-ca"]);
        std::fs::write(folder.join("var/run/secrets/tokens/istio-token"), token.trim()).expect("a token");
        let deadline = std::time::Instant::now() + START_TIMEOUT;
        let authority = loop {
            let map = self.cluster.get("configmap", namespace, "istio-ca-root-cert");
            if let Some(pem) = map.as_ref().and_then(|map| map["data"]["root-cert.pem"].as_str()) {
                break pem.to_owned();
            }
            assert!(std::time::Instant::now() < deadline, "istiod publishes no certificate:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        };
        std::fs::write(folder.join("var/run/secrets/istio/root-cert.pem"), authority).expect("a certificate");
    }
}
