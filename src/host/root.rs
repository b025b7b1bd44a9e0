//! The root context: it reads the configuration, fetches documents, and resumes the requests that
//! wait for them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use log::{error, info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::callout;
use super::instrumented::InstrumentedVerifier;
use super::introspection::IntrospectionCalls;
use super::metrics::Metrics;
use super::open_streams;
use super::plugin::{self, Plugin};
use super::request::{self, RequestAction};
use super::shared_data::HostSharedData;
use super::signature::HostVerifier;
use super::stream::{IMMEDIATE_TICK, Stream};
use super::wait_queue::WaitQueue;
use crate::config::Config;
use crate::crypto::WithFallback;
use crate::crypto::software::Software;
use crate::filter::{Awaited, Filter, SourceId};
use crate::metrics::BACKENDS;
use crate::percent_encoding::encode_log_value;
use crate::refresh::refresher::{Fetch, FetchProgress};
use crate::refresh::source::{Document as _, FetchError, Response};
use crate::time::UnixTime;

/// The interval at which the root context polls the sources. It bounds the delay of a fetch, of an
/// update by another worker, and of a deadline.
const TICK: Duration = Duration::from_millis(100);

/// The root context of one plugin configuration on one worker.
pub struct Root {
    id: u32,
    plugin: Rc<RefCell<Plugin>>,
    /// Fetches in flight by the ID of their callout, each with the time of the callout.
    in_flight: HashMap<u32, (SourceId, Fetch, UnixTime)>,
    introspection: IntrospectionCalls,
}

impl Root {
    /// Creates a root context without a configuration. Its streams deny every request.
    pub fn new(id: u32) -> Self {
        let plugin = Rc::new(RefCell::new(Plugin::unconfigured()));
        Self { id, plugin, in_flight: HashMap::new(), introspection: IntrospectionCalls::default() }
    }

    /// Installs the documents that other workers have published, and fetches where this worker has
    /// taken the lease.
    fn poll_sources(&mut self) {
        let now = plugin::now();
        let ticks = match &mut *self.plugin.borrow_mut() {
            Plugin { filter: Some(filter), wait_queue, .. } => {
                let ticks = filter.on_tick(now, &HostSharedData);
                ticks
                    .iter()
                    .filter(|(_, tick)| tick.changed)
                    .for_each(|(source, _)| wait_queue.wake(Awaited::Document(*source)));
                ticks
            }
            _ => Vec::new(),
        };
        for (source, fetch) in ticks.into_iter().filter_map(|(source, tick)| Some((source, tick.fetch?))) {
            self.send(source, fetch);
        }
    }

    /// Sends the request of a fetch. If the host rejects the callout, the fetch fails at once.
    fn send(&mut self, source: SourceId, fetch: Fetch) {
        let dispatched = {
            let plugin = self.plugin.borrow();
            let Some(filter) = &plugin.filter else { return };
            filter.remote(source).map(|remote| callout::dispatch(remote, &fetch))
        };
        match dispatched {
            Some(Ok(callout_id)) => {
                self.in_flight.insert(callout_id, (source, fetch, plugin::now()));
            }
            Some(Err(error)) => self.on_response(source, fetch, Err(error)),
            None => {}
        }
    }

    /// Passes a response to the filter. Sends the next request of the fetch, or logs and counts its
    /// result.
    fn on_response(&mut self, source: SourceId, fetch: Fetch, response: Result<Response, FetchError>) {
        let next = {
            let plugin = &mut *self.plugin.borrow_mut();
            let Some(filter) = &mut plugin.filter else { return };
            match filter.on_response(source, plugin::now(), fetch, &HostSharedData, response) {
                FetchProgress::Request(fetch) => fetch,
                // Not logged: it is the usual result of a poll.
                FetchProgress::NotModified => return plugin.metrics.count_fetch(source, true),
                FetchProgress::Done(result) => {
                    callout::log(filter, source, &result);
                    plugin.metrics.count_fetch(source, result.is_ok());
                    // The next tick installs the document, as on every other worker.
                    let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
                    return;
                }
            }
        };
        self.send(source, next);
    }

