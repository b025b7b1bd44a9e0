//! An authorization filter for Envoy and Istio that lets nobody through without a valid Okta access token.
//!
//! # The life of a request
//!
//! [`filter::Filter::decide`] takes the request's head, the time and a [`crypto::SignatureVerifier`], and
//! returns a [`filter::Verdict`]: a permit, a rejection, or the wish to wait for keys. On the way, each step
//! turns a value into one that proves more: [`token::CompactJws`] (well formed), [`verify::VerifiedJws`]
//! (the signature holds), [`verify::AccessToken`] (it is meant for us), [`verify::Identity`] (at this moment),
//! [`filter::Permit`] (the policy allows it). Each is made in one place only.
//!
//! # The life of a document
//!
//! [`refresh::refresher::Refresher`] decides when a key set or a denylist is fetched; [`jwks::KeySet`] and
//! [`denylist::Denylist`] are what a fetch may become. One that was good stays until a better one has arrived.
//!
//! # Why
//!
//! [`filter::Filter::decide_with_observer`] tells a [`trace::DecisionObserver`] each check as it makes it. The filter in Envoy has nobody who
//! listens; `okta-authz explain`, the command line on the same core, does.
//!
//! # What the core does not do
//!
//! It has never heard of Envoy, reads no clock, writes no log and does no I/O. All of that is `host`, which
//! exists on wasm32 only and knows no rule of JWT or policy. Cargo keeps the border: `proxy-wasm` is a dependency
//! of that target alone.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::type_complexity, reason = "tables"))]

mod authority;
pub mod claims;
pub mod config;
pub mod crypto;
pub mod denylist;
pub mod filter;
pub mod header_map;
pub mod headers;
pub mod https_url;
pub mod json;
pub mod jwks;
pub mod lookalike;
pub mod metrics;
pub mod percent_encoding;
pub mod policy;
pub mod protected_resource;
pub mod refresh;
pub mod rejection;
pub mod reply;
pub mod request;
mod text;
pub mod time;
pub mod token;
pub mod token_cache;
pub mod trace;
pub mod verify;

#[cfg(target_arch = "wasm32")]
pub mod host;
