//! Timeouts of Envoy for requests that the filter holds.
//!
//! If the VM of the filter traps, the filter never responds to the requests that it held. Envoy
//! ends such a request at `stream_idle_timeout`: by default after five minutes, in Istio never.

use std::time::Duration;

use okta_authz_filter::refresh::MAX_WAIT;
use serde_json::Value;

use super::connection_managers::FileContext;
use super::durations::{parse_kubernetes, parse_proto};
use super::envoy_json::{contains, each_object, list};
use super::finding::Finding;
use super::hbone;
use super::kubernetes::{resources_of_kind, spec};
use crate::locate::ConfigContext;

/// The longest `stream_idle_timeout` without a warning: Envoy's default for the timeout of a route.
const MAX_TIMEOUT: Duration = Duration::from_secs(15);

/// Warns about timeouts around a configuration.
pub(super) fn warnings(context: ConfigContext<'_>, file: &FileContext<'_>) -> Vec<Finding> {
    match context {
        ConfigContext::None => Vec::new(),
        ConfigContext::Envoy { plugin, .. } => {
            let managers = file.managers_with(plugin);
            let mut warnings: Vec<Finding> =
                managers.flat_map(|manager| manager_warnings(manager.value)).collect();
            let is_patch =
                resources_of_kind(file.documents, "EnvoyFilter").any(|resource| contains(resource, plugin));
            if is_patch {
                warnings.extend(istio_warnings(file));
            }
            warnings
        }
        ConfigContext::Istio { .. } => istio_warnings(file),
        ConfigContext::EnvoyGateway { .. } => {
            let pointer = "/timeout/http/streamIdleTimeout";
            resource_warnings(file, "ClientTrafficPolicy", pointer, parse_kubernetes)
        }
    }
}

/// Warns about timeouts of the connection manager of a filter whose configuration is in another
/// file.
pub(super) fn ecds_warnings(following: Option<&[Value]>, file: &FileContext<'_>) -> Vec<Finding> {
    let manager = following.and_then(|filters| file.manager_before(filters));
    manager.map(|(manager, _)| manager_warnings(manager.value)).unwrap_or_default()
}

/// Warns about `EnvoyFilter` resources. Istio passes the timeout in them to Envoy.
fn istio_warnings(file: &FileContext<'_>) -> Vec<Finding> {
    resource_warnings(file, "EnvoyFilter", "/stream_idle_timeout", parse_proto)
}

fn manager_warnings(manager: &Value) -> Vec<Finding> {
    let stream_idle = manager.get("stream_idle_timeout");
    let mut warnings: Vec<Finding> =
        timeout_warning("stream_idle_timeout", stream_idle, parse_proto).into_iter().collect();
    let (mut is_off, mut is_short) = (false, false);
    for routes in ["route_config", "scoped_routes"].iter().filter_map(|name| manager.get(*name)) {
        each_object(routes, &mut |object| {
            let timeout = object.get("idle_timeout").and_then(parse_proto);
            is_off |= timeout == Some(Duration::ZERO);
            is_short |= timeout.is_some_and(ends_waiting);
        });
    }
    let request = manager.get("request_timeout").and_then(parse_proto);
    for (path, is_short) in
        [("route.idle_timeout", is_short), ("request_timeout", request.is_some_and(ends_waiting))]
    {
        if is_short {
            let problem = "must be more than 5s: it ends requests that wait for keys, which may take 5s";
            warnings.push(Finding::warning(path, problem));
        }
    }
    if is_off && !request.is_some_and(|timeout| MAX_WAIT < timeout && timeout <= MAX_TIMEOUT) {
        let problem = "is disabled for a route: if the VM traps, Envoy never ends the requests that it held on that route";
        warnings.push(Finding::warning("route.idle_timeout", problem));
    }
    warnings
}

