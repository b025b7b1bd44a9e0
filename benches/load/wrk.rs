//! The load generator wrk, on its own core.

use std::cell::Cell;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use test_support::client::{Request, get};

use crate::process::{LOAD_CORE, pinned};

/// The number of connections. It keeps one worker busy without long queues in the kernel.
pub const CONNECTIONS: u64 = 8;

/// A file of requests, and the position of the next run. Each row has its own.
pub struct Load {
    file: PathBuf,
    lines: u64,
    line_bytes: u64,
    next: Cell<u64>,
    /// Whether each request can be sent only once.
    is_single_use: bool,
}

/// A line of a file of requests.
pub struct Line {
    pub path: String,
    token: String,
    /// The DPoP proof of a bound token.
    proof: Option<String>,
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
    /// Opens a file whose lines all have the same length. When a run reaches its end, it continues
    /// at the start.
    pub fn new(file: PathBuf) -> Self {
        let bytes = std::fs::metadata(&file).expect("a file of requests").len();
        let line_bytes = first_line(&file).len() as u64;
        assert_eq!(bytes % line_bytes, 0, "{}: lines of different lengths", file.display());
        let (lines, next) = (bytes / line_bytes, Cell::new(0));
        Self { file, lines, line_bytes, next, is_single_use: false }
    }

    /// Opens a file whose requests the filter allows only once.
    pub fn single_use(file: PathBuf) -> Self {
        Self { is_single_use: true, ..Self::new(file) }
    }

    /// Returns whether the filter allows each request only once.
    pub const fn is_single_use(&self) -> bool {
        self.is_single_use
    }

    /// Returns the first request. If it can be sent only once, the runs begin after it.
    pub fn first(&self) -> Line {
        if self.is_single_use {
            self.next.set(self.next.get().max(1));
        }
        Line::parse(&first_line(&self.file))
    }

    /// Sends requests for this time, from the position where the last run stopped.
    ///
    /// # Panics
    ///
    /// If it may have sent a request a second time that can be sent only once.
    pub fn send(&self, port: u16, time: Duration) -> Run {
        let run = run(port, &self.file, self.next.get() * self.line_bytes, time);
        // wrk reads more requests than it reports: one at its start, and those that had no response
        // at the end.
        let next = self.next.get() + run.requests + 2 * CONNECTIONS;
        assert!(
            !self.is_single_use || next <= self.lines,
            "{} has {} proofs, and the run needed more: raise OKTA_AUTHZ_BENCH_PROOFS",
            self.file.display(),
            self.lines
        );
        self.next.set(next % self.lines);
        run
    }
}

impl Line {
    /// Parses a line.
    pub fn parse(line: &str) -> Self {
        let mut fields = line.split_whitespace().map(str::to_owned);
        let mut field = |name| fields.next().expect(name);
        let (path, token) = (field("a path"), field("a token"));
        Self { path, token, proof: fields.next() }
    }

    /// Returns the request, as wrk sends it.
    pub fn request(&self) -> Request {
        let request = get(&self.path);
        match &self.proof {
            None => request.bearer(&self.token),
            Some(proof) => {
                request.header("authorization", format!("DPoP {}", self.token)).header("dpop", proof)
            }
        }
    }

    /// Returns the bytes of the request on a connection that stays open.
    pub fn to_http(&self) -> String {
        let (path, token) = (&self.path, &self.token);
        let (scheme, proof) = match &self.proof {
            None => ("Bearer", String::new()),
            Some(proof) => ("DPoP", format!("dpop: {proof}\r\n")),
        };
        format!(
            "GET {path} HTTP/1.1\r\nhost: api.example.com\r\nauthorization: {scheme} {token}\r\n{proof}\r\n"
        )
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
