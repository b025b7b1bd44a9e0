//! A proxy of Istio: Istio's agent with an Envoy, in a pod.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::client::{Client, get};

use super::network::Pod;
use super::process::{Process, run};
use super::tool;

/// The time for a proxy to get its certificate and its configuration.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Runs a command with the agent's directory for modules, which is a fixed path, mounted from the
/// first argument. The packet filter of a sidecar does not redirect connections of the group 1337.
const IN_POD: &str = r#"mount --bind "$1" /var/lib/istio/data; shift
exec setpriv --regid 1337 --clear-groups "$@""#;

/// What a proxy is.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// `router` for a gateway, `sidecar` for the proxy of a workload.
    pub role: &'a str,
    /// The name of the pod.
    pub name: &'a str,
    /// The namespace of the pod.
    pub namespace: &'a str,
    /// A label of the pod: `key=value`.
    pub label: &'a str,
    /// Variables for the agent.
    pub environment: &'a [(&'a str, &'a str)],
    /// The annotation `proxy.istio.io/config` of the pod, as YAML. In a cluster, the injection
    /// passes it to the agent.
    pub config: &'a str,
}

/// A running agent with its Envoy. Dropping it ends both.
pub struct Proxy {
    pod: Pod,
    agent: Process,
    folder: PathBuf,
}

impl Proxy {
    pub(crate) fn start(pod: Pod, folder: PathBuf, start: &Start<'_>) -> Self {
        let (key, value) = start.label.split_once('=').expect("a label: key=value");
        std::fs::write(folder.join("etc/istio/pod/labels"), format!("{key}=\"{value}\"\n")).expect("labels");
        let modules = folder.join("data");
        std::fs::create_dir_all(&modules).expect("a folder for modules");
        let envoy = std::env::var("ENVOY").expect("$ENVOY");
        let mut config: Value = serde_saphyr::from_str(start.config).expect("YAML");
        for (name, value) in [
            ("binaryPath", json!(envoy)),
            ("concurrency", json!(2)),
            ("discoveryAddress", json!("istiod.istio-system.svc:15012")),
            ("statusPort", json!(15020)),
        ] {
            config[name] = value;
        }
        let agent = Process::start(
            "agent",
            &folder,
            // The agent keeps modules in a fixed directory, so each pod has its own mount.
            pod.command("unshare")
                .args(["--mount", "sh", "-ec", IN_POD, "sh"])
                .arg(&modules)
                .arg(tool("pilot-agent"))
                .args(["proxy", start.role])
                .args(["--domain", &format!("{}.svc.cluster.local", start.namespace)])
                .arg("--templateFile")
                .arg(bootstrap(&folder))
                .args(["--proxyLogLevel", "info", "--log_output_level=wasm:debug"])
                .current_dir(&folder)
                .env("POD_NAME", start.name)
                .env("POD_NAMESPACE", start.namespace)
                .env("SERVICE_ACCOUNT", "default")
                .env("INSTANCE_IP", pod.address().to_string())
                .env("ISTIO_META_CLUSTER_ID", "Kubernetes")
                .env("CA_ADDR", "istiod.istio-system.svc:15012")
                .env("PROXY_CONFIG", config.to_string())
                .envs(start.environment.iter().copied()),
        );
        Self { pod, agent, folder }
    }

    /// Returns the pod.
    pub const fn pod(&self) -> &Pod {
        &self.pod
    }

    /// Returns a client for a port of the pod.
    pub fn client(&self, port: u16) -> Client {
        Client::to(SocketAddr::from((self.pod.address(), port)))
    }

    /// Waits until the agent reports that Envoy has its configuration.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_ready(&mut self) {
        let client = self.client(15021);
        let ready = || (client.try_send(&get("/healthz/ready")).ok()?.status == 200).then_some(());
        self.agent.wait_for("readiness", START_TIMEOUT, ready);
    }

    /// Waits until a port of the pod responds to an HTTP request.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub fn wait_response(&mut self, port: u16) {
        let client = self.client(port);
        let response = || client.try_send(&get("/")).ok().map(drop);
        self.agent.wait_for("response", START_TIMEOUT, response);
    }

    /// Sends a request to Envoy's admin interface.
    ///
    /// # Panics
    ///
    /// If Envoy does not respond with 200.
    pub fn admin(&self, path: &str) -> String {
        self.try_admin(path).unwrap_or_else(|| panic!("{path}: Envoy does not respond with 200"))
    }

    /// Sends a request to Envoy's admin interface. Returns `None` without a response with 200.
    pub fn try_admin(&self, path: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:15000{path}");
        let mut curl = self.pod.command("curl");
        let output = curl.args(["--silent", "--fail", "--noproxy", "*", &url]).output().expect("curl");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Returns Envoy's configuration, with its endpoints.
    pub fn config_dump(&self) -> Value {
        serde_json::from_str(&self.admin("/config_dump?include_eds")).expect("JSON of Envoy")
    }

    /// Returns the value of one of Envoy's counters, or 0 if it does not exist.
    pub fn counter(&self, name: &str) -> u64 {
        let stats = self.admin("/stats?usedonly");
        let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok());
        line.unwrap_or(0)
    }

    /// Returns the log of the agent and of Envoy.
    pub fn log(&self) -> String {
        self.agent.log()
    }

    /// Returns the folder of the pod's files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Writes Istio's template of Envoy's bootstrap without an extension of Istio's own Envoy build,
/// which the template has with HBONE.
fn bootstrap(folder: &Path) -> PathBuf {
    const CONDITION: &str = "{{- if .metadata_discovery }}";
    let template = std::fs::read_to_string(tool("istio-bootstrap.json")).expect("Istio's template");
    assert!(template.contains(CONDITION), "Istio's template has no {CONDITION}");
    let path = folder.join("bootstrap.json");
    std::fs::write(&path, template.replace(CONDITION, "{{- if false }}")).expect("a template");
    path
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The agent cannot end its Envoy when it is killed.
        let processes = run(Command::new("ip").args(["netns", "pids", self.pod.name()]));
        let processes: Vec<&str> = processes.split_whitespace().collect();
        if !processes.is_empty() {
            let _ = Command::new("kill").arg("-KILL").args(processes).status();
        }
    }
}
