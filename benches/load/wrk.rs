//! The load generator wrk, on its own core.

use std::cell::Cell;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

use crate::process::{LOAD_CORE, pinned};

/// The number of connections. It keeps one worker busy without long queues in the kernel.
pub const CONNECTIONS: u64 = 8;

/// A file of requests, and the position of the next run. Each row has its own.
pub struct Load {
    file: PathBuf,
    lines: u64,
    line_bytes: u64,
    next: Cell<u64>,
}

/// The result of a run of wrk.
#[derive(Clone, Copy, Deserialize)]
pub struct Run {
    pub requests: u64,
    micros: u64,
    /// Responses with a status of 400 or above.
    pub rejected: u64,
    /// Failed connections, and requests without a response.
    pub failed: u64,
    /// The 99th percentile of the latency, in microseconds.
    pub p99: u64,
}

impl Load {
    /// Opens a file whose lines all have the same length.
    pub fn new(file: PathBuf) -> Self {
        let bytes = std::fs::metadata(&file).expect("a file of requests").len();
        let line_bytes = first_line(&file).len() as u64;
        assert_eq!(bytes % line_bytes, 0, "{}: lines of different lengths", file.display());
        Self { file, lines: bytes / line_bytes, line_bytes, next: Cell::new(0) }
    }

    /// Returns the path and the token of the first request.
    pub fn first(&self) -> (String, String) {
        let line = first_line(&self.file);
        let (path, token) = line.trim_end().split_once(' ').expect("a path and a token");
        (path.to_owned(), token.to_owned())
    }

    /// Sends requests for this time, from the position where the last run stopped.
    pub fn send(&self, port: u16, time: Duration) -> Run {
        let run = run(port, &self.file, self.next.get() * self.line_bytes, time);
        // wrk reads more requests than it reports: one at its start, and those that had no response
        // at the end.
        self.next.set((self.next.get() + run.requests + 2 * CONNECTIONS) % self.lines);
        run
    }
}

impl Run {
    /// Returns the requests per second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / (self.micros as f64 / 1e6)
    }
}

fn first_line(file: &Path) -> String {
    let mut line = String::new();
    let lines = std::fs::File::open(file).map(std::io::BufReader::new);
    lines.and_then(|mut lines| lines.read_line(&mut line)).expect("a file of requests");
    line
}

fn run(port: u16, file: &Path, offset: u64, time: Duration) -> Run {
    let output = pinned(*LOAD_CORE, std::env::var_os("WRK").unwrap_or_else(|| "wrk".into()))
        .args(["--threads", "1", "--connections", &CONNECTIONS.to_string(), "--latency"])
        .args(["--duration", &format!("{}s", time.as_secs().max(1))])
        .arg("--script")
        .arg(test_support::root().join("benches/load/load.lua"))
        .arg(format!("http://127.0.0.1:{port}/"))
        .arg("--")
        .arg(file)
        .arg(offset.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("wrk, which make installs: run this through make");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    line.and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("wrk printed no result: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
