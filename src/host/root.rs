//! The root context: takes the configuration, fetches keys and denylists, and lets those go that waited for them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use log::{error, info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::callout;
use super::exchange::{self, Outcome};
use super::http::{IMMEDIATE_TICK, Stream};
use super::instrumented::InstrumentedVerifier;
use super::metrics::Metrics;
use super::plugin::{self, Plugin};
use super::shared::Shared;
use super::signature::HostVerifier;
use super::waiting::{StreamState, WaitQueue};
use crate::config::Config;
use crate::crypto::WithFallback;
use crate::crypto::software::Software;
use crate::filter::{Filter, SourceId};
use crate::metrics::BACKENDS;
use crate::refresh::refresher::{Fetch, FetchProgress};
use crate::refresh::source::{Document as _, FetchError, Response};
use crate::time::UnixTime;

/// How often the root looks whether something is due. Costs nothing to speak of, and bounds every delay.
const TICK: Duration = Duration::from_millis(100);

/// The root context of one plugin configuration on one worker.
pub struct Root {
    id: u32,
    plugin: Rc<RefCell<Plugin>>,
    /// Requests of fetches under way, by the host's number, and when they were sent.
    in_flight: HashMap<u32, (SourceId, Fetch, UnixTime)>,
}

impl Root {
    /// A root without a configuration: its streams deny.
    pub fn new(id: u32) -> Self {
        Self { id, plugin: Rc::new(RefCell::new(Plugin::unconfigured())), in_flight: HashMap::new() }
    }

    /// Takes over what other workers have fetched, and fetches where this one has the lease.
    fn poll_sources(&mut self) {
        let now = plugin::now();
        let ticks = match &mut *self.plugin.borrow_mut() {
            Plugin { filter: Some(filter), waiting, .. } => {
                let ticks = filter.on_tick(now, &Shared);
                ticks.iter().filter(|(_, tick)| tick.changed).for_each(|(source, _)| waiting.wake(*source));
                ticks
            }
            _ => Vec::new(),
        };
        for (source, fetch) in ticks.into_iter().filter_map(|(source, tick)| Some((source, tick.fetch?))) {
            self.send(source, fetch);
        }
    }

    /// Sends the request of a fetch. One that cannot be sent ends the fetch here, with an error.
    fn send(&mut self, source: SourceId, fetch: Fetch) {
        let dispatched = {
            let plugin = self.plugin.borrow();
            let Some(filter) = &plugin.filter else { return };
            filter.remote(source).map(|remote| callout::dispatch(remote, fetch.request()))
        };
        match dispatched {
            Some(Ok(token)) => {
                self.in_flight.insert(token, (source, fetch, plugin::now()));
            }
            Some(Err(error)) => self.on_response(source, fetch, Err(error)),
            None => {}
        }
    }

    fn on_response(&mut self, source: SourceId, fetch: Fetch, response: Result<Response, FetchError>) {
        let next = {
            let plugin = &mut *self.plugin.borrow_mut();
            let Some(filter) = &mut plugin.filter else { return };
            match filter.on_response(source, plugin::now(), fetch, &Shared, response) {
                FetchProgress::Request(fetch) => fetch,
                FetchProgress::Done(outcome) => {
                    callout::log(filter, source, &outcome);
                    plugin.metrics.count_fetch(source, outcome.is_ok());
                    // This worker hears of it like all others, only sooner.
                    let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
                    return;
                }
            }
        };
        self.send(source, next);
    }

    /// Looks again at some of the requests that have waited. One that still lacks something waits on, if its time is not over.
    fn release(&self, plugin: &mut Plugin) {
        let now = plugin::now();
        let waiters = plugin.waiting.take_due(now);
        if plugin.waiting.has_due(now) {
            let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
        }
        if waiters.is_empty() {
            return;
        }
        for waiter in waiters {
            // Fails for a stream that has gone in the meantime.
            if hostcalls::set_effective_context(waiter.context_id).is_err() {
                continue;
            }
            match exchange::handle(plugin, now, now < waiter.deadline) {
                Outcome::SharedStreamState { examined } => {
                    waiter.passed.set(StreamState::Open { examined });
                    if let Err(status) = hostcalls::resume_http_request() {
                        error!("a request could not be resumed: {status:?}");
                    }
                }
                Outcome::Answered => {}
                Outcome::Waits(source) => plugin.waiting.put_back(waiter, source),
            }
        }
        let _ = hostcalls::set_effective_context(self.id);
    }
}

impl Context for Root {
    fn on_http_call_response(
        &mut self,
        token: u32,
        num_headers: usize,
        body_size: usize,
        _num_trailers: usize,
    ) {
        if let Some((source, fetch, sent_at)) = self.in_flight.remove(&token) {
            self.plugin.borrow().metrics.time_fetch(source, sent_at, plugin::now());
            let response = callout::read(num_headers, body_size, source.max_bytes());
            self.on_response(source, fetch, response);
        }
    }
}

/// The root goes with `on_delete`, when the last stream is gone that this configuration had; after an update through ECDS, at
/// once where there is no stream. `on_done`, which comes before, is
/// not exported: every stream would be told as well, and has nothing to say to that.
impl Drop for Root {
    fn drop(&mut self) {
        if let Ok(mut plugin) = self.plugin.try_borrow_mut() {
            // The answers to the requests under way go with the root.
            if let Some(filter) = &mut plugin.filter {
                filter.release(&Shared);
            }
            plugin.flush(plugin::now());
            plugin.metrics.end();
        }
    }
}

impl RootContext for Root {
    /// Envoy asks every worker, and skips the filter, letting everything through, on a worker that says no after the
    /// first has said yes. So the answer depends on the configuration alone: not on time, keys, or what the host can do.
    fn on_configure(&mut self, size: usize) -> bool {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size).ok().flatten();
        let config = match Config::from_bytes(&bytes.unwrap_or_default()) {
            Ok(config) => config,
            Err(problem) => {
                error!("configuration refused: {problem}");
                *self.plugin.borrow_mut() = Plugin::unconfigured();
                return false;
            }
        };
        // A host may configure a root anew. The answers of fetches under way would be those of the former configuration.
        self.in_flight.clear();
        if let Some(filter) = &mut self.plugin.borrow_mut().filter {
            filter.release(&Shared);
        }
        for provider in &config.providers {
            for remark in provider.local_jwks.iter().flat_map(|keys| keys.remarks()) {
                warn!("provider {}: local_jwks: {remark}", provider.name);
            }
        }
        let host = HostVerifier::probe();
        info!(
            "okta-authz-filter {}: providers: {}, rules: {}, signatures: {}",
            env!("CARGO_PKG_VERSION"),
            config.providers.len(),
            config.policy.len(),
            host.describe(),
        );
        let worker_id = plugin::worker_id();
        let filter = Filter::new(config, worker_id);
        let [by_host, by_software] = BACKENDS;
        *self.plugin.borrow_mut() = Plugin {
            verifier: WithFallback(
                InstrumentedVerifier::new(host, by_host),
                InstrumentedVerifier::new(Software, by_software),
            ),
            metrics: Metrics::define(&filter, worker_id),
            filter: Some(filter),
            waiting: WaitQueue::default(),
            cannot_clear_route_cache: false,
        };
        // The first tick fetches: a callout from here would be lost in the VM that Envoy only tries things out in.
        let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
        true
    }

    fn on_tick(&mut self) {
        let _ = hostcalls::set_tick_period(TICK);
        self.poll_sources();
        let plugin = &mut *self.plugin.borrow_mut();
        self.release(plugin);
        plugin.flush(plugin::now());
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(context_id, Rc::clone(&self.plugin))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
