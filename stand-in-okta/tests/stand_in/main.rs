//! Tests of the stand-in Okta over HTTP. The end-to-end tests of the filter rely on its behavior.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, unreachable_pub, reason = "test code")]

mod browser;
mod client;
mod code_flow;
mod keys;
mod serving;
mod tokens;

const KEYS: &str = "/oauth2/default/v1/keys";
