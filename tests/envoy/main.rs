//! End-to-end tests: the compiled filter in an Envoy with two workers, and a stand-in Okta behind
//! TLS.
//!
//! `make test` builds the modules and sets `OKTA_AUTHZ_WASM`, `ENVOY` and `OKTA_AUTHZ_PYTHON`.
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

mod access_logs;
mod agents;
mod ambiguous_conditions;
mod ambiguous_tokens;
mod client_certificates;
mod clusters;
mod configuration;
mod cors;
mod denials;
mod denylist;
mod denylist_entries;
mod discovery;
mod docs_login;
mod dpop;
mod dpop_cases;
mod guard;
mod harness;
mod hostile;
mod hosts;
mod identity_headers;
mod introspection;
mod key_documents;
mod keys;
mod large_policies;
mod metrics;
mod paths;
mod push_revocation;
mod redirects;
mod replay_memory;
mod resource_metadata;
mod responses;
mod routes;
mod rules;
mod shadow_mode;
mod signatures;
mod streams;
mod token_cache;
mod token_sources;
mod waiting_requests;
mod yaml;
