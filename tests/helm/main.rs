//! The Helm chart `deploy/helm/okta-authz-filter`, rendered by a real Helm.
//!
//! `make helm-test` builds Helm and sets `OKTA_AUTHZ_HELM`. `make test` does not run these tests,
//! because they need Helm; `tests/deploy/chart.rs` has the tests without it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

#[path = "../config/accepted/configs.rs"]
mod configs;
#[path = "../deploy/resources.rs"]
mod resources;

mod chart;
mod configuration;
mod errors;
mod gateway;
mod manifests;
mod notes;
mod package;
mod platforms;
