//! Tables of requests and the decisions of the filter.
//!
//! Most modules have a table of rows, whose type is in `row`. The other modules have tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod absent_claims;
mod agents;
mod allowed_paths;
mod certificates;
mod challenges;
mod conditions;
mod cors_preflight;
mod denylist;
mod denylist_members;
mod dpop;
mod dpop_flow;
mod explain;
mod filter_state;
mod first_match;
mod headers;
mod hosts;
mod introspection;
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
mod row;
mod shadow_rules;
mod sources;
mod step_up;
mod times;
mod token_cache;
mod tokens;

use std::collections::BTreeSet;

use okta_authz_filter::rejection::Rejection;
use test_support::common::Outcome;

use self::row::{Auth, FetchedDocuments, Row, row, run};

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
fn absent_claim_rows_have_expected_outcomes() {
    run(absent_claims::rows(), FetchedDocuments::All);
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
        (absent_claims::rows(), FetchedDocuments::All),
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
        .chain(introspection::expected_rejections())
        .collect();
    // Only the host denies with the first code, if it has no configuration. The core always has one.
    // The second closes streams: `open_streams`.
    let no_denial = BTreeSet::from([Rejection::Misconfigured, Rejection::TooManyStreams]);
    let missing: Vec<_> =
        Rejection::ALL.iter().filter(|r| !expected.contains(r) && !no_denial.contains(r)).collect();
    assert!(missing.is_empty(), "no row expects {missing:?}");
}
