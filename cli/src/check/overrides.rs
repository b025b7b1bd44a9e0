//! Routes that override the guard (`typed_per_filter_config`).

use serde_json::Value;

use super::connection_managers::{ConnectionManager, FileContext};
use super::envoy_json::text;
use super::finding::Finding;
use super::rbac::prove_override;
use super::routes::rds_resources;
use crate::locate::{element, member};

/// Returns a warning for each override of the guard of this name that does not require the permit,
/// and a note for routes that are not in the file.
pub(super) fn findings(
    guard: &str,
    manager: &ConnectionManager<'_>,
    context: &FileContext<'_>,
) -> Vec<Finding> {
    let manager = manager.value;
    let mut findings = Vec::new();
    // Other fields are not searched: in the configuration of a filter, the name of the guard can
    // have another meaning.
    for field in ["route_config", "scoped_routes"] {
        if let Some(routes) = manager.get(field) {
            findings.extend(override_warnings(field, routes, guard));
        }
    }
    if let Some(rds) = manager.get("rds") {
        let name = text(rds, "route_config_name").unwrap_or_default();
        let resources = rds_resources(rds, context.documents);
        for routes in &resources {
            findings.extend(override_warnings(&format!("routes {name:?}"), routes, guard));
        }
        if resources.is_empty() {
            findings.push(hidden_routes("rds"));
        }
    }
    for (pointer, path) in [
        ("/scoped_routes/scoped_rds", "scoped_routes.scoped_rds"),
        ("/scoped_routes/rds_config_source", "scoped_routes.rds_config_source"),
        ("/route_config/vhds", "route_config.vhds"),
    ] {
        findings.extend(manager.pointer(pointer).map(|_| hidden_routes(path)));
    }
    findings
}

fn hidden_routes(path: &str) -> Finding {
    let problem = "these routes are not in this file: check cannot see whether one overrides the guard";
    Finding::note(path, problem)
}

/// Returns a warning for each override inside the value that leaves a route without the guard.
pub(super) fn override_warnings(path: &str, value: &Value, guard: &str) -> Vec<Finding> {
    let mut warnings = Vec::new();
    search(path, value, guard, &mut warnings);
    warnings
}

fn search(path: &str, value: &Value, guard: &str, warnings: &mut Vec<Finding>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                search(&element(path, index), item, guard, warnings);
            }
        }
        Value::Object(members) => {
            for (name, inner) in members {
                let path = member(path, name);
                match inner.get(guard).filter(|_| name == "typed_per_filter_config") {
                    Some(entry) => {
                        if let Err(problem) = prove_override(entry) {
                            warnings.push(Finding::warning(member(&path, guard), problem));
                        }
                    }
                    None => search(&path, inner, guard, warnings),
                }
            }
        }
        _ => {}
    }
}
