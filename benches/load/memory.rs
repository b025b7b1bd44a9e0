//! Memory of one worker with the filter, before and after many tokens.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use benches::tokens::Signer;
use serde::Serialize;
use serde_json::{Value, json};
use test_support::client::Client;

use crate::envoy::{Envoy, Listener, direct_response};
use crate::filters::{configuration, ours};
use crate::settings::Settings;

/// The number of tokens for which the budget holds.
pub const WARMUP_TOKENS: u64 = 10_000;
/// The number of workers that are added to one.
const EXTRA_WORKERS: u64 = 4;
/// How often each token is sent. A full token cache stores a token only when it arrives again.
const REPEATS: u64 = 2;
/// Concurrent requests. It divides the numbers of tokens.
const CONNECTIONS: u64 = 8;

/// Resident memory of Envoy with one worker, in bytes. The main thread has a VM too, so the filter
/// has two VMs.
#[derive(Serialize)]
pub struct Memory {
    /// Without a filter, after [`WARMUP_TOKENS`] requests.
    pub no_filter: u64,
    /// With the filter, before the first request.
    pub before_tokens: u64,
    /// The memory of one VM: that of one more worker with the filter, less that of one more worker
    /// without it.
    pub worker: u64,
    /// After [`WARMUP_TOKENS`] distinct tokens.
    pub after_warmup: u64,
    /// The number of tokens before the last measurement, and the memory after them.
    pub tokens: u64,
    pub after_all: u64,
}

impl Memory {
    /// Returns the memory of one worker's VM with [`WARMUP_TOKENS`] cached tokens.
    pub const fn of_one_worker(&self) -> u64 {
        self.worker + self.after_warmup.saturating_sub(self.before_tokens)
    }

    /// Returns the growth after the first [`WARMUP_TOKENS`] tokens.
    pub const fn growth(&self) -> u64 {
        self.after_all.saturating_sub(self.after_warmup)
    }
}

/// Sends distinct tokens and measures. The tokens have ES256, because a million RSA signatures
/// would take longer than the rest of the benchmark. The size of a cached token does not depend on
/// the algorithm.
pub fn measure(settings: &Settings) -> Memory {
    let (signer, tokens) = (Signer::es256(), settings.tokens.max(2 * WARMUP_TOKENS));
    let mut filter = configuration(&signer.jwks());
    filter["providers"]["okta"]["algorithms"] = json!(["ES256"]);
    let filters = vec![ours("memory", &filter)];
    let rss = |workers, filters: &[Value]| start(workers, "memory-workers", filters).process.settled_rss();
    let one_more =
        |filters: &[Value]| rss(1 + EXTRA_WORKERS, filters).saturating_sub(rss(1, filters)) / EXTRA_WORKERS;
    let worker = one_more(&filters).saturating_sub(one_more(&[]));
    let bare = start(1, "memory-bare", &[]);
    let full = start(1, "memory", &filters);
    send(&bare, &signer, WARMUP_TOKENS, settings);
    let before_tokens = full.process.settled_rss();
    send(&full, &signer, WARMUP_TOKENS, settings);
    let after_warmup = full.process.rss();
    send(&full, &signer, tokens - WARMUP_TOKENS, settings);
    let (no_filter, after_all) = (bare.process.rss(), full.process.rss());
    Memory { no_filter, before_tokens, worker, after_warmup, tokens, after_all }
}

fn start(workers: u64, name: &str, filters: &[Value]) -> Envoy {
    let listener =
        Listener { name: "memory".to_owned(), filters: filters.to_vec(), route: direct_response() };
    Envoy::start_with(workers, name, &[listener], &[])
}

/// Sends distinct tokens. It signs the next token while Envoy handles the last request of each
/// connection. A connection has one request at a time, because Envoy closes a connection that
/// pipelines many requests.
fn send(envoy: &Envoy, signer: &Signer, count: u64, settings: &Settings) {
    let port = envoy.port("memory").expect("a listener");
    let connect = |_| (BufReader::new(Client::new(port).connect().expect("a connection")), String::new());
    let mut connections: Vec<_> = (0..CONNECTIONS).map(connect).collect();
    for batch in 0..count.div_ceil(CONNECTIONS) {
        for repeat in 0..REPEATS {
            for (connection, request) in &mut connections {
                if (batch, repeat) > (0, 0) {
                    assert_eq!(status(connection), 200, "a valid token");
                }
                if repeat == 0 {
                    *request = new_request(signer);
                }
                connection.get_mut().write_all(request.as_bytes()).expect("a request");
            }
        }
        let sent = (batch + 1) * CONNECTIONS;
        if sent.is_multiple_of(250_000) {
            settings.log(&format!("{sent} distinct tokens"));
        }
    }
    for (connection, _) in &mut connections {
        assert_eq!(status(connection), 200, "a valid token");
    }
}

fn new_request(signer: &Signer) -> String {
    let token = signer.token();
    format!("GET /items HTTP/1.1\r\nhost: api.example.com\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// Reads one response and returns its status.
pub fn status(reading: &mut BufReader<TcpStream>) -> u16 {
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        reading.read_line(&mut line).expect("a response");
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse().expect("a status");
        } else if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().expect("a length");
        }
    }
    reading.read_exact(&mut vec![0; length]).expect("a body");
    status
}
