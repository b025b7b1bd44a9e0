//! Requests with DPoP proofs. The filter accepts a proof for a short time and only once, so every run
//! has a new pool of proofs. The pool is complete before the run begins.

use std::cell::Cell;
use std::io::{BufReader, Write as _};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use benches::proofs::{DpopClient, ProofSpec, access_token_hash};
use benches::tokens::{FEW, Signer, in_parallel, now, path, write_requests};
use serde_json::{Value, json};
use test_support::client::Client;

use crate::filters::{configuration, ours};
use crate::load::{Line, Load};
use crate::memory::status;

/// The maximum duration of a run. A proof is acceptable for 60 s.
pub const MAX_TIME: Duration = Duration::from_secs(10);

/// The slots of the full memory. Each has 64 proofs, the default.
const SLOTS: u64 = 64;
/// The number of proofs that fill the memory: twice its size, because the slot of a proof is
/// random.
const FILLING: usize = 2 * 64 * SLOTS as usize;
/// The number of proofs of the full memory with one `iat`. A slot that drops a proof rejects all
/// proofs with its `iat`. So no slot may have 64 proofs of one second; it has 24 on average.
const PER_SECOND: u64 = 24 * SLOTS;
/// `max_age` and `clock_skew` with the full memory, in seconds: the limits of the configuration.
const MAX_AGE: u64 = 300;
const CLOCK_SKEW: u64 = 60;
/// The greatest age of the first proof of a run, in seconds. The memory then holds each proof for
/// two more minutes.
const FIRST_AGE: u64 = MAX_AGE + CLOCK_SKEW - 120;
/// The number of old proofs that must be rejected before the run, because the memory is full.
const PROBES: usize = 16;

/// A client with bound tokens.
pub struct BoundTokens {
    client: DpopClient,
    /// The tokens with their hashes.
    tokens: Vec<(String, String)>,
}

/// The requests of a row.
pub struct Proofs {
    tokens: Rc<BoundTokens>,
    memory: ReplayMemory,
    /// The number of proofs for each second of a run.
    per_second: usize,
}

/// The replay memory of the filter.
pub enum ReplayMemory {
    /// The default size, which the benchmark does not fill.
    Default,
    /// A small memory, which is full before each run. It has the lowest `iat` of the next proof.
    Full(Cell<u64>),
}

impl BoundTokens {
    /// Mints tokens for a new client.
    pub fn new(signer: &Signer) -> Self {
        let client = DpopClient::new();
        let tokens = in_parallel(FEW, |_| signer.bound_token(client.thumbprint()));
        let hashed = |token: String| (access_token_hash(&token), token);
        let tokens = tokens.into_iter().map(hashed).map(|(hash, token)| (token, hash)).collect();
        Self { client, tokens }
    }

    /// Writes a request for each token, for a row that does not check proofs.
    pub fn unchecked_requests(&self) -> PathBuf {
        self.write("dpop-unchecked", FEW, |_| now())
    }

    fn write(&self, name: &str, count: usize, issued_at: impl Fn(usize) -> u64 + Sync) -> PathBuf {
        let lines = in_parallel(count, |i| self.line(i, issued_at(i)));
        write_requests(name, &lines.concat())
    }

    /// Returns a request with a new proof.
    fn line(&self, i: usize, issued_at: u64) -> String {
        let ((token, token_hash), path) = (&self.tokens[i % FEW], path(i % 10));
        let url = &format!("https://api.example.com{path}");
        let proof = self.client.proof(&ProofSpec { url, token_hash, issued_at });
        format!("{path} {token} {proof}\n")
    }
}

impl Proofs {
    /// Makes the requests of a row, with this number of proofs for each second.
    pub const fn new(tokens: Rc<BoundTokens>, memory: ReplayMemory, per_second: usize) -> Self {
        Self { tokens, memory, per_second }
    }

    /// Returns the requests for another filter with the same configuration.
    pub fn twin(&self) -> Self {
        let memory = match &self.memory {
            ReplayMemory::Default => ReplayMemory::Default,
            ReplayMemory::Full(_) => ReplayMemory::Full(Cell::new(0)),
        };
        Self::new(Rc::clone(&self.tokens), memory, self.per_second)
    }

    /// Returns this filter with DPoP.
    pub fn filter(memory: &ReplayMemory, vm_id: &str, jwks: &Value) -> Value {
        let mut configuration = configuration(jwks);
        configuration["dpop"] = match memory {
            ReplayMemory::Default => json!({}),
            ReplayMemory::Full(_) => json!({
                "max_age": format!("{MAX_AGE}s"), "clock_skew": format!("{CLOCK_SKEW}s"),
                "replay": { "slots": SLOTS },
            }),
        };
        ours(vm_id, &configuration)
    }

    /// Makes the proofs of a run. Fills the memory of the filter at this port first, if it is to be
    /// full.
    pub fn load(&self, port: u16, time: Duration) -> Load {
        let count = self.per_second * time.as_secs() as usize;
        let file = match &self.memory {
            ReplayMemory::Default => self.tokens.write("dpop", count, |_| now()),
            ReplayMemory::Full(next) => self.fill(next, port, count),
        };
        Load::single_use(file)
    }

    /// Fills the memory, and writes the proofs of a run. The `iat` of the proofs increase, as the
    /// memory requires once it is full, and faster than the clock, because the memory is small.
    fn fill(&self, next: &Cell<u64>, port: u16, count: usize) -> PathBuf {
        let now = now();
        let first = next.get().max(now - FIRST_AGE);
        let issued_at = |i: usize| first + i as u64 / PER_SECOND;
        let end = issued_at(FILLING + count) + 1;
        assert!(end < now + CLOCK_SKEW, "the time between two runs is too short for {count} proofs");
        let connection = Client::new(port).connect().expect("a connection");
        let mut connection = BufReader::new(connection);
        for i in 0..FILLING {
            let request = Line::parse(&self.tokens.line(i, issued_at(i))).to_http();
            connection.get_mut().write_all(request.as_bytes()).expect("a request");
            assert_eq!(status(&mut connection), 200, "proof {i} of {FILLING} before the memory is full");
        }
        for i in 0..PROBES {
            let response = Client::new(port).send(&Line::parse(&self.tokens.line(i, first - 1)).request());
            let result = (response.status, response.code());
            assert_eq!(result, (401, "dpop_proof_expired".to_owned()), "the memory is not full");
        }
        next.set(end);
        self.tokens.write("dpop-full", count, |i| issued_at(FILLING + i))
    }
}
