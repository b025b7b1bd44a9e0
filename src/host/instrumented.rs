//! Counts and times of signature checks. The counts stay here until the next tick of the root
//! context.

use std::cell::Cell;
use std::time::{Duration, UNIX_EPOCH};

use proxy_wasm::hostcalls;

use super::metric::Metric;
use crate::crypto::{SignatureError, SignatureInput, SignatureVerifier};
use crate::metrics::{self, SIGNATURE_RESULTS};

/// The verifier times one check of 16, the first included. Clock and histogram cost up to 3 µs, and
/// a check by the host costs about 17 µs.
const SAMPLE_INTERVAL: u64 = 16;

/// A verifier that counts its checks by result, and times a sample of them.
#[derive(Debug, Default)]
pub(super) struct InstrumentedVerifier<V> {
    verifier: V,
    /// The duration of timed checks, in microseconds.
    micros: Metric,
    /// The checks by result, in the order of [`SIGNATURE_RESULTS`].
    results: [Metric; SIGNATURE_RESULTS.len()],
    /// The number of checks that ran. It selects the checks to time.
    checks: Cell<u64>,
    /// The checks by result since the last flush.
    unflushed: [Cell<u64>; SIGNATURE_RESULTS.len()],
}

impl<V> InstrumentedVerifier<V> {
    /// Instruments a verifier. `backend` is the label of its metrics.
    pub(super) fn new(verifier: V, backend: &str) -> Self {
        Self {
            verifier,
            micros: Metric::define(metrics::SIGNATURE_US, &[backend]),
            results: SIGNATURE_RESULTS.map(|result| Metric::define(metrics::SIGNATURE, &[backend, result])),
            checks: Cell::default(),
            unflushed: Default::default(),
        }
    }

    /// Passes the counts since the last flush to the host.
    pub(super) fn flush(&self) {
        self.results.iter().zip(&self.unflushed).for_each(|(metric, count)| metric.count(count.take()));
    }
}

impl<V: SignatureVerifier> SignatureVerifier for InstrumentedVerifier<V> {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        let begin = if self.checks.get().is_multiple_of(SAMPLE_INTERVAL) { clock() } else { None };
        let result = self.verifier.verify(input);
        let [valid, invalid, unavailable] = &self.unflushed;
        let count = match result {
            Ok(()) => valid,
            Err(SignatureError::Invalid) => invalid,
            Err(SignatureError::Unavailable) => unavailable,
        };
        count.set(count.get().wrapping_add(1));
        // The time of a check that did not run says nothing.
        if result == Err(SignatureError::Unavailable) {
            return result;
        }
        self.checks.set(self.checks.get().wrapping_add(1));
        if let Some(begin) = begin
            && let Some(elapsed) = clock().and_then(|end| end.checked_sub(begin))
        {
            self.micros.record(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        }
        result
    }
}

/// Returns the time of Envoy's wall clock, which advances within a callback. If the clock is set
/// back during a check, the verifier records no duration.
fn clock() -> Option<Duration> {
    hostcalls::get_current_time().ok()?.duration_since(UNIX_EPOCH).ok()
}
