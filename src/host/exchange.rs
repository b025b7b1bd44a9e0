//! One request: read its head, ask the core, and do what the core says.
//!
//! All calls go to the stream that is the effective context, so the same code serves a request when it arrives and,
//! from the root context, when what it waited for has come.

use std::net::IpAddr;

use log::{debug, error, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{MapType, Status};

use super::abi;
use super::metrics::Metrics;
use super::plugin::Plugin;
use super::shared::Shared;
use crate::config::Config;
use crate::crypto::SignatureVerifier;
use crate::filter::{Filter, Permit, PermitReason, ProviderObserver, SourceId, Verdict};
use crate::headers::encode_for_log;
use crate::metrics::RequestOutcome;
use crate::policy::parse_socket_ip;
use crate::refresh::refresher::WaitAdvice;
use crate::rejection::Rejection;
use crate::reply::{Denial, Reply, ReplyContext, Responses};
use crate::request::{HeaderEdit, RequestHead, header_map};
use crate::time::UnixTime;

/// Filter state that says this filter has let the request pass; the guard behind it asks for it.
const PERMIT: (&str, &[u8]) = ("okta.permit", b"granted");

/// Filter state with the name of the route's policy, encoded for logs, by which the request was allowed. Envoy may choose another route
/// afterwards: the guard of that route asks for its own policy.
const POLICY: &str = "okta.policy";

/// Where a route says which policy is for it: `metadata.filter_metadata.okta_authz.policy`.
const ROUTE_POLICY: &str = "xds\0route_metadata\0filter_metadata\0okta_authz\0policy";

/// What has become of the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It may go on to the next filter.
    SharedStreamState {
        /// Whether the filter has examined its token.
        examined: bool,
    },
    /// It has been answered.
    Answered,
    /// It should wait for what is fetched from there.
    Waits(SourceId),
}

/// Decides about the request that is the effective context. With `may_wait`, it may be told to wait.
pub(super) fn handle(plugin: &mut Plugin, now: UnixTime, may_wait: bool) -> Outcome {
    let map = abi::get_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
    let headers = header_map::parse(&map).unwrap_or_default();
    let head = RequestHead::new(&headers);
    let Some(filter) = plugin.filter.as_mut().filter(|_| !headers.is_empty()) else {
        return deny(plugin, &head, &Rejection::Misconfigured.into(), None);
    };
    let config = filter.config();
    // Each property costs a call of the host, so the filter gets only those that the configuration needs.
    let route_policy = if config.route_policies.is_empty() { None } else { abi::get_property(ROUTE_POLICY) };
    let remote_ip = if config.policy.required_inputs().remote_ip { remote_ip() } else { None };
    let head = RequestHead { route_policy: route_policy.as_deref(), remote_ip, ..head };
    let (verdict, provider, shadows) = decide(filter, &head, now, &plugin.verifier);
    // A request that waits is decided again.
    if !matches!(verdict, Verdict::Wait(_)) {
        report_shadows(&plugin.metrics, &shadows);
    }
    match verdict {
        Verdict::Allow(permit) => match forward(filter, &head, &permit) {
            Ok(()) => {
                plugin.metrics.count(RequestOutcome::Allowed(permit.reason()), provider);
                if filter.config().clear_route_cache {
                    clear_route_cache(&mut plugin.cannot_clear_route_cache);
                }
                if let Some(pending) = permit.pending_fetch() {
                    // It does not wait, and still the key is worth asking for.
                    let _ = filter.wait_advice(pending, now, &Shared);
                }
                Outcome::SharedStreamState { examined: permit.has_examined_token() }
            }
            Err(problem) => {
                error!("request refused: its headers could not be set ({problem:?})");
                deny(plugin, &head, &Rejection::Misconfigured.into(), provider)
            }
        },
        Verdict::Deny(denial) => deny(plugin, &head, &denial, provider),
        Verdict::Answer(reply) => answer(plugin, "answer", RequestOutcome::LocalResponse, provider, &reply),
        Verdict::Wait(pending) => {
            if may_wait && filter.wait_advice(&pending, now, &Shared) == WaitAdvice::Wait {
                return Outcome::Waits(pending.source);
            }
            report_shadows(&plugin.metrics, &shadows);
            deny(plugin, &head, &pending.rejection_on_timeout.into(), provider)
        }
    }
}

/// Returns the verdict, with the provider that the token names, and the denials that shadow mode does not enforce.
fn decide(
    filter: &Filter,
    head: &RequestHead<'_>,
    now: UnixTime,
    verifier: &dyn SignatureVerifier,
) -> (Verdict, Option<usize>, Vec<Rejection>) {
    let mut observer = ProviderObserver::default();
    let verdict = filter.decide_with_observer(head, now, verifier, &mut observer);
    let ProviderObserver { index, mut shadows } = observer;
    if let Verdict::Allow(permit) = &verdict
        && let PermitReason::Shadow(rejection) = permit.reason()
    {
        shadows.push(rejection);
    }
    (verdict, index, shadows)
}

/// Envoy's `downstream_remote_address`.
fn remote_ip() -> Option<IpAddr> {
    let address = abi::get_property("source\0address")?;
    parse_socket_ip(str::from_utf8(&address).ok()?)
}

