//! Requests to an issuer through an Envoy cluster.

use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use crate::config::RemoteJwks;
use crate::https_url::HttpsUrl;
use crate::jwks::cache_control::max_age;
use crate::jwks::fetch::{FetchError, Response};
use crate::jwks::{KeySetError, MAX_DOCUMENT_BYTES};

/// Sends the request; the answer comes to the root context under this number.
pub(super) fn dispatch(remote: &RemoteJwks, request: &HttpsUrl) -> Result<u32, FetchError> {
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

/// Reads the answer. Envoy answers by itself for an issuer that it cannot reach: 503, or 504 when time is up.
pub(super) fn read(num_headers: usize, body_size: usize) -> Result<Response, FetchError> {
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
    if body_size > MAX_DOCUMENT_BYTES {
        return Err(FetchError::Document(KeySetError::TooLarge));
    }
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size).ok().flatten();
    let max_age = value("cache-control").and_then(max_age);
    Ok(Response { body: body.unwrap_or_default(), max_age })
}

/// Tells the operator how a fetch went.
pub(super) fn log(provider: &str, outcome: &Result<usize, FetchError>) {
    match outcome {
        Ok(usable_keys) => info!("provider {provider}: {usable_keys} keys fetched"),
        Err(error) => warn!("provider {provider}: keys not fetched: {error}"),
    }
}
