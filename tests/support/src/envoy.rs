//! A real Envoy in its own process. Dropping the handle ends the process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::client::{self, Client};
use super::config::EnvoyConfig;

/// The number of workers in tests. With two, tests see how workers affect each other.
pub const WORKERS: usize = 2;
/// The environment of Envoy, from which `vm_config.environment_variables` takes secrets: the secret
/// of the stand-in's client for introspection, and a private key.
pub const ENVIRONMENT: [(&str, &str); 2] =
    [("OKTA_RS_SECRET", "resource-server-secret"), ("OKTA_RS_KEY", RESOURCE_SERVER_KEY)];
/// A private key for `private_key_jwt`.
pub const RESOURCE_SERVER_KEY: &str = r#"{"kty":"EC","crv":"P-256","d":"A6b2vGkvW81R0AHjNPfgeupeCUpWknDFvdGoSzyDM0U","x":"yJ4L0Sr0c4zeRlVn98RoWFERjk6r7DmCEptvKZNeoCY","y":"BsVReVSFH19e6-2BrzS5cw9FVCA4t-usSbNlXNz2tSM"}"#;
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The drain time of a replaced listener, in seconds. It exceeds the duration of every test
/// request.
const DRAIN_SECONDS: &str = "20";

/// A running Envoy.
pub struct Envoy {
    process: Child,
    log: PathBuf,
    pub port: u16,
    pub admin_port: u16,
}

/// The exit of an Envoy that did not start.
pub struct StartError {
    pub status: ExitStatus,
    pub log: String,
}

impl Envoy {
    /// Starts Envoy with [`WORKERS`] workers.
    ///
    /// # Panics
    ///
    /// If Envoy does not start.
    pub fn start(name: &str, config: &EnvoyConfig) -> Self {
        match Self::try_start(name, config, WORKERS) {
            Ok(envoy) => envoy,
            Err(error) => panic!("{name}: Envoy did not start ({}):\n{}", error.status, error.log),
        }
    }

    /// Starts Envoy.
    ///
    /// # Errors
    ///
    /// If Envoy exits, for example because it rejects the configuration.
    pub fn try_start(name: &str, config: &EnvoyConfig, workers: usize) -> Result<Self, StartError> {
        Self::try_start_file(name, "envoy.json", &config.to_json(), workers)
    }

    /// Starts Envoy with a configuration file. The extension of `file` selects JSON or YAML.
    ///
    /// # Errors
    ///
    /// If Envoy exits, for example because it rejects the configuration.
    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    pub fn try_start_file(name: &str, file: &str, text: &str, workers: usize) -> Result<Self, StartError> {
        let folder = super::scratch(name);
        let (config_path, log, admin) =
            (folder.join(file), folder.join("envoy.log"), folder.join("admin-address"));
        std::fs::write(&config_path, text).expect("Envoy's configuration");
        let _ = std::fs::remove_file(&admin);
        let output = File::create(&log).expect("Envoy's log");
        let process = Command::new(binary())
            .current_dir(super::root())
            .envs(ENVIRONMENT)
            .arg("-c")
            .arg(&config_path)
            .arg("--admin-address-path")
            .arg(&admin)
            .args(["--concurrency", &workers.to_string()])
            // Envoys of other tests run at the same time, and hot restart needs a unique base ID.
            .arg("--disable-hot-restart")
            .args(["--log-level", "warning", "--component-log-level", "wasm:debug"])
            // The time limit for the connections of a replaced listener.
            .args(["--drain-time-s", DRAIN_SECONDS])
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("Envoy's log"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", binary().display()));
        let mut envoy = Self { process, log, port: 0, admin_port: 0 };
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = envoy.process.try_wait().expect("Envoy's status") {
                return Err(StartError { status, log: envoy.log() });
            }
            if let Some((port, admin_port)) = ready(&admin) {
                (envoy.port, envoy.admin_port) = (port, admin_port);
                return Ok(envoy);
            }
            assert!(Instant::now() < deadline, "{name}: Envoy is not ready after 30 s:\n{}", envoy.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns a client for the first listener.
    pub fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// Returns a client for the listener with this name.
    pub fn client_of(&self, listener: &str) -> Client {
        let listeners = Client::new(self.admin_port).get("/listeners?format=json").json();
        let all = listeners["listener_statuses"].as_array().expect("listeners");
        let port = all.iter().find(|status| status["name"] == listener).and_then(port_of);
        Client::new(port.expect("the listener"))
    }

    /// Returns Envoy's log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Returns the value of a counter or gauge, or `None` if it does not exist.
    pub fn stat(&self, name: &str) -> Option<u64> {
        let stats = Client::new(self.admin_port).get("/stats");
        let line = stats
            .body
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
        line.and_then(|value| value.parse().ok())
    }

    /// Returns the value of a counter of the filter, without the prefix of its name.
    pub fn count(&self, name: &str) -> u64 {
        self.stat(&format!("wasmcustom.okta_authz.{name}")).unwrap_or(0)
    }

    /// Returns the resident memory of the process in bytes.
    pub fn rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the status of the process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("kB");
        kibibytes * 1024
    }

    /// Returns whether a VM has trapped. Envoy logs each trap.
    pub fn has_trapped(&self) -> bool {
        let log = self.log();
        ["panicked at", "Function: proxy_", "unreachable", "wasm_fail_stream"]
            .iter()
            .any(|message| log.contains(message))
    }

    /// Returns Envoy's exit status, or `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("Envoy's status")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the ports of the first listener and the admin interface, once the listener accepts
/// connections.
fn ready(admin_address: &Path) -> Option<(u16, u16)> {
    let admin_port = std::fs::read_to_string(admin_address).ok()?.trim().rsplit_once(':')?.1.parse().ok()?;
    let admin = Client::new(admin_port);
    if admin.try_send(&client::get("/ready")).ok()?.status != 200 {
        return None;
    }
    let listeners = admin.try_send(&client::get("/listeners?format=json")).ok()?;
    let listeners: serde_json::Value = serde_json::from_str(&listeners.body).ok()?;
    Some((port_of(&listeners["listener_statuses"][0])?, admin_port))
}

fn port_of(listener: &serde_json::Value) -> Option<u16> {
    u16::try_from(listener["local_address"]["socket_address"]["port_value"].as_u64()?).ok()
}

/// Returns the minor version of Envoy 1, for behavior that differs between the supported versions.
///
/// # Panics
///
/// If the binary does not print its version.
pub fn minor_version() -> u32 {
    let output = Command::new(binary()).arg("--version").output().expect("Envoy runs");
    // `/path/to/envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let minor = text.split_once("version: ").and_then(|(_, build)| build.split('.').nth(1)?.parse().ok());
    minor.unwrap_or_else(|| panic!("no version: {text}"))
}

fn binary() -> PathBuf {
    std::env::var_os("ENVOY").map_or_else(|| PathBuf::from("envoy"), PathBuf::from)
}
