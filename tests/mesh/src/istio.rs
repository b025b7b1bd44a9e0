//! istiod, and proxies with Istio's agent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use test_support::client::Client;

use super::cluster::Cluster;
use super::network::Pod;
use super::process::{Process, run};
use super::{folder, tool};

/// The namespace of istiod.
const SYSTEM: &str = "istio-system";
/// Runs a command with the agent's directory for modules, which is a fixed path, mounted from the
/// first argument. The packet filter of a sidecar does not redirect connections of the group 1337.
const IN_POD: &str = r#"mount --bind "$1" /var/lib/istio/data; shift
exec setpriv --regid 1337 --clear-groups "$@""#;
/// The time for a proxy to get its certificate and its configuration.
const START_TIMEOUT: Duration = Duration::from_secs(60);

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
                .env("PILOT_ENABLE_ALPN_FILTER", "false"),
        );
        let ready = || (Client::new(8080).try_send(&test_support::client::get("/ready")).ok()?.status == 200).then_some(());
        istiod.wait_for("readiness", Duration::from_secs(90), ready);
        Self { cluster, istiod }
    }

    /// Returns the log of istiod.
    pub fn log(&self) -> String {
        self.istiod.log()
    }

    /// Starts a gateway: a proxy that receives requests for the whole mesh.
    ///
    /// # Panics
    ///
    /// If the proxy does not start.
    pub fn gateway(&self, name: &str, namespace: &str, label: &str) -> Proxy {
        self.proxy(Pod::new(), "router", name, namespace, label)
    }

    fn proxy(&self, pod: Pod, role: &str, name: &str, namespace: &str, label: &str) -> Proxy {
        let folder = folder(name);
        for part in ["etc/istio/pod", "etc/istio/proxy", "var/run/secrets/tokens", "var/run/secrets/istio", "data"] {
            std::fs::create_dir_all(folder.join(part)).expect("folders of a pod");
        }
        self.write_credentials(&folder, namespace);
        let (key, value) = label.split_once('=').expect("a label: key=value");
        std::fs::write(folder.join("etc/istio/pod/labels"), format!("{key}=\"{value}\"\n")).expect("labels");
        let envoy = std::env::var("ENVOY").expect("$ENVOY");
        let config = json!({
            "binaryPath": envoy,
            "concurrency": 2,
            "discoveryAddress": "istiod.istio-system.svc:15012",
            "statusPort": 15020,
        });
        let agent = Process::start(
            "agent",
            &folder,
            // The agent keeps modules in a fixed directory, so each pod has its own mount.
            pod.command("unshare")
                .args(["--mount", "sh", "-ec", IN_POD, "sh"])
                .arg(folder.join("data"))
                .arg(tool("pilot-agent"))
                .args(["proxy", role])
                .args(["--domain", &format!("{namespace}.svc.cluster.local")])
                .arg("--templateFile")
                .arg(tool("istio-bootstrap.json"))
                .arg("--log_output_level=wasm:debug")
                .current_dir(&folder)
                .env("POD_NAME", name)
                .env("POD_NAMESPACE", namespace)
                .env("SERVICE_ACCOUNT", "default")
                .env("INSTANCE_IP", pod.address().to_string())
                .env("ISTIO_META_CLUSTER_ID", "Kubernetes")
                .env("CA_ADDR", "istiod.istio-system.svc:15012")
                .env("PROXY_CONFIG", config.to_string()),
        );
        Proxy { pod, agent, folder }
    }

    /// Writes the service account's token, and the certificate of istiod's authority, which istiod
    /// publishes in each namespace. In a cluster, the kubelet mounts both.
    fn write_credentials(&self, folder: &std::path::Path, namespace: &str) {
        self.cluster.namespace(namespace);
        self.cluster.apply(&format!(
            "{{ apiVersion: v1, kind: ServiceAccount, metadata: {{ name: default, namespace: {namespace} }} }}"
        ));
        let token = self.cluster.run(&["create", "token", "default", "-n", namespace, "--audience", "istio-ca"]);
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

/// A running agent with its Envoy.
pub struct Proxy {
    pod: Pod,
    agent: Process,
    folder: PathBuf,
}

impl Proxy {
    /// Returns a client for a port of the pod.
    pub fn client(&self, port: u16) -> Client {
        Client::to(SocketAddr::from((self.pod.address(), port)))
    }

    /// Waits until the agent reports that Envoy has its configuration.
    pub fn wait_ready(&mut self) {
        let client = self.client(15021);
        let ready = || (client.try_send(&test_support::client::get("/healthz/ready")).ok()?.status == 200).then_some(());
        self.agent.wait_for("readiness", START_TIMEOUT, ready);
    }

    /// Sends a request to Envoy's admin interface.
    pub fn admin(&self, path: &str) -> String {
        run(self.pod.command("curl").args(["--silent", "--fail", "--noproxy", "*", &format!("http://127.0.0.1:15000{path}")]))
    }

    /// Returns the log of the agent and of Envoy.
    pub fn log(&self) -> String {
        self.agent.log()
    }

    /// Returns the folder of the pod's files.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }
}