/// Warns about the timeout at `pointer`, which one resource of a kind must have. A file without
/// that kind gets no warning, because the resource may be in another file.
fn resource_warnings(
    file: &FileContext<'_>,
    kind: &str,
    pointer: &str,
    parse: fn(&Value) -> Option<Duration>,
) -> Vec<Finding> {
    let mut timeouts = Vec::new();
    let mut has_resource = false;
    for resource in resources_of_kind(file.documents, kind) {
        has_resource = true;
        let patches = list(spec(resource), "configPatches");
        let parts = if patches.is_empty() { std::slice::from_ref(resource) } else { patches };
        // Tunnels have other timeouts: see `hbone`.
        for part in parts.iter().filter(|part| !hbone::is_for_tunnels(part)) {
            each_object(part, &mut |object| timeouts.extend(object.pointer(pointer)));
        }
    }
    let path = pointer.trim_start_matches('/').replace('/', ".");
    if has_resource && timeouts.is_empty() {
        return timeout_warning(&path, None, parse).into_iter().collect();
    }
    timeouts.into_iter().filter_map(|timeout| timeout_warning(&path, Some(timeout), parse)).collect()
}

/// Reports whether a timeout ends a request that waits for keys. Zero disables a timeout.
fn ends_waiting(timeout: Duration) -> bool {
    !timeout.is_zero() && timeout <= MAX_WAIT
}

