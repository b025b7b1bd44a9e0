//! Streams without a limit. A WebSocket or a request on a route without a timeout continues after
//! its token has expired, unless the filter closes it or the route limits its duration.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::connection_managers::FileContext;
use super::durations::parse_proto;
use super::envoy_json::{each_object, list};
use super::finding::Finding;
use crate::locate::ConfigContext;

/// Warns if the configuration does not close streams, and a route of its connection manager has
/// streams without a limit. Only the file of Envoy itself shows these routes.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let ConfigContext::Envoy { plugin, .. } = context else { return Vec::new() };
    if config.close_streams
        || config.shadow
        || !file.managers_with(plugin).any(|manager| has_streams(manager.value))
    {
        return Vec::new();
    }
    let problem = "is not `true`, and a route has WebSockets or no timeout: such a stream continues after \
        its token has expired or was revoked; set it to `true`, or limit the route with \
        `max_stream_duration`";
    vec![Finding::warning("close_streams", problem)]
}

/// Returns whether a route of a connection manager has streams without a limit.
fn has_streams(manager: &Value) -> bool {
    let upgrades_all = !list(manager, "upgrade_configs").is_empty();
    let mut found = false;
    for routes in ["route_config", "scoped_routes"].iter().filter_map(|name| manager.get(*name)) {
        each_object(routes, &mut |object| {
            // Only the action of a route has a cluster.
            let is_route = ["cluster", "cluster_header", "weighted_clusters"];
            let is_route = is_route.iter().any(|name| object.get(*name).is_some());
            let is_limited = object.pointer("/max_stream_duration/max_stream_duration").is_some();
            let is_endless =
                object.get("timeout").and_then(parse_proto).is_some_and(|timeout| timeout.is_zero());
            let upgrades = upgrades_all || !list(object, "upgrade_configs").is_empty();
            found |= is_route && !is_limited && (is_endless || upgrades);
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn route_with_streams_without_a_limit_is_found() {
        let limit = json!({ "max_stream_duration": "3600s" });
        for (name, upgrades, route, expected) in [
            ("ordinary", json!([]), json!({ "cluster": "app" }), false),
            ("a timeout", json!([]), json!({ "cluster": "app", "timeout": "60s" }), false),
            ("no timeout", json!([]), json!({ "cluster": "app", "timeout": "0s" }), true),
            ("no timeout, fraction", json!([]), json!({ "cluster_header": "x", "timeout": "0.0s" }), true),
            (
                "a limit",
                json!([]),
                json!({ "cluster": "app", "timeout": "0s", "max_stream_duration": limit }),
                false,
            ),
            (
                "WebSocket",
                json!([]),
                json!({ "cluster": "app", "upgrade_configs": [{ "upgrade_type": "websocket" }] }),
                true,
            ),
            (
                "WebSocket everywhere",
                json!([{ "upgrade_type": "websocket" }]),
                json!({ "cluster": "app" }),
                true,
            ),
            (
                "WebSocket with a limit",
                json!([{ "upgrade_type": "websocket" }]),
                json!({ "cluster": "app", "max_stream_duration": limit }),
                false,
            ),
            ("another object", json!([]), json!({ "timeout": "0s" }), false),
        ] {
            let manager = json!({
                "upgrade_configs": upgrades,
                "route_config": { "virtual_hosts": [{ "routes": [{ "route": route }] }] },
            });
            assert_eq!(has_streams(&manager), expected, "{name}");
        }
    }
}
