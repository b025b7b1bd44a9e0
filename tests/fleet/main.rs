//! The requests that many Envoys send to one issuer, with the refresh of the filter and a virtual
//! clock.
//!
//! `make test` simulates 100 Envoys and checks bounds. `make fleet` simulates up to 10,000, prints
//! the tables of the book and draws `book/src/images/fleet.svg`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "test code"
)]

mod bounds;
mod envoy;
mod plot;
mod report;
mod requests;
mod scenario;
