//! `okta-authz check`: the guard in resources of Istio and Envoy Gateway.

use serde_json::{Value, json};

use super::findings::*;

#[test]
fn check_istio_guard_in_file_is_proved() {
    let file = || yaml("deploy/istio/gateway.yaml");
    let with = |name: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let mut documents = file();
        documents[0]["spec"]["sha256"] = json!("a".repeat(64));
        change(&mut documents);
        findings(&format!("istio-{name}"), &text(&documents))
    };
    assert_no_findings("good", &with("good", &|_| {}));
    let found = with("absent", &|documents| drop(documents.remove(1)));
    assert!(
        found.warnings.is_empty() && found.notes[0].contains("no `EnvoyFilter` in this file adds a guard"),
        "{:?}",
        found.notes
    );
    let guard = "/spec/configPatches/0/patch/value/typed_config";
    for (name, pointer, value, problem) in [
        ("log", format!("{guard}/rules/action"), json!("LOG"), "`action: LOG`"),
        ("open", format!("{guard}/rules"), rules(json!([{ "any": true }])), "which does not require"),
        (
            "first",
            "/spec/configPatches/0/patch/operation".to_owned(),
            json!("INSERT_FIRST"),
            "is not inserted right before the router",
        ),
        (
            "no-router",
            "/spec/configPatches/0/match/listener/filterChain/filter/subFilter".to_owned(),
            json!({}),
            "is not inserted right before",
        ),
        (
            "outbound",
            "/spec/configPatches/0/match/context".to_owned(),
            json!("SIDECAR_OUTBOUND"),
            "`SIDECAR_OUTBOUND`",
        ),
        (
            "labels",
            "/spec/workloadSelector/labels".to_owned(),
            json!({ "istio": "egress" }),
            "is not on every workload",
        ),
        (
            "more-labels",
            "/spec/workloadSelector/labels".to_owned(),
            json!({ "istio": "ingress", "a": "b" }),
            "is not on every workload",
        ),
        ("namespace", "/metadata/namespace".to_owned(), json!("default"), "is not on every workload"),
        (
            "network",
            "/spec/configPatches/0/applyTo".to_owned(),
            json!("NETWORK_FILTER"),
            "is not inserted right before the router",
        ),
    ] {
        let found = with(name, &|documents| *documents[1].pointer_mut(&pointer).unwrap() = value.clone());
        assert_warns(name, &found, problem);
    }
    assert_no_findings(
        "all workloads",
        &with("all", &|documents| {
            documents[1]["spec"].as_object_mut().unwrap().remove("workloadSelector");
        }),
    );
    let found = with("twice", &|documents| {
        let mut second = documents[0].clone();
        second["metadata"]["name"] = json!("okta-authz-2");
        documents.push(second);
    });
    assert_warns("twice", &found, "2 configurations of this filter are for the same workloads");
    let found = with("override", &|documents| {
        documents[1]["spec"]["configPatches"].as_array_mut().unwrap().push(json!({
            "applyTo": "VIRTUAL_HOST",
            "patch": { "operation": "MERGE", "value": {
                "typed_per_filter_config": { "okta-authz-guard": per_route(Value::Null) } } },
        }));
    });
    assert_warns("override", &found, "typed_per_filter_config.okta-authz-guard: disables the guard");
    for operation in ["MERGE", "REMOVE", "REPLACE"] {
        let found = with(operation, &|documents| {
            let patches = documents[1]["spec"]["configPatches"].as_array_mut().unwrap();
            let mut patch = patches[0].clone();
            patch["patch"] = json!({ "operation": operation, "value": { "disabled": true } });
            patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"] =
                json!("okta-authz-guard");
            patches.push(patch);
        });
        assert_warns(operation, &found, "changes the guard `okta-authz-guard`");
    }
    let found = with("default-ca", &|documents| {
        let tls = documents[3].pointer_mut("/spec/trafficPolicy/tls").unwrap().as_object_mut().unwrap();
        drop(tls.remove("caCertificates"));
    });
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert!(found.notes.iter().any(|note| note.contains("has no `caCertificates`")), "{:?}", found.notes);
    // Istio applies patches in order. This file has patches in place of a `WasmPlugin`, and inserts
    // the filter before all others, which does not depend on the order.
    let file = yaml("deploy/istio/envoyfilter.yaml");
    assert_no_findings("envoyfilter", &findings("istio-envoyfilter", &text(&file)));
    let mut swapped = file;
    let patches = swapped[0]["spec"]["configPatches"].as_array_mut().unwrap();
    patches.swap(0, 1);
    let is_first = findings("istio-swapped-first", &text(&swapped));
    assert_no_findings("swapped, first", &is_first);
    let patches = swapped[0]["spec"]["configPatches"].as_array_mut().unwrap();
    patches[1]["match"] = patches[0]["match"].clone();
    patches[1]["patch"]["operation"] = json!("INSERT_BEFORE");
    assert_warns("swapped", &findings("istio-swapped", &text(&swapped)), "is before this filter");
}

