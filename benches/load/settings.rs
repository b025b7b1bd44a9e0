//! How long all of it takes, from the environment.

use std::time::{Duration, Instant};

/// What was asked for.
pub struct Settings {
    /// `OKTA_AUTHZ_BENCH_ROUNDS`: how often each row is measured.
    pub rounds: usize,
    /// `OKTA_AUTHZ_BENCH_SECONDS`: for how long each time.
    pub time: Duration,
    /// `OKTA_AUTHZ_BENCH_TOKENS`: distinct tokens for the question of memory.
    pub tokens: u64,
    /// `OKTA_AUTHZ_BENCH_PLOT`: draw book/src/images/bench.svg.
    pub plot: bool,
    begin: Instant,
}

impl Settings {
    pub fn from_environment() -> Self {
        Self {
            rounds: number("OKTA_AUTHZ_BENCH_ROUNDS", 15) as usize,
            time: Duration::from_secs(number("OKTA_AUTHZ_BENCH_SECONDS", 1)),
            tokens: number("OKTA_AUTHZ_BENCH_TOKENS", 1_000_000),
            plot: std::env::var_os("OKTA_AUTHZ_BENCH_PLOT").is_some(),
            begin: Instant::now(),
        }
    }

    /// Tells whoever waits how far it has got. The table goes to standard output, this does not.
    pub fn say(&self, what: &str) {
        eprintln!("[{:4.0}s] {what}", self.seconds());
    }

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
            .unwrap_or_else(|| panic!("{name} must be a number, not {text}")),
        Err(_) => default,
    }
}
