//! Timeouts of Envoy that end a request which a VM held when it trapped: the filter can no longer answer it, and by default
//! Envoy waits for five minutes, Istio for ever.

use std::time::Duration;

use okta_authz_filter::refresh::MAX_WAIT;
use serde_json::Value;

use super::Finding;
use super::mesh::resources;
use super::read::{contains, says};
use crate::places::Surroundings;

/// The longest `stream_idle_timeout` without a warning: Envoy's default for the timeout of a route.
const MAX_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn warnings(around: Surroundings<'_>, documents: &[Value]) -> Vec<Finding> {
    match around {
        Surroundings::None => Vec::new(),
        Surroundings::Envoy { plugin, .. } => {
            let mut warnings = Vec::new();
            for document in documents {
                each_object(document, &mut |object| {
                    let filters = object.get("http_filters").and_then(Value::as_array);
                    if filters.into_iter().flatten().any(|filter| contains(filter, plugin)) {
                        warnings.extend(manager_warnings(object));
                    }
                });
            }
            let is_patch =
                |resource: &Value| says(resource, "kind", "EnvoyFilter") && contains(resource, plugin);
            if resources(documents).any(is_patch) {
                warnings.extend(resource_warnings(documents, "EnvoyFilter", "/stream_idle_timeout"));
            }
            warnings
        }
        Surroundings::Istio { .. } => resource_warnings(documents, "EnvoyFilter", "/stream_idle_timeout"),
        Surroundings::EnvoyGateway { .. } => {
            resource_warnings(documents, "ClientTrafficPolicy", "/timeout/http/streamIdleTimeout")
        }
    }
}

/// Returns warnings about the connection manager that has these filters behind a filter whose configuration is elsewhere.
pub(super) fn warnings_behind(behind: Option<&[Value]>, documents: &[Value]) -> Vec<Finding> {
    let mut warnings = Vec::new();
    let Some(first) = behind.and_then(<[Value]>::first) else { return warnings };
    for document in documents {
        each_object(document, &mut |object| {
            let filters = object.get("http_filters").and_then(Value::as_array);
            if filters.into_iter().flatten().any(|filter| std::ptr::eq(filter, first)) {
                warnings.extend(manager_warnings(object));
            }
        });
    }
    warnings
}

fn manager_warnings(manager: &Value) -> Vec<Finding> {
    let mut warnings: Vec<Finding> =
        timeout_warning("stream_idle_timeout", manager.get("stream_idle_timeout"), proto_duration)
            .into_iter()
            .collect();
    let (mut is_off, mut is_short) = (false, false);
    for routes in ["route_config", "scoped_routes"].iter().filter_map(|name| manager.get(*name)) {
        each_object(routes, &mut |object| {
            let timeout = object.get("idle_timeout").and_then(proto_duration);
            is_off |= timeout == Some(Duration::ZERO);
            is_short |= timeout.is_some_and(ends_waiting);
        });
    }
    let request = manager.get("request_timeout").and_then(proto_duration);
    for (name, is_short) in
        [("route.idle_timeout", is_short), ("request_timeout", request.is_some_and(ends_waiting))]
    {
        if is_short {
            let problem = "ends requests that wait for keys: a request may wait for 5s";
            warnings.push(Finding::warning(name, problem));
        }
    }
    if is_off && !request.is_some_and(|timeout| MAX_WAIT < timeout && timeout <= MAX_TIMEOUT) {
        let problem =
            "is switched off for a route: Envoy never answers a request there that a VM held when it trapped";
        warnings.push(Finding::warning("route.idle_timeout", problem));
    }
    warnings
}

/// Returns warnings about the resources of one kind, of which one should have the timeout. A file without that kind gets none,
/// because the resources may be in another file.
fn resource_warnings(documents: &[Value], kind: &str, at: &str) -> Vec<Finding> {
    let mut timeouts = Vec::new();
    let mut found = false;
    for resource in resources(documents).filter(|resource| says(resource, "kind", kind)) {
        found = true;
        each_object(resource, &mut |object| timeouts.extend(object.pointer(at)));
    }
    let name = at.trim_start_matches('/').replace('/', ".");
    // Istio hands the value on to Envoy.
    let read = if kind == "EnvoyFilter" { proto_duration } else { kubernetes_duration };
    if found && timeouts.is_empty() {
        return timeout_warning(&name, None, read).into_iter().collect();
    }
    timeouts.into_iter().filter_map(|timeout| timeout_warning(&name, Some(timeout), read)).collect()
}

fn ends_waiting(timeout: Duration) -> bool {
    !timeout.is_zero() && timeout <= MAX_WAIT
}

fn timeout_warning(
    name: &str,
    timeout: Option<&Value>,
    read: fn(&Value) -> Option<Duration>,
) -> Option<Finding> {
    let bounds = "must be more than 5s, for which a request may wait for keys, and at most 15s; 7s is good";
    let unanswered = "a request that a VM held when it trapped would get no answer";
    let problem = match timeout.map(read) {
        None => format!("is missing, and {unanswered} for minutes: {bounds}"),
        Some(Some(Duration::ZERO)) => format!("is switched off, and {unanswered}: {bounds}"),
        Some(Some(timeout)) if timeout > MAX_TIMEOUT => {
            format!("is too long, and {unanswered} until then: {bounds}")
        }
        Some(Some(timeout)) if timeout <= MAX_WAIT => format!("ends requests that wait for keys: {bounds}"),
        Some(Some(_)) => return None,
        Some(None) => format!("is no duration: {bounds}"),
    };
    Some(Finding::warning(name, problem))
}

