//! The settings of the benchmark, from environment variables.

use std::time::{Duration, Instant};

/// The settings of a run.
pub struct Settings {
    /// `OKTA_AUTHZ_BENCH_ROUNDS`: the number of rounds. Default: 15.
    pub rounds: usize,
    /// `OKTA_AUTHZ_BENCH_SECONDS`: the duration of a row in a round, in seconds. Default: 1.
    pub time: Duration,
    /// `OKTA_AUTHZ_BENCH_TOKENS`: the number of distinct tokens for the memory measurement.
    /// Default: 1,000,000.
    pub tokens: u64,
    /// `OKTA_AUTHZ_BENCH_PROOFS`: the number of DPoP proofs for each second of a row. A row fails if
    /// it needs more. Default: 25,000.
    pub proofs: usize,
    /// `OKTA_AUTHZ_BENCH_PLOT`: if set, draw book/src/images/bench.svg.
    pub plot: bool,
    begin: Instant,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Panics
    ///
    /// If a variable is not a positive number.
    pub fn from_environment() -> Self {
        Self {
            rounds: number("OKTA_AUTHZ_BENCH_ROUNDS", 15) as usize,
            time: Duration::from_secs(number("OKTA_AUTHZ_BENCH_SECONDS", 1)),
            tokens: number("OKTA_AUTHZ_BENCH_TOKENS", 1_000_000),
            proofs: number("OKTA_AUTHZ_BENCH_PROOFS", 25_000) as usize,
            plot: std::env::var_os("OKTA_AUTHZ_BENCH_PLOT").is_some(),
            begin: Instant::now(),
        }
    }

    /// Writes progress to standard error. Standard output has only the tables.
    pub fn log(&self, message: &str) {
        eprintln!("[{:4.0}s] {message}", self.seconds());
    }

    /// Returns the seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .unwrap_or_else(|| panic!("{name} must be a positive number, not {text}")),
        Err(_) => default,
    }
}
