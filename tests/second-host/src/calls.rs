//! The host calls of the ABI that the filter makes. All others return `Unimplemented`.

use wasmtime::Result;

use crate::guest::Guest;
use crate::pairs;
use crate::state::{Callout, Headers, Reply, State};

/// The status that a host call returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    Empty = 7,
    CasMismatch = 8,
    InternalFailure = 10,
    Unimplemented = 12,
}

/// Returns the names of the calls that this host implements.
pub const fn hostcalls() -> &'static [&'static str] {
    &[
        "proxy_log",
        "proxy_get_current_time_nanoseconds",
        "proxy_set_tick_period_milliseconds",
        "proxy_set_effective_context",
        "proxy_get_buffer_bytes",
        "proxy_get_header_map_pairs",
        "proxy_replace_header_map_value",
        "proxy_remove_header_map_value",
        "proxy_get_property",
        "proxy_set_property",
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "proxy_define_metric",
        "proxy_increment_metric",
        "proxy_record_metric",
        "proxy_http_call",
        "proxy_send_local_response",
        "proxy_continue_stream",
        // The host has no foreign functions, so it returns `NotFound`.
        "proxy_call_foreign_function",
    ]
}

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const CALLOUT_HEADERS: u32 = 6;
const CALLOUT_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Performs a call, or returns its forced status. An error ends the VM.
pub fn call(guest: &mut Guest<'_>, name: &str, arguments: &[u32]) -> Result<u32> {
    *guest.state().calls.entry(name.to_owned()).or_default() += 1;
    let status = match guest.state().forced_statuses.get(name) {
        Some(status) => *status,
        None => perform(guest, name, arguments)?,
    };
    Ok(status as u32)
}

fn perform(guest: &mut Guest<'_>, name: &str, arguments: &[u32]) -> Result<Status> {
    Ok(match (name, arguments) {
        ("proxy_log", &[_, at, len]) => {
            let message = guest.text(at, len)?;
            guest.state().logs.push(message);
            Status::Ok
        }
        ("proxy_get_current_time_nanoseconds", &[at]) => {
            let now = guest.state().common.borrow().now;
            guest.put(at, &now.to_le_bytes())?;
            Status::Ok
        }
        ("proxy_set_tick_period_milliseconds", &[millis]) => {
            guest.state().tick = Some(millis);
            Status::Ok
        }
        ("proxy_set_effective_context", &[context]) => {
            let state = guest.state();
            if context != crate::vm::ROOT && !state.streams.contains_key(&context) {
                return Ok(Status::BadArgument);
            }
            state.effective = context;
            Status::Ok
        }
        ("proxy_get_buffer_bytes", &[kind, start, max, pointer, length]) => {
            let bytes = buffer(guest.state(), kind);
            let start = (start as usize).min(bytes.len());
            let end = start.saturating_add(max as usize).min(bytes.len());
            guest.copy_in(&bytes[start..end], pointer, length)?;
            Status::Ok
        }
        ("proxy_get_header_map_pairs", &[kind, pointer, length]) => {
            let Some(map) = map(guest.state(), kind) else { return Ok(Status::BadArgument) };
            let bytes = pairs::to_bytes(map);
            guest.copy_in(&bytes, pointer, length)?;
            Status::Ok
        }
        ("proxy_replace_header_map_value", &[kind, name, name_len, value, value_len]) => {
            let (name, value) = (guest.text(name, name_len)?, guest.bytes(value, value_len)?);
            let Some(map) = map(guest.state(), kind) else { return Ok(Status::BadArgument) };
            map.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            map.push((name, value));
            Status::Ok
        }
        ("proxy_remove_header_map_value", &[kind, name, name_len]) => {
            let name = guest.text(name, name_len)?;
            let Some(map) = map(guest.state(), kind) else { return Ok(Status::BadArgument) };
            map.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            Status::Ok
        }
        ("proxy_get_property", &[path, path_len, pointer, length]) => {
            let path = guest.text(path, path_len)?;
            let value = guest.state().stream().and_then(|stream| stream.properties.get(&path).cloned());
            let Some(value) = value else { return Ok(Status::NotFound) };
            guest.copy_in(&value, pointer, length)?;
            Status::Ok
        }
        ("proxy_set_property", &[path, path_len, value, value_len]) => {
            let (path, value) = (guest.text(path, path_len)?, guest.bytes(value, value_len)?);
            let Some(stream) = guest.state().stream() else { return Ok(Status::NotFound) };
            stream.filter_state.insert(path, value);
            Status::Ok
        }
        ("proxy_get_shared_data", &[key, key_len, pointer, length, cas]) => {
            let key = guest.bytes(key, key_len)?;
            let stored = guest.state().common.borrow().shared_data.get(&key).cloned();
            let Some((value, number)) = stored else { return Ok(Status::NotFound) };
            guest.copy_in(&value, pointer, length)?;
            guest.put_number(cas, number)?;
            Status::Ok
        }
        ("proxy_set_shared_data", &[key, key_len, value, value_len, cas]) => {
            let (key, value) = (guest.bytes(key, key_len)?, guest.bytes(value, value_len)?);
            set_shared_data(guest.state(), key, value, cas)
        }
        ("proxy_define_metric", &[_, name, name_len, at]) => {
            let name = guest.text(name, name_len)?;
            let number = metric(guest.state(), name);
            guest.put_number(at, u32::try_from(number)?)?;
            Status::Ok
        }
        ("proxy_increment_metric", &[number, by]) => {
            // The offset of a gauge may be negative. All offsets are small.
            let by = i64::from(by.cast_signed());
            change_metric(guest.state(), number, |value| value + by)
        }
        // For a histogram, this is the last value. No test reads one.
        ("proxy_record_metric", &[number, value]) => {
            change_metric(guest.state(), number, |_| i64::from(value))
        }
        (
            "proxy_http_call",
            &[cluster, cluster_len, headers, headers_len, _, _, _, _, timeout_millis, at],
        ) => {
            let cluster = guest.text(cluster, cluster_len)?;
            let Some(headers) = pairs::from_bytes(&guest.bytes(headers, headers_len)?) else {
                return Ok(Status::BadArgument);
            };
            let state = guest.state();
            state.last_callout += 1;
            let (token, context) = (state.last_callout, state.effective);
            state.callouts.push(Callout { token, context, cluster, headers, timeout_millis });
            guest.put_number(at, token)?;
            Status::Ok
        }
        ("proxy_send_local_response", &[status, details, details_len, body, body_len, headers, len, _]) => {
            let (details, body) = (guest.text(details, details_len)?, guest.text(body, body_len)?);
            let Some(headers) = pairs::from_bytes(&guest.bytes(headers, len)?) else {
                return Ok(Status::BadArgument);
            };
            let Some(stream) = guest.state().stream() else { return Ok(Status::BadArgument) };
            stream.reply = Some(Reply { status, details, headers, body });
            Status::Ok
        }
        ("proxy_continue_stream", _) => {
            let Some(stream) = guest.state().stream() else { return Ok(Status::BadArgument) };
            stream.resumed = true;
            Status::Ok
        }
        ("proxy_call_foreign_function", _) => Status::NotFound,
        _ => Status::Unimplemented,
    })
}

