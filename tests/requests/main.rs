//! THE TABLE: what the filter does with which request. Written to be read by somebody who has to trust it.
//!
//! A row is a name, a configuration, a request, what stands in `Authorization`, a time and the verdict.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod allowed_paths;
mod conditions;
mod denylist;
mod first_match;
mod headers;
mod hosts;
mod keys;
mod modes;
mod paths;
mod patterns;
mod policy;
mod replay;
mod requirements;
mod resources;
mod route_policies;
mod seen_before;
mod sources;
mod step_up;
mod times;
mod tokens;

use std::collections::BTreeSet;

use okta_authz_filter::rejection::Rejection;
use serde_json::Value;
use test_support::common::{
    NOW, Outcome, Request, Token, cold, decide_with, filter, filter_with_denylist, outcome,
};

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

/// What has been fetched.
#[derive(Clone, Copy)]
enum Delivery {
    /// The keys of all issuers, and an empty denylist.
    All,
    Keys,
    Nothing,
}

fn row(name: &'static str, config: Value, request: Request, sent: Sent, at: i64, verdict: Outcome) -> Row {
    Row { name, config, request, sent, at, verdict }
}

impl Row {
    /// What happens after this has been delivered at `NOW`.
    fn outcome(&self, delivery: Delivery) -> Outcome {
        let headers = self.credentials();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let filter = match delivery {
            Delivery::All => filter(&self.config),
            Delivery::Keys => filter_with_denylist(&self.config, None),
            Delivery::Nothing => cold(&self.config),
        };
        outcome(decide_with(&filter, &self.request, &headers, NOW.checked_add_signed(self.at).unwrap()))
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        let authorization = |value: String| ("authorization", value);
        match &self.sent {
            Sent::Nothing => Vec::new(),
            Sent::Bearer(token) => vec![authorization(format!("Bearer {}", token.compact()))],
            Sent::Values(values) => values.iter().cloned().map(authorization).collect(),
        }
    }
}

/// Runs a table and tells of all rows that fail, not of the first.
fn run(rows: Vec<Row>, delivery: Delivery) {
    assert!(!rows.is_empty());
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in &rows {
        assert!(names.insert(row.name), "two rows are named {}", row.name);
        let outcome = row.outcome(delivery);
        if outcome != row.verdict {
            wrong.push(format!("{}: expected {:?}, got {outcome:?}", row.name, row.verdict));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn policy_table() {
    run(policy::rows(), Delivery::All);
}

#[test]
fn host_table() {
    run(hosts::rows(), Delivery::All);
}

#[test]
fn requirement_table() {
    run(requirements::rows(), Delivery::All);
}

#[test]
fn condition_table() {
    run(conditions::rows(), Delivery::All);
}

#[test]
fn allowed_paths_table() {
    run(allowed_paths::rows(), Delivery::All);
}

#[test]
fn mode_table() {
    run(modes::rows(), Delivery::All);
}

#[test]
fn mode_table_without_keys() {
    run(modes::cold_rows(), Delivery::Nothing);
}

#[test]
fn step_up_table() {
    run(step_up::rows(), Delivery::All);
}

#[test]
fn token_table() {
    run(tokens::rows(), Delivery::All);
}

#[test]
fn credentials_table() {
    run(tokens::credentials_rows(), Delivery::All);
}

#[test]
fn sources_table() {
    run(sources::rows(), Delivery::All);
}

#[test]
fn resources_table() {
    run(resources::rows(), Delivery::All);
}

#[test]
fn time_table() {
    run(times::rows(), Delivery::All);
}

#[test]
fn key_table() {
    run(keys::rows(), Delivery::All);
}

#[test]
fn cold_start_table() {
    run(keys::cold_rows(), Delivery::Nothing);
}

#[test]
fn denylist_table() {
    run(denylist::rows(), Delivery::All);
}

#[test]
fn denylist_cold_start_table() {
    run(denylist::cold_rows(), Delivery::Keys);
}

#[test]
fn every_rejection_is_in_the_table() {
    let tables = [
        policy::rows(),
        requirements::rows(),
        conditions::rows(),
        allowed_paths::rows(),
        modes::rows(),
        step_up::rows(),
        tokens::rows(),
        tokens::credentials_rows(),
        sources::rows(),
        times::rows(),
        keys::rows(),
        keys::cold_rows(),
        denylist::rows(),
        denylist::cold_rows(),
    ];
    let seen: BTreeSet<Rejection> = tables
        .into_iter()
        .flatten()
        .filter_map(|row| match row.verdict {
            Outcome::Allow | Outcome::Public | Outcome::Pass(_) | Outcome::Shadow(..) | Outcome::Answer => {
                None
            }
            Outcome::Deny(rejection) | Outcome::Wait(rejection) | Outcome::StepUp(rejection, ..) => {
                Some(rejection)
            }
            Outcome::Scopes(_) => Some(Rejection::InsufficientScope),
        })
        .collect();
    // Only the host, which has no configuration to ask, says this; the core cannot be in that state.
    let not_here = BTreeSet::from([Rejection::Misconfigured]);
    let missing: Vec<_> =
        Rejection::ALL.iter().filter(|r| !seen.contains(r) && !not_here.contains(r)).collect();
    assert!(missing.is_empty(), "no row produces {missing:?}");
}
