//! What a plugin configuration is on one worker: the root context and its streams share it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use proxy_wasm::hostcalls;

use super::instrumented::InstrumentedVerifier;
use super::metrics::Metrics;
use super::signature::HostVerifier;
use super::waiting::WaitQueue;
use crate::crypto::WithFallback;
use crate::crypto::software::Software;
use crate::filter::Filter;
use crate::refresh::state::WorkerId;
use crate::time::UnixTime;

/// One configuration at work on one worker.
#[derive(Debug)]
pub(super) struct Plugin {
    /// `None` for a configuration that was refused: every request is denied then.
    pub(super) filter: Option<Filter>,
    pub(super) verifier: WithFallback<InstrumentedVerifier<HostVerifier>, InstrumentedVerifier<Software>>,
    pub(super) metrics: Metrics,
    pub(super) waiting: WaitQueue,
    /// The host does not know the function, and the log has it.
    pub(super) cannot_clear_route_cache: bool,
}

impl Plugin {
    /// Before there is a configuration: denies.
    pub(super) fn unconfigured() -> Self {
        Self {
            filter: None,
            verifier: WithFallback(InstrumentedVerifier::default(), InstrumentedVerifier::default()),
            metrics: Metrics::unconfigured(),
            waiting: WaitQueue::default(),
            cannot_clear_route_cache: false,
        }
    }

    /// Tells the host what has been counted since the last tick.
    pub(super) fn flush(&mut self, now: UnixTime) {
        let Some(filter) = &self.filter else { return };
        let WithFallback(host, software) = &self.verifier;
        host.flush();
        software.flush();
        self.metrics.on_tick(filter, self.waiting.len(), now);
    }
}

/// A number that tells this worker from the others: the standard library's own source of randomness, which asks the host.
pub(super) fn worker_id() -> WorkerId {
    WorkerId(RandomState::new().build_hasher().finish())
}

/// Envoy's wall clock. Without it no token is in time: the far future, in which all have expired.
pub(super) fn now() -> UnixTime {
    let since_epoch = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let millis = hostcalls::get_current_time().ok().and_then(since_epoch).map(|since| since.as_millis());
    UnixTime::from_millis(millis.and_then(|millis| u64::try_from(millis).ok()).unwrap_or(u64::MAX))
}
