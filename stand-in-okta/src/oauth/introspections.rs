//! A record of the introspection requests, for tests of clients.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// A request for introspection. Its client has authenticated.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Introspection {
    /// The ID of the client.
    pub client: String,
    /// How the client authenticated: `basic`, `post`, `private_key_jwt` or `none`.
    pub method: &'static str,
    /// The token.
    pub token: String,
    /// The form parameter `token_type_hint`.
    pub hint: Option<String>,
    /// The header `Accept`.
    pub accept: Option<String>,
}

/// The latest introspection requests of a server, and its greatest number of concurrent ones.
#[derive(Default)]
pub(crate) struct Introspections(Mutex<State>);

#[derive(Default)]
struct State {
    latest: VecDeque<Introspection>,
    running: u64,
    peak: u64,
}

/// A request whose response is not complete. Dropping it ends the request.
pub(crate) struct Running<'a>(&'a Introspections);

impl Introspections {
    /// Records a request, and counts it as running until the guard is dropped.
    pub(crate) fn start(&self, introspection: Introspection) -> Running<'_> {
        self.with(|state| {
            if state.latest.len() >= CAPACITY {
                state.latest.pop_front();
            }
            state.latest.push_back(introspection);
            state.running = state.running.saturating_add(1);
            state.peak = state.peak.max(state.running);
        });
        Running(self)
    }

    /// Returns the latest requests, in their order.
    pub(crate) fn latest(&self) -> Vec<Introspection> {
        self.with(|state| state.latest.iter().cloned().collect())
    }

    /// Returns the greatest number of concurrent requests.
    pub(crate) fn peak(&self) -> u64 {
        self.with(|state| state.peak)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.running = state.running.saturating_sub(1));
    }
}

/// More requests than a test inspects. The counter of requests has no limit.
const CAPACITY: usize = 1000;
