//! JSON patches of Envoy Gateway (`EnvoyPatchPolicy`): where one adds a filter, and whether one
//! changes the guard.

use serde_json::Value;

use super::envoy_json::{list, text, text_equals};
use super::kubernetes::spec;
use super::rbac;

const LISTENER: &str = "envoy.config.listener.v3.Listener";
/// The routers of every filter chain of a listener. `add` at an element inserts before it.
const ROUTERS: &str = "..http_filters[?@.name=='envoy.filters.http.router']";
const OVERRIDES: &str = "typed_per_filter_config";

/// Returns why a patch does not add a filter right before the router of every filter chain.
pub(super) fn prove_place(patch: &Value) -> Result<(), String> {
    let operation = operation(patch);
    if text(patch, "type").is_none_or(|name| name.rsplit('/').next() != Some(LISTENER)) {
        return Err(format!("is not for a listener: `type` must be `type.googleapis.com/{LISTENER}`"));
    }
    let is_whole = text(operation, "path").is_none_or(str::is_empty);
    if !text_equals(operation, "op", "add") || !is_whole || normalized_path(operation) != ROUTERS {
        return Err(
            "is not added right before the router of every filter chain: use `op: add` without `path`, and \
             `jsonPath: ..http_filters[?(@.name=='envoy.filters.http.router')]`"
                .to_owned(),
        );
    }
    Ok(())
}

/// Returns why patches of an `EnvoyPatchPolicy` may change the guard of this name, or override it
/// for a route.
pub(super) fn guard_changes<'a>(resource: &'a Value, guard: &'a str) -> impl Iterator<Item = String> + 'a {
    let patches = list(spec(resource), "jsonPatches").iter();
    patches.filter_map(move |patch| {
        let operation = operation(patch);
        let op = text(operation, "op").unwrap_or_default();
        let path = text(operation, "path").unwrap_or_default();
        let target = format!("{}/{path}", text(operation, "jsonPath").unwrap_or_default());
        if target.contains(OVERRIDES) && overrides(operation, path, guard) {
            return Some(format!(
                "`{OVERRIDES}` of a patch overrides the guard `{guard}`: check cannot prove it"
            ));
        }
        // `add` at the guard itself inserts another filter before it.
        let inserts = op == "add" && path.is_empty() && normalized_path(operation).ends_with(']');
        let names_guard = target.contains(guard) && !target.contains(OVERRIDES);
        // An element that the path does not name can be the guard.
        let is_unnamed = matches!(op, "remove" | "replace" | "move")
            && target.contains("http_filters")
            && !target.contains(".name");
        let changes = op != "test" && !inserts && (names_guard || is_unnamed);
        changes.then(|| {
            format!("`op: {op}` at `{target}` can change the guard `{guard}`: check cannot prove it")
        })
    })
}

/// Reports whether a patch of `typed_per_filter_config` overrides the guard, and does not require
/// the permit.
fn overrides(operation: &Value, path: &str, guard: &str) -> bool {
    let value = operation.get("value").unwrap_or(&Value::Null);
    let is_entry = path.ends_with(guard);
    let entry = if is_entry { Some(value) } else { value.get(guard) };
    entry.is_some_and(|entry| rbac::prove_override(entry).is_err())
}

fn operation(patch: &Value) -> &Value {
    patch.get("operation").unwrap_or(&Value::Null)
}

/// Returns the `jsonPath` without the parts that have no meaning: `$`, parentheses, spaces, and the
/// kind of quotes.
fn normalized_path(operation: &Value) -> String {
    let path = text(operation, "jsonPath").unwrap_or_default().replace('"', "'");
    let path: String =
        path.chars().filter(|char| !char.is_whitespace() && !matches!(char, '(' | ')')).collect();
    path.strip_prefix('$').map(str::to_owned).unwrap_or(path)
}
