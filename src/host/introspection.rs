//! The callouts of introspection. The root context sends them, because the host cancels the callouts
//! of a stream with the stream.

use std::collections::HashMap;
use std::time::Duration;

use log::{error, info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::plugin::{self, Plugin};
use super::shared_data::HostSharedData;
use super::stream::IMMEDIATE_TICK;
use crate::filter::{CallId, Filter};
use crate::introspection::{CallError, CallOutcome, CallRequest, CallResponse, MAX_BODY_BYTES};
use crate::percent_encoding::encode_log_value;
use crate::time::UnixTime;

/// The minimum time between two log lines about failed calls.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The introspection calls of one root context.
#[derive(Debug, Default)]
pub(super) struct IntrospectionCalls {
    /// Calls in flight by the ID of their callout, each with the time of the callout.
    in_flight: HashMap<u32, (CallId, UnixTime)>,
    /// The time of the last log line about a failed call; `None` after a call has succeeded.
    failure_logged_at: Option<UnixTime>,
}

impl IntrospectionCalls {
    /// Sends the calls that requests wait for.
    pub(super) fn send(&mut self, plugin: &mut Plugin) {
        let now = plugin::now();
        let Some(filter) = &plugin.filter else { return };
        for (call, request) in filter.take_introspection_calls(now) {
            match dispatch(&request) {
                Some(callout_id) => {
                    self.in_flight.insert(callout_id, (call, now));
                }
                None => self.complete(plugin, call, now, Err(CallError::NoResponse)),
            }
        }
    }

    /// Processes the response to a callout, if it is one of an introspection.
    pub(super) fn on_response(
        &mut self,
        plugin: &mut Plugin,
        callout_id: u32,
        num_headers: usize,
        body_size: usize,
    ) {
        let Some((call, sent_at)) = self.in_flight.remove(&callout_id) else { return };
        plugin.metrics.introspection.time_call(sent_at, plugin::now());
        let headers = match num_headers {
            // No headers means no response, and then the host call for headers fails.
            0 => None,
            _ => hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).ok(),
        };
        let Some(headers) = headers else {
            return self.complete(plugin, call, sent_at, Err(CallError::NoResponse));
        };
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let status = headers.iter().find(|(name, _)| *name == ":status");
        let status = status.and_then(|(_, digits)| str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(0);
        // Checked before the body is read, because the memory of a VM never shrinks.
        let body = (body_size <= MAX_BODY_BYTES).then(|| {
            hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size)
                .ok()
                .flatten()
                .unwrap_or_default()
        });
        self.complete(plugin, call, sent_at, Ok(CallResponse { status, headers: &headers, body }));
    }

    /// Passes a response to the filter, and makes the requests due that wait for it.
    fn complete(
        &mut self,
        plugin: &mut Plugin,
        call: CallId,
        sent_at: UnixTime,
        response: Result<CallResponse<'_>, CallError>,
    ) {
        let now = plugin::now().max(sent_at);
        let Some(filter) = &plugin.filter else { return };
        let outcome = filter.on_introspection_response(call, now, &HostSharedData, response);
        self.log(filter, call, &outcome, now);
        plugin.metrics.introspection.count_call(&outcome);
        plugin.wait_queue.wake(call.awaited());
        let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
    }

    /// Logs the first failure, at most one per [`LOG_INTERVAL`] after it, and the first success after
    /// a failure.
    fn log(&mut self, filter: &Filter, call: CallId, outcome: &CallOutcome, now: UnixTime) {
        let name = filter.provider(call.provider()).map_or("", |provider| &provider.name);
        let name = encode_log_value(name);
        let CallOutcome::Failed(failure) = outcome else {
            if self.failure_logged_at.take().is_some() {
                info!("provider {name}: introspection succeeded");
            }
            return;
        };
        if self.failure_logged_at.is_some_and(|at| now.saturating_duration_since(at) < LOG_INTERVAL) {
            return;
        }
        self.failure_logged_at = Some(now);
        match failure {
            CallError::Unauthorized(_) => error!("provider {name}: introspection failed: {failure}"),
            _ => warn!("provider {name}: introspection failed: {failure}"),
        }
    }
}

/// Sends a call and returns the ID of the callout; `None` if the host rejects it, as for a cluster
/// that does not exist.
fn dispatch(request: &CallRequest) -> Option<u32> {
    let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    hostcalls::dispatch_http_call(&request.cluster, headers, Some(&request.body), vec![], request.timeout)
        .ok()
}
