//! Measures the core natively, in nanoseconds for each request: `make bench-core`. In Envoy the
//! code is wasm, and calls between Envoy and the module take time too. So this benchmark compares
//! versions of the code and does not show the cost of a request.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a benchmark"
)]

use std::time::Duration;

use benches::{cases, tokens};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let signer = tokens::Signer::rs256();
    for (name, prepare) in cases::CASES {
        let mut work = prepare(&signer);
        criterion.bench_function(name, |bencher| bencher.iter(&mut work));
    }
    criterion.final_summary();
}
