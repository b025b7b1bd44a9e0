//! A running `okta-authz receive` with its stand-in Okta.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::signals::{PushResponse, SignalSpec, push_event, push_logout};
use stand_in_okta::{DEMO_CLIENT_ID, Options, Server, StandIn};

use super::client::{Client, Response, get};

/// The URL of the receiver in its configuration.
pub const URL: &str = "https://revocation.example.com/okta";
/// The `aud` of events.
pub const AUDIENCE: &str = "https://revocation.example.com/okta/events";
/// The `aud` of logout calls.
pub const LOGOUT_URL: &str = "https://revocation.example.com/okta/logout";

/// A receiver, its log and its addresses. Dropping it kills the process.
pub struct Receiver {
    process: Child,
    pub public: SocketAddr,
    pub internal: SocketAddr,
    pub log: Arc<Mutex<VecDeque<String>>>,
}

/// Starts a stand-in Okta with keys of the org server.
pub fn okta() -> StandIn {
    let okta = StandIn::start(Options::default());
    // Generates the keys now, so that no request waits for them.
    okta.kid(Server::Org);
    okta
}

/// Returns an empty directory for a test.
pub fn directory(name: &str) -> PathBuf {
    let path = super::scratch(&format!("receive-{name}"));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Returns the configuration for a stand-in Okta.
pub fn config(okta: &StandIn, directory: &Path) -> Value {
    let ca = directory.join("ca.pem");
    fs::write(&ca, okta.ca_pem()).unwrap();
    json!({
        "listen": "127.0.0.1:0", "internal_listen": "127.0.0.1:0", "url": URL,
        "orgs": [{
            "issuer": okta.issuer(Server::Org), "aliases": ["https://login.acme.example"],
            "jwks_uri": format!("https://localhost:{}/oauth2/v1/keys", okta.https_port()),
            "events": { "audiences": [AUDIENCE] },
            "logout": { "client_ids": [DEMO_CLIENT_ID] },
        }],
        "storage": { "path": directory.join("revocations.redb") },
        "ca": ca,
    })
}

/// Writes a configuration, and returns the path of its file.
fn write(directory: &Path, config: &Value) -> PathBuf {
    let file = directory.join("receive.yaml");
    fs::write(&file, config.to_string()).unwrap();
    file
}

impl Receiver {
    /// Starts a receiver with the configuration of a test, and waits until it has keys.
    pub fn start(name: &str, okta: &StandIn, change: impl FnOnce(&mut Value)) -> Self {
        let directory = directory(name);
        let mut config = config(okta, &directory);
        change(&mut config);
        let receiver = Self::run(&directory, &config, &[]);
        receiver.wait_for_log("keys_fetched");
        receiver
    }

    /// Runs a receiver, and waits until it listens.
    pub fn run(directory: &Path, config: &Value, environment: &[(&str, &str)]) -> Self {
        let mut command = super::okta_authz();
        command.arg("receive").arg(write(directory, config)).envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Runs a receiver for which [`Receiver::limit_file_size`] makes writes fail.
    pub fn run_with_file_limit(directory: &Path, config: &Value) -> Self {
        let mut command = Command::new("sh");
        // Without the trap, the first write beyond the limit ends the process.
        command.args(["-c", r#"trap "" XFSZ; exec "$0" receive "$1""#]);
        command.arg(super::okta_authz().get_program()).arg(write(directory, config));
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                written.lock().unwrap().push_back(line);
            }
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut receiver = Self { process, public: any, internal: any, log };
        let started: Value = serde_json::from_str(&receiver.wait_for_log("\"started\"")).unwrap();
        receiver.public = started["listen"].as_str().unwrap().parse().unwrap();
        receiver.internal = started["internal_listen"].as_str().unwrap().parse().unwrap();
        receiver
    }

    /// Waits up to 20 s for a line of the log that contains a text, and returns it.
    pub fn wait_for_log(&self, text: &str) -> String {
        for _ in 0..2_000 {
            if let Some(line) = self.log.lock().unwrap().iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the log has no {text}: {:#?}", self.log.lock().unwrap());
    }

    /// Returns the whole log.
    pub fn log_text(&self) -> String {
        self.log.lock().unwrap().iter().map(|line| format!("{line}\n")).collect()
    }

    /// Pushes a security event token.
    pub fn push(&self, token: &str) -> PushResponse {
        push_event(self.public, "/events", token).unwrap()
    }

    /// Pushes Okta's `session-revoked` for a user.
    pub fn revoke_session(&self, okta: &StandIn, user_id: &str) -> PushResponse {
        let events = okta.session_revoked(user_id);
        self.push(&okta.security_event(AUDIENCE, events, &SignalSpec::default()))
    }

    /// Calls the logout endpoint.
    pub fn logout(&self, token: &str, sub_id: &Value) -> PushResponse {
        push_logout(self.public, "/logout", token, sub_id).unwrap()
    }

    /// Sends a GET request to the internal address.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = headers.iter().fold(get(path), |request, (name, value)| request.header(name, value));
        Client::to(self.internal).send(&request)
    }

    /// Returns the entries of the denylist.
    pub fn entries(&self) -> Vec<Value> {
        let response = self.get("/denylist", &[]);
        assert_eq!(response.status, 200, "{response:?}");
        let document: Value = serde_json::from_str(&response.body).unwrap();
        document["entries"].as_array().unwrap().clone()
    }

    /// Returns the value of a metric with these labels.
    pub fn metric(&self, sample: &str) -> Option<u64> {
        let text = self.get("/metrics", &[]).body;
        let line = text.lines().find(|line| line.split(' ').next() == Some(sample));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok())
    }

    /// Sets the maximum size of the files that the process writes, in bytes or `unlimited`. A write
    /// beyond it fails, as on a full disk.
    pub fn limit_file_size(&self, limit: &str) {
        let (process, limit) = (self.process.id().to_string(), format!("--fsize={limit}:"));
        let status = Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap();
        assert!(status.success());
    }

    /// Kills the process with SIGKILL.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Sends SIGTERM, and returns the exit status.
    pub fn terminate(mut self) -> Option<i32> {
        let status = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(status.success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the system time in seconds.
#[allow(clippy::disallowed_methods, reason = "the server of the test reads the clock, too")]
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
