//! Values that the chart rejects, each with a message that names the value.

use std::path::Path;

use serde_json::{Value, json};
use test_support::root;

use crate::chart::{CHART, ENVOY_GATEWAY, Example, ISTIO_GATEWAY, ISTIO_SIDECAR, helm, render_chart};

/// Asserts that the chart rejects an example with changes. A null removes a value.
fn assert_error(example: Example, changes: &Value, expected: &str) {
    assert_values_error(example, &example.with(changes), changes, expected);
}

fn assert_values_error(example: Example, values: &Value, changes: &Value, expected: &str) {
    let message = render_chart(Path::new(CHART), example.1, values).err().unwrap_or_default();
    assert!(message.contains(expected), "{changes}\n  expected: {expected}\n  got: {message}");
}

/// Returns a value at a path with dots.
fn at(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, name| json!({ name: inner }))
}

#[test]
fn value_against_the_schema_is_rejected() {
    for (path, value, expected) in [
        ("platform", json!("kong"), "at '/platform': value must be one of 'istio', 'envoy-gateway'"),
        ("unknown", json!(1), "at '': additional properties 'unknown' not allowed"),
        ("image.name", json!("a"), "at '/image': additional properties 'name' not allowed"),
        ("image.registry", json!("oci://registry.example.com"), "at '/image/registry': "),
        ("image.registry", json!("ghcr.io/OWNER"), "at '/image/registry': "),
        ("image.registry", json!(""), "at '/image/registry': "),
        ("image.repository", json!("a:b"), "at '/image/repository': "),
        ("image.tag", json!(1), "at '/image/tag': got number, want string"),
        ("image.digest", json!("sha256:12"), "at '/image/digest': 'sha256:12' does not match pattern"),
        ("image.digest", json!("A".repeat(64)), "at '/image/digest': "),
        ("image.pullPolicy", json!("Never"), "at '/image/pullPolicy': "),
        ("image.pullSecret", json!("a b"), "at '/image/pullSecret': "),
        ("module.url", json!("ftp://a/b"), "at '/module/url': "),
        ("module.sha256", json!("0"), "at '/module/sha256': "),
        ("fullnameOverride", json!("Okta"), "at '/fullnameOverride': "),
        (
            "failStrategy",
            json!("FAIL_OPEN"),
            "at '/failStrategy': value must be one of 'FAIL_RELOAD', 'FAIL_CLOSE'",
        ),
        ("guard.enabled", json!("false"), "at '/guard/enabled': got string, want boolean"),
        ("guard.disabledReason", json!(true), "at '/guard/disabledReason': got boolean, want string"),
        ("http.streamIdleTimeout", json!("5s"), "at '/http/streamIdleTimeout': '5s' does not match pattern"),
        ("http.streamIdleTimeout", json!("0s"), "at '/http/streamIdleTimeout': "),
        ("http.streamIdleTimeout", json!(7), "at '/http/streamIdleTimeout': got number, want string"),
        ("http.create", json!("yes"), "at '/http/create': "),
        ("okta.caFile", json!("ca.pem"), "at '/okta/caFile': "),
        ("okta.name", json!("a\nb"), "at '/okta/name': "),
        ("okta.create", json!(0), "at '/okta/create': "),
        ("istio.mode", json!("ambient"), "at '/istio/mode': value must be one of 'gateway', 'sidecar'"),
        ("istio.selector.app", json!(1), "at '/istio/selector/app': got number, want string"),
        ("istio.selector", json!("app=a"), "at '/istio/selector': got string, want object"),
        ("istio.targetRefs", json!([{}]), "at '/istio/targetRefs/0': missing property 'name'"),
        ("istio.targetRefs", json!([{ "name": "a", "kind": "Service" }]), "at '/istio/targetRefs/0/kind': "),
        ("istio.priority", json!("1"), "at '/istio/priority': got string, want integer"),
        ("istio.ports", json!(["8080"]), "at '/istio/ports/0': got string, want integer"),
        ("istio.ports", json!([0]), "at '/istio/ports/0': "),
        ("istio.egress.hosts", json!(["acme.okta.com"]), "at '/istio/egress/hosts/0': "),
        (
            "envoyGateway.listeners",
            json!(["http"]),
            "at '/envoyGateway/listeners/0': got string, want object",
        ),
        ("envoyGateway.listeners", json!([{ "name": "http", "quic": true }]), "additional properties 'quic'"),
        ("envoyGateway.xdsNameScheme", json!("v2"), "at '/envoyGateway/xdsNameScheme': "),
        ("envoyGateway.gateway", json!(""), "at '/envoyGateway/gateway': "),
        (
            "envoyGateway.envoyProxy.filterOrder",
            json!([{ "name": "a" }]),
            "at '/envoyGateway/envoyProxy/filterOrder/0'",
        ),
        ("config.rule", json!([]), "at '/config': additional properties 'rule' not allowed"),
        (
            "config.rules",
            json!([{ "match": {}, "require": {} }]),
            "at '/config/rules/0': additional properties 'require'",
        ),
        ("config.providers.okta.audiences", json!("a"), "at '/config/providers/okta/audiences': "),
        ("config.providers.okta.algorithms", json!(["HS256"]), "at '/config/providers/okta/algorithms/0': "),
        ("config.providers.okta.audience", json!("a"), "additional properties 'audience' not allowed"),
        (
            "config.providers.okta.remote_jwks",
            json!({ "ttl": "1s" }),
            "additional properties 'ttl' not allowed",
        ),
        ("config.providers", Value::Null, "at '/config': missing property 'providers'"),
    ] {
        assert_error(ISTIO_GATEWAY, &at(path, value), expected);
    }
}

