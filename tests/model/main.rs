//! Exhaustive schedules of workers that share data: the refresh of documents, and the replay memory
//! of DPoP proofs. The workers run the code of the filter, not a copy of it.
//!
//! Envoy's workers are threads, so between two accesses of one worker to the shared data others
//! can change it. `tests/refresh` runs random schedules; these tests run all schedules within
//! bounds. A failure prints its schedule.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "test code"
)]

mod explorer;
mod history;
mod refresh;
mod replay;