/// Warns about an idle timeout that is missing, disabled, invalid, or not in
/// `(MAX_WAIT, MAX_TIMEOUT]`.
fn timeout_warning(
    path: &str,
    timeout: Option<&Value>,
    parse: fn(&Value) -> Option<Duration>,
) -> Option<Finding> {
    const ALLOWED: &str = "use more than 5s and at most 15s, such as 7s";
    const NO_RESPONSE: &str = "if the VM of the filter traps, the requests that it held get no response";
    let problem = match timeout.map(parse) {
        None => format!("is missing: {NO_RESPONSE} for minutes; {ALLOWED}"),
        Some(None) => format!("is not a duration; {ALLOWED}"),
        Some(Some(Duration::ZERO)) => format!("is disabled: {NO_RESPONSE}; {ALLOWED}"),
        Some(Some(timeout)) if timeout > MAX_TIMEOUT => {
            format!("is too long: {NO_RESPONSE} until then; {ALLOWED}")
        }
        Some(Some(timeout)) if timeout <= MAX_WAIT => {
            format!("is too short: it ends requests that wait for keys, which may take 5s; {ALLOWED}")
        }
        Some(Some(_)) => return None,
    };
    Some(Finding::warning(path, problem))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(documents: &[Value]) -> FileContext<'_> {
        FileContext::new(documents, &[], &[])
    }

    fn lines(warnings: Vec<Finding>) -> Vec<String> {
        warnings.into_iter().map(|warning| format!("{} {}", warning.path, warning.problem)).collect()
    }

    fn manager(timeout: &Value, route: &Value) -> Vec<Value> {
        let mut manager = json!({
            "route_config": { "virtual_hosts": [{ "routes": [{ "route": route }] }] },
            "http_filters": [{ "typed_config": { "config": {} } }, { "name": "guard" }]
        });
        if !timeout.is_null() {
            manager["stream_idle_timeout"] = timeout.clone();
        }
        let other = json!({ "http_filters": [{ "name": "router" }] });
        vec![json!({ "listeners": [{ "typed_config": other }, { "typed_config": manager }] })]
    }

    #[test]
    fn stream_idle_timeout_out_of_bounds_is_a_warning() {
        for (timeout, expected) in [
            (json!("7s"), None),
            (json!("5.001s"), None),
            (json!("7.000000000s"), None),
            (json!("15s"), None),
            (json!(null), Some("is missing")),
            (json!("0s"), Some("is disabled")),
            (json!("0.000s"), Some("is disabled")),
            (json!("5s"), Some("is too short")),
            (json!("0.5s"), Some("is too short")),
            (json!("15.001s"), Some("is too long")),
            (json!("60s"), Some("is too long")),
            (json!("300s"), Some("is too long")),
            (json!("86400s"), Some("is too long")),
            (json!("-7s"), Some("is not a duration")),
            (json!("7000ms"), Some("is not a duration")),
            (json!("0m7s"), Some("is not a duration")),
            (json!("7"), Some("is not a duration")),
            (json!(7), Some("is not a duration")),
            (json!(""), Some("is not a duration")),
        ] {
            let documents = manager(&timeout, &json!({ "cluster": "app" }));
            let plugin =
                documents[0].pointer("/listeners/1/typed_config/http_filters/0/typed_config/config").unwrap();
            let filters =
                documents[0].pointer("/listeners/1/typed_config/http_filters").and_then(Value::as_array);
            let following_filters = filters.and_then(|filters| filters.get(1..));
            let context = ConfigContext::Envoy { plugin, following_filters };
            let file = file(&documents);
            for found in [warnings(context, &file), ecds_warnings(following_filters, &file)] {
                let found = lines(found);
                assert_eq!(found.len(), usize::from(expected.is_some()), "{timeout}: {found:?}");
                let expected = expected.map(|expected| format!("stream_idle_timeout {expected}"));
                assert!(found.iter().all(|line| line.starts_with(expected.as_deref().unwrap())), "{found:?}");
            }
        }
    }

    #[test]
    fn route_idle_timeout_that_is_disabled_or_too_short_is_a_warning() {
        for (timeout, expected) in [("3600s", 0), ("7s", 0), ("0s", 1), ("5s", 1), ("0.5s", 1)] {
            let documents = manager(&json!("7s"), &json!({ "cluster": "app", "idle_timeout": timeout }));
            let plugin =
                documents[0].pointer("/listeners/1/typed_config/http_filters/0/typed_config/config").unwrap();
            let context = ConfigContext::Envoy { plugin, following_filters: None };
            let found = lines(warnings(context, &file(&documents)));
            assert_eq!(found.len(), expected, "{timeout}: {found:?}");
        }
    }

    #[test]
    fn request_timeout_that_is_too_short_is_a_warning() {
        for (timeout, expected) in [("0s", 0), ("3s", 1), ("5s", 1), ("7s", 0), ("60s", 0)] {
            let mut documents = manager(&json!("7s"), &json!({ "cluster": "app" }));
            documents[0]["listeners"][1]["typed_config"]["request_timeout"] = json!(timeout);
            let plugin =
                documents[0].pointer("/listeners/1/typed_config/http_filters/0/typed_config/config").unwrap();
            let context = ConfigContext::Envoy { plugin, following_filters: None };
            let found = lines(warnings(context, &file(&documents)));
            assert_eq!(found.len(), expected, "{timeout}: {found:?}");
        }
    }

    #[test]
    fn kubernetes_resource_without_a_valid_timeout_is_a_warning() {
        let filter = |value: Value| json!({ "kind": "EnvoyFilter", "spec": { "configPatches": [{ "patch": { "value": value } }] } });
        let policy = |timeout: Value| json!({ "kind": "ClientTrafficPolicy", "spec": timeout });
        let (istio, gateway) = (
            ConfigContext::Istio { spec: &Value::Null },
            ConfigContext::EnvoyGateway { extension: &Value::Null },
        );
        for (context, documents, expected) in [
            (istio, vec![], None),
            (istio, vec![filter(json!({ "name": "guard" }))], Some("stream_idle_timeout is missing")),
            (
                istio,
                vec![
                    filter(json!({ "name": "guard" })),
                    filter(json!({ "typed_config": { "stream_idle_timeout": "7s" } })),
                ],
                None,
            ),
            (
                istio,
                vec![filter(json!({ "typed_config": { "stream_idle_timeout": "0s" } }))],
                Some("stream_idle_timeout is disabled"),
            ),
            (gateway, vec![filter(json!({}))], None),
            (gateway, vec![policy(json!({}))], Some("timeout.http.streamIdleTimeout is missing")),
            (gateway, vec![policy(json!({ "timeout": { "http": { "streamIdleTimeout": "7s" } } }))], None),
            (
                gateway,
                vec![policy(json!({ "timeout": { "http": { "streamIdleTimeout": "7000ms" } } }))],
                None,
            ),
            (
                gateway,
                vec![policy(json!({ "timeout": { "http": { "streamIdleTimeout": "1m7s" } } }))],
                Some("timeout.http.streamIdleTimeout is too long"),
            ),
        ] {
            let found = lines(warnings(context, &file(&documents)));
            assert_eq!(found.len(), usize::from(expected.is_some()), "{documents:?}: {found:?}");
            assert!(found.iter().all(|line| line.starts_with(expected.unwrap())), "{found:?}");
        }
        let patched = [filter(json!({ "config": {} }))];
        let plugin = patched[0].pointer("/spec/configPatches/0/patch/value/config").unwrap();
        let context = ConfigContext::Envoy { plugin, following_filters: None };
        let found = lines(warnings(context, &file(&patched)));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