    /// Decides again on due requests. A request that still needs a document waits again until its
    /// deadline.
    fn resume_due_requests(&self, plugin: &mut Plugin) {
        let now = plugin::now();
        let due = plugin.wait_queue.take_due(now);
        if plugin.wait_queue.has_due(now) {
            let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
        }
        if due.is_empty() {
            return;
        }
        for pending in due {
            // The host returns an error for a stream that has ended.
            if hostcalls::set_effective_context(pending.context_id).is_err() {
                continue;
            }
            let stream = (pending.context_id, &pending.state);
            match request::handle(plugin, stream, now, pending.arrived_at, now < pending.deadline()) {
                RequestAction::Forward => {
                    if let Err(status) = hostcalls::resume_http_request() {
                        error!("the host did not resume a request ({status:?})");
                    }
                }
                RequestAction::Responded => {}
                RequestAction::Wait(awaited) => plugin.wait_queue.put_back(pending, awaited),
            }
        }
        let _ = hostcalls::set_effective_context(self.id);
    }
}

impl Context for Root {
    fn on_http_call_response(
        &mut self,
        callout_id: u32,
        num_headers: usize,
        body_size: usize,
        _num_trailers: usize,
    ) {
        if let Some((source, fetch, sent_at)) = self.in_flight.remove(&callout_id) {
            self.plugin.borrow().metrics.time_fetch(source, sent_at, plugin::now());
            let response = callout::read(num_headers, body_size, source.max_bytes());
            self.on_response(source, fetch, response);
        } else {
            let plugin = &mut *self.plugin.borrow_mut();
            self.introspection.on_response(plugin, callout_id, num_headers, body_size);
        }
    }
}

/// The host deletes the root context with `on_delete`, after the last stream of its configuration
/// has ended; after an update through ECDS at once, if there is no stream. The module does not
/// export `on_done`, which comes before, because the host would call it for every stream too.
impl Drop for Root {
    fn drop(&mut self) {
        if let Ok(mut plugin) = self.plugin.try_borrow_mut() {
            // The host drops the responses of the callouts in flight.
            if let Some(filter) = &mut plugin.filter {
                filter.release(&HostSharedData);
            }
            plugin.flush(plugin::now());
            plugin.metrics.end();
        }
    }
}

impl RootContext for Root {
    /// Reads the configuration. Envoy calls this on every worker. If one worker returns false after
    /// the first has returned true, Envoy skips the filter there and allows every request. So the
    /// result depends on the configuration and the VM's environment only, which workers share:
    /// not on time, keys, or capabilities of the host.
    fn on_configure(&mut self, size: usize) -> bool {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size).ok().flatten();
        let config = Config::from_bytes(&bytes.unwrap_or_default()).and_then(|mut config| {
            let variable = |name: &str| std::env::var(name).ok();
            config.resolve_secrets(&variable)?;
            let nonce_keys = config.nonce_keys(variable)?;
            Ok((config, nonce_keys))
        });
        let (config, nonce_keys) = match config {
            Ok(config) => config,
            Err(error) => {
                error!("configuration rejected: {error}");
                *self.plugin.borrow_mut() = Plugin::unconfigured();
                return false;
            }
        };
        // A host may configure a root context again. The responses of callouts in flight belong to
        // the former configuration.
        self.in_flight.clear();
        self.introspection = IntrospectionCalls::default();
        if let Some(filter) = &mut self.plugin.borrow_mut().filter {
            filter.release(&HostSharedData);
        }
        for provider in &config.providers {
            let name = encode_log_value(&provider.name);
            for remark in provider.local_jwks.iter().flat_map(|keys| keys.remarks()) {
                warn!("provider {name}: local_jwks: {remark}");
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
        let mut filter = Filter::new(config, worker_id);
        if let Some(settings) = &filter.config().dpop {
            info!("DPoP: {settings}");
            match plugin::random_seed() {
                Some(seed) => filter.prepare_dpop(nonce_keys, &HostSharedData, seed),
                None => error!("the host has no random numbers: the filter rejects each DPoP proof"),
            }
        }
        let [host_label, software_label] = BACKENDS;
        *self.plugin.borrow_mut() = Plugin {
            verifier: WithFallback(
                InstrumentedVerifier::new(host, host_label),
                InstrumentedVerifier::new(Software, software_label),
            ),
            metrics: Metrics::define(&filter, worker_id),
            filter: Some(filter),
            wait_queue: WaitQueue::default(),
            clear_route_cache_failed: false,
        };
        // The first tick fetches. A callout from here would be lost in the VM in which Envoy only
        // validates the configuration.
        let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
        true
    }

    fn on_tick(&mut self) {
        let _ = hostcalls::set_tick_period(TICK);
        self.poll_sources();
        let plugin = &mut *self.plugin.borrow_mut();
        self.introspection.send(plugin);
        self.resume_due_requests(plugin);
        open_streams::close_unauthorized(plugin, self.id);
        plugin.flush(plugin::now());
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(context_id, Rc::clone(&self.plugin))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
