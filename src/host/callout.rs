//! HTTP callouts, which fetch documents through an Envoy cluster.

use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use crate::config::Remote;
use crate::filter::{Filter, SourceId};
use crate::percent_encoding::encode_log_value;
use crate::refresh::refresher::Fetch;
use crate::refresh::response::{ACCEPT_ENCODING, ResponseHead};
use crate::refresh::source::{FetchError, Response};

/// Sends a GET request and returns the ID of the callout. The host passes the response to the root
/// context, with this ID.
///
/// # Errors
/// [`FetchError::NoResponse`] if the host rejects the callout, as for a cluster that does not
/// exist.
pub(super) fn dispatch(remote: &Remote, fetch: &Fetch) -> Result<u32, FetchError> {
    let url = fetch.url();
    let mut headers = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", url.authority.as_str()),
        (":path", url.path.as_str()),
        ("accept", "application/json"),
        ("accept-encoding", ACCEPT_ENCODING),
        ("user-agent", concat!("okta-authz-filter/", env!("CARGO_PKG_VERSION"))),
    ];
    headers.extend(fetch.if_none_match().map(|etag| ("if-none-match", etag)));
    hostcalls::dispatch_http_call(&remote.cluster, headers, None, vec![], remote.schedule.timeout)
        .map_err(|_| FetchError::NoResponse)
}

/// Reads the response of the callout that the host reports. Envoy itself responds with 503 if it
/// cannot reach the server, and with 504 after the timeout.
///
/// # Errors
/// [`FetchError::NoResponse`], [`FetchError::Status`], [`FetchError::Encoded`], or
/// [`FetchError::TooLarge`] for a body of more than `max_bytes`.
pub(super) fn read(num_headers: usize, body_size: usize, max_bytes: usize) -> Result<Response, FetchError> {
    // No headers means no response, and then the host call for headers fails.
    if num_headers == 0 {
        return Err(FetchError::NoResponse);
    }
    let headers =
        hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).map_err(|_| FetchError::NoResponse)?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let status = headers.iter().find(|(name, _)| *name == ":status");
    let status = status.and_then(|(_, digits)| str::from_utf8(digits).ok()?.parse().ok());
    let head = ResponseHead::read(status.unwrap_or(0), &headers)?;
    // Checked before the body is read, because the memory of a VM never shrinks.
    if body_size > max_bytes {
        return Err(FetchError::TooLarge(max_bytes));
    }
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size).ok().flatten();
    Ok(head.with_body(body.unwrap_or_default()))
}

/// Logs the result of a fetch with the number of keys or entries, and the remarks on the document
/// if the previous document had other remarks.
pub(super) fn log(filter: &mut Filter, source: SourceId, result: &Result<usize, FetchError>) {
    let remarks = filter.take_remarks(source);
    let (prefix, document, unit) = match source {
        SourceId::Keys(provider) => {
            let name = filter.provider(provider).map_or("", |provider| &provider.name);
            (format!("provider {}: ", encode_log_value(name)), "JWKS", "keys")
        }
        SourceId::Denylist => (String::new(), "denylist", "entries"),
    };
    match result {
        Ok(count) => info!("{prefix}{document} fetch succeeded: {count} {unit}"),
        Err(error) => warn!("{prefix}{document} fetch failed: {error}"),
    }
    for remark in remarks {
        warn!("{prefix}{remark}");
    }
}
