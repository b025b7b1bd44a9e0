//! The load generator h2load for HTTP/2, on its own core.

use std::process::Stdio;
use std::time::Duration;

use crate::load::{CONCURRENCY, Line, Run};
use crate::process::{LOAD_CORE, pinned};

/// The number of connections. They share the concurrent requests.
const CONNECTIONS: u64 = 2;

/// Sends this request repeatedly.
pub fn run(port: u16, line: &Line, time: Duration) -> Run {
    let log = test_support::scratch("bench-h2load").join("requests");
    // h2load appends.
    let _ = std::fs::remove_file(&log);
    let output = pinned(*LOAD_CORE, std::env::var_os("H2LOAD").unwrap_or_else(|| "h2load".into()))
        .args(["--threads", "1", "--clients", &CONNECTIONS.to_string()])
        .args(["--max-concurrent-streams", &(CONCURRENCY / CONNECTIONS).to_string()])
        .args(["--duration", &time.as_secs().max(1).to_string()])
        .arg(format!("--log-file={}", log.display()))
        .args(["--header", ":authority: api.example.com"])
        .args(["--header", &format!("authorization: Bearer {}", line.token)])
        .arg(format!("http://127.0.0.1:{port}{}", line.path))
        .stdin(Stdio::null())
        .output()
        .expect("h2load, which make installs: run this through make");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "h2load: {text}{}", String::from_utf8_lossy(&output.stderr));
    result(&std::fs::read_to_string(&log).expect("h2load's log"), time)
}

/// Counts the lines of the log: for each request the start, the status (-1 if it failed) and the
/// microseconds to the end of the response, separated by tabs.
fn result(log: &str, time: Duration) -> Run {
    let mut run = Run { requests: 0, micros: 0, rejected: 0, failed: 0, p99: 0 };
    let mut latencies = Vec::new();
    for line in log.lines() {
        let fields: Vec<i64> = line.split('\t').map(|field| field.parse().expect("a number")).collect();
        run.requests += 1;
        run.rejected += u64::from(fields[1] >= 400);
        run.failed += u64::from(fields[1] < 0);
        latencies.push(u64::try_from(fields[2]).unwrap_or_default());
    }
    latencies.sort_unstable();
    run.micros = time.as_micros().try_into().expect("a duration");
    run.p99 = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
    run
}
