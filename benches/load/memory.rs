//! Memory: what one worker with the filter takes, and what it takes after many tokens.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde::Serialize;
use serde_json::json;

use crate::envoy::{Envoy, Listener, direct_answer};
use crate::filters::{configuration, ours};
use crate::settings::Settings;
use crate::support::client::Client;
use crate::tokens::Signer;

/// What the budget is for.
pub const SOME: u64 = 10_000;
/// Requests under way at the same time.
const BATCH: u64 = 32;

/// Resident memory of Envoy with one worker, in bytes. The main thread has a VM as well: with the filter there are two.
#[derive(Serialize)]
pub struct Memory {
    /// Without a filter, after [`SOME`] requests.
    pub no_filter: u64,
    /// With the filter, before the first request.
    pub none: u64,
    /// After [`SOME`] distinct tokens.
    pub some: u64,
    /// After this many, and how much that is.
    pub tokens: u64,
    pub many: u64,
}

impl Memory {
    /// All that the filter brings, V8 and both VMs: more than what one worker's VM takes.
    pub const fn of_the_filter(&self) -> u64 {
        self.some.saturating_sub(self.no_filter)
    }

    /// By how much it has grown from the first tokens to the last.
    pub const fn growth(&self) -> u64 {
        self.many.saturating_sub(self.some)
    }
}

/// Sends distinct tokens, each once. ES256: a million RSA signatures would take longer than all the rest of the benchmark.
/// What a filter remembers of a token does not depend on who can sign how fast.
pub fn measure(settings: &Settings) -> Memory {
    let signer = Signer::es256();
    let mut filter = configuration(&signer.jwks());
    filter["providers"]["okta"]["algorithms"] = json!(["ES256"]);
    let bare = start("memory-bare", vec![]);
    let full = start("memory", vec![ours("memory", &filter)]);
    send(&bare, &signer, SOME, settings);
    let none = full.process.rss();
    send(&full, &signer, SOME, settings);
    let some = full.process.rss();
    send(&full, &signer, settings.tokens.saturating_sub(SOME), settings);
    let (no_filter, many) = (bare.process.rss(), full.process.rss());
    Memory { no_filter, none, some, tokens: settings.tokens, many }
}

fn start(name: &str, filters: Vec<serde_json::Value>) -> Envoy {
    Envoy::start(name, &[Listener { name: "memory".to_owned(), filters, route: direct_answer() }], &[])
}

/// One connection, with requests in a row: while Envoy works on some, the next are signed.
fn send(envoy: &Envoy, signer: &Signer, count: u64, settings: &Settings) {
    let port = envoy.port("memory").expect("a listener");
    let mut writing = Client::new(port).connect().expect("a connection");
    let mut reading = BufReader::new(writing.try_clone().expect("a connection"));
    let mut next = batch(signer, count.min(BATCH));
    let mut sent = 0;
    while sent < count {
        let size = (count - sent).min(BATCH);
        writing.write_all(next.as_bytes()).expect("requests");
        next = batch(signer, (count - sent - size).min(BATCH));
        (0..size).for_each(|_| assert_eq!(status(&mut reading), 200, "a good token"));
        sent += size;
        if sent.is_multiple_of(BATCH * 5_000) {
            settings.say(&format!("{sent} distinct tokens"));
        }
    }
}

fn batch(signer: &Signer, size: u64) -> String {
    let request = |_| {
        let token = signer.token();
        format!("GET /items HTTP/1.1\r\nhost: api.example.com\r\nauthorization: Bearer {token}\r\n\r\n")
    };
    (0..size).map(request).collect()
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
