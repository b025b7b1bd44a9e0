//! `okta-authz check`: settings of Envoy Gateway with which requests have no guard or no filter. Each
//! fault is reported, and the manifest without it is not.

use serde_json::{Value, json};

use super::findings::*;

const POLICY: &str = "deploy/envoy-gateway/policy.yaml";
const BACKEND: &str = "deploy/envoy-gateway/backend.yaml";

/// Returns the findings about `policy.yaml` with changes, without the note about the digest.
pub(crate) fn with(name: &str, change: &dyn Fn(&mut Vec<Value>)) -> Findings {
    let mut documents = yaml(POLICY);
    documents[0]["spec"]["wasm"][0]["code"]["image"]["sha256"] = json!("a".repeat(64));
    change(&mut documents);
    findings(&format!("gateway-{name}"), &text(&documents))
}

pub(crate) fn resource(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": "default" }, "spec": spec })
}

pub(crate) fn target(kind: &str, name: &str) -> Value {
    json!([{ "group": "gateway.networking.k8s.io", "kind": kind, "name": name }])
}

fn gateway(listeners: &[(&str, &str, u16)]) -> Value {
    let listeners: Vec<Value> = listeners
        .iter()
        .map(|(name, protocol, port)| json!({ "name": name, "protocol": protocol, "port": port }))
        .collect();
    resource("Gateway", "eg", json!({ "gatewayClassName": "eg", "listeners": listeners }))
}

/// Adds a copy of the guard patch for the xDS listener of each name.
fn add_guards(documents: &mut [Value], names: &[&str]) {
    let patches = documents[2]["spec"]["jsonPatches"].as_array_mut().unwrap();
    for name in names {
        let mut patch = patches[1].clone();
        patch["name"] = json!(name);
        patches.push(patch);
    }
}

#[test]
fn check_listener_without_a_guard_patch_is_a_warning() {
    let (http, https) = (("http", "HTTP", 80), ("https", "HTTPS", 443));
    for (name, listeners, guards, expected) in [
        ("one", &[http][..], &[][..], &[][..]),
        (
            "two",
            &[http, https],
            &[],
            &["no guard patch in this file is for the xDS listener `default/eg/https`"],
        ),
        ("both", &[http, https], &["default/eg/https"], &[]),
        ("v2", &[http, https], &["tcp-443"], &[]),
        ("shared", &[http, ("admin", "HTTP", 80)], &[], &[]),
        (
            "second",
            &[("first", "HTTP", 80), http],
            &[],
            &["the xDS listener `default/eg/first`", "the guard patch for `default/eg/http` has no effect"],
        ),
        ("typo", &[http], &["default/eg/htp"], &["the guard patch for `default/eg/htp` has no effect"]),
        ("other", &[], &["prod/eg/http"], &["the guard patch for `prod/eg/http` has no effect"]),
        ("tcp", &[http, ("db", "TCP", 5432)], &[], &["Gateway/eg.spec.listeners[1]: has the protocol `TCP`"]),
        ("tls", &[http, ("db", "TLS", 8443)], &[], &["Gateway/eg.spec.listeners[1]: has the protocol `TLS`"]),
    ] {
        let found = with(&format!("listener-{name}"), &|documents| {
            if !listeners.is_empty() {
                documents.push(gateway(listeners));
            }
            add_guards(documents, guards);
        });
        assert_eq!(found.warnings.len(), expected.len(), "{name}: {:?}", found.warnings);
        expected.iter().for_each(|problem| assert_warns(name, &found, problem));
    }
}

