//! The compiled filter in a real Envoy with two workers, the stand-in Okta behind TLS, and real requests.
//!
//! `make test` builds what this needs and says where it is (`OKTA_AUTHZ_WASM`, `ENVOY`, `OKTA_AUTHZ_PYTHON`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::type_complexity,
    unreachable_pub,
    reason = "test code"
)]

mod answers;
mod clusters;
mod configuration;
mod cors;
mod denylist;
mod discovery;
mod guard;
mod hostile;
mod hosts;
mod identity;
mod key_documents;
mod keys;
mod metrics;
mod parked;
mod paths;
mod redirects;
mod resource_metadata;
mod responses;
mod routes;
mod rules;
mod scale;
mod seen_before;
mod setup;
mod signatures;
mod sources;
mod spellings;
mod yaml;
