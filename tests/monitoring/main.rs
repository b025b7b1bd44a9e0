//! Tests of deploy/monitoring. A real Prometheus scrapes a real Envoy with the compiled filter, and the
//! tests check the result of every query of the dashboard and of the alerts.
//!
//! `make test` builds the programs and sets their paths (`OKTA_AUTHZ_WASM`, `ENVOY`,
//! `OKTA_AUTHZ_PROMETHEUS`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "test code"
)]

mod compose;
mod dashboard;
mod labels;
mod prometheus;
mod queries;
mod rules;
mod scene;
mod traffic;

use serde_json::Value;

const FOLDER: &str = "deploy/monitoring";

/// A file of deploy/monitoring, YAML or JSON.
fn document(file: &str) -> Value {
    let text = std::fs::read_to_string(test_support::root().join(FOLDER).join(file)).expect(file);
    serde_saphyr::from_str(&text).expect(file)
}
