//! `okta-authz check`: the guard in resources of Istio.

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
        // A mode of the plugin does not limit it like the guard.
        documents[0]["spec"]["match"] = json!([{ "mode": "CLIENT" }]);
        let found = findings(&format!("narrow-mode-{index}"), &text(&documents));
        assert_warns(pointer, &found, "is not wherever this filter is");
        // The plugin can be for one port only, too.
        for number in [80, 8080] {
            documents[0]["spec"]["match"] = json!([{ "ports": [{ "number": number }] }]);
            let found = findings(&format!("narrow-match-{index}"), &text(&documents));
            match *value == json!(number) {
                true => assert!(found.warnings.is_empty(), "{pointer}: {:?}", found.warnings),
                false => assert_warns(pointer, &found, "is not wherever this filter is"),
            }
        }
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

#[test]
fn check_istio_guard_for_other_proxies_is_a_warning() {
    for (file, mode, context) in [
        ("deploy/istio/sidecar.yaml", "SERVER", "GATEWAY"),
        ("deploy/istio/gateway.yaml", "CLIENT", "SIDECAR_INBOUND"),
    ] {
        let mut documents = yaml(file);
        documents[0]["spec"]["match"] = json!([{ "mode": mode }]);
        let before = findings(&format!("proxies-{mode}"), &text(&documents));
        assert!(before.warnings.is_empty(), "{mode}: {:?}", before.warnings);
        documents[1]["spec"]["configPatches"][0]["match"]["context"] = json!(context);
        let found = findings(&format!("proxies-{mode}-{context}"), &text(&documents));
        assert_warns(
            mode,
            &found,
            &format!("`match.mode` is `{mode}`, and the guard has `context: {context}`"),
        );
    }
    for (name, refs, is_found) in [("same", ["a", "b"], false), ("one", ["a", "c"], true)] {
        let mut documents = yaml("deploy/istio/gateway.yaml");
        for (index, names) in [["a", "b"], refs].iter().enumerate() {
            let refs = names
                .map(|name| json!({ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name }));
            let spec = documents[index]["spec"].as_object_mut().unwrap();
            spec.retain(|field, _| !matches!(field.as_str(), "selector" | "workloadSelector"));
            spec.insert("targetRefs".to_owned(), json!(refs));
        }
        let found = findings(&format!("refs-{name}"), &text(&documents));
        match is_found {
            true => assert_warns(name, &found, "is not on every workload"),
            false => assert!(found.warnings.is_empty(), "{name}: {:?}", found.warnings),
        }
    }
}
