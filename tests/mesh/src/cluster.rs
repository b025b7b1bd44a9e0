//! A Kubernetes API: etcd and kube-apiserver. There is no kubelet and no scheduler, so nothing runs
//! pods: the tests start the programs of a pod and create its objects.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::network::address;
use super::process::{Process, run};
use super::{folder, tool};

/// The token of the administrator. The API listens only in the network of the tests.
const TOKEN: &str = "mesh-administrator";

/// A running Kubernetes API.
pub struct Cluster {
    kubeconfig: PathBuf,
    _etcd: Process,
    _api_server: Process,
}

impl Cluster {
    /// Starts etcd and kube-apiserver, and waits until the API is ready.
    ///
    /// # Panics
    ///
    /// If one of them does not start.
    pub fn start() -> Self {
        let folder = folder("kubernetes");
        let etcd = Process::start(
            "etcd",
            &folder,
            Command::new(tool("etcd"))
                .arg("--data-dir")
                .arg(folder.join("etcd"))
                .args(["--listen-client-urls", "http://127.0.0.1:2379"])
                .args(["--advertise-client-urls", "http://127.0.0.1:2379"])
                // The data live as long as the tests.
                .arg("--unsafe-no-fsync"),
        );
        let tokens = folder.join("tokens.csv");
        std::fs::write(&tokens, format!("{TOKEN},administrator,1,system:masters\n")).expect("tokens.csv");
        // Signs the tokens of service accounts.
        let key = test_support::root().join("tests/data/keys/rsa-a.pem");
        let mut api_server = Process::start(
            "kube-apiserver",
            &folder,
            Command::new(tool("kube-apiserver"))
                .arg("--etcd-servers=http://127.0.0.1:2379")
                .arg(format!("--bind-address={}", address::KUBERNETES))
                .arg(format!("--advertise-address={}", address::KUBERNETES))
                .arg("--secure-port=6443")
                .arg(format!("--cert-dir={}", folder.join("certificates").display()))
                .arg(format!("--token-auth-file={}", tokens.display()))
                .arg("--service-account-issuer=https://kubernetes.default.svc")
                .arg(format!("--service-account-key-file={}", key.display()))
                .arg(format!("--service-account-signing-key-file={}", key.display()))
                .arg("--api-audiences=https://kubernetes.default.svc,istio-ca")
                .arg("--service-cluster-ip-range=10.97.0.0/16")
                .arg("--authorization-mode=RBAC")
                // No controller creates the service accounts that this plugin requires of pods.
                .arg("--disable-admission-plugins=ServiceAccount"),
        );
        let kubeconfig = folder.join("kubeconfig");
        let certificate = folder.join("certificates/apiserver.crt");
        let text = format!(
            r"apiVersion: v1
kind: Config
current-context: mesh
contexts: [{{ name: mesh, context: {{ cluster: mesh, user: administrator }} }}]
users: [{{ name: administrator, user: {{ token: {TOKEN} }} }}]
clusters:
  - name: mesh
    cluster: {{ server: 'https://{}:6443', certificate-authority: '{}' }}
",
            address::KUBERNETES,
            certificate.display()
        );
        std::fs::write(&kubeconfig, text).expect("the kubeconfig");
        let ready = || {
            let mut kubectl = kubectl_of(&kubeconfig);
            let output = kubectl.args(["get", "--raw", "/readyz"]).output().ok()?;
            output.status.success().then_some(())
        };
        api_server.wait_for("readiness", Duration::from_secs(90), ready);
        Self { kubeconfig, _etcd: etcd, _api_server: api_server }
    }

    /// Returns the file with the address and the credentials of the API.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns a `kubectl` command for this cluster.
    pub fn kubectl(&self) -> Command {
        kubectl_of(&self.kubeconfig)
    }

    /// Runs `kubectl` with these arguments, and returns its output.
    pub fn run(&self, arguments: &[&str]) -> String {
        run(self.kubectl().args(arguments))
    }

    /// Creates a namespace if it does not exist.
    pub fn namespace(&self, name: &str) {
        self.apply(&format!("{{ apiVersion: v1, kind: Namespace, metadata: {{ name: {name} }} }}"));
    }

    /// Applies manifests, as `kubectl apply -f` does.
    ///
    /// # Panics
    ///
    /// If the API rejects one of them.
    pub fn apply(&self, manifests: &str) -> String {
        self.try_apply(manifests).unwrap_or_else(|message| panic!("{message}\n{manifests}"))
    }

    /// Applies manifests, as `kubectl apply -f` does.
    ///
    /// # Errors
    ///
    /// The message of `kubectl`, if the API rejects one of them.
    pub fn try_apply(&self, manifests: &str) -> Result<String, String> {
        let mut kubectl = self.kubectl();
        kubectl.args(["apply", "--server-side", "--force-conflicts", "-f", "-"]);
        let mut child = kubectl
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl");
        let mut input = child.stdin.take().expect("the input of kubectl");
        input.write_all(manifests.as_bytes()).expect("manifests for kubectl");
        drop(input);
        let output = child.wait_with_output().expect("the output of kubectl");
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Returns an object. Returns `None` if it does not exist.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let mut kubectl = self.kubectl();
        let output = kubectl.args(["get", kind, name, "-n", namespace, "-o", "json"]).output().ok()?;
        output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON of kubectl"))
    }
}

fn kubectl_of(kubeconfig: &Path) -> Command {
    let mut kubectl = Command::new(tool("kubectl"));
    kubectl.arg("--kubeconfig").arg(kubeconfig);
    kubectl
}
