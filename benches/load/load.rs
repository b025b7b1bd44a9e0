//! The requests of a row: a file of lines, the protocol, and the position of the next run.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use benches::tokens::NO_TOKEN;
use serde::Deserialize;
use test_support::client::{Request, get};

use crate::{h2load, wrk};

/// The number of requests at a time. It keeps one worker busy without long queues in the kernel.
pub const CONCURRENCY: u64 = 8;
/// The number of headers that a request has without additional ones: `Host` and `Authorization`.
const OWN_HEADERS: usize = 2;

/// A file of requests, and the position of the next run. Each row has its own.
pub struct Load {
    file: PathBuf,
    lines: u64,
    line_bytes: u64,
    next: Cell<u64>,
    /// Whether each request can be sent only once.
    is_single_use: bool,
    protocol: Protocol,
    /// Additional headers as HTTP/1.1 has them, each with its line end.
    headers: String,
}

/// The protocol of the connections to Envoy.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Protocol {
    Http1,
    /// HTTP/2 without TLS. A run has only one token, because h2load sends constant headers.
    Http2,
}

/// A line of a file of requests.
pub struct Line {
    pub path: String,
    pub token: String,
    /// The DPoP proof of a bound token.
    proof: Option<String>,
    /// Additional headers, as in [`Load`].
    headers: String,
}

/// The result of a run.
#[derive(Clone, Copy, Deserialize)]
pub struct Run {
    pub requests: u64,
    pub micros: u64,
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
        let line_bytes = line_at(&file, 0).len() as u64;
        assert_eq!(bytes % line_bytes, 0, "{}: lines of different lengths", file.display());
        let (lines, next) = (bytes / line_bytes, Cell::new(0));
        let (protocol, headers) = (Protocol::Http1, String::new());
        Self { file, lines, line_bytes, next, is_single_use: false, protocol, headers }
    }

    /// Opens a file whose requests the filter allows only once.
    pub fn single_use(file: PathBuf) -> Self {
        Self { is_single_use: true, ..Self::new(file) }
    }

    /// Opens a file for requests with HTTP/2.
    pub fn http2(file: PathBuf) -> Self {
        Self { protocol: Protocol::Http2, ..Self::new(file) }
    }

    /// Opens a file for requests that have this number of headers.
    pub fn with_headers(file: PathBuf, count: usize) -> Self {
        let mut headers = String::new();
        for i in OWN_HEADERS..count {
            write!(headers, "x-application-{i:02}: a value of thirty-two characters\r\n").expect("text");
        }
        Self { headers, ..Self::new(file) }
    }

    /// Returns the same requests with a separate position.
    pub fn twin(&self) -> Self {
        let Self { lines, line_bytes, is_single_use, protocol, .. } = *self;
        let (file, headers, next) = (self.file.clone(), self.headers.clone(), Cell::new(0));
        Self { file, lines, line_bytes, next, is_single_use, protocol, headers }
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
        Line { headers: self.headers.clone(), ..Line::parse(&line_at(&self.file, 0)) }
    }

    /// Sends requests for this time, from the position where the last run stopped.
    ///
    /// # Panics
    ///
    /// If it may have sent a request a second time that can be sent only once.
    pub fn send(&self, port: u16, time: Duration) -> Run {
        let offset = self.next.get() * self.line_bytes;
        if self.protocol == Protocol::Http2 {
            self.next.set((self.next.get() + 1) % self.lines);
            return h2load::run(port, &Line::parse(&line_at(&self.file, offset)), time);
        }
        let run = wrk::run(port, &self.file, offset, &self.headers, time);
        // wrk reads more requests than it reports: one at its start, and those that had no response
        // at the end.
        let next = self.next.get() + run.requests + 2 * CONCURRENCY;
        assert!(
            !self.is_single_use || next <= self.lines,
            "{} has {} proofs, and the run needed more: raise PROOFS",
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
        Self { path, token, proof: fields.next(), headers: String::new() }
    }

    /// Returns the request, as the load generator sends it.
    pub fn request(&self) -> Request {
        let mut request = get(&self.path);
        for header in self.headers.lines() {
            let (name, value) = header.split_once(": ").expect("a header");
            request = request.header(name, value);
        }
        match &self.proof {
            None if self.token == NO_TOKEN => request,
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

/// Returns the line that begins at this offset, with its line end.
fn line_at(file: &Path, offset: u64) -> String {
    use std::io::{BufReader, Seek as _, SeekFrom};
    let mut line = String::new();
    let mut lines = std::fs::File::open(file).map(BufReader::new).expect("a file of requests");
    lines.seek(SeekFrom::Start(offset)).and_then(|_| lines.read_line(&mut line)).expect("a request");
    line
}