#[test]
fn check_listener_that_the_policy_does_not_target_needs_no_guard() {
    let both = || gateway(&[("http", "HTTP", 80), ("https", "HTTPS", 443)]);
    let found = with("listener-section", &|documents| {
        documents[0]["spec"]["targetRefs"][0]["sectionName"] = json!("http");
        documents.push(both());
    });
    assert_no_findings("sectionName", &found);
    // `kubectl` and Helm add the namespace.
    let found = with("listener-namespace", &|documents| {
        for document in documents.iter_mut() {
            drop(document["metadata"].as_object_mut().unwrap().remove("namespace"));
        }
        for patch in documents[2]["spec"]["jsonPatches"].as_array_mut().unwrap() {
            let name = patch["name"].as_str().unwrap().replace("default/", "prod/");
            patch["name"] = json!(name);
        }
    });
    assert_no_findings("no namespace", &found);
}

#[test]
fn check_listener_set_without_a_guard_patch_is_a_warning() {
    let set = |kind: &str, gateway: &str, protocol: &str, port: u16| {
        let listener = json!({ "name": "web", "protocol": protocol, "port": port });
        resource(kind, "more", json!({ "parentRef": { "name": gateway }, "listeners": [listener] }))
    };
    let unguarded = Some("no guard patch in this file is for the xDS listener `default/eg/default/more/web`");
    for (name, set, guards, expected) in [
        ("http", set("ListenerSet", "eg", "HTTP", 8080), &[][..], unguarded),
        ("experimental", set("XListenerSet", "eg", "HTTPS", 8080), &[], unguarded),
        ("guard", set("ListenerSet", "eg", "HTTP", 8080), &["default/eg/default/more/web"], None),
        ("v2", set("ListenerSet", "eg", "HTTP", 8080), &["tcp-8080"], None),
        // The xDS listener of a port has the name of the listener of the Gateway.
        ("shared", set("ListenerSet", "eg", "HTTP", 80), &[], None),
        ("other", set("ListenerSet", "other", "HTTP", 8080), &[], None),
        (
            "tcp",
            set("ListenerSet", "eg", "TCP", 8080),
            &[],
            Some("ListenerSet/more.spec.listeners[0]: has the protocol `TCP`"),
        ),
    ] {
        let found = with(&format!("set-{name}"), &|documents| {
            documents.extend([gateway(&[("http", "HTTP", 80)]), set.clone()]);
            add_guards(documents, guards);
        });
        match expected {
            Some(problem) => assert_warns(name, &found, problem),
            None => assert_no_findings(name, &found),
        }
    }
    let found = with("set-alone", &|documents| documents.push(set("ListenerSet", "eg", "HTTP", 8080)));
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert!(found.notes[0].contains("each listener of this `ListenerSet`"), "{:?}", found.notes);
    let found = with("set-policy", &|documents| {
        let targets = target("ListenerSet", "more");
        documents.push(resource(
            "EnvoyExtensionPolicy",
            "other",
            json!({ "targetRefs": targets, "wasm": [] }),
        ));
    });
    assert_warns("policy", &found, "replaces the one of the Gateway for its `ListenerSet`");
}

#[test]
fn check_http3_without_a_guard_patch_is_a_warning() {
    let https = [("http", "HTTPS", 443)];
    for (name, listeners, guards, is_found) in [
        ("gateway", Some(&https), &[][..], true),
        ("gateway-guard", Some(&https), &["default/eg/http-quic"], false),
        ("gateway-v2", Some(&https), &["udp-443"], false),
        ("alone", None, &[], true),
        ("alone-guard", None, &["default/eg/http-quic"], false),
        // HTTP/3 needs TLS.
        ("plain", Some(&[("http", "HTTP", 80)]), &[], false),
    ] {
        let found = with(&format!("http3-{name}"), &|documents| {
            documents[1]["spec"]["http3"] = json!({});
            documents.extend(listeners.map(|listeners| gateway(listeners)));
            add_guards(documents, guards);
        });
        match is_found {
            true => assert_warns(name, &found, "its requests have no guard"),
            false => assert_no_findings(name, &found),
        }
    }
    let found = with("http3-other", &|documents| {
        let spec = json!({ "targetRefs": target("Gateway", "other"), "http3": {} });
        documents.push(resource("ClientTrafficPolicy", "other", spec));
    });
    assert_no_findings("another Gateway", &found);
}

