//! A real Prometheus in a child process, which ends when its handle is dropped.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::client::{self, Client};

const START_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Prometheus {
    process: Child,
    port: u16,
}

/// A series of an instant query: labels and value.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Value,
    pub value: f64,
}

/// Returns the path of `prometheus` or `promtool`.
pub fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("OKTA_AUTHZ_PROMETHEUS")
        .expect("OKTA_AUTHZ_PROMETHEUS names a folder with prometheus and promtool: run this through make, which sets it");
    Path::new(&folder).join(name)
}

impl Prometheus {
    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    pub fn start(name: &str, config: &Value) -> Self {
        let folder = test_support::scratch(name);
        let (file, data) = (folder.join("prometheus.json"), folder.join("data"));
        let _ = std::fs::remove_dir_all(&data);
        // JSON is YAML.
        std::fs::write(&file, config.to_string()).unwrap();
        let output = File::create(folder.join("prometheus.log")).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let process = Command::new(program("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("Prometheus runs");
        let mut prometheus = Self { process, port };
        let deadline = Instant::now() + START_TIMEOUT;
        let ready = |response: client::Response| response.status == 200;
        while !Client::new(port).try_send(&client::get("/-/ready")).is_ok_and(ready) {
            let ended = prometheus.process.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{name}: see prometheus.log: {ended:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        prometheus
    }

    /// Returns the result of an instant query.
    pub fn query(&self, query: &str) -> Vec<Series> {
        let data = self.ask(&format!("/api/v1/query?query={}", encode(query)), query);
        let series = |one: &Value| Series {
            labels: one["metric"].clone(),
            value: one["value"][1].as_str().unwrap().parse().unwrap(),
        };
        data.as_array().expect("a vector").iter().map(series).collect()
    }

    fn ask(&self, path: &str, query: &str) -> Value {
        let response = Client::new(self.port).get(path);
        let json = response.json();
        assert_eq!(json["status"], "success", "{query}: {}", response.body);
        json["data"]["result"].clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
