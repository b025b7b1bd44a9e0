//! The settings of the benchmark, from environment variables.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use regex_lite::Regex;

/// The settings of a run. `make bench NAME=VALUE` sets `OKTA_AUTHZ_BENCH_NAME`.
pub struct Settings {
    /// `OKTA_AUTHZ_BENCH_ROWS`: a regular expression that matches a part of the name of each
    /// selected row. Default: all rows.
    rows: Option<Regex>,
    /// `OKTA_AUTHZ_BENCH_AGAINST`: another build of the filter, which runs beside this one. Default:
    /// none.
    pub against: Option<PathBuf>,
    /// `OKTA_AUTHZ_BENCH_ROUNDS`: the number of rounds. Default: 9.
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
    /// If a variable is not a positive number, not a regular expression, or not a file.
    pub fn from_environment() -> Self {
        let rows = text("OKTA_AUTHZ_BENCH_ROWS")
            .map(|rows| Regex::new(&rows).unwrap_or_else(|error| panic!("OKTA_AUTHZ_BENCH_ROWS: {error}")));
        let against = text("OKTA_AUTHZ_BENCH_AGAINST").map(|file| {
            std::fs::canonicalize(&file)
                .unwrap_or_else(|error| panic!("OKTA_AUTHZ_BENCH_AGAINST: {file}: {error}"))
        });
        Self {
            rows,
            against,
            rounds: number("OKTA_AUTHZ_BENCH_ROUNDS", 9) as usize,
            time: Duration::from_secs(number("OKTA_AUTHZ_BENCH_SECONDS", 1)),
            tokens: number("OKTA_AUTHZ_BENCH_TOKENS", 1_000_000),
            proofs: number("OKTA_AUTHZ_BENCH_PROOFS", 25_000) as usize,
            plot: std::env::var_os("OKTA_AUTHZ_BENCH_PLOT").is_some(),
            begin: Instant::now(),
        }
    }

    /// Returns whether a row or a part of the benchmark is selected.
    pub fn selects(&self, name: &str) -> bool {
        self.rows.as_ref().is_none_or(|rows| rows.is_match(name))
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

/// Returns the value of a variable that is set and not empty.
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str, default: u64) -> u64 {
    let Some(text) = text(name) else { return default };
    let number = text.parse().ok().filter(|n| *n > 0);
    number.unwrap_or_else(|| panic!("{name} must be a positive number, not {text}"))
}
