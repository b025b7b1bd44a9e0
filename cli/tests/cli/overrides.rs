//! `okta-authz check`: routes that override the guard.

use serde_json::{Value, json};

use super::findings::*;

/// The JSON pointers to all parts of a route configuration that can override the guard.
const POINTERS: [&str; 4] = [
    "",
    "/virtual_hosts/0",
    "/virtual_hosts/0/routes/0",
    "/virtual_hosts/0/routes/0/route/weighted_clusters/clusters/0",
];

fn with_override(name: &str, pointer: &str, filter: &str, entry: &Value) -> Findings {
    with_manager(name, &|manager| {
        let routes = &mut manager["route_config"];
        routes["virtual_hosts"][0]["routes"][0]["route"] =
            json!({ "weighted_clusters": { "clusters": [{ "name": "app", "weight": 1 }] } });
        routes.pointer_mut(pointer).unwrap()["typed_per_filter_config"] = json!({ filter: entry });
    })
}

#[test]
fn check_override_that_removes_the_guard_is_a_warning() {
    let enforced = json!({ "rules": rules(json!([permit()])) });
    let strict = json!({ "rules": rules(json!([{ "and_ids": { "ids": [permit(), policy()] } }])) });
    for (number, pointer) in POINTERS.iter().enumerate() {
        for (name, entry, problem) in [
            ("empty", per_route(Value::Null), "`RBACPerRoute` without `rbac`"),
            ("no-rules", per_route(json!({})), "has no `rules`"),
            ("shadow", per_route(json!({ "shadow_rules": rules(json!([permit()])) })), "but no `rules`"),
            ("any", per_route(json!({ "rules": rules(json!([{ "any": true }])) })), "which does not require"),
            ("log", per_route(json!({ "rules": { "action": "LOG", "policies": {} } })), "`action: LOG`"),
            ("off", wrapped(json!({ "disabled": true })), "`disabled: true`"),
            (
                "off-too",
                wrapped(json!({ "disabled": true, "config": per_route(enforced.clone()) })),
                "`disabled: true`",
            ),
            ("hidden", wrapped(json!({ "config": per_route(Value::Null) })), "`RBACPerRoute` without `rbac`"),
            (
                "hidden-optional",
                wrapped(json!({ "is_optional": true, "config": per_route(Value::Null) })),
                "without `rbac`",
            ),
            ("untyped", json!({}), "has no `@type`"),
        ] {
            let found =
                with_override(&format!("override-{number}-{name}"), pointer, "okta-authz-guard", &entry);
            assert_warns(&format!("{pointer} {name}"), &found, problem);
            assert!(found.warnings[0].starts_with("route_config"), "{:?}", found.warnings);
        }
        for (name, filter, entry) in [
            ("same", "okta-authz-guard", per_route(enforced.clone())),
            ("strict", "okta-authz-guard", per_route(strict.clone())),
            ("wrapped", "okta-authz-guard", wrapped(json!({ "config": per_route(strict.clone()) }))),
            (
                "enabled",
                "okta-authz-guard",
                wrapped(json!({ "disabled": false, "config": per_route(strict.clone()) })),
            ),
            ("empty-inside", "okta-authz-guard", wrapped(json!({ "config": {} }))),
            ("unrelated", "envoy.filters.http.rbac", per_route(Value::Null)),
            ("unrelated-off", "envoy.filters.http.cors", wrapped(json!({ "disabled": true }))),
        ] {
            assert_no_findings(
                name,
                &with_override(&format!("override-{number}-{name}"), pointer, filter, &entry),
            );
        }
    }
}

#[test]
fn check_rds_routes_in_file_are_checked() {
    let manager = |document: &mut Value| {
        let manager = document.pointer_mut(MANAGER).unwrap();
        let routes = manager.as_object_mut().unwrap().remove("route_config").unwrap();
        manager["rds"] = json!({ "route_config_name": "local", "config_source": { "ads": {} } });
        routes
    };
    let mut document = yaml("envoy.yaml").remove(0);
    let mut routes = manager(&mut document);
    let listener = document.pointer("/static_resources/listeners/0").cloned().unwrap();
    let found = findings("guard-rds-absent", &text(&[document.clone()]));
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert!(found.notes[0].starts_with("rds: these routes are not in this file"), "{:?}", found.notes);
    routes["@type"] = json!("type.googleapis.com/envoy.config.route.v3.RouteConfiguration");
    // Envoy reads one document of a file, so the listener is also in the list of resources.
    let mut cluster = document.pointer("/static_resources/clusters/1").cloned().unwrap();
    cluster["@type"] = json!("type.googleapis.com/envoy.config.cluster.v3.Cluster");
    let beside = |routes: &Value| text(&[json!({ "resources": [listener, routes, cluster] })]);
    assert_no_findings("rds", &findings("guard-rds", &beside(&routes)));
    routes["virtual_hosts"][0]["typed_per_filter_config"] =
        json!({ "okta-authz-guard": per_route(Value::Null) });
    let found = findings("guard-rds-open", &beside(&routes));
    assert_warns(
        "rds",
        &found,
        "routes \"local\".virtual_hosts[0].typed_per_filter_config.okta-authz-guard: disables",
    );
}
