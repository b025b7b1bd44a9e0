//! Counts and durations of signature verifications. The verifier stores the counts until the next
//! tick of the root context.

use std::cell::Cell;
use std::time::{Duration, UNIX_EPOCH};

use proxy_wasm::hostcalls;

use super::metric::Metric;
use crate::crypto::{Algorithm, SignatureError, SignatureInput, SignatureVerifier};
use crate::metrics::{self, SIGNATURE_RESULTS};

/// The verifier measures the duration of one verification in 16, beginning with the first. Clock
/// and histogram take up to 3 µs, and a verification by the host takes about 17 µs.
const SAMPLE_INTERVAL: u64 = 16;

/// A verifier that counts its verifications by result, and measures the duration of a sample.
#[derive(Debug, Default)]
pub(super) struct InstrumentedVerifier<V> {
    verifier: V,
    /// The durations of the sample, in microseconds.
    micros: Metric,
    /// The verifications by result, in the order of [`SIGNATURE_RESULTS`].
    results: [Metric; SIGNATURE_RESULTS.len()],
    /// The number of completed verifications, valid or invalid. It selects the sample.
    completed: Cell<u64>,
    /// The verifications by result since the last flush.
    unflushed: [Cell<u64>; SIGNATURE_RESULTS.len()],
}

impl<V> InstrumentedVerifier<V> {
    /// Instruments a verifier. `backend` is the label of its metrics.
    pub(super) fn new(verifier: V, backend: &str) -> Self {
        Self {
            verifier,
            micros: Metric::define(metrics::SIGNATURE_US, &[backend]),
            results: SIGNATURE_RESULTS.map(|result| Metric::define(metrics::SIGNATURE, &[backend, result])),
            completed: Cell::default(),
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
        let started_at = if self.completed.get().is_multiple_of(SAMPLE_INTERVAL) { clock() } else { None };
        let result = self.verifier.verify(input);
        let [valid, invalid, unavailable] = &self.unflushed;
        let count = match result {
            Ok(()) => valid,
            Err(SignatureError::Invalid) => invalid,
            Err(SignatureError::Unavailable) => unavailable,
        };
        count.set(count.get().wrapping_add(1));
        // An unavailable verifier has verified nothing, so there is no duration.
        if result == Err(SignatureError::Unavailable) {
            return result;
        }
        self.completed.set(self.completed.get().wrapping_add(1));
        if let Some(started_at) = started_at
            && let Some(elapsed) = clock().and_then(|ended_at| ended_at.checked_sub(started_at))
        {
            self.micros.record(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        }
        result
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        self.verifier.supports(algorithm)
    }
}

/// Returns the time of Envoy's wall clock, which advances within a callback. If the clock is set
/// back during a verification, the verifier records no duration.
fn clock() -> Option<Duration> {
    hostcalls::get_current_time().ok()?.duration_since(UNIX_EPOCH).ok()
}
