//! Requests for what is fetched, through an Envoy cluster.

use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use crate::config::Remote;
use crate::filter::{Filter, SourceId};
use crate::https_url::HttpsUrl;
use crate::percent_encoding::encode_log_value;
use crate::refresh::response::{ACCEPT_ENCODING, Head};
use crate::refresh::source::{FetchError, Response};

/// Sends the request; the answer comes to the root context under this number.
pub(super) fn dispatch(remote: &Remote, request: &HttpsUrl) -> Result<u32, FetchError> {
    let headers = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", request.authority.as_str()),
        (":path", request.path.as_str()),
        ("accept", "application/json"),
        ("accept-encoding", ACCEPT_ENCODING),
        ("user-agent", concat!("okta-authz-filter/", env!("CARGO_PKG_VERSION"))),
    ];
    hostcalls::dispatch_http_call(&remote.cluster, headers, None, vec![], remote.schedule.timeout)
        .map_err(|_| FetchError::NoAnswer)
}

/// Reads the answer. Envoy answers by itself for a server that it cannot reach: 503, or 504 when time is up.
pub(super) fn read(num_headers: usize, body_size: usize, max_bytes: usize) -> Result<Response, FetchError> {
    // Without headers there was no answer, and asking for them would be an error.
    if num_headers == 0 {
        return Err(FetchError::NoAnswer);
    }
    let headers =
        hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).map_err(|_| FetchError::NoAnswer)?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let status = headers.iter().find(|(name, _)| *name == ":status");
    let status = status.and_then(|(_, digits)| str::from_utf8(digits).ok()?.parse().ok());
    let head = Head::read(status.unwrap_or(0), &headers)?;
    // Before it is read: memory that the VM has once taken is never given back.
    if body_size > max_bytes {
        return Err(FetchError::TooLarge(max_bytes));
    }
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size).ok().flatten();
    Ok(head.with_body(body.unwrap_or_default()))
}

/// Tells the operator how a fetch went, and which parts of the document are skipped if the one before had others.
pub(super) fn log(filter: &mut Filter, source: SourceId, outcome: &Result<usize, FetchError>) {
    let remarks = filter.take_remarks(source);
    let (whose, what) = match source {
        SourceId::Keys(provider) => {
            let name = filter.provider(provider).map_or("", |provider| &provider.name);
            (format!("provider {}", encode_log_value(name)), "keys")
        }
        SourceId::Denylist => ("denylist".to_owned(), "entries"),
    };
    match outcome {
        Ok(count) => info!("{whose}: {count} {what} fetched"),
        Err(error) => warn!("{whose}: {what} not fetched: {error}"),
    }
    for remark in remarks {
        warn!("{whose}: {remark}");
    }
}