#[test]
fn check_guard_patch_with_names_of_the_other_scheme_is_a_warning() {
    let config = |flags: Value| json!({ "apiVersion": "v1", "kind": "EnvoyGateway", "runtimeFlags": { "enabled": flags } });
    for (name, flags, guard, is_found) in [
        ("off", json!([]), None, false),
        ("on", json!(["XDSNameSchemeV2"]), None, true),
        ("on-guard", json!(["XDSNameSchemeV2"]), Some("tcp-80"), false),
        ("off-guard", json!([]), Some("tcp-80"), true),
    ] {
        let found = with(&format!("scheme-{name}"), &|documents| {
            documents.extend([gateway(&[("http", "HTTP", 80)]), config(flags.clone())]);
            if let Some(guard) = guard {
                for patch in documents[2]["spec"]["jsonPatches"].as_array_mut().unwrap() {
                    if patch["name"] == "default/eg/http" {
                        patch["name"] = json!(guard);
                    }
                }
            }
        });
        match is_found {
            true => assert_warns(
                name,
                &found,
                "no guard patch in this file is for the xDS listener `default/eg/http`",
            ),
            false => assert_no_findings(name, &found),
        }
    }
}

#[test]
fn check_policy_for_a_route_beside_the_guard_is_a_warning() {
    let route = |name: &str, spec: Value| {
        let mut policy = resource("EnvoyExtensionPolicy", name, spec);
        policy["spec"]["targetRefs"] = target("HTTPRoute", "orders");
        policy
    };
    let found =
        with("route-own", &|documents| documents[0]["spec"]["targetRefs"] = target("HTTPRoute", "orders"));
    assert_warns("own", &found, "EnvoyExtensionPolicy/okta-authz.spec.targetRefs: is an `HTTPRoute`");
    let other =
        "EnvoyExtensionPolicy/other.spec: this policy replaces the one of the Gateway for its `HTTPRoute`";
    let found = with("route-other", &|documents| documents.push(route("other", json!({ "wasm": [] }))));
    assert_warns("other", &found, other);
    let merged = json!({ "wasm": [], "mergeType": "StrategicMerge" });
    assert_no_findings(
        "merged",
        &with("route-merged", &|documents| documents.push(route("other", merged.clone()))),
    );
    // A route with its own copy of the filter has filter and guard.
    let found = with("route-copy", &|documents| {
        let copy = documents[0]["spec"].clone();
        documents.push(route("other", copy));
    });
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    let found = with("route-unguarded", &|documents| {
        documents.truncate(2);
        documents.push(route("other", json!({ "wasm": [] })));
    });
    assert!(found.warnings.is_empty(), "without a guard: {:?}", found.warnings);
}

#[test]
fn check_generated_cluster_with_merge_backends_is_a_warning() {
    let proxy = || resource("EnvoyProxy", "eg", json!({ "mergeBackends": {} }));
    let config = json!({ "apiVersion": "v1", "kind": "EnvoyGateway", "envoyProxy": { "mergeBackends": {} } });
    for (name, other, is_found) in [
        ("proxy", Some(proxy()), true),
        ("config", Some(config), true),
        ("absent", Some(resource("EnvoyProxy", "eg", json!({}))), false),
        ("none", None, false),
    ] {
        let mut documents = yaml(BACKEND);
        documents.extend(other);
        let found = findings(&format!("merge-{name}"), &text(&documents));
        match is_found {
            true => assert_warns(
                name,
                &found,
                "providers.okta.remote_jwks.cluster: must not be `httproute/default/okta/rule/0`",
            ),
            false => assert!(found.warnings.is_empty(), "{name}: {:?}", found.warnings),
        }
    }
    assert_no_findings("policy.yaml", &with("merge-policy", &|documents| documents.push(proxy())));
}
