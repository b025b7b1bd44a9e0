//! A Prometheus process. It ends when its handle is dropped.

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

/// One series of an instant query.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Value,
    pub value: f64,
}

/// Returns the path of `prometheus` or `promtool`.
pub fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("OKTA_AUTHZ_PROMETHEUS").expect(
        "OKTA_AUTHZ_PROMETHEUS must name the directory of prometheus and promtool; `make test` sets it",
    );
    Path::new(&folder).join(name)
}

impl Prometheus {
    /// Starts Prometheus on a free port and waits until it is ready.
    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    pub fn start(name: &str, config: &Value) -> Self {
        let folder = test_support::scratch(name);
        let (file, data) = (folder.join("prometheus.json"), folder.join("data"));
        let _ = std::fs::remove_dir_all(&data);
        // Prometheus reads YAML, of which JSON is a subset.
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
            .expect("Prometheus must start");
        let mut prometheus = Self { process, port };
        let deadline = Instant::now() + START_TIMEOUT;
        let ready = |response: client::Response| response.status == 200;
        while !Client::new(port).try_send(&client::get("/-/ready")).is_ok_and(ready) {
            let ended = prometheus.process.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{name}: not ready, see prometheus.log: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        prometheus
    }

    /// Evaluates an instant query.
    pub fn query(&self, query: &str) -> Vec<Series> {
        let response = Client::new(self.port).get(&format!("/api/v1/query?query={}", percent_encode(query)));
        let json = response.json();
        assert_eq!(json["status"], "success", "{query}: {}", response.body);
        let series = |one: &Value| Series {
            labels: one["metric"].clone(),
            value: one["value"][1].as_str().unwrap().parse().unwrap(),
        };
        json["data"]["result"].as_array().expect("a vector").iter().map(series).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn percent_encode(text: &str) -> String {
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
