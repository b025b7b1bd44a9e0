//! A stream: the request phase of one HTTP exchange.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::exchange::{self, Outcome};
use super::plugin::{self, Plugin};

/// Only the root context can own a fetch, for a client that goes away takes its stream's callouts with it. So a stream
/// that needs keys makes the root's next tick come now.
const AT_ONCE: Duration = Duration::from_millis(1);

pub(super) struct Stream {
    id: u32,
    plugin: Rc<RefCell<Plugin>>,
}

impl Stream {
    pub(super) const fn new(id: u32, plugin: Rc<RefCell<Plugin>>) -> Self {
        Self { id, plugin }
    }
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        self.plugin.borrow_mut().waiting.remove(self.id);
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let plugin = &mut *self.plugin.borrow_mut();
        let now = plugin::now();
        match exchange::serve(plugin, now, true) {
            Outcome::Passed => Action::Continue,
            Outcome::Answered => Action::Pause,
            Outcome::Waits(provider) => {
                if plugin.waiting.add(self.id, provider, now) {
                    let _ = hostcalls::set_tick_period(AT_ONCE);
                    return Action::Pause;
                }
                match exchange::serve(plugin, now, false) {
                    Outcome::Passed => Action::Continue,
                    Outcome::Answered | Outcome::Waits(_) => Action::Pause,
                }
            }
        }
    }
}
