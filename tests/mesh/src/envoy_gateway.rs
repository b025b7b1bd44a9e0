//! Envoy Gateway with its Kubernetes provider, and the proxies that it deploys.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::client::{Client, get};

use super::cluster::Cluster;
use super::container::Container;
use super::gateway_proxy::GatewayProxy;
use super::process::{Process, run};
use super::{folder, tool};

/// The namespace of Envoy Gateway, and of the proxies.
pub const SYSTEM: &str = "envoy-gateway-system";
/// The time for the control plane to process a change.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The configuration of Envoy Gateway, which a user gives to its Helm chart as
/// `config.envoyGateway`.
pub struct Settings {
    /// `extensionApis.enableEnvoyPatchPolicy`. The default of Envoy Gateway is false.
    pub patch_policy: bool,
    /// `runtimeFlags.enabled`.
    pub runtime_flags: &'static [&'static str],
}

impl Default for Settings {
    fn default() -> Self {
        Self { patch_policy: true, runtime_flags: &[] }
    }
}

impl Settings {
    fn yaml(&self) -> String {
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {{ controllerName: gateway.envoyproxy.io/gatewayclass-controller }}
provider: {{ type: Kubernetes, kubernetes: {{ proxyTopologyInjector: {{ disabled: true }}, leaderElection: {{ disable: true }} }} }}
extensionApis: {{ enableEnvoyPatchPolicy: {}, enableBackend: true, enableLua: true }}
runtimeFlags: {{ enabled: [{}] }}
",
            self.patch_policy,
            self.runtime_flags.join(", ")
        )
    }
}

/// A running control plane.
pub struct EnvoyGateway {
    /// The Kubernetes API that Envoy Gateway watches.
    pub cluster: Cluster,
    controller: Option<Process>,
    folder: PathBuf,
    starts: u32,
}

