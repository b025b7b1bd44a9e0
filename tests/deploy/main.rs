//! What is under deploy/ works: manifests fit the schemas of their kinds, every configuration passes `okta-authz check`, and
//! what is for Envoy runs in a real one, with the stand-in Okta behind TLS.
//!
//! `make test` builds what this needs and says where it is (`OKTA_AUTHZ_WASM`, `ENVOY`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "test code"
)]

mod access_log;
mod capabilities;
mod harness;
mod hosts;
mod listeners;
mod manifests;
mod route_policies;
mod updates;
