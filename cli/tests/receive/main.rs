//! The server `okta-authz receive`: real HTTP, with events and logout calls that the stand-in Okta
//! signs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]
#![cfg(feature = "receive")]

mod configuration;
mod denylist;
mod durability;
mod events;
mod keys;
mod limits;
mod logout;
#[cfg(feature = "postgres")]
mod postgres;
mod replays;
