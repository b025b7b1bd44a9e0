//! Tables of requests and the decisions of the filter.
//!
//! A row has a name, a configuration, a request, the values of `Authorization`, a time and the
//! expected outcome.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod agents;
mod allowed_paths;
mod certificates;
mod challenges;
mod conditions;
mod cors_preflight;
mod denylist;
mod dpop;
mod dpop_flow;
mod explain;
mod first_match;
mod headers;
mod hosts;
mod keys;
mod mcp;
mod modes;
mod open_streams;
mod paths;
mod patterns;
mod policy;
mod query_parameter_sources;
mod requirement_claims;
mod requirements;
mod resources;
mod route_policies;
mod shadow_rules;
mod sources;
mod step_up;
mod times;
mod token_cache;
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
    auth: Auth,
    /// Seconds since `NOW`.
    at: i64,
    expected: Outcome,
}

/// The `Authorization` headers of a request.
enum Auth {
    Missing,
    Bearer(Token),
    /// Whole header values.
    Values(Vec<String>),
}

/// The documents that the filter fetched before the request.
#[derive(Clone, Copy)]
enum FetchedDocuments {
    /// The keys of all issuers, and an empty denylist.
    All,
    /// The keys of all issuers, and no denylist.
    Keys,
    None,
}

fn row(name: &'static str, config: Value, request: Request, auth: Auth, at: i64, expected: Outcome) -> Row {
    Row { name, config, request, auth, at, expected }
}

impl Row {
    /// Returns the decision of a filter that fetched these documents at `NOW`.
    fn outcome(&self, fetched: FetchedDocuments) -> Outcome {
        let headers = self.credentials();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let filter = match fetched {
            FetchedDocuments::All => filter(&self.config),
            FetchedDocuments::Keys => filter_with_denylist(&self.config, None),
            FetchedDocuments::None => cold(&self.config),
        };
        outcome(decide_with(&filter, &self.request, &headers, NOW.checked_add_signed(self.at).unwrap()))
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        let authorization = |value: String| ("authorization", value);
        match &self.auth {
            Auth::Missing => Vec::new(),
            Auth::Bearer(token) => vec![authorization(format!("Bearer {}", token.compact()))],
            Auth::Values(values) => values.iter().cloned().map(authorization).collect(),
        }
    }
}