/// Reads a duration of protobuf's JSON (`7s`, `0.5s`): Envoy accepts no other unit.
fn proto_duration(value: &Value) -> Option<Duration> {
    let number = value.as_str()?.strip_suffix('s')?;
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
        .then(|| kubernetes_duration(value))
        .flatten()
}

/// Reads a duration of Kubernetes (`1m30s`, `500ms`).
fn kubernetes_duration(value: &Value) -> Option<Duration> {
    let mut rest = value.as_str()?;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let size = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * size;
        rest = after;
    }
    if value.as_str() == Some("") { None } else { Duration::try_from_secs_f64(seconds).ok() }
}

fn each_object<'a>(value: &'a Value, see: &mut dyn FnMut(&'a Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_object(item, see)),
        Value::Object(members) => {
            see(value);
            members.values().for_each(|member| each_object(member, see));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(warnings: Vec<Finding>) -> Vec<String> {
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
    fn timeout_out_of_bounds_is_a_warning() {
        for (timeout, expected) in [
            (json!("7s"), None),
            (json!("5.001s"), None),
            (json!("7.000000000s"), None),
            (json!("15s"), None),
            (json!(null), Some("is missing")),
            (json!("0s"), Some("is switched off")),
            (json!("0.000s"), Some("is switched off")),
            (json!("5s"), Some("ends requests")),
            (json!("0.5s"), Some("ends requests")),
            (json!("15.001s"), Some("is too long")),
            (json!("60s"), Some("is too long")),
            (json!("300s"), Some("is too long")),
            (json!("86400s"), Some("is too long")),
            (json!("-7s"), Some("is no duration")),
            (json!("7000ms"), Some("is no duration")),
            (json!("0m7s"), Some("is no duration")),
            (json!("7"), Some("is no duration")),
            (json!(7), Some("is no duration")),
            (json!(""), Some("is no duration")),
        ] {
            let documents = manager(&timeout, &json!({ "cluster": "app" }));
            let plugin =
                documents[0].pointer("/listeners/1/typed_config/http_filters/0/typed_config/config").unwrap();
            let behind =
                documents[0].pointer("/listeners/1/typed_config/http_filters").and_then(Value::as_array);
            let behind = behind.and_then(|filters| filters.get(1..));
            let around = Surroundings::Envoy { plugin, behind };
            for told in [told(warnings(around, &documents)), told(warnings_behind(behind, &documents))] {
                assert_eq!(told.len(), usize::from(expected.is_some()), "{timeout}: {told:?}");
                let expected = expected.map(|expected| format!("stream_idle_timeout {expected}"));
                assert!(told.iter().all(|told| told.starts_with(expected.as_deref().unwrap())), "{told:?}");
            }
        }
    }

    #[test]
    fn timeout_of_a_route_is_a_warning_where_it_is_switched_off_or_ends_waiting() {
        for (timeout, expected) in [("3600s", 0), ("7s", 0), ("0s", 1), ("5s", 1), ("0.5s", 1)] {
            let documents = manager(&json!("7s"), &json!({ "cluster": "app", "idle_timeout": timeout }));
            let plugin =
                documents[0].pointer("/listeners/1/typed_config/http_filters/0/typed_config/config").unwrap();
            let told = told(warnings(Surroundings::Envoy { plugin, behind: None }, &documents));
            assert_eq!(told.len(), expected, "{timeout}: {told:?}");
        }
    }

    #[test]
    fn request_timeout_that_ends_waiting_is_a_warning() {
        for (timeout, expected) in [("0s", 0), ("3s", 1), ("5s", 1), ("7s", 0), ("60s", 0)] {
            let mut documents = manager(&json!("7s"), &json!({ "cluster": "app" }));
            documents[0]["listeners"][1]["typed_config"]["request_timeout"] = json!(timeout);
            let plugin =
                documents[0].pointer("/listeners/1/typed_config/http_filters/0/typed_config/config").unwrap();
            let told = told(warnings(Surroundings::Envoy { plugin, behind: None }, &documents));
            assert_eq!(told.len(), expected, "{timeout}: {told:?}");
        }
    }

    #[test]
    fn timeout_in_kubernetes_is_asked_of_the_resource_that_can_have_it() {
        let filter = |value: Value| json!({ "kind": "EnvoyFilter", "spec": { "configPatches": [{ "patch": { "value": value } }] } });
        let policy = |timeout: Value| json!({ "kind": "ClientTrafficPolicy", "spec": timeout });
        let (istio, gateway) = (
            Surroundings::Istio { spec: &Value::Null },
            Surroundings::EnvoyGateway { extension: &Value::Null },
        );
        for (around, documents, expected) in [
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
                Some("stream_idle_timeout is switched off"),
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
            let told = told(warnings(around, &documents));
            assert_eq!(told.len(), usize::from(expected.is_some()), "{documents:?}: {told:?}");
            assert!(told.iter().all(|told| told.starts_with(expected.unwrap())), "{told:?}");
        }
        let patched = [filter(json!({ "config": {} }))];
        let plugin = patched[0].pointer("/spec/configPatches/0/patch/value/config").unwrap();
        let told = told(warnings(Surroundings::Envoy { plugin, behind: None }, &patched));
        assert_eq!(told.len(), 1, "{told:?}");
    }
}
