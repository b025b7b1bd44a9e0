//! Configurations: what is refused, with the exact words, and what is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod answers;
mod conditions;
mod denylist;
mod documents;
mod good;
mod paths;
mod providers;
mod rules;
mod schema;
mod token_sources;
mod top;

use std::collections::BTreeSet;

use okta_authz_filter::config::Config;
use serde_json::Value;

fn problem(document: &[u8]) -> String {
    Config::from_bytes(document).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

/// Each configuration, and the whole message that it gets.
fn refused(cases: impl IntoIterator<Item = (Value, &'static str)>) {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (config, expected) in cases {
        let document = config.to_string();
        let got = problem(document.as_bytes());
        if got != expected {
            wrong.push(format!("{document}\n  expected: {expected}\n  got:      {got}"));
        }
        assert!(seen.insert(document.clone()), "twice: {document}");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), seen.len(), wrong.join("\n"));
}