#[test]
fn default_values_alone_are_rejected() {
    let output = helm().args(["template", CHART]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for expected in ["at '': missing property 'platform'", "at '/config': missing property 'providers'"] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn missing_value_is_named() {
    let registry = "image.registry: is missing: must be the registry that you pushed the image to";
    for (example, path, expected) in [
        (ISTIO_GATEWAY, "image.registry", registry),
        (ENVOY_GATEWAY, "image.registry", registry),
        (
            ISTIO_GATEWAY,
            "istio.selector.istio",
            "istio.selector: is missing: must have the labels of the pods",
        ),
        (
            ENVOY_GATEWAY,
            "envoyGateway.gateway",
            "envoyGateway.gateway: is missing: must be the name of the Gateway",
        ),
        (ISTIO_GATEWAY, "config.providers.okta.issuer", "config.providers.okta.issuer: must be an https URL"),
    ] {
        assert_error(example, &at(path, Value::Null), expected);
    }
    let expected = "envoyGateway.listeners: is missing: must list every listener of the Gateway";
    assert_error(ENVOY_GATEWAY, &at("envoyGateway.listeners", json!([])), expected);
    let expected = "istio.ports: is missing: must list the ports of the container that have HTTP";
    assert_error(ISTIO_SIDECAR, &at("istio.ports", json!([])), expected);
}

#[test]
fn guard_without_a_reason_cannot_be_disabled() {
    for example in [ISTIO_GATEWAY, ISTIO_SIDECAR, ENVOY_GATEWAY] {
        assert_error(example, &at("guard.enabled", json!(false)), "guard.enabled: must be true: ");
    }
}

/// Helm removes a default whose value is null. A template must not read it as `false` or as an
/// empty list: `envoyGateway.listeners: null` would remove the guard.
#[test]
fn null_is_rejected_for_every_value() {
    let text = std::fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    let defaults: Value = serde_saphyr::from_str(&text).unwrap();
    let mut paths = Vec::new();
    collect_paths(&defaults, "", &mut paths);
    paths.retain(|path| !path.starts_with("config."));
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        let expected = match path.as_str() {
            "config" => "at '': missing property 'config'".to_owned(),
            path => format!("{path}: must not be null: omit it for the default"),
        };
        for example in [ISTIO_SIDECAR, ENVOY_GATEWAY] {
            let mut values = example.with(&at(&path, json!("null follows")));
            *values.pointer_mut(&format!("/{}", path.replace('.', "/"))).unwrap() = Value::Null;
            assert_values_error(example, &values, &json!(path), &expected);
        }
    }
}

fn collect_paths(values: &Value, prefix: &str, paths: &mut Vec<String>) {
    for (name, value) in values.as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        collect_paths(value, &format!("{path}."), paths);
        paths.push(path);
    }
}

