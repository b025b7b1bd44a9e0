//! The stream context: the request phase of one HTTP exchange.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::plugin::{self, Plugin};
use super::request::{self, RequestAction};
use crate::filter::{StreamDecision, StreamState};

/// The tick period that makes the root context run at once. Only the root context fetches, because
/// the host cancels the callouts of a stream with the stream.
pub(super) const IMMEDIATE_TICK: Duration = Duration::from_millis(1);

/// The stream context of one request.
pub(super) struct Stream {
    id: u32,
    plugin: Rc<RefCell<Plugin>>,
    state: Rc<StreamState>,
}

impl Stream {
    /// Creates the context of a new stream.
    pub(super) fn new(id: u32, plugin: Rc<RefCell<Plugin>>) -> Self {
        Self { id, plugin, state: Rc::default() }
    }

    /// Returns whether the host forwards the request. Body and trailers need it too: a host may
    /// pass them to the filter although it holds the headers (Envoy does, with
    /// `allow_on_headers_stop_iteration`), and would take `Continue` for the whole request.
    fn action(&self) -> Action {
        if self.state.decision() == StreamDecision::Held { Action::Pause } else { Action::Continue }
    }
}

impl Context for Stream {}

/// The host deletes the stream with `on_delete`, whether or not it has called `on_done` before.
impl Drop for Stream {
    fn drop(&mut self) {
        // If the plugin is borrowed, the entry stays until its deadline, and resuming it then
        // fails.
        if let Ok(mut plugin) = self.plugin.try_borrow_mut() {
            plugin.wait_queue.remove(self.id);
            if let Some(filter) = &mut plugin.filter {
                filter.end_stream(&self.state);
            }
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _num_headers: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.state.complete_request();
        }
        let plugin = &mut *self.plugin.borrow_mut();
        let now = plugin::now();
        let action = request::handle(plugin, (self.id, &self.state), now, now, true);
        if let RequestAction::Wait(awaited) = action {
            if plugin.wait_queue.add(self.id, awaited, Rc::clone(&self.state), now) {
                let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
            } else {
                let _ = request::handle(plugin, (self.id, &self.state), now, now, false);
            }
        }
        self.action()
    }

    fn on_http_request_body(&mut self, _body_size: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.state.complete_request();
        }
        self.action()
    }

    fn on_http_request_trailers(&mut self, _num_trailers: usize) -> Action {
        self.state.complete_request();
        // The trailers of a held stream can arrive before the decision, so the filter strips them
        // as if it had examined a token.
        let examined = self.state.decision() != StreamDecision::Allowed { examined: false };
        let stripped = super::forward::strip_trailers(&self.plugin.borrow(), examined);
        if stripped { self.action() } else { Action::Pause }
    }
}
