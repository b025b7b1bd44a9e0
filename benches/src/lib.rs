//! The tokens and proofs of the benchmarks, and the cases of the core.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

pub mod cases;
pub mod growth;
pub mod proofs;
pub mod tokens;
