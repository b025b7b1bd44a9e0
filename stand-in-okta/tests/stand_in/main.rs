//! Tests of the stand-in Okta over HTTP. The end-to-end tests of the filter rely on its behavior.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "test code"
)]

mod assertions;
mod authorization;
mod browser;
mod client;
mod code_flow;
mod cross_origin;
mod dpop;
mod introspection;
mod keys;
mod logout;
mod refresh;
mod serving;
mod sign_in;
mod step_up;
mod tokens;
mod userinfo;

const KEYS: &str = "/oauth2/default/v1/keys";