#[test]
fn check_envoy_gateway_guard_in_file_is_proved() {
    let with = |name: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let mut documents = yaml("deploy/envoy-gateway/policy.yaml");
        documents[0]["spec"]["wasm"][0]["code"]["image"]["sha256"] = json!("a".repeat(64));
        change(&mut documents);
        findings(&format!("gateway-{name}"), &text(&documents))
    };
    assert_no_findings("good", &with("good", &|_| {}));
    for (name, pointer, value, problem) in [
        (
            "log",
            "/spec/jsonPatches/1/operation/value/typed_config/rules/action",
            json!("LOG"),
            "`action: LOG`",
        ),
        (
            "place",
            "/spec/jsonPatches/1/operation/jsonPath",
            json!("..http_filters[0]"),
            "is not added right before",
        ),
        ("target", "/spec/targetRef/name", json!("other"), "is for another Gateway"),
        (
            "cluster",
            "/spec/jsonPatches/0/operation/value/transport_socket/typed_config/sni",
            json!("other.example"),
            "sends the SNI \"other.example\"",
        ),
    ] {
        let found = with(name, &|documents| *documents[2].pointer_mut(pointer).unwrap() = value.clone());
        assert_warns(name, &found, problem);
    }
}

#[test]
fn check_envoy_gateway_backend_without_tls_for_the_host_is_a_warning() {
    let with = |name: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let mut documents = yaml("deploy/envoy-gateway/backend.yaml");
        change(&mut documents);
        findings(&format!("backend-{name}"), &text(&documents))
    };
    let good = with("good", &|_| {});
    assert!(good.warnings.is_empty(), "{:?}", good.warnings);
    assert!(!good.notes.iter().any(|note| note.contains("remote_jwks")), "{:?}", good.notes);
    let hostname = |value: Value| {
        move |documents: &mut Vec<Value>| documents[1]["spec"]["validation"]["hostname"] = value.clone()
    };
    assert_warns("host", &with("host", &hostname(json!("x.example"))), "is for the host \"x.example\"");
    assert_warns("no-host", &with("no-host", &hostname(Value::Null)), "is for the host \"\"");
    let insecure = |documents: &mut Vec<Value>| {
        documents[0]["spec"]["tls"] = json!({ "insecureSkipVerify": true });
    };
    assert_warns("insecure", &with("insecure", &insecure), "`insecureSkipVerify`");
    for (name, absent, problem) in [
        ("no-policy", 1, "no `BackendTLSPolicy` in this file adds TLS for \"okta\""),
        ("no-route", 2, "check cannot see its TLS"),
        ("no-backend", 0, "check cannot see its TLS"),
    ] {
        let found = with(name, &|documents| drop(documents.remove(absent)));
        assert!(found.warnings.is_empty(), "{name}: {:?}", found.warnings);
        assert!(found.notes.iter().any(|note| note.contains(problem)), "{name}: {:?}", found.notes);
    }
}

#[test]
fn check_istio_guard_with_narrower_conditions_is_a_warning() {
    let conditions = [
        ("/listener/portNumber", json!(8080)),
        ("/listener/name", json!("x")),
        ("/listener/filterChain/sni", json!("a.example")),
        ("/listener/filterChain/destinationPort", json!(80)),
        ("/listener/filterChain/applicationProtocols", json!("h2")),
        ("/proxy", json!({ "proxyVersion": "1.30" })),
    ];
    let set = |patch: &mut Value, pointer: &str, value: &Value| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        patch["match"].pointer_mut(parent).unwrap()[name] = value.clone();
    };
    for (index, (pointer, value)) in conditions.iter().enumerate() {
        let mut documents = yaml("deploy/istio/gateway.yaml");
        set(&mut documents[1]["spec"]["configPatches"][0], pointer, value);
        let found = findings(&format!("narrow-{index}"), &text(&documents));
        assert_warns(pointer, &found, "is not wherever this filter is");
        // The plugin has conditions, too.
        documents[0]["spec"]["match"] = json!([{ "ports": [{ "number": 8080 }] }]);
        let found = findings(&format!("narrow-match-{index}"), &text(&documents));
        assert!(found.warnings.is_empty(), "{pointer}: {:?}", found.warnings);
        let mut documents = yaml("deploy/istio/envoyfilter.yaml");
        let patches = documents[0]["spec"]["configPatches"].as_array_mut().unwrap();
        set(&mut patches[1], pointer, value);
        assert_warns(pointer, &findings("narrow-one", &text(&documents)), "is not wherever this filter is");
        set(&mut documents[0]["spec"]["configPatches"][0], pointer, value);
        assert_no_findings(pointer, &findings("narrow-both", &text(&documents)));
    }
    let mut documents = yaml("deploy/istio/envoyfilter.yaml");
    documents[0]["spec"]["configPatches"][1]["match"]["context"] = json!("SIDECAR_INBOUND");
    assert_warns("context", &findings("narrow-context", &text(&documents)), "`match.context:");
    documents[0]["spec"]["configPatches"][1]["match"]["context"] = json!("ANY");
    assert_no_findings("any", &findings("narrow-any", &text(&documents)));
}
