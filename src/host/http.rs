//! A stream: the request phase of one HTTP exchange.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::exchange::{self, Outcome};
use super::plugin::{self, Plugin};
use super::waiting::{SharedStreamState, StreamState};

/// Only the root context can own a fetch, for a client that goes away takes its stream's callouts with it. So a stream
/// that lacks something makes the root's next tick come now.
pub(super) const IMMEDIATE_TICK: Duration = Duration::from_millis(1);

pub(super) struct Stream {
    id: u32,
    plugin: Rc<RefCell<Plugin>>,
    passed: SharedStreamState,
}

impl Stream {
    pub(super) fn new(id: u32, plugin: Rc<RefCell<Plugin>>) -> Self {
        Self { id, plugin, passed: SharedStreamState::default() }
    }

    /// Whether the request may go on. Asked again for its body and trailers: a host may hand these on although the headers
    /// were held back (Envoy does, with `allow_on_headers_stop_iteration`), and would take `Continue` for all of it.
    fn action(&self) -> Action {
        if self.passed.get() == StreamState::Held { Action::Pause } else { Action::Continue }
    }
}

impl Context for Stream {}

/// The stream goes with `on_delete`, whether or not the host has called `on_done` before.
impl Drop for Stream {
    fn drop(&mut self) {
        // One that stays behind is found gone when its time is over.
        if let Ok(mut plugin) = self.plugin.try_borrow_mut() {
            plugin.waiting.remove(self.id);
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let plugin = &mut *self.plugin.borrow_mut();
        let now = plugin::now();
        let mut outcome = exchange::handle(plugin, now, true);
        if let Outcome::Waits(source) = outcome {
            if plugin.waiting.add(self.id, source, Rc::clone(&self.passed), now) {
                let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
            } else {
                outcome = exchange::handle(plugin, now, false);
            }
        }
        if let Outcome::SharedStreamState { examined } = outcome {
            self.passed.set(StreamState::Open { examined });
        }
        self.action()
    }

    fn on_http_request_body(&mut self, _body_size: usize, _end_of_stream: bool) -> Action {
        self.action()
    }

    fn on_http_request_trailers(&mut self, _num_trailers: usize) -> Action {
        // A stream that is held back is let go in another callback, so its trailers are cleaned as strictly as there are.
        let examined = self.passed.get() != StreamState::Open { examined: false };
        let stripped = exchange::strip_trailers(&self.plugin.borrow(), examined);
        if stripped { self.action() } else { Action::Pause }
    }
}
