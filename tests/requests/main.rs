//! THE TABLE: what the filter does with which request. Written to be read by somebody who has to trust it.
//!
//! A row is a name, a configuration, a request, what stands in `Authorization`, a time and the verdict.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

#[path = "../common/mod.rs"]
mod common;
mod first_match;
mod headers;
mod keys;
mod paths;
mod policy;
mod requirements;
mod times;
mod tokens;

use std::collections::BTreeSet;

use common::{NOW, Outcome, Request, Token, cold, decide, filter, outcome};
use okta_authz_filter::rejection::Rejection;
use serde_json::Value;

struct Row {
    name: &'static str,
    config: Value,
    request: Request,
    sent: Sent,
    /// Seconds since `NOW`.
    at: i64,
    verdict: Outcome,
}

/// What stands in `Authorization`.
enum Sent {
    Nothing,
    Bearer(Token),
    /// Whole header values.
    Values(Vec<String>),
}

fn row(name: &'static str, config: Value, request: Request, sent: Sent, at: i64, verdict: Outcome) -> Row {
    Row { name, config, request, sent, at, verdict }
}

impl Row {
    /// What happens, with the keys of all issuers delivered at `NOW`, or never.
    fn outcome(&self, delivered: bool) -> Outcome {
        let values: Vec<String> = match &self.sent {
            Sent::Nothing => Vec::new(),
            Sent::Bearer(token) => vec![format!("Bearer {}", token.compact())],
            Sent::Values(values) => values.clone(),
        };
        let values: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
        let filter = if delivered { filter(&self.config) } else { cold(&self.config) };
        outcome(decide(&filter, &self.request, &values, NOW.checked_add_signed(self.at).unwrap()))
    }
}

/// Runs a table and tells of all rows that fail, not of the first.
fn run(rows: Vec<Row>, delivered: bool) {
    assert!(!rows.is_empty());
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in &rows {
        assert!(names.insert(row.name), "two rows are named {}", row.name);
        let outcome = row.outcome(delivered);
        if outcome != row.verdict {
            wrong.push(format!("{}: expected {:?}, got {outcome:?}", row.name, row.verdict));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn policy_table() {
    run(policy::rows(), true);
}

#[test]
fn requirement_table() {
    run(requirements::rows(), true);
}

#[test]
fn token_table() {
    run(tokens::rows(), true);
}

#[test]
fn credentials_table() {
    run(tokens::credentials_rows(), true);
}

#[test]
fn time_table() {
    run(times::rows(), true);
}

#[test]
fn key_table() {
    run(keys::rows(), true);
}

#[test]
fn cold_start_table() {
    run(keys::cold_rows(), false);
}

#[test]
fn every_rejection_is_in_the_table() {
    let tables = [
        policy::rows(),
        requirements::rows(),
        tokens::rows(),
        tokens::credentials_rows(),
        times::rows(),
        keys::rows(),
        keys::cold_rows(),
    ];
    let seen: BTreeSet<Rejection> = tables
        .into_iter()
        .flatten()
        .filter_map(|row| match row.verdict {
            Outcome::Allow | Outcome::Public => None,
            Outcome::Deny(rejection) | Outcome::Wait(rejection) => Some(rejection),
            Outcome::Scopes(_) => Some(Rejection::InsufficientScope),
        })
        .collect();
    // Only the host, which has no configuration to ask, says this; the core cannot be in that state.
    let not_here = BTreeSet::from([Rejection::Misconfigured]);
    let missing: Vec<_> =
        Rejection::ALL.iter().filter(|r| !seen.contains(r) && !not_here.contains(r)).collect();
    assert!(missing.is_empty(), "no row produces {missing:?}");
}
