//! `okta-authz check`: the guard and the cluster of Okta in Envoy Gateway's resources.

use serde_json::{Value, json};

use super::findings::*;

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
        (
            "other-filters",
            "/spec/jsonPatches/1/operation/jsonPath",
            json!("..http_filters[?(@.name!='envoy.filters.http.router')]"),
            "is not added right before the router of every filter chain",
        ),
        (
            "one-chain",
            "/spec/jsonPatches/1/operation/jsonPath",
            json!("$.filter_chains[0]..http_filters[?(@.name=='envoy.filters.http.router')]"),
            "is not added right before the router of every filter chain",
        ),
        ("member", "/spec/jsonPatches/1/operation/path", json!("metadata"), "without `path`"),
        (
            "type",
            "/spec/jsonPatches/1/type",
            json!("type.googleapis.com/envoy.config.route.v3.RouteConfiguration"),
            "is not for a listener",
        ),
        ("target", "/spec/targetRef/name", json!("other"), "is for another Gateway"),
        (
            "cluster",
            "/spec/jsonPatches/0/operation/value/transport_socket/typed_config/sni",
            json!("other.example"),
            "sends the SNI \"other.example\"",
        ),
    ] {
        let found = with(name, &|documents| {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            documents[2].pointer_mut(parent).unwrap()[field] = value.clone();
        });
        assert_warns(name, &found, problem);
    }
    let found = with("spelling", &|documents| {
        let path = r#"$..http_filters[?(@.name == "envoy.filters.http.router")]"#;
        documents[2]["spec"]["jsonPatches"][1]["operation"]["jsonPath"] = json!(path);
    });
    assert_no_findings("spelling", &found);
    let found = with("selectors", &|documents| {
        let policy = documents[0]["spec"].as_object_mut().unwrap();
        drop(policy.remove("targetRefs"));
        let selector = json!([{ "kind": "Gateway", "matchLabels": { "team": "a" } }]);
        policy.insert("targetSelectors".to_owned(), selector);
    });
    assert_warns("selectors", &found, "may not be for each Gateway that `targetSelectors`");
}

#[test]
fn check_envoy_gateway_patch_that_changes_the_guard_is_a_warning() {
    let guard = "..http_filters[?(@.name=='okta-authz-guard')]";
    let changes = Some("can change the guard `okta-authz-guard`");
    let overrides = Some("overrides the guard `okta-authz-guard`");
    let open = json!({ "okta-authz-guard": per_route(Value::Null) });
    for (name, operation, problem) in [
        ("remove", json!({ "op": "remove", "jsonPath": guard }), changes),
        ("replace", json!({ "op": "replace", "jsonPath": guard, "value": {} }), changes),
        ("disable", json!({ "op": "add", "jsonPath": guard, "path": "disabled", "value": true }), changes),
        (
            "index",
            json!({ "op": "remove", "path": "/filter_chains/0/filters/0/typed_config/http_filters/1" }),
            changes,
        ),
        (
            "routes",
            json!({ "op": "add", "jsonPath": "..routes[*]", "path": "typed_per_filter_config", "value": open }),
            overrides,
        ),
        (
            "route",
            json!({ "op": "add", "path": "/virtual_hosts/0/typed_per_filter_config/okta-authz-guard", "value": per_route(Value::Null) }),
            overrides,
        ),
        // It inserts another filter before the guard.
        ("before", json!({ "op": "add", "jsonPath": guard, "value": { "name": "other" } }), None),
        (
            "other",
            json!({ "op": "remove", "jsonPath": "..http_filters[?(@.name=='envoy.filters.http.cors')]" }),
            None,
        ),
        ("test", json!({ "op": "test", "jsonPath": guard, "value": {} }), None),
    ] {
        let mut documents = yaml("deploy/envoy-gateway/policy.yaml");
        documents[0]["spec"]["wasm"][0]["code"]["image"]["sha256"] = json!("a".repeat(64));
        let url = "type.googleapis.com/envoy.config.listener.v3.Listener";
        let patch = json!({ "type": url, "name": "default/eg/http", "operation": operation });
        documents[2]["spec"]["jsonPatches"].as_array_mut().unwrap().push(patch);
        let found = findings(&format!("gateway-change-{name}"), &text(&documents));
        match problem {
            Some(problem) => assert_warns(name, &found, problem),
            None => assert_no_findings(name, &found),
        }
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
