//! Files of `deploy/`: manifests match the schemas of their kinds, `okta-authz check` accepts every
//! configuration, and an Envoy runs those for Envoy, with a stand-in Okta behind TLS.
//!
//! `make test` builds the modules and sets `OKTA_AUTHZ_WASM` and `ENVOY`.
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
mod chart;
mod harness;
mod hosts;
mod listeners;
mod manifests;
mod order;
mod receive;
mod resources;
mod route_policies;
mod updates;
