//! The decision on one request: the host reads the head, calls the core, and acts on the verdict.
//!
//! All host calls go to the stream that is the effective context. So the same code handles a
//! request when it arrives, and again from the root context after the request has waited for a
//! fetch.

use std::net::IpAddr;
use std::rc::Rc;

use log::{debug, error};
use proxy_wasm::types::MapType;

use super::connection::HostConnection;
use super::forward::{clear_route_cache, forward};
use super::metrics::Metrics;
use super::plugin::Plugin;
use super::shared_data::HostSharedData;
use super::{abi, filter_state};
use crate::filter::{
    Awaited, Environment, Filter, MetricsObserver, PermitReason, StreamDecision, StreamState, Verdict,
};
use crate::header_map;
use crate::metrics::RequestOutcome;
use crate::policy::parse_socket_ip;
use crate::refresh::refresher::WaitAdvice;
use crate::rejection::Rejection;
use crate::reply::{Denial, Reply, ReplyContext, Responses};
use crate::request::RequestHead;
use crate::time::UnixTime;

/// The property with the policy that a route names: `metadata.filter_metadata.okta_authz.policy`.
const ROUTE_POLICY: &str = "xds\0route_metadata\0filter_metadata\0okta_authz\0policy";

/// The action that the host takes on a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RequestAction {
    /// The host forwards the request to the next filter.
    Forward,
    /// The filter has sent a response.
    Responded,
    /// The request waits for this.
    Wait(Awaited),
}

/// Decides on the request of the effective context, the stream with this ID and state. Returns
/// [`RequestAction::Wait`] only if `may_wait`. A request that has waited arrived before `now`.
pub(super) fn handle(
    plugin: &mut Plugin,
    (id, state): (u32, &Rc<StreamState>),
    now: UnixTime,
    arrived_at: UnixTime,
    may_wait: bool,
) -> RequestAction {
    let map = abi::get_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
    let headers = header_map::parse(&map).unwrap_or_default();
    let head = RequestHead::new(&headers);
    let Some(filter) = plugin.filter.as_mut().filter(|_| !headers.is_empty()) else {
        return deny(plugin, &head, &Rejection::Misconfigured.into(), None, now);
    };
    let config = filter.config();
    // Each property costs a host call, so the filter reads only those that the configuration needs.
    let route_policy = if config.route_policies.is_empty() { None } else { abi::get_property(ROUTE_POLICY) };
    let remote_ip = if config.policy.required_inputs().remote_ip { remote_ip() } else { None };
    let head = RequestHead { route_policy: route_policy.as_deref(), remote_ip, ..head };
    let (verdict, provider, shadow_denials) = {
        let (verifier, shared_data, connection) = (&plugin.verifier, &HostSharedData, &HostConnection);
        decide(filter, &head, &Environment { now, arrived_at, verifier, shared_data, connection })
    };
    // The filter decides again on a request that waits, and reports then.
    if !matches!(verdict, Verdict::Wait(_)) {
        report_shadow_denials(&plugin.metrics, &shadow_denials);
    }
    match verdict {
        Verdict::Allow(permit) => match forward(filter, &head, &permit) {
            Ok(()) => {
                plugin.metrics.count(RequestOutcome::Allowed(permit.reason()), provider);
                if filter.config().clear_route_cache {
                    clear_route_cache(&mut plugin.clear_route_cache_failed);
                }
                if let Some(pending) = permit.pending_fetch() {
                    // The request does not wait, but an unknown key ID may still schedule a fetch.
                    // The tick sends an introspection call.
                    let _ = filter.wait_advice(pending, now, &HostSharedData);
                }
                state.set_decision(StreamDecision::Allowed { examined: permit.has_examined_token() });
                // Reading the content type takes a search through the headers.
                let is_grpc = filter.config().close_streams && head.is_grpc();
                filter.begin_stream(id, &permit, is_grpc, state, now);
                RequestAction::Forward
            }
            Err(status) => {
                error!("request denied: the host rejected a header change ({status:?})");
                deny(plugin, &head, &Rejection::Misconfigured.into(), provider, now)
            }
        },
        Verdict::Deny(denial) => deny(plugin, &head, &denial, provider, now),
        Verdict::LocalResponse(reply) => {
            respond(plugin, "answer", RequestOutcome::LocalResponse, provider, &reply)
        }
        Verdict::Wait(pending) => {
            if may_wait && filter.wait_advice(&pending, now, &HostSharedData) == WaitAdvice::Wait {
                return RequestAction::Wait(pending.awaited);
            }
            report_shadow_denials(&plugin.metrics, &shadow_denials);
            deny(plugin, &head, &pending.rejection_on_timeout.into(), provider, now)
        }
    }
}

/// Returns the verdict, the index of the provider that the token names, and the denials that shadow
/// mode does not enforce.
fn decide(
    filter: &Filter,
    head: &RequestHead<'_>,
    environment: &Environment<'_>,
) -> (Verdict, Option<usize>, Vec<Rejection>) {
    let mut observer = MetricsObserver::default();
    let verdict = filter.decide_with_observer(head, environment, &mut observer);
    let MetricsObserver { provider_index, mut shadow_denials } = observer;
    if let Verdict::Allow(permit) = &verdict
        && let PermitReason::Shadow(rejection) = permit.reason()
    {
        shadow_denials.push(rejection);
    }
    (verdict, provider_index, shadow_denials)
}

/// Returns the IP address of Envoy's `downstream_remote_address`.
fn remote_ip() -> Option<IpAddr> {
    let address = abi::get_property("source\0address")?;
    parse_socket_ip(str::from_utf8(&address).ok()?)
}

/// Counts the denials that shadow mode does not enforce, and writes their codes to filter state,
/// each once, in the order of the rules.
fn report_shadow_denials(metrics: &Metrics, shadow_denials: &[Rejection]) {
    if shadow_denials.is_empty() {
        return;
    }
    metrics.count_shadow_denials(shadow_denials);
    let mut codes: Vec<&str> = Vec::new();
    for rejection in shadow_denials {
        debug!("would be denied: {}", rejection.code());
        if !codes.contains(&rejection.code()) {
            codes.push(rejection.code());
        }
    }
    filter_state::set_shadow_codes(&codes);
}

/// Sends the response for a denial.
fn deny(
    plugin: &Plugin,
    head: &RequestHead<'_>,
    denial: &Denial,
    provider: Option<usize>,
    now: UnixTime,
) -> RequestAction {
    let reply = match &plugin.filter {
        Some(filter) => filter.reply(denial, head, now),
        None => Reply::new(denial, &Responses::default(), ReplyContext::default()),
    };
    debug!("denied: {}", denial.rejection.code());
    respond(plugin, "deny", RequestOutcome::Denied(denial.rejection), provider, &reply)
}

/// Counts the outcome, sets the filter state, and sends a local response.
fn respond(
    plugin: &Plugin,
    decision: &str,
    outcome: RequestOutcome,
    provider: Option<usize>,
    reply: &Reply,
) -> RequestAction {
    plugin.metrics.count(outcome, provider);
    let code = outcome.code();
    filter_state::set_decision(decision, code);
    let details = format!("okta_authz{{{code}}}");
    if let Err(status) = abi::send_local_response(reply.status, &details, &reply.headers, &reply.body) {
        // The host holds the request until the stream's timeout, and never forwards it.
        error!("the host rejected a local response ({status:?})");
    }
    RequestAction::Responded
}
