//! Signature checks, counted and timed. What is counted stays here until the root's next tick.

use std::cell::Cell;
use std::time::{Duration, UNIX_EPOCH};

use proxy_wasm::hostcalls;

use super::stats::Metric;
use crate::crypto::{SignatureError, SignatureInput, SignatureVerifier};
use crate::metrics::{self, SIGNATURE_RESULTS};

/// One check in so many is timed, the first among them: clock and histogram cost up to three microseconds, where a check by the
/// host costs thirty.
const SAMPLE_INTERVAL: u64 = 16;

/// A verifier that is watched.
#[derive(Debug, Default)]
pub(super) struct InstrumentedVerifier<V> {
    verifier: V,
    micros: Metric,
    results: [Metric; SIGNATURE_RESULTS.len()],
    checks: Cell<u64>,
    /// Checks by their result, since the last flush.
    counted: [Cell<u64>; SIGNATURE_RESULTS.len()],
}

impl<V> InstrumentedVerifier<V> {
    pub(super) fn new(verifier: V, backend: &str) -> Self {
        Self {
            verifier,
            micros: Metric::define(metrics::SIGNATURE_US, &[backend]),
            results: SIGNATURE_RESULTS.map(|result| Metric::define(metrics::SIGNATURE, &[backend, result])),
            checks: Cell::default(),
            counted: Default::default(),
        }
    }

    /// Tells the host what has been counted.
    pub(super) fn flush(&self) {
        self.results.iter().zip(&self.counted).for_each(|(stat, counted)| stat.count(counted.take()));
    }
}

impl<V: SignatureVerifier> SignatureVerifier for InstrumentedVerifier<V> {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        let begin = if self.checks.get().is_multiple_of(SAMPLE_INTERVAL) { clock() } else { None };
        let told = self.verifier.verify(input);
        let [valid, invalid, unavailable] = &self.counted;
        let counted = match told {
            Ok(()) => valid,
            Err(SignatureError::Invalid) => invalid,
            Err(SignatureError::Unavailable) => unavailable,
        };
        counted.set(counted.get().wrapping_add(1));
        // What was not checked took no time that says anything.
        if told == Err(SignatureError::Unavailable) {
            return told;
        }
        self.checks.set(self.checks.get().wrapping_add(1));
        if let Some(begin) = begin
            && let Some(taken) = clock().and_then(|end| end.checked_sub(begin))
        {
            self.micros.record(u64::try_from(taken.as_micros()).unwrap_or(u64::MAX));
        }
        told
    }
}

/// Envoy's wall clock, which goes on within a callback. One that is set back in between gives no time.
fn clock() -> Option<Duration> {
    hostcalls::get_current_time().ok()?.duration_since(UNIX_EPOCH).ok()
}
