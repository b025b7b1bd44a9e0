//! Envoy with one worker on one core. It has a listener for each row.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::client::{self, Client};

use crate::process::{MEASURED_CORE, Process, pinned};

const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A listener: its name, the HTTP filters before the router, and the route.
pub struct Listener {
    pub name: String,
    pub filters: Vec<Value>,
    pub route: Value,
}

impl Listener {
    /// Makes a listener with these filters.
    pub fn new(name: &str, filters: &[Value], route: Value) -> Self {
        Self { name: name.to_owned(), filters: filters.to_vec(), route }
    }
}

/// A running Envoy.
pub struct Envoy {
    pub process: Process,
    admin: Client,
}

/// Returns a route with a direct response. Envoy does little work for it, so the CPU time of a
/// filter is a large share.
pub fn direct_response() -> Value {
    json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "ok" } } })
}

impl Envoy {
    /// Starts Envoy with one worker, and waits until it accepts connections.
    pub fn start(name: &str, listeners: &[Listener], clusters: &[Value]) -> Self {
        Self::start_with(1, name, listeners, clusters)
    }

    /// Starts Envoy with this number of workers, and waits until it accepts connections.
    pub fn start_with(workers: u64, name: &str, listeners: &[Listener], clusters: &[Value]) -> Self {
        let mut envoy = Self::spawn(workers, name, listeners, clusters);
        let begin = Instant::now();
        while !envoy.is_ready() {
            envoy.assert_running(name, begin);
            std::thread::sleep(Duration::from_millis(20));
        }
        envoy
    }

    /// Starts Envoy, and waits only for the port of its admin interface.
    pub fn spawn(workers: u64, name: &str, listeners: &[Listener], clusters: &[Value]) -> Self {
        Self::try_spawn(workers, name, listeners, clusters).unwrap_or_else(|| {
            let log = std::fs::read_to_string(folder(name).join("envoy.log")).unwrap_or_default();
            panic!("{name}: Envoy did not start:\n{log}")
        })
    }

    /// Starts Envoy, and waits only for the port of its admin interface. Returns `None` if Envoy
    /// exits before it has one.
    pub fn try_spawn(workers: u64, name: &str, listeners: &[Listener], clusters: &[Value]) -> Option<Self> {
        let folder = folder(name);
        let (config, log, admin) =
            (folder.join("envoy.json"), folder.join("envoy.log"), folder.join("admin"));
        let listeners: Vec<Value> = listeners.iter().map(listener).collect();
        let document = json!({
            "static_resources": { "listeners": listeners, "clusters": clusters },
            "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
        });
        std::fs::write(&config, document.to_string()).expect("Envoy's configuration");
        let _ = std::fs::remove_file(&admin);
        let mut command = pinned(MEASURED_CORE, binary());
        command.arg("--config-path").arg(&config).arg("--admin-address-path").arg(&admin);
        command.args(["--concurrency", &workers.to_string()]);
        command.args(["--disable-hot-restart", "--log-level", "warning"]);
        let process = Process::start(&mut command, &log);
        let mut envoy = Self { process, admin: Client::new(0) };
        let begin = Instant::now();
        loop {
            let address = std::fs::read_to_string(&admin).unwrap_or_default();
            if let Some(port) = address.rsplit_once(':').and_then(|(_, port)| port.trim().parse().ok()) {
                envoy.admin = Client::new(port);
                return Some(envoy);
            }
            if envoy.process.has_exited() {
                return None;
            }
            envoy.assert_running(name, begin);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns whether Envoy accepts connections.
    pub fn is_ready(&self) -> bool {
        self.admin.try_send(&client::get("/ready")).is_ok_and(|response| response.status == 200)
    }

    /// Returns the port of a listener, once it accepts connections.
    pub fn port(&self, listener: &str) -> Option<u16> {
        let listeners = self.admin.try_send(&client::get("/listeners?format=json")).ok()?.json();
        let all = listeners["listener_statuses"].as_array()?;
        let status = all.iter().find(|status| status["name"] == listener)?;
        u16::try_from(status["local_address"]["socket_address"]["port_value"].as_u64()?).ok()
    }

    /// Panics if Envoy has exited or is not ready in time.
    fn assert_running(&mut self, name: &str, begin: Instant) {
        if self.process.has_exited() || begin.elapsed() > START_TIMEOUT {
            let log = std::fs::read_to_string(folder(name).join("envoy.log")).unwrap_or_default();
            panic!("{name}: Envoy did not start:\n{log}");
        }
    }
}

/// Returns Envoy's version, as `envoy --version` prints it.
pub fn version() -> String {
    let output = std::process::Command::new(binary()).arg("--version").output().expect("an Envoy");
    let text = String::from_utf8_lossy(&output.stdout);
    // `envoy  version: REVISION/1.40.0/Clean/RELEASE/BoringSSL`
    let version = text.split_once("version:").and_then(|(_, rest)| rest.split('/').nth(1));
    format!("Envoy {}", version.unwrap_or("(unknown version)"))
}

fn binary() -> OsString {
    std::env::var_os("ENVOY").unwrap_or_else(|| "envoy".into())
}

/// Returns the folder of Envoy's configuration and log.
fn folder(name: &str) -> PathBuf {
    test_support::scratch(&format!("bench-{name}"))
}

fn listener(listener: &Listener) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": listener.name,
        "route_config": { "virtual_hosts": [{ "name": "api", "domains": ["*"], "routes": [listener.route] }] },
        "http_filters": listener.filters.iter().chain([&router]).collect::<Vec<_>>(),
    });
    let manager = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
    json!({
        "name": listener.name,
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{ "filters": [manager] }],
    })
}
