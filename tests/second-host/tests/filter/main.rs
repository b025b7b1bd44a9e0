//! The filter, compiled for Envoy, in a host that is not Envoy: on wasmtime, without `verify_signature`, with calls that fail.
//!
//! `make second-host` builds what this needs and says where it is (`OKTA_AUTHZ_WASM`).
#![allow(clippy::arithmetic_side_effects, missing_docs, reason = "test code")]

mod configuration;
mod hostile;
mod keys;
mod requests;
mod scene;
mod signatures;
