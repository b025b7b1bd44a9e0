//! Alerts, dashboard and scrape configuration of `deploy/monitoring`, in a Prometheus that scrapes
//! two Envoys with the compiled filter.
//!
//! `make test` builds the modules and sets `OKTA_AUTHZ_WASM`, `ENVOY` and `OKTA_AUTHZ_PROMETHEUS`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "test code"
)]

mod alerts;
mod compose;
mod dashboard;
mod harness;
mod labels;
mod prometheus;
mod queries;
mod traffic;

use serde_json::Value;

const DIRECTORY: &str = "deploy/monitoring";

/// Reads a YAML or JSON file of `deploy/monitoring`.
fn document(file: &str) -> Value {
    let text = std::fs::read_to_string(test_support::root().join(DIRECTORY).join(file)).expect(file);
    serde_saphyr::from_str(&text).expect(file)
}
