//! Memory: what one worker with the filter takes, and what it takes after many tokens.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use benches::tokens::Signer;
use serde::Serialize;
use serde_json::{Value, json};
use test_support::client::Client;

use crate::envoy::{Envoy, Listener, direct_answer};
use crate::filters::{configuration, ours};
use crate::settings::Settings;

/// What the budget is for.
pub const SOME: u64 = 10_000;
/// Workers that are compared with one.
const MORE: u64 = 4;
/// How often each token comes: a memory that is full takes none that has not come before.
const VISITS: u64 = 2;
/// Requests under way at the same time. It divides the numbers of tokens.
const CONNECTIONS: u64 = 8;

/// Resident memory of Envoy with one worker, in bytes. The main thread has a VM as well: with the filter there are two.
#[derive(Serialize)]
pub struct Memory {
    /// Without a filter, after [`SOME`] requests.
    pub no_filter: u64,
    /// With the filter, before the first request.
    pub none: u64,
    /// By how much one more worker with the filter is more than one more without it: one VM.
    pub worker: u64,
    /// After [`SOME`] distinct tokens.
    pub some: u64,
    /// After this many, and how much that is.
    pub tokens: u64,
    pub many: u64,
}

impl Memory {
    /// One worker's VM that has seen [`SOME`] tokens.
    pub const fn of_one_worker(&self) -> u64 {
        self.worker + self.some.saturating_sub(self.none)
    }

    /// By how much it has grown from the first tokens to the last.
    pub const fn growth(&self) -> u64 {
        self.many.saturating_sub(self.some)
    }
}

/// Sends distinct tokens. ES256: a million RSA signatures would take longer than all the rest of the benchmark.
/// What a filter remembers of a token does not depend on who can sign how fast.
pub fn measure(settings: &Settings) -> Memory {
    let (signer, tokens) = (Signer::es256(), settings.tokens.max(2 * SOME));
    let mut filter = configuration(&signer.jwks());
    filter["providers"]["okta"]["algorithms"] = json!(["ES256"]);
    let filters = vec![ours("memory", &filter)];
    let rss = |workers, filters: &[Value]| start(workers, "memory-workers", filters).process.settled_rss();
    let one_more = |filters: &[Value]| rss(1 + MORE, filters).saturating_sub(rss(1, filters)) / MORE;
    let worker = one_more(&filters).saturating_sub(one_more(&[]));
    let bare = start(1, "memory-bare", &[]);
    let full = start(1, "memory", &filters);
    send(&bare, &signer, SOME, settings);
    let none = full.process.settled_rss();
    send(&full, &signer, SOME, settings);
    let some = full.process.rss();
    send(&full, &signer, tokens - SOME, settings);
    let (no_filter, many) = (bare.process.rss(), full.process.rss());
    Memory { no_filter, none, worker, some, tokens, many }
}

fn start(workers: u64, name: &str, filters: &[Value]) -> Envoy {
    let listener = Listener { name: "memory".to_owned(), filters: filters.to_vec(), route: direct_answer() };
    Envoy::start_with(workers, name, &[listener], &[])
}

/// While Envoy works on the requests of all connections, the next are signed. One request on each: Envoy takes a row of
/// them for a flood, and closes.
fn send(envoy: &Envoy, signer: &Signer, count: u64, settings: &Settings) {
    let port = envoy.port("memory").expect("a listener");
    let connect = |_| (BufReader::new(Client::new(port).connect().expect("a connection")), String::new());
    let mut connections: Vec<_> = (0..CONNECTIONS).map(connect).collect();
    for batch in 0..count.div_ceil(CONNECTIONS) {
        for visit in 0..VISITS {
            for (connection, request) in &mut connections {
                if (batch, visit) > (0, 0) {
                    assert_eq!(status(connection), 200, "a good token");
                }
                if visit == 0 {
                    *request = new_request(signer);
                }
                connection.get_mut().write_all(request.as_bytes()).expect("a request");
            }
        }
        let sent = (batch + 1) * CONNECTIONS;
        if sent.is_multiple_of(250_000) {
            settings.say(&format!("{sent} distinct tokens"));
        }
    }
    for (connection, _) in &mut connections {
        assert_eq!(status(connection), 200, "a good token");
    }
}

fn new_request(signer: &Signer) -> String {
    let token = signer.token();
    format!("GET /items HTTP/1.1\r\nhost: api.example.com\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// Reads one answer to its end.
fn status(reading: &mut BufReader<TcpStream>) -> u16 {
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        reading.read_line(&mut line).expect("an answer");
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
