//! The state of one plugin configuration on one worker, which the root context and its streams
//! share.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use proxy_wasm::hostcalls;

use super::instrumented::InstrumentedVerifier;
use super::metrics::Metrics;
use super::signature::HostVerifier;
use super::wait_queue::WaitQueue;
use crate::crypto::WithFallback;
use crate::crypto::software::Software;
use crate::filter::Filter;
use crate::refresh::state::WorkerId;
use crate::time::UnixTime;

/// One plugin configuration on one worker.
#[derive(Debug)]
pub(super) struct Plugin {
    /// `None` before the configuration and after an invalid one. Then the filter denies every
    /// request.
    pub(super) filter: Option<Filter>,
    pub(super) verifier: WithFallback<InstrumentedVerifier<HostVerifier>, InstrumentedVerifier<Software>>,
    pub(super) metrics: Metrics,
    pub(super) wait_queue: WaitQueue,
    /// Whether the host function `clear_route_cache` has failed, and the log says so.
    pub(super) clear_route_cache_failed: bool,
}

impl Plugin {
    /// Creates a plugin without a configuration, which denies every request.
    pub(super) fn unconfigured() -> Self {
        Self {
            filter: None,
            verifier: WithFallback(InstrumentedVerifier::default(), InstrumentedVerifier::default()),
            metrics: Metrics::unconfigured(),
            wait_queue: WaitQueue::default(),
            clear_route_cache_failed: false,
        }
    }

    /// Passes the counts since the last tick to the host.
    pub(super) fn flush(&mut self, now: UnixTime) {
        let Some(filter) = &self.filter else { return };
        let WithFallback(host, software) = &self.verifier;
        host.flush();
        software.flush();
        self.metrics.on_tick(filter, self.wait_queue.len(), now);
    }
}

/// Returns a random ID for this worker. The standard library's source of randomness asks the host.
pub(super) fn worker_id() -> WorkerId {
    WorkerId(RandomState::new().build_hasher().finish())
}

/// Returns random bytes of the host for keys; `None` if the host has none.
pub(super) fn random_seed() -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).ok()?;
    Some(seed)
}

/// Returns the time of Envoy's wall clock. Without a clock, returns the far future, in which every
/// token has expired.
pub(super) fn now() -> UnixTime {
    let since_epoch = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let millis = hostcalls::get_current_time().ok().and_then(since_epoch).map(|since| since.as_millis());
    UnixTime::from_millis(millis.and_then(|millis| u64::try_from(millis).ok()).unwrap_or(u64::MAX))
}
