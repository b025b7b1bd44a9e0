//! Tests of the filter's module in wasmtime: without Envoy, without `verify_signature`, and with
//! host calls that fail.
//!
//! `make second-host` builds the module and sets its path (`OKTA_AUTHZ_WASM`).
#![allow(clippy::arithmetic_side_effects, missing_docs, reason = "test code")]

mod configuration;
mod dpop;
mod harness;
mod host_calls;
mod hostile;
mod instructions;
mod keys;
mod module;
mod requests;
mod signatures;