/// Replaces identity headers by those of the token, strips tokens, and writes the permit and the policy that the route names.
fn forward(filter: &Filter, head: &RequestHead<'_>, permit: &Permit) -> Result<(), Status> {
    let config = filter.config();
    for (name, value) in head.headers {
        if config.must_strip(name, permit.has_examined_token()) {
            hostcalls::remove_map_value(MapType::HttpRequestHeaders, name)?;
        } else if *name == "connection" && names_identity(config, value) {
            // A proxy behind would take away the headers that `Connection` names (RFC 9110 section 7.6.1), and ours with
            // them. Envoy hands it on for upgrades only.
            hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some("upgrade"))?;
        }
    }
    if permit.has_examined_token() {
        for change in config.token_sources.strip(head, config.forward) {
            apply(MapType::HttpRequestHeaders, &change)?;
        }
    }
    for (name, value) in permit.identity_headers() {
        hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some(value))?;
    }
    for (name, value) in permit.identity() {
        let _ = abi::set_property(name, value.as_bytes());
    }
    let decision = match permit.reason() {
        PermitReason::Shadow(_) => "shadow",
        _ => "allow",
    };
    record(decision, permit.reason().code());
    if let Some(policy) = head.route_policy {
        let policy = String::from_utf8_lossy(policy);
        let policy = encode_for_log(&policy);
        abi::set_property(POLICY, policy.as_bytes()).map_err(|_| Status::InternalFailure)?;
    }
    let (name, value) = PERMIT;
    abi::set_property(name, value).map_err(|_| Status::InternalFailure)
}

/// Counts the denials that shadow mode does not enforce, and writes their codes to filter state, each once, in the order of
/// the rules.
fn report_shadows(metrics: &Metrics, shadows: &[Rejection]) {
    if shadows.is_empty() {
        return;
    }
    metrics.count_shadows(shadows);
    let mut codes: Vec<&str> = Vec::new();
    for rejection in shadows {
        debug!("would be denied: {}", rejection.code());
        if !codes.contains(&rejection.code()) {
            codes.push(rejection.code());
        }
    }
    let _ = abi::set_property("okta.shadow", codes.join(",").as_bytes());
}

/// Has Envoy choose the route again. On public paths too: the client may have sent what it chose by, and that is gone.
fn clear_route_cache(cannot: &mut bool) {
    if let Err(status) = abi::call_foreign_function("clear_route_cache", b"")
        && !std::mem::replace(cannot, true)
    {
        warn!("clear_route_cache: the host cannot ({status:?}); routes stay as they were chosen");
    }
}

fn names_identity(config: &Config, connection: &[u8]) -> bool {
    let mut names = connection.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    names.any(|name| str::from_utf8(name).is_ok_and(|name| config.is_identity_header(name)))
}

/// Sets a header to its new value, or removes it.
fn apply(map: MapType, (name, value): &HeaderEdit) -> Result<(), Status> {
    match value {
        Some(value) => hostcalls::set_map_value_bytes(map, name, Some(value)),
        None => hostcalls::remove_map_value(map, name),
    }
}

/// Removes identity from trailers, because some backends read headers and trailers as one. Where the filter has examined a
/// token, it also removes tokens, because it verifies none in trailers.
/// False if that could not be done.
pub(super) fn strip_trailers(plugin: &Plugin, examined: bool) -> bool {
    let Some(config) = plugin.filter.as_ref().map(Filter::config) else { return false };
    let map = abi::get_header_map(MapType::HttpRequestTrailers);
    let Some(trailers) = map.as_deref().and_then(header_map::parse) else { return false };
    let names = trailers.iter().map(|(name, _)| *name);
    let withheld = names.filter(|name| config.must_strip_trailer(name, examined));
    let mut removed = withheld.map(|name| hostcalls::remove_map_value(MapType::HttpRequestTrailers, name));
    let changes = if examined { config.token_sources.strip_trailers(&trailers) } else { Vec::new() };
    removed.all(|done| done.is_ok())
        && changes.iter().all(|change| apply(MapType::HttpRequestTrailers, change).is_ok())
}

fn deny(plugin: &Plugin, head: &RequestHead<'_>, denial: &Denial, provider: Option<usize>) -> Outcome {
    let reply = match &plugin.filter {
        Some(filter) => filter.reply(denial, head),
        None => Reply::new(denial, &Responses::default(), ReplyContext::default()),
    };
    debug!("denied: {}", denial.rejection.code());
    answer(plugin, "deny", RequestOutcome::Denied(denial.rejection), provider, &reply)
}

fn answer(
    plugin: &Plugin,
    kind: &str,
    decision: RequestOutcome,
    provider: Option<usize>,
    reply: &Reply,
) -> Outcome {
    plugin.metrics.count(decision, provider);
    let code = decision.code();
    record(kind, code);
    let details = format!("okta_authz{{{code}}}");
    if let Err(status) = abi::send_local_response(reply.status, &details, &reply.headers, &reply.body) {
        // The request stays where it is, and ends with the stream's timeout: never at the backend.
        error!("a request could not be answered: {status:?}");
    }
    Outcome::Answered
}

/// For access logs: `%FILTER_STATE(wasm.okta.decision:PLAIN)%`, `%FILTER_STATE(wasm.okta.code:PLAIN)%`.
fn record(decision: &str, code: &str) {
    let _ = abi::set_property("okta.decision", decision.as_bytes());
    let _ = abi::set_property("okta.code", code.as_bytes());
}
