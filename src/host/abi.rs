//! Raw host calls of the proxy-wasm ABI. This is the only file with `unsafe`.
//!
//! `proxy-wasm` 0.2 cannot replace them. It sends local responses without details, so the code
//! would not reach `%RESPONSE_CODE_DETAILS%`. It panics on a status that it does not list, and a
//! host with restricted capabilities may return such a status from each of these calls.
//!
//! Source: proxy-wasm/spec, abi-versions/v0.2.1.
#![allow(unsafe_code, reason = "raw host calls; each block says why it is sound")]

use proxy_wasm::types::{MapType, MetricType};

/// `WasmResult::Ok`.
const OK: u32 = 0;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_len: usize,
        body: *const u8,
        body_len: usize,
        headers: *const u8,
        headers_len: usize,
        grpc_status: i32,
    ) -> u32;

    fn proxy_call_foreign_function(
        name: *const u8,
        name_len: usize,
        arguments: *const u8,
        arguments_len: usize,
        results: *mut *mut u8,
        results_len: *mut usize,
    ) -> u32;

    fn proxy_get_property(
        path: *const u8,
        path_len: usize,
        value: *mut *mut u8,
        value_len: *mut usize,
    ) -> u32;

    fn proxy_get_header_map_pairs(kind: u32, map: *mut *mut u8, map_len: *mut usize) -> u32;

    fn proxy_set_property(path: *const u8, path_len: usize, value: *const u8, value_len: usize) -> u32;

    fn proxy_define_metric(kind: u32, name: *const u8, name_len: usize, id: *mut u32) -> u32;

    fn proxy_increment_metric(id: u32, offset: i64) -> u32;

    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

/// A status of the host that is not `Ok`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Status(pub(super) u32);

fn result(status: u32) -> Result<(), Status> {
    if status == OK { Ok(()) } else { Err(Status(status)) }
}

/// Sends a response to the client; the request does not reach the upstream. Envoy derives the gRPC
/// status of a gRPC request from the HTTP status.
pub(super) fn send_local_response(
    status: u32,
    details: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Result<(), Status> {
    /// Envoy derives the status.
    const NO_GRPC_STATUS: i32 = -1;
    let headers = serialize(headers);
    // SAFETY: every pointer comes with its length from a live borrow, and the host copies the bytes
    // before it returns.
    result(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Calls a host function by its name, and returns its result. A host may lack the function.
pub(super) fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, Status> {
    let mut results: *mut u8 = std::ptr::null_mut();
    let mut results_len: usize = 0;
    // SAFETY: the inputs are as in `send_local_response`; the host writes to the two outputs, which
    // live until it returns.
    result(unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            &raw mut results,
            &raw mut results_len,
        )
    })?;
    Ok(take(results, results_len))
}

/// Takes ownership of bytes that the host has written into memory of this module. A caller takes
/// each result once.
fn take(bytes: *mut u8, len: usize) -> Vec<u8> {
    if bytes.is_null() {
        return Vec::new();
    }
    // SAFETY: the callers pass memory that the host got from `proxy_on_memory_allocate`. That
    // export of the SDK boxes a slice of exactly this length with this module's allocator, and
    // gives up its ownership.
    unsafe { Vec::from_raw_parts(bytes, len, len) }
}

/// Returns an attribute of the request. Zero bytes separate the names of its path. Returns `None`
/// if the request does not have it.
pub(super) fn get_property(path: &str) -> Option<Vec<u8>> {
    let mut value: *mut u8 = std::ptr::null_mut();
    let mut value_len: usize = 0;
    // SAFETY: as for `call_foreign_function`.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut value, &raw mut value_len) };
    result(status).ok()?;
    Some(take(value, value_len))
}

/// Returns all headers or all trailers of the request, in the format that
/// [`header_map`](crate::request::header_map) parses.
pub(super) fn get_header_map(kind: MapType) -> Option<Vec<u8>> {
    let mut map: *mut u8 = std::ptr::null_mut();
    let mut map_len: usize = 0;
    // SAFETY: as for `call_foreign_function`.
    let status = unsafe { proxy_get_header_map_pairs(kind as u32, &raw mut map, &raw mut map_len) };
    result(status).ok()?;
    Some(take(map, map_len))
}

/// Sets filter state. Envoy adds the prefix `wasm.` to its name.
pub(super) fn set_property(name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: as for `send_local_response`.
    result(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Defines a metric, and returns its ID. The host returns the same ID for the same name.
pub(super) fn define_metric(kind: MetricType, name: &str) -> Result<u32, Status> {
    let mut id = 0;
    // SAFETY: the name comes with its length from a live borrow, and the host writes to `id` before
    // it returns.
    result(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds an offset to a counter or a gauge.
pub(super) fn increment_metric(id: u32, offset: i64) -> Result<(), Status> {
    // SAFETY: numbers only.
    result(unsafe { proxy_increment_metric(id, offset) })
}

/// Sets a gauge, or adds a value to a histogram.
pub(super) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
    // SAFETY: numbers only.
    result(unsafe { proxy_record_metric(id, value) })
}

/// Header pairs as the ABI wants them: their count, all lengths, then all texts, each ended by a zero byte.
fn serialize(headers: &[(&str, String)]) -> Vec<u8> {
    let len = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = u32::try_from(headers.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for (name, value) in headers {
        bytes.extend_from_slice(&len(name));
        bytes.extend_from_slice(&len(value));
    }
    for (name, value) in headers {
        for text in [*name, value.as_str()] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}
