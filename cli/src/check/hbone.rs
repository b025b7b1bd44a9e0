//! Tunnels of Istio's ambient mode (HBONE): the listener `connect_terminate` of a sidecar ends them.
//!
//! An `EnvoyFilter` for `SIDECAR_INBOUND` patches that listener too. It has no wasm filter, so a
//! guard there denies every tunnel, and a timeout for idle requests ends a tunnel without traffic.
//! Filter and guard for the requests in a tunnel are in the listener `main_internal`.

use std::time::Duration;

use serde_json::Value;

use super::durations::parse_proto;
use super::envoy_json::{contains, list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{name, owner, resources_of_kind, spec};
use super::{rbac, workload};

const LISTENER: &str = "connect_terminate";
const SUB_FILTER: &str = "/match/listener/filterChain/filter/subFilter/name";

/// A patch of an `EnvoyFilter`, with the resource and its index there.
#[derive(Clone, Copy)]
struct Patch<'a> {
    resource: &'a Value,
    index: usize,
    value: &'a Value,
}

/// Reports whether a patch is only for the listener that ends tunnels.
pub(super) fn is_for_tunnels(patch: &Value) -> bool {
    patch.pointer("/match/listener/name").is_some_and(|name| name == LISTENER)
}

/// Returns a warning for each patch that disturbs tunnels: it inserts the guard or the filter of
/// this part of the file, or sets an idle timeout.
pub(super) fn warnings(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents) else { return Vec::new() };
    let filters =
        resources_of_kind(documents, "EnvoyFilter").filter(|filter| workload::may_apply(filter, owner));
    let patches: Vec<Patch<'_>> = filters.flat_map(patches).collect();
    let for_tunnels = || patches.iter().filter(|patch| is_for_tunnels(patch.value));
    let inbound = patches.iter().filter(|patch| is_for_all_inbound(patch.value));
    let warning = |patch: &Patch<'_>| {
        let inserted = patch.value.pointer("/patch/value")?;
        let filter = text(inserted, "name").unwrap_or_default();
        let is_removed = || {
            for_tunnels().any(|removal| {
                removal.value.pointer("/patch/operation").is_some_and(|operation| operation == "REMOVE")
                    && removal.value.pointer(SUB_FILTER).is_some_and(|name| name == filter)
                    && is_after(*removal, *patch)
            })
        };
        let has_no_timeout = || {
            let resets = |reset: &Patch<'_>| {
                is_after(*reset, *patch) && idle_timeout(reset.value) == Some(Duration::ZERO)
            };
            for_tunnels().any(resets)
        };
        let is_ours = rbac::is_meant_as_guard(inserted) || contains(inserted, part);
        let problem = if text_equals(patch.value, "applyTo", "HTTP_FILTER") && is_ours && !is_removed() {
            format!(
                "inserts `{filter}` into the listener `{LISTENER}`, too, where it denies every tunnel of ambient mode: \
                 add a patch with `operation: REMOVE` for that listener after it"
            )
        } else if idle_timeout(patch.value).is_some_and(|timeout| !timeout.is_zero()) && !has_no_timeout() {
            format!(
                "sets `stream_idle_timeout` in the listener `{LISTENER}`, too, where it ends idle tunnels of ambient \
                 mode: add a patch with `stream_idle_timeout: 0s` for that listener after it"
            )
        } else {
            return None;
        };
        let path = format!("EnvoyFilter/{}.spec.configPatches[{}]", name(patch.resource), patch.index);
        Some(Finding::warning(path, problem))
    };
    inbound.filter_map(warning).collect()
}

fn patches(resource: &Value) -> impl Iterator<Item = Patch<'_>> {
    let patches = list(spec(resource), "configPatches").iter().enumerate();
    patches.map(move |(index, value)| Patch { resource, index, value })
}

/// Reports whether a patch is for every inbound listener of a sidecar.
fn is_for_all_inbound(patch: &Value) -> bool {
    patch.pointer("/match/context").is_some_and(|context| context == "SIDECAR_INBOUND")
        && patch.pointer("/match/listener/name").is_none()
        && patch.pointer("/match/listener/portNumber").is_none()
}

/// Reports whether Istio applies a patch after another: later in one resource, or in a resource
/// with a greater `priority`.
fn is_after(later: Patch<'_>, earlier: Patch<'_>) -> bool {
    if std::ptr::eq(later.resource, earlier.resource) {
        return later.index > earlier.index;
    }
    let priority =
        |patch: Patch<'_>| spec(patch.resource).get("priority").and_then(Value::as_i64).unwrap_or(0);
    priority(later) > priority(earlier)
}

/// Returns the `stream_idle_timeout` that a patch sets.
fn idle_timeout(patch: &Value) -> Option<Duration> {
    let value = patch.pointer("/patch/value/typed_config/stream_idle_timeout")?;
    parse_proto(value)
}