/// Checks every row of a table, and reports all rows that fail.
fn run(rows: Vec<Row>, fetched: FetchedDocuments) {
    assert!(!rows.is_empty());
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in &rows {
        assert!(names.insert(row.name), "two rows are named {}", row.name);
        let outcome = row.outcome(fetched);
        if outcome != row.expected {
            wrong.push(format!("{}: expected {:?}, got {outcome:?}", row.name, row.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn policy_rows_have_expected_outcomes() {
    run(policy::rows(), FetchedDocuments::All);
}

#[test]
fn host_rows_have_expected_outcomes() {
    run(hosts::rows(), FetchedDocuments::All);
}

#[test]
fn requirement_rows_have_expected_outcomes() {
    run(requirements::rows(), FetchedDocuments::All);
}

#[test]
fn agent_rows_have_expected_outcomes() {
    run(agents::rows(), FetchedDocuments::All);
}

#[test]
fn challenge_rows_have_expected_outcomes() {
    run(challenges::rows(), FetchedDocuments::All);
}

#[test]
fn mcp_rows_have_expected_outcomes() {
    run(mcp::rows(), FetchedDocuments::All);
}

#[test]
fn condition_rows_have_expected_outcomes() {
    run(conditions::rows(), FetchedDocuments::All);
}

#[test]
fn allowed_path_rows_have_expected_outcomes() {
    run(allowed_paths::rows(), FetchedDocuments::All);
}

#[test]
fn mode_rows_have_expected_outcomes() {
    run(modes::rows(), FetchedDocuments::All);
}

#[test]
fn mode_rows_without_keys_have_expected_outcomes() {
    run(modes::rows_without_keys(), FetchedDocuments::None);
}

#[test]
fn shadow_rule_rows_have_expected_outcomes() {
    run(shadow_rules::rows(), FetchedDocuments::All);
}

#[test]
fn route_policy_rows_have_expected_outcomes() {
    run(route_policies::rows(), FetchedDocuments::All);
}

#[test]
fn cors_preflight_rows_have_expected_outcomes() {
    run(cors_preflight::rows(), FetchedDocuments::All);
}

#[test]
fn step_up_rows_have_expected_outcomes() {
    run(step_up::rows(), FetchedDocuments::All);
}

#[test]
fn token_rows_have_expected_outcomes() {
    run(tokens::rows(), FetchedDocuments::All);
}

#[test]
fn credential_rows_have_expected_outcomes() {
    run(tokens::credentials_rows(), FetchedDocuments::All);
}

#[test]
fn source_rows_have_expected_outcomes() {
    run(sources::rows(), FetchedDocuments::All);
}

#[test]
fn resource_rows_have_expected_outcomes() {
    run(resources::rows(), FetchedDocuments::All);
}

#[test]
fn certificate_rows_have_expected_outcomes() {
    run(certificates::rows(), FetchedDocuments::All);
}

#[test]
fn time_rows_have_expected_outcomes() {
    run(times::rows(), FetchedDocuments::All);
}

#[test]
fn key_rows_have_expected_outcomes() {
    run(keys::rows(), FetchedDocuments::All);
}

#[test]
fn key_rows_without_keys_have_expected_outcomes() {
    run(keys::rows_without_keys(), FetchedDocuments::None);
}

#[test]
fn denylist_rows_have_expected_outcomes() {
    run(denylist::rows(), FetchedDocuments::All);
}

#[test]
fn denylist_rows_without_denylist_have_expected_outcomes() {
    run(denylist::rows_without_denylist(), FetchedDocuments::Keys);
}

/// Returns the rows of all tables, each with the documents that the filter fetched.
fn all_rows() -> Vec<(Row, FetchedDocuments)> {
    let tables = [
        (policy::rows(), FetchedDocuments::All),
        (hosts::rows(), FetchedDocuments::All),
        (requirements::rows(), FetchedDocuments::All),
        (agents::rows(), FetchedDocuments::All),
        (challenges::rows(), FetchedDocuments::All),
        (mcp::rows(), FetchedDocuments::All),
        (conditions::rows(), FetchedDocuments::All),
        (allowed_paths::rows(), FetchedDocuments::All),
        (modes::rows(), FetchedDocuments::All),
        (modes::rows_without_keys(), FetchedDocuments::None),
        (shadow_rules::rows(), FetchedDocuments::All),
        (route_policies::rows(), FetchedDocuments::All),
        (cors_preflight::rows(), FetchedDocuments::All),
        (step_up::rows(), FetchedDocuments::All),
        (tokens::rows(), FetchedDocuments::All),
        (tokens::credentials_rows(), FetchedDocuments::All),
        (sources::rows(), FetchedDocuments::All),
        (resources::rows(), FetchedDocuments::All),
        (certificates::rows(), FetchedDocuments::All),
        (times::rows(), FetchedDocuments::All),
        (keys::rows(), FetchedDocuments::All),
        (keys::rows_without_keys(), FetchedDocuments::None),
        (denylist::rows(), FetchedDocuments::All),
        (denylist::rows_without_denylist(), FetchedDocuments::Keys),
    ];
    tables.into_iter().flat_map(|(rows, fetched)| rows.into_iter().map(move |row| (row, fetched))).collect()
}

#[test]
fn every_rejection_is_expected_by_a_row() {
    let expected: BTreeSet<Rejection> = all_rows()
        .into_iter()
        .filter_map(|(row, _)| match row.expected {
            Outcome::Allow
            | Outcome::Public
            | Outcome::Pass(_)
            | Outcome::Shadow(..)
            | Outcome::LocalResponse => None,
            Outcome::Deny(rejection) | Outcome::Wait(rejection) | Outcome::StepUp(rejection, ..) => {
                Some(rejection)
            }
            Outcome::Scopes(_) => Some(Rejection::InsufficientScope),
            Outcome::MissingWithScopes(_) => Some(Rejection::TokenMissing),
        })
        .chain(dpop::expected_rejections())
        .collect();
    // Only the host denies with the first code, if it has no configuration. The core always has one.
    // The second closes streams: `open_streams`.
    let no_denial = BTreeSet::from([Rejection::Misconfigured, Rejection::TooManyStreams]);
    let without_check = |rejection: &Rejection| {
        let code = rejection.code();
        code.starts_with("introspection_") || code == "token_inactive"
    };
    let missing: Vec<_> = Rejection::ALL
        .iter()
        .filter(|r| !expected.contains(r) && !no_denial.contains(r) && !without_check(r))
        .collect();
    assert!(missing.is_empty(), "no row expects {missing:?}");
}
