//! The FastAPI example: with token verification in Python, and behind Envoy and the filter.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use benches::tokens::{Pool, Signer};
use serde::Serialize;
use serde_json::{Value, json};
use test_support::client::{Client, get};

use crate::envoy::{Envoy, Listener};
use crate::filters::{guard, ours, policy};
use crate::measure::sample;
use crate::process::{MEASURED_CORE, Process, pinned};
use crate::settings::Settings;
use crate::statistics::Summary;
use crate::wrk::Load;

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The applications, with the verifier that python_verification.py selects.
const APPLICATIONS: [(&str, &str); 3] = [
    ("no verification", "none"),
    ("python-jose in the application", "jose"),
    ("PyJWT in the application", "pyjwt"),
];
const BEHIND: &str = "Envoy and this filter in front";

/// CPU times are in microseconds for each request.
#[derive(Serialize)]
pub struct Application {
    pub name: &'static str,
    /// The CPU time of Envoy and Python together.
    pub cpu_per_request: Summary,
    /// The CPU time of Python alone.
    pub python: Summary,
    pub requests_per_second: Summary,
    pub p99: Summary,
}

/// Measures each application. Python and Envoy share the measured core, and wrk has the other one.
pub fn measure(signer: &Signer, settings: &Settings) -> Vec<Application> {
    let jwks = test_support::scratch("bench-fastapi").join("jwks.json");
    std::fs::write(&jwks, signer.jwks().to_string()).expect("a key set");
    let apps: Vec<(Process, u16)> = APPLICATIONS.iter().map(|(_, verifier)| start(verifier, &jwks)).collect();
    let (unverified, app_port) = &apps[0];
    let filters = vec![ours("fastapi", &policy(&signer.jwks(), 0)), guard()];
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "app" } });
    let listener = Listener { name: "fastapi".to_owned(), filters, route };
    let envoy = Envoy::start("fastapi", &[listener], &[cluster(*app_port)]);
    let behind = (BEHIND, vec![unverified, &envoy.process], envoy.port("fastapi").expect("a listener"));
    let alone = APPLICATIONS.iter().zip(&apps).map(|((name, _), (app, port))| (*name, vec![app], *port));
    let rows: Vec<(&str, Vec<&Process>, u16)> = alone.chain([behind]).collect();
    let file = Pool::Items.file(signer);
    let loads: Vec<Load> = rows.iter().map(|_| Load::new(file.clone())).collect();
    let mut samples = vec![Vec::new(); rows.len()];
    for round in 0..=settings.rounds {
        for (((name, processes, port), load), samples) in rows.iter().zip(&loads).zip(&mut samples) {
            assert_verifies(name, *port, load);
            let before = processes[0].cpu();
            let sample = sample(processes, *port, load, settings.time);
            assert_eq!((sample.run.rejected, sample.run.failed), (0, 0), "{name}: requests failed");
            let python = (processes[0].cpu() - before).as_secs_f64() * 1e6 / sample.run.requests as f64;
            if round > 0 {
                samples.push((sample, python));
            }
        }
        settings.log(&format!("FastAPI, round {round} of {}", settings.rounds));
    }
    let summary = |((name, ..), samples): (&(&'static str, Vec<&Process>, u16), &Vec<_>)| Application {
        name,
        cpu_per_request: Summary::of(
            samples.iter().map(|(sample, _): &(crate::measure::Sample, f64)| sample.cpu),
        ),
        python: Summary::of(samples.iter().map(|(_, python)| *python)),
        requests_per_second: Summary::of(samples.iter().map(|(sample, _)| sample.run.per_second())),
        p99: Summary::of(samples.iter().map(|(sample, _)| sample.run.p99 as f64)),
    };
    rows.iter().zip(&samples).map(summary).collect()
}

/// Asserts that a valid token gets 200, and a request without a token gets 401 if the application
/// verifies tokens.
fn assert_verifies(name: &str, port: u16, load: &Load) {
    let (line, client) = (load.first(), Client::new(port));
    let (good, none) = (client.send(&line.request()), client.get(&line.path));
    let expected = if name == APPLICATIONS[0].0 { 200 } else { 401 };
    assert_eq!((good.status, none.status), (200, expected), "{name}: {good:?}, {none:?}");
}

fn start(verifier: &str, jwks: &Path) -> (Process, u16) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let port = free.expect("a free port").port();
    let python = std::env::var_os("OKTA_AUTHZ_BENCH_PYTHON")
        .expect("OKTA_AUTHZ_BENCH_PYTHON is not set: run this through make");
    let mut command = pinned(MEASURED_CORE, python);
    command.args(["-m", "uvicorn", "python_verification:app", "--log-level", "warning", "--no-access-log"]);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    command
        .current_dir(test_support::root().join("benches/load"))
        .env("VERIFIER", verifier)
        .env("JWKS", jwks);
    // Python must not write bytecode between the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let log = test_support::scratch("bench-fastapi").join(format!("{verifier}.log"));
    let mut app = Process::start(&mut command, &log);
    let begin = Instant::now();
    while Client::new(port).try_send(&get("/healthz")).is_err() {
        if app.has_exited() || begin.elapsed() > START_TIMEOUT {
            panic!("FastAPI did not start:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    (app, port)
}

fn cluster(port: u16) -> Value {
    let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let endpoints = json!([{ "lb_endpoints": [{ "endpoint": { "address": address } }] }]);
    json!({
        "name": "app", "type": "STATIC", "connect_timeout": "1s",
        "load_assignment": { "cluster_name": "app", "endpoints": endpoints },
    })
}
