//! The changes to a request that the filter allows: identity headers, stripped tokens, filter
//! state.

use log::warn;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{MapType, Status};

use super::plugin::Plugin;
use super::{abi, filter_state};
use crate::config::Config;
use crate::filter::{Filter, Permit};
use crate::header_map;
use crate::percent_encoding::encode_log_value;
use crate::request::{HeaderEdit, RequestHead};

/// Strips reserved headers and tokens, sets the identity headers, and sets the filter state, the
/// permit last.
///
/// # Errors
/// The first status of the host that is not `Ok`. Then the request must not reach the upstream.
pub(super) fn forward(filter: &Filter, head: &RequestHead<'_>, permit: &Permit) -> Result<(), Status> {
    let config = filter.config();
    for (name, value) in head.headers {
        if config.must_strip(name, permit.has_examined_token()) {
            hostcalls::remove_map_value(MapType::HttpRequestHeaders, name)?;
        } else if *name == "connection" && names_identity_header(config, value) {
            // A proxy behind Envoy would remove the headers that `Connection` names (RFC 9110
            // section 7.6.1), the identity headers among them. Envoy forwards it for upgrades only.
            hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some("upgrade"))?;
        }
    }
    if permit.has_examined_token() {
        for edit in config.token_sources.strip(head, config.forward) {
            apply(MapType::HttpRequestHeaders, &edit)?;
        }
    }
    // A token without a proof must not become a bearer token for the upstream.
    if permit.is_verified()
        && let Some(value) = config.upstream_authorization(head)
    {
        hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, "authorization", Some(&value))?;
    }
    for (name, value) in permit.identity_headers() {
        hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some(value))?;
    }
    for (name, value) in permit.filter_state(&config.filter_state) {
        filter_state::set_logged(name, value);
    }
    if let Some(policy) = head.route_policy {
        let policy = String::from_utf8_lossy(policy);
        filter_state::set_policy(&encode_log_value(&policy)).map_err(|_| Status::InternalFailure)?;
    }
    filter_state::grant_permit().map_err(|_| Status::InternalFailure)
}

/// Makes Envoy select the route again. Public paths need it too: the filter may have removed the
/// headers by which Envoy selected the route.
///
/// Logs the first failure on this worker; `has_failed` remembers it.
pub(super) fn clear_route_cache(has_failed: &mut bool) {
    if let Err(status) = abi::call_foreign_function("clear_route_cache", b"")
        && !std::mem::replace(has_failed, true)
    {
        warn!("clear_route_cache failed ({status:?}): the host keeps the route that it selected first");
    }
}

/// Strips identity headers from the trailers, because some upstreams merge headers and trailers. If
/// the filter has examined a token, also strips tokens, because it verifies none in trailers.
///
/// Returns false if the host has not made all changes.
pub(super) fn strip_trailers(plugin: &Plugin, examined: bool) -> bool {
    let Some(config) = plugin.filter.as_ref().map(Filter::config) else { return false };
    let map = abi::get_header_map(MapType::HttpRequestTrailers);
    let Some(trailers) = map.as_deref().and_then(header_map::parse) else { return false };
    let names = trailers.iter().map(|(name, _)| *name);
    let stripped = names.filter(|name| config.must_strip_trailer(name, examined));
    let mut removals = stripped.map(|name| hostcalls::remove_map_value(MapType::HttpRequestTrailers, name));
    let edits = if examined { config.token_sources.strip_trailers(&trailers) } else { Vec::new() };
    removals.all(|removal| removal.is_ok())
        && edits.iter().all(|edit| apply(MapType::HttpRequestTrailers, edit).is_ok())
}

/// Returns whether a `Connection` header names an identity header.
fn names_identity_header(config: &Config, connection: &[u8]) -> bool {
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
