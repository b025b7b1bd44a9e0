//! Settings of Envoy's plugin: the failure policy, and data that the module shares with others.

use serde_json::Value;

use super::Finding;
use super::read::{is_true, says, text};

pub(super) const FAIL_OPEN: &str = "lets every request through while the filter does not run";

/// Warns of settings of Envoy's `PluginConfig`.
pub(super) fn warnings(plugin: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    if is_true(plugin, "fail_open") {
        warnings.push(Finding::warning("config.fail_open", FAIL_OPEN));
    }
    if says(plugin, "failure_policy", "FAIL_OPEN") {
        warnings.push(Finding::warning("config.failure_policy", FAIL_OPEN));
    }
    if is_true(plugin, "allow_on_headers_stop_iteration") {
        let problem = "the body of a request that waits for keys would go on without its head";
        warnings.push(Finding::warning("config.allow_on_headers_stop_iteration", problem));
    }
    let vm_id = plugin.get("vm_config").map(|vm| text(vm, "vm_id").unwrap_or_default());
    if vm_id.is_some_and(str::is_empty) {
        let problem = "is missing: plugins with the same one, or none, can write each other's keys";
        warnings.push(Finding::warning("config.vm_config.vm_id", problem));
    }
    warnings
}
