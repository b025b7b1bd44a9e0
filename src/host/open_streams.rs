//! Closes the streams that are no longer authorized.
//!
//! A local response does this in each state of a stream. If the response has not begun, the client
//! gets the response. If it has begun, Envoy cannot change it: it resets the stream, and the access
//! log has the details of the local response.

use log::{debug, error, info};
use proxy_wasm::hostcalls;

use super::plugin::{self, Plugin};
use super::stream::IMMEDIATE_TICK;
use super::{abi, filter_state};
use crate::filter::UnauthorizedStream;
use crate::metrics::STREAM_REJECTIONS;
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// The property with the status of the response, once Envoy has sent it to the client.
const RESPONSE_CODE: &str = "response\0code";
/// `101 Switching Protocols`, after which a WebSocket begins. Other statuses below 200 are
/// informational.
const SWITCHING_PROTOCOLS: i64 = 101;

/// Closes due streams, each as the effective context, and then returns to the root context. If more
/// are due, makes the next tick immediate.
#[inline(never)]
pub(super) fn close_unauthorized(plugin: &mut Plugin, root_id: u32) {
    let now = plugin::now();
    let Some(filter) = &mut plugin.filter else { return };
    let streams = filter.take_unauthorized_streams(now);
    if filter.has_due_streams(now) {
        let _ = hostcalls::set_tick_period(IMMEDIATE_TICK);
    }
    if streams.is_empty() {
        return;
    }
    let closed: Vec<_> = streams.into_iter().filter_map(|stream| close(plugin, stream, now)).collect();
    let _ = hostcalls::set_effective_context(root_id);
    for reason in STREAM_REJECTIONS {
        let count = closed.iter().filter(|closed| **closed == reason).count();
        if count > 0 {
            info!("streams closed: {count}, {}", reason.code());
        }
    }
}

/// Closes one stream. Returns the reason, or `None` if the stream stays open or has ended.
fn close(plugin: &mut Plugin, stream: UnauthorizedStream, now: UnixTime) -> Option<Rejection> {
    let (id, reason) = (stream.id(), stream.rejection());
    // The host returns an error for a stream that has ended.
    hostcalls::set_effective_context(id).ok()?;
    let reply = plugin.filter.as_mut()?.close_stream(stream, has_response(), now)?;
    let code = reason.code();
    plugin.metrics.count_closed_stream(reason);
    filter_state::set_decision("close", code);
    let details = format!("okta_authz{{{code}}}");
    if let Err(status) = abi::send_local_response(reply.status, &details, &reply.headers, &reply.body) {
        error!("the host did not close a stream ({status:?})");
    }
    debug!("closed a stream: {code}");
    Some(reason)
}

/// Returns whether the response of the effective context has begun.
fn has_response() -> bool {
    let Some(code) = abi::get_property(RESPONSE_CODE) else { return false };
    let code = code.as_slice().try_into().map_or(SWITCHING_PROTOCOLS, i64::from_le_bytes);
    code == SWITCHING_PROTOCOLS || code >= 200
}
