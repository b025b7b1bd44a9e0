//! Host calls of the proxy-wasm ABI that the filter makes without the SDK. No other file has
//! `unsafe`.
//!
//! The crate `proxy-wasm` 0.2 does not replace these calls, for two reasons. It sends local
//! responses without details, which Envoy's access log shows as `%RESPONSE_CODE_DETAILS%`. It
//! panics on a status that it does not list, and a host with restricted capabilities can return
//! such a status from each of these calls.
//!
//! The signatures are those of the proxy-wasm specification, ABI version 0.2.1.
#![allow(unsafe_code, reason = "raw host calls; each block says why it is sound")]

use proxy_wasm::types::{MapType, MetricType};

use crate::header_map;

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

/// A status other than `Ok` (`proxy_status_t`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Status(pub(super) u32);

fn to_result(status: u32) -> Result<(), Status> {
    if status == OK { Ok(()) } else { Err(Status(status)) }
}

/// Sends a response to the client in place of the upstream's. For gRPC requests, Envoy derives the
/// gRPC status from the HTTP status.
pub(super) fn send_local_response(
    status: u32,
    details: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Result<(), Status> {
    /// Envoy derives the gRPC status.
    const NO_GRPC_STATUS: i32 = -1;
    let headers = header_map::serialize(headers);
    // SAFETY: each pointer and its length come from a live borrow, and the host copies the bytes
    // before it returns.
    to_result(unsafe {
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

/// Calls a foreign function. A host that does not have the function returns an error.
pub(super) fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, Status> {
    let mut results: *mut u8 = std::ptr::null_mut();
    let mut results_len: usize = 0;
    // SAFETY: as for `send_local_response`. The host writes to the two results, which live until it
    // returns.
    to_result(unsafe {
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

/// Takes ownership of bytes that the host has returned. Each result must be taken only once.
fn take(bytes: *mut u8, len: usize) -> Vec<u8> {
    if bytes.is_null() {
        return Vec::new();
    }
    // SAFETY: the callers pass a pointer and a length that the host has written. The host gets this
    // memory from `proxy_on_memory_allocate`, an export of the SDK, which leaks a boxed slice of
    // exactly this length from the allocator of this module.
    unsafe { Vec::from_raw_parts(bytes, len, len) }
}

/// Returns an attribute of the request; `None` if the host has no such attribute. In `path`, zero
/// bytes separate the names.
pub(super) fn get_property(path: &str) -> Option<Vec<u8>> {
    let mut value: *mut u8 = std::ptr::null_mut();
    let mut value_len: usize = 0;
    // SAFETY: as for `call_foreign_function`.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut value, &raw mut value_len) };
    to_result(status).ok()?;
    Some(take(value, value_len))
}

/// Returns all headers or all trailers of the request, as a [serialized map](header_map).
pub(super) fn get_header_map(kind: MapType) -> Option<Vec<u8>> {
    let mut map: *mut u8 = std::ptr::null_mut();
    let mut map_len: usize = 0;
    // SAFETY: as for `call_foreign_function`.
    let status = unsafe { proxy_get_header_map_pairs(kind as u32, &raw mut map, &raw mut map_len) };
    to_result(status).ok()?;
    Some(take(map, map_len))
}

/// Sets a filter state object. Envoy stores it under `wasm.` and the name.
pub(super) fn set_property(name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: as for `send_local_response`.
    to_result(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Returns the ID of a metric. The host creates the metric if it does not exist.
pub(super) fn define_metric(kind: MetricType, name: &str) -> Result<u32, Status> {
    let mut id = 0;
    // SAFETY: pointer and length of the name come from a live borrow, and the host writes to `id`
    // before it returns.
    to_result(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds an offset to a counter or a gauge.
pub(super) fn increment_metric(id: u32, offset: i64) -> Result<(), Status> {
    // SAFETY: the call has no pointers.
    to_result(unsafe { proxy_increment_metric(id, offset) })
}

/// Sets a gauge, or adds a value to a histogram.
pub(super) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
    // SAFETY: the call has no pointers.
    to_result(unsafe { proxy_record_metric(id, value) })
}
