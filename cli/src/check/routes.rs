//! The route configurations of a connection manager that are in the file.

use serde_json::Value;

use super::envoy_json::{list, list_at, text, text_equals, type_name};
use crate::locate::{element, member};

const ROUTE_CONFIGURATION: &str = "envoy.config.route.v3.RouteConfiguration";

/// The routes of a connection manager.
pub(super) struct Routes<'a> {
    /// Each route configuration with its location.
    pub(super) configurations: Vec<(String, &'a Value)>,
    /// The field through which Envoy gets the routes that are not in the file.
    pub(super) hidden: Option<&'static str>,
}

/// Returns the routes of a connection manager: inline, or RDS resources of the same file.
pub(super) fn routes_of<'a>(manager: &'a Value, documents: &'a [Value]) -> Routes<'a> {
    let mut routes = Routes { configurations: Vec::new(), hidden: None };
    if let Some(configuration) = manager.get("route_config") {
        routes.configurations.push(("route_config".to_owned(), configuration));
    }
    let scopes =
        list_at(manager, "/scoped_routes/scoped_route_configurations_list/scoped_route_configurations");
    for (index, scope) in scopes.iter().enumerate() {
        match scope.get("route_configuration") {
            Some(configuration) => {
                let location = element("scoped_routes", index);
                routes.configurations.push((member(&location, "route_configuration"), configuration));
            }
            None => routes.hidden = Some("scoped_routes"),
        }
    }
    if manager.pointer("/scoped_routes/scoped_rds").is_some() {
        routes.hidden = Some("scoped_routes");
    }
    if let Some(rds) = manager.get("rds") {
        let resources = rds_resources(rds, documents);
        if resources.is_empty() {
            routes.hidden = Some("rds");
        }
        routes.configurations.extend(resources.into_iter().map(|resource| ("rds".to_owned(), resource)));
    }
    if routes.configurations.iter().any(|(_, configuration)| configuration.get("vhds").is_some()) {
        routes.hidden = Some("vhds");
    }
    routes
}

/// Returns the route configurations among the resources of the file that `rds` names.
pub(super) fn rds_resources<'a>(rds: &Value, documents: &'a [Value]) -> Vec<&'a Value> {
    let name = text(rds, "route_config_name").unwrap_or_default();
    let resources = documents.iter().flat_map(|document| list(document, "resources"));
    let named = resources.filter(|resource| {
        type_name(resource) == Some(ROUTE_CONFIGURATION) && text_equals(resource, "name", name)
    });
    named.collect()
}
