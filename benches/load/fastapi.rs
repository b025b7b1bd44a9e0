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
use crate::load::Load;
use crate::machine::Round;
use crate::measure::{Sample, sample};
use crate::process::{LOAD_CORE, MEASURED_CORE, Process, pinned};
use crate::settings::Settings;
use crate::statistics::Summary;

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The applications, with the verifier that python_verification.py selects.
const APPLICATIONS: [(&str, &str); 3] = [
    ("no verification", "none"),
    ("python-jose in the application", "jose"),
    ("PyJWT in the application", "pyjwt"),
];
/// The listeners of both Envoys: the row on the core of the application, and on the other core.
const UNFILTERED: [&str; 2] = ["Envoy in front, no filter", "Envoy in front, no filter, on another core"];
const BEHIND: [&str; 2] =
    ["Envoy and this filter in front", "Envoy and this filter in front, on another core"];

/// CPU times are in microseconds for each request.
#[derive(Serialize)]
pub struct Application {
    pub name: &'static str,
    /// The CPU time of Envoy and Python together.
    pub cpu_per_request: Summary,
    /// The CPU time of Python alone.
    pub python: Summary,
    /// The CPU time of Python beyond that without verification and without Envoy, in the same round.
    pub python_added: Summary,
    pub requests_per_second: Summary,
    pub p99: Summary,
}

/// A row: its name, the processes whose CPU time counts, Python first, and the port of requests.
type Row<'a> = (&'static str, Vec<&'a Process>, u16);

/// Measures each application. Python has the measured core, and wrk has the other core. Envoy has
/// either, because on the measured core it evicts the application's data from the processor's
/// caches.
pub fn measure(signer: &Signer, settings: &Settings) -> Vec<Application> {
    let jwks = test_support::scratch("bench-fastapi").join("jwks.json");
    std::fs::write(&jwks, signer.jwks().to_string()).expect("a key set");
    let apps: Vec<(Process, u16)> = APPLICATIONS.iter().map(|(_, verifier)| start(verifier, &jwks)).collect();
    let (unverified, app_port) = &apps[0];
    let same = start_envoy("fastapi", signer, *app_port);
    let other = start_envoy("fastapi-other-core", signer, *app_port);
    other.process.move_to(*LOAD_CORE);
    let envoys = [(&same, 0), (&other, 1)];
    let fronts = envoys.iter().flat_map(|(envoy, at)| {
        [UNFILTERED, BEHIND].map(|names| {
            let port = envoy.port(names[0]).expect("a listener");
            (names[*at], vec![unverified, &envoy.process], port)
        })
    });
    let alone = APPLICATIONS.iter().zip(&apps).map(|((name, _), (app, port))| (*name, vec![app], *port));
    let rows: Vec<Row<'_>> = alone.chain(fronts).collect();
    let file = Pool::Items.file(signer);
    let loads: Vec<Load> = rows.iter().map(|_| Load::new(file.clone())).collect();
    let mut samples = vec![Vec::new(); rows.len()];
    for round in 0..=settings.rounds {
        for (((name, processes, port), load), samples) in rows.iter().zip(&loads).zip(&mut samples) {
            assert_verifies(name, *port, load);
            let before = processes[0].cpu();
            let sample = sample(processes, *port, load, settings.time, &mut Round::default());
            assert_eq!((sample.run.rejected, sample.run.failed), (0, 0), "{name}: requests failed");
            let python = (processes[0].cpu() - before).as_secs_f64() * 1e6 / sample.run.requests as f64;
            if round > 0 {
                samples.push((sample, python));
            }
        }
        settings.log(&format!("FastAPI, round {round} of {}", settings.rounds));
    }
    rows.iter().zip(&samples).map(|((name, ..), row)| application(name, row, &samples[0])).collect()
}

/// Summarizes the samples of a row. `direct` is the row without verification and without Envoy.
fn application(name: &'static str, samples: &[(Sample, f64)], direct: &[(Sample, f64)]) -> Application {
    let summary = |value: fn(&(Sample, f64)) -> f64| Summary::of(samples.iter().map(value));
    Application {
        name,
        cpu_per_request: summary(|(sample, _)| sample.cpu),
        python: summary(|(_, python)| *python),
        python_added: Summary::of(samples.iter().zip(direct).map(|((_, row), (_, direct))| row - direct)),
        requests_per_second: summary(|(sample, _)| sample.run.per_second()),
        p99: summary(|(sample, _)| sample.run.p99 as f64),
    }
}

/// Starts Envoy in front of the application, with and without this filter.
fn start_envoy(name: &str, signer: &Signer, app_port: u16) -> Envoy {
    let filters = [ours("fastapi", &policy(&signer.jwks(), 0)), guard()];
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "app" } });
    let listeners =
        [Listener::new(UNFILTERED[0], &[], route.clone()), Listener::new(BEHIND[0], &filters, route)];
    Envoy::start(name, &listeners, &[cluster(app_port)])
}

/// Asserts that a valid token gets 200, and a request without a token gets 401 if the application
/// verifies tokens.
fn assert_verifies(name: &str, port: u16, load: &Load) {
    let (line, client) = (load.first(), Client::new(port));
    let (good, none) = (client.send(&line.request()), client.get(&line.path));
    let unverified = name == APPLICATIONS[0].0 || UNFILTERED.contains(&name);
    let expected = if unverified { 200 } else { 401 };
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
