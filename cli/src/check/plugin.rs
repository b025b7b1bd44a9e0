//! Settings of Envoy's `PluginConfig`: the failure policy, and data that plugins share.

use serde_json::Value;

use super::envoy_json::{is_true, text, text_equals};
use super::finding::Finding;

/// Returns the problem with a failure policy that forwards requests; `allowed` are the other
/// values.
pub(super) fn fails_open(allowed: &str) -> String {
    format!("fails open: Envoy forwards every request while the filter does not run; use {allowed}")
}

/// Warns about settings of a `PluginConfig`.
pub(super) fn warnings(plugin: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    if is_true(plugin, "fail_open") {
        warnings.push(Finding::warning("config.fail_open", fails_open("`false`")));
    }
    if text_equals(plugin, "failure_policy", "FAIL_OPEN") {
        let problem = fails_open("`FAIL_RELOAD` or `FAIL_CLOSED`");
        warnings.push(Finding::warning("config.failure_policy", problem));
    }
    if is_true(plugin, "allow_on_headers_stop_iteration") {
        let problem = "must be `false`: Envoy would forward the body of a request that waits for keys without its headers";
        warnings.push(Finding::warning("config.allow_on_headers_stop_iteration", problem));
    }
    let vm_id = plugin.get("vm_config").map(|vm| text(vm, "vm_id").unwrap_or_default());
    if vm_id.is_some_and(str::is_empty) {
        let problem = "is missing: plugins with an equal `vm_id`, or without one, can overwrite each other's keys; use a \
                       name that no other plugin has";
        warnings.push(Finding::warning("config.vm_config.vm_id", problem));
    }
    warnings
}
