//! Configurations: each rejected one with its exact error, and accepted ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod accepted;
mod agents;
mod conditions;
mod denylist;
mod documents;
mod dpop;
mod filter_state;
mod introspection;
mod match_fields;
mod mtls;
mod paths;
mod providers;
mod responses;
mod rules;
mod schema;
mod token_sources;
mod top_level;

use std::collections::BTreeSet;

use okta_authz_filter::config::Config;
use serde_json::Value;

/// Returns the error of a configuration, or `accepted`.
fn outcome(document: &[u8]) -> String {
    Config::from_bytes(document).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

/// Asserts that each configuration is rejected with exactly this error.
fn assert_errors<'a>(cases: impl IntoIterator<Item = (Value, &'a str)>) {
    let mut wrong = Vec::new();
    let mut documents = BTreeSet::new();
    for (config, expected) in cases {
        let document = config.to_string();
        let got = outcome(document.as_bytes());
        if got != expected {
            wrong.push(format!("{document}\n  expected: {expected}\n  got:      {got}"));
        }
        assert!(documents.insert(document.clone()), "duplicate case: {document}");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), documents.len(), wrong.join("\n"));
}
