//! Requests for what is fetched, through an Envoy cluster.

use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use crate::config::Remote;
use crate::filter::{Filter, SourceId};
use crate::headers;
use crate::https_url::HttpsUrl;
use crate::refresh::cache_control::max_age;
use crate::refresh::source::{FetchError, Response};

/// Sends the request; the answer comes to the root context under this number.
pub(super) fn dispatch(remote: &Remote, request: &HttpsUrl) -> Result<u32, FetchError> {
    let headers = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", request.authority.as_str()),
        (":path", request.path.as_str()),
        ("accept", "application/json"),
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
    let value = |name: &str| headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_slice());
    let status = value(":status").and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    match status.unwrap_or(0) {
        200 => {}
        other => return Err(FetchError::Status(other)),
    }
    // Before it is read: memory that the VM has once taken is never given back.
    if body_size > max_bytes {
        return Err(FetchError::TooLarge(max_bytes));
    }
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size).ok().flatten();
    let max_age = value("cache-control").and_then(max_age);
    Ok(Response { body: body.unwrap_or_default(), max_age })
}

/// Tells the operator how a fetch went.
pub(super) fn log(filter: &Filter, source: SourceId, outcome: &Result<usize, FetchError>) {
    let (whose, what) = match source {
        SourceId::Keys(provider) => {
            let name = filter.provider(provider).map_or("", |provider| &provider.name);
            (format!("provider {}", headers::encode_for_log(name)), "keys")
        }
        SourceId::Denylist => ("denylist".to_owned(), "entries"),
    };
    match outcome {
        Ok(count) => info!("{whose}: {count} {what} fetched"),
        Err(error) => warn!("{whose}: {what} not fetched: {error}"),
    }
}
