//! Routes that replace the guard (`typed_per_filter_config`).

use serde_json::Value;

use super::Finding;
use super::chain::{Chain, FileContext};
use super::rbac::route_override;
use super::read::{kind, says, text};
use crate::places::{element, member};

/// Warns of each place that replaces the guard of this name by something that does not require the permit.
///
/// Routes that come from a control plane get a note, because nothing in the file shows them.
pub(super) fn findings(guard: &str, chain: &Chain<'_>, context: &FileContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Not the whole manager: the name of the guard may mean something else in the configuration of a filter.
    for name in ["route_config", "scoped_routes"] {
        if let Some(routes) = chain.manager.get(name) {
            search(name, routes, guard, &mut findings);
        }
    }
    if let Some(rds) = chain.manager.get("rds") {
        let name = text(rds, "route_config_name").unwrap_or_default();
        let routes: Vec<&Value> = route_configurations(context.documents, name);
        for routes in &routes {
            search(&format!("routes {name:?}"), routes, guard, &mut findings);
        }
        if routes.is_empty() {
            findings.push(hidden("rds"));
        }
    }
    for (pointer, place) in [
        ("/scoped_routes/scoped_rds", "scoped_routes.scoped_rds"),
        ("/scoped_routes/rds_config_source", "scoped_routes.rds_config_source"),
        ("/route_config/vhds", "route_config.vhds"),
    ] {
        findings.extend(chain.manager.pointer(pointer).map(|_| hidden(place)));
    }
    findings
}

fn hidden(place: &str) -> Finding {
    let problem =
        "these routes are not in this file: check cannot see whether one of them replaces the guard";
    Finding::note(place, problem)
}

/// Returns the route configurations of this name that are resources of their own.
fn route_configurations<'a>(documents: &'a [Value], name: &str) -> Vec<&'a Value> {
    let resources = documents.iter().flat_map(|document| super::read::list(document, "resources"));
    let routes = resources.filter(|resource| {
        kind(resource) == Some("envoy.config.route.v3.RouteConfiguration") && says(resource, "name", name)
    });
    routes.collect()
}

/// Adds a warning for each place inside the value that leaves requests without the guard of this name.
pub(super) fn search(place: &str, value: &Value, guard: &str, findings: &mut Vec<Finding>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                search(&element(place, index), item, guard, findings);
            }
        }
        Value::Object(members) => {
            for (name, inner) in members {
                let place = member(place, name);
                match inner.get(guard).filter(|_| name == "typed_per_filter_config") {
                    Some(entry) => {
                        if let Err(problem) = route_override(entry) {
                            findings.push(Finding::warning(member(&place, guard), problem));
                        }
                    }
                    None => search(&place, inner, guard, findings),
                }
            }
        }
        _ => {}
    }
}
