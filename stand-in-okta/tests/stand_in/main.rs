//! The stand-in Okta is what the filter's end-to-end tests believe in: here it has to prove itself, over HTTP.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "in a test, a panic is an answer"
)]

mod client;
mod keys;
mod serving;
mod tokens;

const KEYS: &str = "/oauth2/default/v1/keys";
