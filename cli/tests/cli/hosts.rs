//! `okta-authz check`: Envoy and the filter must treat a host alike.

use serde_json::{Value, json};

use super::{okta_authz, root, scratch};

/// Reads a file of the repository.
pub(crate) fn document(file: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

pub(crate) fn manager(document: &mut Value) -> &mut Value {
    &mut document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

pub(crate) fn plugin(document: &mut Value) -> &mut Value {
    &mut manager(document)["http_filters"][0]["typed_config"]["config"]["configuration"]["value"]
}

/// Parts of the warnings about the guard, which `guards.rs` and `overrides.rs` test.
const GUARD_WARNINGS: [&str; 2] = [".okta-authz-guard: ", "the guard does not protect"];

/// Returns the warnings about a document, without their prefix.
fn warnings(name: &str, document: &Value) -> Vec<String> {
    let file = scratch(&format!("routing-{name}.json"), &document.to_string());
    let run = okta_authz(["check".as_ref(), file.as_os_str()]);
    assert_eq!(run.status, 0, "{name}: {}{}", run.stdout, run.stderr);
    let warnings = run.stdout.lines().filter_map(|line| line.trim().strip_prefix("warning: "));
    warnings
        .filter(|warning| !GUARD_WARNINGS.iter().any(|part| warning.contains(part)))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn assert_warns(name: &str, document: &Value, expected: &[&str]) {
    let warnings = warnings(name, document);
    assert_eq!(warnings.len(), expected.len(), "{name}: {warnings:#?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.contains(expected), "{name}: {warning:?} has no {expected:?}");
    }
}

/// Returns `envoy.yaml` with a rule that has `hosts`, and with a change.
fn with_hosts(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document("envoy.yaml");
    plugin(&mut document)["rules"] = json!([{ "match": { "hosts": ["www.example.com"] }, "public": true }, { "match": {}, "requires": {} }]);
    change(&mut document);
    document
}

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const FIELD: &str = "ignore_port_in_host_matching";

#[test]
fn check_hosts_that_envoy_treats_differently_is_a_warning() {
    let settings = |filter: bool, routes: bool, strip: Option<&'static str>| {
        move |document: &mut Value| {
            plugin(document)[FIELD] = json!(filter);
            let manager = manager(document);
            manager["route_config"][FIELD] = json!(routes);
            if let Some(strip) = strip {
                manager[strip] = json!(true);
            }
        }
    };
    let (any, matching) = (Some("strip_any_host_port"), Some("strip_matching_host_port"));
    for (name, document, expected) in [
        ("shipped", with_hosts(|_| {}), &[][..]),
        ("both-ignore", with_hosts(settings(true, true, None)), &[]),
        ("stripped", with_hosts(settings(false, false, any)), &[]),
        ("stripped-and-ignored", with_hosts(settings(true, false, any)), &[]),
        ("matching-port-stripped", with_hosts(settings(false, false, matching)), &[]),
        (
            "only-the-filter",
            with_hosts(settings(true, false, None)),
            &["is `true`, but `route_config.ignore"],
        ),
        (
            "only-the-filter-matching",
            with_hosts(settings(true, false, matching)),
            &["is `true`, but `route_config.ignore"],
        ),
        (
            "only-the-routes",
            with_hosts(settings(false, true, None)),
            &["is not `true`, but `route_config.ignore"],
        ),
        ("neither", with_hosts(settings(false, false, None)), &["strips no port"]),
        (
            "final-dot",
            with_hosts(|document| {
                drop(manager(document).as_object_mut().unwrap().remove("strip_trailing_host_dot"))
            }),
            &["strip_trailing_host_dot: must be `true`"],
        ),
        (
            "domain-with-port",
            with_hosts(|document| {
                manager(document)["route_config"]["virtual_hosts"][0]["domains"] =
                    json!(["a", "[::1]", "a:80", "[::1]:80", "a.", "*"]);
            }),
            &["domains[2]: \"a:80\"", "domains[3]: \"[::1]:80\"", "domains[4]: \"a.\""],
        ),
        (
            "rds",
            with_hosts(|document| {
                let manager = manager(document).as_object_mut().unwrap();
                let _ = manager.remove("route_config");
                let _ = manager.insert("rds".to_owned(), json!({ "route_config_name": "r" }));
            }),
            // These routes get a note.
            &[],
        ),
        (
            "rds-neither",
            with_hosts(|document| {
                plugin(document)[FIELD] = json!(false);
                let manager = manager(document).as_object_mut().unwrap();
                let _ = manager.remove("route_config");
                let _ = manager.insert("rds".to_owned(), json!({ "route_config_name": "r" }));
            }),
            &["strips no port: otherwise the filter rejects a host with a port"],
        ),
        (
            "wildcard",
            with_hosts(|document| {
                plugin(document)["rules"][0]["match"]["hosts"] = json!(["*.open.example", "www.example.com"]);
            }),
            &[],
        ),
    ] {
        assert_warns(name, &document, expected);
    }
    let mut without_hosts = document("envoy.yaml");
    settings(true, false, None)(&mut without_hosts);
    assert_warns("no-hosts", &without_hosts, &[]);
}

#[test]
fn check_hosts_in_a_mesh_without_ignored_ports_is_a_warning() {
    let config = |ignores: bool| {
        json!({
            "providers": { "okta": { "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["a"], "remote_jwks": { "cluster": "okta" } } },
            "rules": [{ "match": { "hosts": ["a"] }, "requires": {} }],
            FIELD: ignores,
        })
    };
    for (name, document) in [
        ("istio", json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": config(false) } })),
        (
            "gateway",
            json!({ "kind": "EnvoyExtensionPolicy", "spec": { "wasm": [{ "config": config(false) }] } }),
        ),
        (
            "patch",
            json!({ "kind": "EnvoyFilter", "spec": { "configPatches": [{ "patch": { "value": { "typed_config": { "config": {
                "name": "okta", "configuration": { "@type": "x/google.protobuf.Struct", "value": config(false) } } } } } },
                { "applyTo": "NETWORK_FILTER", "patch": { "operation": "MERGE", "value": { "typed_config": { "@type": MANAGER, "stream_idle_timeout": "7s" } } } }] } }),
        ),
    ] {
        assert_warns(name, &document, &["ignore the port of a host"]);
        let ignoring = serde_json::from_str(
            &document.to_string().replace(&format!("\"{FIELD}\":false"), &format!("\"{FIELD}\":true")),
        );
        assert_warns(&format!("{name}-ignoring"), &ignoring.unwrap(), &[]);
    }
}