impl EnvoyGateway {
    /// Starts a Kubernetes API and Envoy Gateway, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If one of them does not start.
    pub fn start() -> Self {
        let cluster = Cluster::start();
        let crds = tool("envoy-gateway-crds");
        cluster.run(&["apply", "--server-side", "-f", crds.to_str().expect("UTF-8")]);
        cluster.run(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]);
        cluster.namespace(SYSTEM);
        let folder = folder("envoy-gateway");
        // The job of the Helm chart.
        run(Command::new(tool("envoy-gateway"))
            .args(["certgen", "--disable-topology-injector"])
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("ENVOY_GATEWAY_NAMESPACE", SYSTEM));
        write_volume(&secret(&cluster, "envoy-gateway"), &folder.join("certs"));
        cluster.apply(
            "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: eg }
spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }
",
        );
        let mut gateway = Self { cluster, controller: None, folder, starts: 0 };
        gateway.restart(&Settings::default());
        gateway
    }

    /// Starts Envoy Gateway again. The directory of its cache of modules stays, as with a persistent
    /// volume.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self, settings: &Settings) {
        self.controller = None;
        self.starts += 1;
        let config = self.folder.join("envoy-gateway.yaml");
        std::fs::write(&config, settings.yaml()).expect("the configuration of Envoy Gateway");
        let cache = self.folder.join("wasm");
        std::fs::create_dir_all(&cache).expect("a folder for modules");
        let mut controller = Process::start(
            &format!("controller-{}", self.starts),
            &self.folder,
            Container::new(&format!("envoy-gateway-{}", self.starts))
                .volume(&self.folder.join("certs"), "/certs")
                .volume(&cache, "/var/lib/eg/wasm")
                .command(None, &tool("envoy-gateway"))
                .args(["server", "--config-path"])
                .arg(&config)
                .env("KUBECONFIG", self.cluster.kubeconfig())
                .env("ENVOY_GATEWAY_NAMESPACE", SYSTEM),
        );
        let ready = || (Client::new(8081).try_send(&get("/readyz")).ok()?.status == 200).then_some(());
        controller.wait_for("readiness", TIMEOUT, ready);
        self.controller = Some(controller);
    }

    /// Returns the log of Envoy Gateway since its last start.
    pub fn log(&self) -> String {
        self.controller.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Starts the proxy of a Gateway as the kubelet would start the pod of its Deployment, waits
    /// until Envoy is ready, and reports it in the status of the Deployment and of the Service.
    /// `volumes` are mounted over files of this machine.
    ///
    /// # Panics
    ///
    /// If Envoy Gateway creates no Deployment or Envoy does not get ready.
    pub fn proxy(&self, namespace: &str, gateway: &str, volumes: &[(&Path, &str)]) -> GatewayProxy {
        let owner = format!(
            "gateway.envoyproxy.io/owning-gateway-namespace={namespace},gateway.envoyproxy.io/owning-gateway-name={gateway}"
        );
        let object = |kind: &str| {
            let list = self.cluster.run(&["get", kind, "-n", SYSTEM, "-l", &owner, "-o", "json"]);
            let list: Value = serde_json::from_str(&list).expect("JSON of kubectl");
            list["items"].get(0).cloned()
        };
        let deployment = self.wait_for("a Deployment of the Gateway", || object("deployment"));
        let settings = self.wait_for("a ConfigMap of the Gateway", || object("configmap"));
        let service = self.wait_for("a Service of the Gateway", || object("service"));
        let name = deployment["metadata"]["name"].as_str().expect("a name");
        let proxy =
            GatewayProxy::start(name, &deployment, &secret(&self.cluster, "envoy"), &settings, volumes);
        let ready =
            r#"{"status":{"replicas":1,"readyReplicas":1,"updatedReplicas":1,"availableReplicas":1}}"#;
        self.set_status("deployment", name, ready);
        let address =
            format!(r#"{{"status":{{"loadBalancer":{{"ingress":[{{"ip":"{}"}}]}}}}}}"#, proxy.address());
        self.set_status("service", service["metadata"]["name"].as_str().expect("a name"), &address);
        proxy
    }

    fn set_status(&self, kind: &str, name: &str, patch: &str) {
        self.cluster.run(&[
            "patch",
            kind,
            name,
            "-n",
            SYSTEM,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        ]);
    }

    /// Waits until `condition` returns a value.
    ///
    /// # Panics
    ///
    /// If it has no value after [`TIMEOUT`].
    pub fn wait_for<T>(&self, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(value) = condition() {
                return value;
            }
            assert!(Instant::now() < deadline, "no {what} in time");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Returns a condition of an object, of its first ancestor, or of its first parent: the status,
    /// the reason and the message. Returns `None` if Envoy Gateway has not yet seen the object's
    /// current generation.
    pub fn condition(&self, kind: &str, namespace: &str, name: &str, condition: &str) -> Option<Condition> {
        let object = self.cluster.get(kind, namespace, name)?;
        let status = &object["status"];
        let conditions = [
            &status["conditions"],
            &status["ancestors"][0]["conditions"],
            &status["parents"][0]["conditions"],
        ]
        .into_iter()
        .find_map(Value::as_array)?;
        let found = conditions.iter().find(|found| found["type"] == condition)?;
        let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
        (found["observedGeneration"] == object["metadata"]["generation"]).then(|| Condition {
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
        })
    }
}

/// A condition of an object's status.
#[derive(Clone, Debug)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word for programs.
    pub reason: String,
    /// A sentence for the user.
    pub message: String,
}

fn secret(cluster: &Cluster, name: &str) -> Value {
    cluster.get("secret", SYSTEM, name).unwrap_or_else(|| panic!("certgen made no Secret {name}"))
}

/// Writes the entries of a Secret or of a ConfigMap as files.
pub(crate) fn write_volume(object: &Value, folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder for a volume");
    for (name, value) in object["data"].as_object().expect("data") {
        let value = value.as_str().expect("a text");
        let bytes = match object["kind"].as_str() {
            Some("Secret") => decode(value),
            _ => value.as_bytes().to_vec(),
        };
        std::fs::write(folder.join(name), bytes).expect("a file of a volume");
    }
}

fn decode(base64: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(base64).expect("Base64")
}