fn buffer(state: &State, kind: u32) -> Vec<u8> {
    match kind {
        PLUGIN_CONFIGURATION => state.configuration.clone(),
        CALLOUT_BODY => state.callout_response.as_ref().map(|(_, body)| body.clone()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn map(state: &mut State, kind: u32) -> Option<&mut Headers> {
    match kind {
        REQUEST_HEADERS => state.stream().map(|stream| &mut stream.headers),
        REQUEST_TRAILERS => state.stream().map(|stream| &mut stream.trailers),
        CALLOUT_HEADERS => state.callout_response.as_mut().map(|(headers, _)| headers),
        _ => None,
    }
}

/// Sets a value as Envoy does: the compare-and-swap number zero overwrites, and any number sets an
/// absent value (proxy-wasm-cpp-host, `src/shared_data.cc`).
fn set_shared_data(state: &State, key: Vec<u8>, value: Vec<u8>, cas: u32) -> Status {
    let common = &mut *state.common.borrow_mut();
    if cas != 0 && common.shared_data.get(&key).is_some_and(|(_, current)| *current != cas) {
        return Status::CasMismatch;
    }
    common.last_cas += 1;
    common.shared_data.insert(key, (value, common.last_cas));
    Status::Ok
}

fn change_metric(state: &State, number: u32, to: impl FnOnce(i64) -> i64) -> Status {
    let common = &mut *state.common.borrow_mut();
    let Some(name) = common.metric_names.get(number as usize) else { return Status::NotFound };
    let value = common.metrics.entry(name.clone()).or_default();
    *value = to(*value);
    Status::Ok
}

/// Returns the number of a metric. A second definition of a name returns the number of the first.
fn metric(state: &State, name: String) -> usize {
    let names = &mut state.common.borrow_mut().metric_names;
    names.iter().position(|other| *other == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}