#[test]
fn contradiction_is_rejected() {
    let refs = json!([{ "name": "eg" }]);
    let zeros = format!("sha256:{}", "0".repeat(64));
    let module = |url: &str| json!({ "image": { "registry": null }, "module": { "url": url } });
    for (example, values, expected) in [
        (
            ISTIO_GATEWAY,
            at("image.digest", json!(zeros)),
            "image.digest: must be the digest of your build, not a placeholder",
        ),
        (
            ENVOY_GATEWAY,
            at("image.digest", json!(zeros)),
            "image.digest: must be the digest of your build, not a placeholder",
        ),
        (
            ISTIO_GATEWAY,
            at("module.url", json!("https://a/b")),
            "module.url: must not be set together with image.registry",
        ),
        (
            ISTIO_GATEWAY,
            module("http://a.example/b.wasm"),
            "module.sha256: is missing: must be the digest of the module",
        ),
        (ENVOY_GATEWAY, module("file:///b.wasm"), "module.url: must be an https or http URL"),
        (
            ISTIO_GATEWAY,
            at("istio.targetRefs", refs.clone()),
            "istio.targetRefs: must not be set together with istio.selector",
        ),
        (
            ISTIO_SIDECAR,
            json!({ "istio": { "selector": { "app": null }, "targetRefs": refs } }),
            "istio.targetRefs: must not be set with istio.mode sidecar",
        ),
        (
            ISTIO_GATEWAY,
            at("okta.create", json!(false)),
            "config.providers.okta.remote_jwks.cluster: is missing: must be the name of a cluster of the proxy",
        ),
        (
            ENVOY_GATEWAY,
            at("envoyGateway.xdsNameScheme", json!("V2")),
            "envoyGateway.listeners: the listener \"http\" must have a port, because envoyGateway.xdsNameScheme is V2",
        ),
    ] {
        assert_error(example, &values, expected);
    }
}

/// The host of a URL becomes the host of a ServiceEntry and the name that TLS checks.
#[test]
fn url_without_a_usable_host_is_rejected() {
    for url in [
        "http://acme.okta.com/oauth2/default",
        "https://",
        "https:///oauth2",
        "https://10.0.0.1/oauth2/default",
        "https://[::1]/oauth2/default",
        "https://user@acme.okta.com/oauth2/default",
        "https://ACME.okta.com/oauth2/default",
        "https://acme.okta.com:port/oauth2/default",
        "https://acme.okta.com\n/oauth2/default",
        "https://acme.okta.com?x",
        "acme.okta.com",
        "",
    ] {
        for example in [ISTIO_GATEWAY, ENVOY_GATEWAY] {
            let expected =
                "config.providers.okta.issuer: must be an https URL with a host name in lower case";
            assert_error(example, &at("config.providers.okta.issuer", json!(url)), expected);
            let expected =
                "config.providers.okta.remote_jwks.uri: must be an https URL with a host name in lower case";
            if !url.is_empty() {
                assert_error(example, &at("config.providers.okta.remote_jwks.uri", json!(url)), expected);
            }
            let expected = "config.denylist.remote.uri: must be an https URL with a host name in lower case";
            assert_error(example, &at("config.denylist.remote.uri", json!(url)), expected);
        }
    }
}
