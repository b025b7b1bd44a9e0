//! What `okta-authz check` says of the guard in resources of Istio and Envoy Gateway.

use serde_json::{Value, json};

use super::findings::*;

#[test]
fn check_guard_of_istio_is_proved_where_it_is_in_the_file() {
    let file = || yaml("deploy/istio/gateway.yaml");
    let with = |name: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let mut documents = file();
        documents[0]["spec"]["sha256"] = json!("a".repeat(64));
        change(&mut documents);
        findings(&format!("istio-{name}"), &text(&documents))
    };
    assert_silent("good", &with("good", &|_| {}));
    let found = with("absent", &|documents| drop(documents.remove(1)));
    assert!(
        found.warnings.is_empty() && found.notes[0].contains("no `EnvoyFilter` in this file adds a guard"),
        "{:?}",
        found.notes
    );
    let guard = "/spec/configPatches/0/patch/value/typed_config";
    for (name, pointer, value, says) in [
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
    ] {
        let found = with(name, &|documents| *documents[1].pointer_mut(&pointer).unwrap() = value.clone());
        assert_warns(name, &found, says);
    }
    assert_silent(
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
    // In place of WasmPlugin: patches apply in their order.
    let file = yaml("deploy/istio/envoyfilter.yaml");
    assert_silent("envoyfilter", &findings("istio-envoyfilter", &text(&file)));
    let mut swapped = file;
    swapped[0]["spec"]["configPatches"].as_array_mut().unwrap().swap(0, 1);
    assert_warns("swapped", &findings("istio-swapped", &text(&swapped)), "stands in front of this filter");
}

#[test]
fn check_guard_of_envoy_gateway_is_proved_where_it_is_in_the_file() {
    let with = |name: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let mut documents = yaml("deploy/envoy-gateway/policy.yaml");
        documents[0]["spec"]["wasm"][0]["code"]["image"]["sha256"] = json!("a".repeat(64));
        change(&mut documents);
        findings(&format!("gateway-{name}"), &text(&documents))
    };
    assert_silent("good", &with("good", &|_| {}));
    for (name, pointer, value, says) in [
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
        assert_warns(name, &found, says);
    }
}
