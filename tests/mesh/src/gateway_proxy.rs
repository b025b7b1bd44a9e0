//! The Envoy of a Gateway's Deployment.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use test_support::client::{Client, get};

use super::container::Container;
use super::envoy_gateway::{SYSTEM, write_volume};
use super::network::Pod;
use super::process::{Process, run};

/// The time for Envoy to get its first configuration.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The port of the readiness probe in Envoy Gateway's Deployment.
const READINESS_PORT: u16 = 19003;

/// A running Envoy with the arguments and the volumes of the Deployment.
pub struct GatewayProxy {
    pod: Pod,
    envoy: Process,
}

impl GatewayProxy {
    pub(crate) fn start(
        name: &str,
        deployment: &Value,
        certificates: &Value,
        settings: &Value,
        volumes: &[(&Path, &str)],
    ) -> Self {
        let folder = super::folder(name);
        write_volume(certificates, &folder.join("certs"));
        write_volume(settings, &folder.join("sds"));
        let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().expect("containers");
        let container =
            containers.iter().find(|container| container["name"] == "envoy").expect("a container `envoy`");
        // The kubelet replaces these variables.
        let argument = |value: &Value| {
            let value = value.as_str().expect("an argument").to_owned();
            value
                .replace("$(ENVOY_POD_NAME)", &format!("{name}-0"))
                .replace("$(ENVOY_POD_NAMESPACE)", SYSTEM)
                .replace("$(ENVOY_SERVICE_ZONE)", "")
        };
        let arguments: Vec<String> =
            container["args"].as_array().expect("arguments").iter().map(argument).collect();
        let pod = Pod::new();
        let mut mounts =
            Container::new(name).volume(&folder.join("certs"), "/certs").volume(&folder.join("sds"), "/sds");
        for (source, target) in volumes {
            mounts = mounts.volume(source, target);
        }
        let envoy = PathBuf::from(std::env::var_os("ENVOY").expect("$ENVOY"));
        let process = Process::start("envoy", &folder, mounts.command(Some(&pod), &envoy).args(arguments));
        let mut proxy = Self { pod, envoy: process };
        let client = proxy.client(READINESS_PORT);
        let ready = || (client.try_send(&get("/ready")).ok()?.status == 200).then_some(());
        proxy.envoy.wait_for("readiness", START_TIMEOUT, ready);
        proxy
    }

    /// Returns the address of the pod.
    pub const fn address(&self) -> Ipv4Addr {
        self.pod.address()
    }

    /// Returns a client for a port of the pod.
    pub fn client(&self, port: u16) -> Client {
        Client::to(SocketAddr::from((self.pod.address(), port)))
    }

    /// Sends a request to Envoy's admin interface.
    pub fn admin(&self, path: &str) -> String {
        run(self.pod.command("curl").args([
            "--silent",
            "--fail",
            "--noproxy",
            "*",
            &format!("http://127.0.0.1:19000{path}"),
        ]))
    }

    /// Returns the configuration of the listeners, as Envoy received it.
    pub fn listeners(&self) -> Value {
        serde_json::from_str(&self.admin("/config_dump?resource=dynamic_listeners")).expect("JSON of Envoy")
    }

    /// Returns the value of a counter or a gauge, or 0 if it does not exist.
    pub fn stat(&self, name: &str) -> u64 {
        let line = self.admin(&format!("/stats?filter=^{name}$"));
        line.trim().rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Returns the log of Envoy.
    pub fn log(&self) -> String {
        self.envoy.log()
    }
}
