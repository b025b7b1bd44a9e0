//! The connection manager around this filter, and the routes that it has, as far as they are in the file.

use serde_json::Value;

use crate::places::{element, member};

/// A connection manager's routes.
pub(super) struct Routes<'a> {
    /// Each route configuration, with its place.
    pub(super) configurations: Vec<(String, &'a Value)>,
    /// Where the other routes come from, if the file does not have all.
    pub(super) hidden: Option<&'static str>,
}

/// Returns the connection manager that has this list of filters behind this filter.
pub(super) fn manager_of<'a>(behind: &[Value], documents: &'a [Value]) -> Option<&'a Value> {
    documents.iter().find_map(|document| find(document, behind))
}

fn find<'a>(value: &'a Value, behind: &[Value]) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| find(item, behind)),
        Value::Object(members) => {
            // By address, because two lists may have equal filters.
            let is_here = |filters: &Vec<Value>| {
                let rest = filters.len().checked_sub(behind.len()).and_then(|from| filters.get(from..));
                rest.is_some_and(|rest| std::ptr::eq(rest, behind))
            };
            let here = members.get("http_filters").and_then(Value::as_array).is_some_and(is_here);
            if here { Some(value) } else { members.values().find_map(|member| find(member, behind)) }
        }
        _ => None,
    }
}

/// Returns the routes of a connection manager: its own, or those of its name among the resources of the file.
pub(super) fn routes_of<'a>(manager: &'a Value, documents: &'a [Value]) -> Routes<'a> {
    let mut routes = Routes { configurations: Vec::new(), hidden: None };
    if let Some(configuration) = manager.get("route_config") {
        routes.configurations.push(("route_config".to_owned(), configuration));
    }
    let scopes =
        manager.pointer("/scoped_routes/scoped_route_configurations_list/scoped_route_configurations");
    for (index, scope) in scopes.and_then(Value::as_array).into_iter().flatten().enumerate() {
        match scope.get("route_configuration") {
            Some(configuration) => {
                let place = element("scoped_routes", index);
                routes.configurations.push((member(&place, "route_configuration"), configuration));
            }
            None => routes.hidden = Some("scoped_routes"),
        }
    }
    if manager.pointer("/scoped_routes/scoped_rds").is_some() {
        routes.hidden = Some("scoped_routes");
    }
    if let Some(rds) = manager.get("rds") {
        let name = rds.get("route_config_name");
        let resources =
            documents.iter().filter_map(|document| document.get("resources")?.as_array()).flatten();
        let named = resources.filter(|resource| {
            let kind = resource.get("@type").and_then(Value::as_str);
            kind.is_some_and(|kind| kind.ends_with(".route.v3.RouteConfiguration"))
                && resource.get("name") == name
        });
        let before = routes.configurations.len();
        routes.configurations.extend(named.map(|configuration| ("rds".to_owned(), configuration)));
        if routes.configurations.len() == before {
            routes.hidden = Some("rds");
        }
    }
    if routes.configurations.iter().any(|(_, configuration)| configuration.get("vhds").is_some()) {
        routes.hidden = Some("vhds");
    }
    routes
}
