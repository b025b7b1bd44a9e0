//! wrk, the load generator, on a core of its own.

use std::cell::Cell;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

use crate::process::{LOAD_CORE, pinned};

/// Enough to keep one worker busy, few enough that requests wait for each other rather than in the kernel's queues.
pub const CONNECTIONS: u64 = 8;

/// Requests in a file, sent one after the other, and where the next run goes on. Each row has its own.
pub struct Load {
    file: PathBuf,
    lines: u64,
    line_bytes: u64,
    next: Cell<u64>,
}

/// What wrk says of one run.
#[derive(Clone, Copy, Deserialize)]
pub struct Run {
    pub requests: u64,
    micros: u64,
    /// Answers of 400 and above.
    pub refused: u64,
    /// Connections that failed, and answers that did not come.
    pub broken: u64,
    /// Microseconds.
    pub p99: u64,
}

impl Load {
    /// The lines of this file, all of the same length.
    pub fn new(file: PathBuf) -> Self {
        let bytes = std::fs::metadata(&file).expect("a file of requests").len();
        let line_bytes = first_line(&file).len() as u64;
        assert_eq!(bytes % line_bytes, 0, "{}: lines of different lengths", file.display());
        Self { file, lines: bytes / line_bytes, line_bytes, next: Cell::new(0) }
    }

    /// The path and the token of the first request.
    pub fn first(&self) -> (String, String) {
        let line = first_line(&self.file);
        let (path, token) = line.trim_end().split_once(' ').expect("a path and a token");
        (path.to_owned(), token.to_owned())
    }

    /// Sends for this long, from where the last run has stopped.
    pub fn send(&self, port: u16, time: Duration) -> Run {
        let run = run(port, &self.file, self.next.get() * self.line_bytes, time);
        // wrk has drawn some more: one to see what they look like, and those that were under way at the end.
        self.next.set((self.next.get() + run.requests + 2 * CONNECTIONS) % self.lines);
        run
    }
}

impl Run {
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
        .expect("wrk: run this through make, which installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| {
        panic!("wrk has not told what it did: {text}{}", String::from_utf8_lossy(&output.stderr))
    })
}
