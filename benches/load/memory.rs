//! Memory of one worker: before requests beside `jwt_authn` and a minimal module, and of this filter
//! after many tokens.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use benches::tokens::Signer;
use serde::Serialize;
use serde_json::{Value, json};
use test_support::client::Client;

use crate::against::Against;
use crate::envoy::{Envoy, Listener, direct_response};
use crate::filters::{configuration, native, ours};
use crate::floor;
use crate::results::Comparison;
use crate::settings::Settings;
use crate::statistics::Summary;

/// The number of tokens for which the budget holds.
pub const WARMUP_TOKENS: u64 = 10_000;
/// The number of workers that are added to one.
const EXTRA_WORKERS: u64 = 4;
/// How often each token is sent. A full token cache stores a token only when it arrives again.
const REPEATS: u64 = 2;
/// Concurrent requests. It divides the numbers of tokens.
const CONNECTIONS: u64 = 8;
/// The maximum number of rounds before requests. An Envoy needs some seconds until it is idle. Five
/// rounds are enough for a verdict.
const MAX_ROUNDS: usize = 5;

const OURS: &str = "this filter";
const OTHER: &str = "the other build";

/// Resident memory of Envoy with one worker, in bytes. The main thread has a VM too, so the filter
/// has two VMs.
#[derive(Serialize)]
pub struct Memory {
    /// Before the first request.
    pub idle: Vec<Idle>,
    /// The memory of one VM: that of one more worker with the filter, less that of one more worker
    /// without it.
    pub worker: u64,
    /// With the filter, before the first request of the Envoy of the next two values.
    pub before_tokens: u64,
    /// After [`WARMUP_TOKENS`] distinct tokens.
    pub after_warmup: u64,
    /// The number of tokens before the last measurement, and the memory after them.
    pub tokens: u64,
    pub after_all: u64,
}

/// Resident memory before the first request.
#[derive(Serialize)]
pub struct Idle {
    pub name: &'static str,
    pub bytes: Summary,
    /// The memory beyond that of Envoy without a filter.
    pub added: Summary,
    pub against: Option<Comparison>,
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
pub fn measure(settings: &Settings, against: Option<&Against>) -> Memory {
    let (signer, tokens) = (Signer::es256(), settings.tokens.max(2 * WARMUP_TOKENS));
    let jwks = signer.jwks();
    let mut filter = configuration(&jwks);
    filter["providers"]["okta"]["algorithms"] = json!(["ES256"]);
    let filters = vec![ours("memory", &filter)];
    let mut kinds = vec![
        ("no filter", vec![]),
        ("jwt_authn", vec![native(&jwks, false, false)]),
        ("a minimal module", vec![floor::filter("memory", &floor::minimal())]),
        (OURS, filters.clone()),
    ];
    kinds.extend(against.and_then(|against| against.filters(&filters)).map(|filters| (OTHER, filters)));
    let idle = idle(&kinds, settings);
    settings.log("memory before requests");
    let rss = |workers, filters: &[Value]| start(workers, "memory-workers", filters).process.settled_rss();
    let one_more =
        |filters: &[Value]| rss(1 + EXTRA_WORKERS, filters).saturating_sub(rss(1, filters)) / EXTRA_WORKERS;
    let worker = one_more(&filters).saturating_sub(one_more(&[]));
    let full = start(1, "memory", &filters);
    let before_tokens = full.process.settled_rss();
    send(&full, &signer, WARMUP_TOKENS, settings);
    let after_warmup = full.process.rss();
    send(&full, &signer, tokens - WARMUP_TOKENS, settings);
    let after_all = full.process.rss();
    Memory { idle, worker, before_tokens, after_warmup, tokens, after_all }
}

/// Measures idle Envoys in turn. The first has no filter.
fn idle(kinds: &[(&'static str, Vec<Value>)], settings: &Settings) -> Vec<Idle> {
    let mut bytes = vec![Vec::new(); kinds.len()];
    for _ in 0..settings.rounds.min(MAX_ROUNDS) {
        for ((_, filters), bytes) in kinds.iter().zip(&mut bytes) {
            bytes.push(start(1, "memory-idle", filters).process.settled_rss() as f64);
        }
    }
    let added: Vec<Vec<f64>> = bytes
        .iter()
        .map(|bytes_of_kind| bytes_of_kind.iter().zip(&bytes[0]).map(|(all, bare)| all - bare).collect())
        .collect();
    let other = kinds.iter().position(|(name, _)| *name == OTHER).map(|at| &added[at]);
    let idle = |((name, _), (bytes, added)): (&(&'static str, _), (&Vec<f64>, &Vec<f64>))| Idle {
        name,
        bytes: Summary::of(bytes.iter().copied()),
        added: Summary::of(added.iter().copied()),
        against: other.filter(|_| *name == OURS).map(|other| Comparison::of(added, other)),
    };
    kinds.iter().zip(bytes.iter().zip(&added)).map(idle).collect()
}

fn start(workers: u64, name: &str, filters: &[Value]) -> Envoy {
    Envoy::start_with(workers, name, &[Listener::new("memory", filters, direct_response())], &[])
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
