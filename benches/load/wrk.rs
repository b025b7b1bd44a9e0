//! The load generator wrk for HTTP/1.1, on its own core.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::load::{CONCURRENCY, Run};
use crate::process::{LOAD_CORE, pinned};

/// Sends the requests of the file from this offset, with these additional headers.
pub fn run(port: u16, file: &Path, offset: u64, headers: &str, time: Duration) -> Run {
    let output = pinned(*LOAD_CORE, std::env::var_os("WRK").unwrap_or_else(|| "wrk".into()))
        .args(["--threads", "1", "--connections", &CONCURRENCY.to_string(), "--latency"])
        .args(["--duration", &format!("{}s", time.as_secs().max(1))])
        .arg("--script")
        .arg(test_support::root().join("benches/load/load.lua"))
        .arg(format!("http://127.0.0.1:{port}/"))
        .arg("--")
        .arg(file)
        .args([&offset.to_string(), headers])
        .stdin(Stdio::null())
        .output()
        .expect("wrk, which make installs: run this through make");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    line.and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("wrk printed no result: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
