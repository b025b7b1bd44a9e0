//! The requests of a row: a file of lines, the protocol, and the position of the next run.

use std::cell::{Cell, LazyCell};
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use benches::tokens::{NO_TOKEN, Pool, Signer};
use serde::Deserialize;
use test_support::client::{Request, get};

use crate::{h2load, wrk};

/// The number of concurrent requests. It keeps one worker busy without long queues in the kernel.
pub const CONCURRENCY: u64 = 8;
/// The number of headers that a request has without additional ones: `Host` and `Authorization`.
const OWN_HEADERS: usize = 2;

/// Requests, and the position of the next run. Each row has its own.
pub struct Load {
    file: LazyCell<File, Open>,
    next: Cell<u64>,
    /// Whether each request can be sent only once.
    is_single_use: bool,
    protocol: Protocol,
    /// Additional headers as HTTP/1.1 has them, each with its line end.
    headers: String,
}

/// A function that opens a file. It mints the tokens of a pool, so only a selected row calls it.
type Open = Box<dyn FnOnce() -> File>;

/// A file whose lines all have the same length.
#[derive(Clone)]
struct File {
    path: PathBuf,
    lines: u64,
    line_bytes: u64,
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
    /// Returns the requests of a file whose lines all have the same length. When a run reaches its
    /// end, it continues at the start.
    pub fn new(path: PathBuf) -> Self {
        Self::opened_by(Box::new(move || File::open(path)))
    }

    /// Returns the requests of a pool.
    pub fn of_pool(pool: Pool, signer: &Rc<Signer>) -> Self {
        let signer = Rc::clone(signer);
        Self::opened_by(Box::new(move || File::open(pool.file(&signer))))
    }

    fn opened_by(open: Open) -> Self {
        Self {
            file: LazyCell::new(open),
            next: Cell::new(0),
            is_single_use: false,
            protocol: Protocol::Http1,
            headers: String::new(),
        }
    }

    /// Returns requests that the filter allows only once.
    pub fn single_use(file: PathBuf) -> Self {
        Self { is_single_use: true, ..Self::new(file) }
    }

    /// Returns the same requests with HTTP/2.
    pub fn with_http2(self) -> Self {
        Self { protocol: Protocol::Http2, ..self }
    }

    /// Returns the same requests with this number of headers.
    pub fn with_headers(mut self, count: usize) -> Self {
        for i in OWN_HEADERS..count {
            write!(self.headers, "x-application-{i:02}: a value of thirty-two characters\r\n").expect("text");
        }
        self
    }

    /// Returns the same requests with a separate position.
    pub fn twin(&self) -> Self {
        let (file, headers) = (File::clone(&self.file), self.headers.clone());
        let (is_single_use, protocol) = (self.is_single_use, self.protocol);
        Self { headers, is_single_use, protocol, ..Self::opened_by(Box::new(move || file)) }
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
        Line { headers: self.headers.clone(), ..Line::parse(&line_at(&self.file.path, 0)) }
    }

    /// Sends requests for this time, from the position where the last run stopped.
    ///
    /// # Panics
    ///
    /// If it may have sent a request a second time that can be sent only once.
    pub fn send(&self, port: u16, time: Duration) -> Run {
        let File { path, lines, line_bytes } = &*self.file;
        let offset = self.next.get() * line_bytes;
        if self.protocol == Protocol::Http2 {
            self.next.set((self.next.get() + 1) % lines);
            return h2load::run(port, &Line::parse(&line_at(path, offset)), time);
        }
        let run = wrk::run(port, path, offset, &self.headers, time);
        // wrk reads more requests than it reports: one at its start, and those that had no response
        // at the end.
        let next = self.next.get() + run.requests + 2 * CONCURRENCY;
        assert!(
            !self.is_single_use || next <= *lines,
            "{} has {lines} proofs, and the run needed more: raise PROOFS",
            path.display()
        );
        self.next.set(next % lines);
        run
    }
}

impl File {
    fn open(path: PathBuf) -> Self {
        let bytes = std::fs::metadata(&path).expect("a file of requests").len();
        let line_bytes = line_at(&path, 0).len() as u64;
        assert_eq!(bytes % line_bytes, 0, "{}: lines of different lengths", path.display());
        Self { path, lines: bytes / line_bytes, line_bytes }
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
