//! What `okta-authz check` says of the guard: each change of a good configuration, and what it is warned of.

use serde_json::{Value, json};

use super::{okta_authz, root, scratch};

/// What `check` finds in a file: warnings, and notes, each as `path: problem`.
pub(crate) struct Findings {
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) errors: Vec<String>,
}

pub(crate) fn findings(name: &str, text: &str) -> Findings {
    let file = scratch(&format!("check-{name}.yaml"), text);
    let run = okta_authz(["check", "--json", file.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let of = |kind: &str| -> Vec<String> {
        let configurations = report["configurations"].as_array().unwrap().iter();
        let all = configurations.flat_map(|one| one[kind].as_array().unwrap());
        all.map(|one| format!("{}: {}", one["path"].as_str().unwrap(), one["problem"].as_str().unwrap()))
            .collect()
    };
    Findings { warnings: of("warnings"), notes: of("notes"), errors: of("errors") }
}

/// A file of the repository.
pub(crate) fn yaml(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&std::fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

/// The text of several documents.
pub(crate) fn text(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("---\n{document}\n")).collect()
}

const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

fn permit() -> Value {
    json!({ "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "granted" } } })
}

fn policy() -> Value {
    json!({ "filter_state": { "key": "wasm.okta.policy", "string_match": { "exact": "orders" } } })
}

fn rules(principals: Value) -> Value {
    json!({ "policies": { "a": { "permissions": [{ "any": true }], "principals": principals } } })
}

fn per_route(rbac: Value) -> Value {
    let kind = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
    let mut entry = json!({ "@type": kind });
    if !rbac.is_null() {
        entry["rbac"] = rbac;
    }
    entry
}

fn wrapped(members: Value) -> Value {
    let mut entry = json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig" });
    for (name, value) in members.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

/// What is found in the reference configuration with a change of its connection manager.
fn with_manager(name: &str, change: &dyn Fn(&mut Value)) -> Findings {
    let mut document = yaml("envoy.yaml").remove(0);
    change(document.pointer_mut(MANAGER).unwrap());
    findings(&format!("guard-{name}"), &text(&[document]))
}

fn with_guard(name: &str, change: &dyn Fn(&mut Value)) -> Findings {
    with_manager(name, &|manager| change(&mut manager["http_filters"][1]))
}

fn with_rbac(name: &str, rbac: &Value) -> Findings {
    with_guard(name, &|guard| {
        let kind = guard["typed_config"]["@type"].clone();
        guard["typed_config"] = rbac.clone();
        guard["typed_config"]["@type"] = kind;
    })
}

fn assert_silent(name: &str, found: &Findings) {
    assert!(
        found.warnings.is_empty() && found.notes.is_empty(),
        "{name}: {:?} {:?}",
        found.warnings,
        found.notes
    );
}

fn assert_warns(name: &str, found: &Findings, says: &str) {
    assert!(
        found.warnings.iter().any(|warning| warning.contains(says)),
        "{name}: {:?} {:?} {:?}",
        found.warnings,
        found.notes,
        found.errors
    );
}

#[test]
fn check_guard_that_proves_the_permit_is_silent() {
    let extra = json!({ "a": { "principals": [permit()] }, "b": { "principals": [{ "and_ids": { "ids": [permit(), policy()] } }] } });
    for (name, rbac) in [
        ("plain", json!({ "rules": rules(json!([permit()])) })),
        ("number", json!({ "rules": { "action": "ALLOW", "policies": extra } })),
        ("and", json!({ "rules": rules(json!([{ "and_ids": { "ids": [{ "any": true }, permit()] } }])) })),
        (
            "or",
            json!({ "rules": rules(json!([{ "or_ids": { "ids": [permit(), { "and_ids": { "ids": [permit()] } }] } }])) }),
        ),
        (
            "nested",
            json!({ "rules": rules(json!([{ "and_ids": { "ids": [policy(), { "or_ids": { "ids": [permit()] } }] } }])) }),
        ),
        (
            "not-beside",
            json!({ "rules": rules(json!([{ "and_ids": { "ids": [permit(), { "not_id": { "source_ip": { "address_prefix": "10.0.0.0", "prefix_len": 8 } } }] } }])) }),
        ),
        ("shadow-too", json!({ "rules": rules(json!([permit()])), "shadow_rules": { "action": "DENY" } })),
        (
            "stats",
            json!({ "rules": rules(json!([permit()])), "rules_stat_prefix": "guard_", "track_per_rule_stats": true }),
        ),
    ] {
        assert_silent(name, &with_rbac(name, &rbac));
    }
    assert_silent(
        "renamed",
        &with_guard("renamed", &|guard| guard["name"] = json!("envoy.filters.http.rbac")),
    );
    assert_silent("enabled", &with_guard("enabled", &|guard| guard["disabled"] = json!(false)));
    assert_silent(
        "struct",
        &with_guard("struct", &|guard| {
            let value = json!({ "rules": rules(json!([permit()])) });
            guard["typed_config"] = json!({
                "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
                "type_url": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC", "value": value,
            });
        }),
    );
    // Other RBAC beside it, before or after.
    let business = json!({ "name": "envoy.filters.http.rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": { "action": "DENY", "policies": {} } } });
    for at in [0, 1, 2] {
        let found = with_manager(&format!("business-{at}"), &|manager| {
            manager["http_filters"].as_array_mut().unwrap().insert(at, business.clone());
            manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] =
                json!({ "envoy.filters.http.rbac": per_route(Value::Null) });
        });
        assert_silent("business", &found);
    }
}

#[test]
fn check_guard_that_does_not_prove_the_permit_is_warned_of() {
    let open = "which does not require `wasm.okta.permit` to be `granted`";
    for (name, rbac, says) in [
        (
            "log",
            json!({ "rules": { "action": "LOG", "policies": rules(json!([permit()]))["policies"] } }),
            "`action: LOG`",
        ),
        (
            "deny",
            json!({ "rules": { "action": "DENY", "policies": rules(json!([permit()]))["policies"] } }),
            "`action: DENY`",
        ),
        ("shadow", json!({ "shadow_rules": rules(json!([permit()])) }), "has `shadow_rules` but no `rules`"),
        ("empty", json!({}), "has no `rules`"),
        ("no-policies", json!({ "rules": { "action": "ALLOW" } }), "has no `policies`"),
        ("matcher", json!({ "rules": rules(json!([permit()])), "matcher": {} }), "`matcher`"),
        ("any", json!({ "rules": rules(json!([permit(), { "any": true }])) }), open),
        ("any-only", json!({ "rules": rules(json!([{ "any": true }])) }), open),
        ("no-principals", json!({ "rules": rules(json!([])) }), open),
        (
            "or",
            json!({ "rules": rules(json!([{ "or_ids": { "ids": [permit(), { "any": true }] } }])) }),
            open,
        ),
        ("not", json!({ "rules": rules(json!([{ "not_id": permit() }])) }), open),
        (
            "not-not",
            json!({ "rules": rules(json!([{ "and_ids": { "ids": [{ "not_id": permit() }] } }])) }),
            open,
        ),
        ("policy-only", json!({ "rules": rules(json!([{ "and_ids": { "ids": [policy()] } }])) }), open),
        (
            "denied",
            json!({ "rules": rules(json!([{ "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "denied" } } }])) }),
            open,
        ),
        (
            "regex",
            json!({ "rules": rules(json!([{ "filter_state": { "key": "wasm.okta.permit", "string_match": { "safe_regex": { "regex": ".*" } } } }])) }),
            open,
        ),
        (
            "header",
            json!({ "rules": rules(json!([{ "header": { "name": "wasm.okta.permit", "string_match": { "exact": "granted" } } }])) }),
            open,
        ),
        (
            "second",
            json!({ "rules": { "policies": { "a": { "principals": [permit()] }, "b": { "principals": [{ "any": true }] } } } }),
            "has the policy `b`",
        ),
    ] {
        assert_warns(name, &with_rbac(name, &rbac), says);
    }
    for (name, member, value, says) in [
        ("disabled", "disabled", json!(true), "is `disabled: true`"),
        ("optional", "is_optional", json!(true), "is `is_optional: true`"),
    ] {
        assert_warns(name, &with_guard(name, &|guard| guard[member] = value.clone()), says);
    }
    assert_warns(
        "ecds",
        &with_guard("ecds", &|guard| {
            let kind = guard["typed_config"]["@type"].clone();
            *guard = json!({ "name": "x", "config_discovery": { "config_source": { "ads": {} }, "type_urls": [kind] } });
        }),
        "has its configuration elsewhere (ECDS)",
    );
    assert_warns(
        "matched",
        &with_guard("matched", &|guard| {
            let inner = guard["typed_config"].clone();
            guard["typed_config"] = json!({
                "@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
                "extension_config": { "name": "guard", "typed_config": inner }, "xds_matcher": {},
            });
        }),
        "is inside another filter",
    );
}

#[test]
fn check_guard_in_the_wrong_place_is_warned_of() {
    assert_warns(
        "front",
        &with_manager("front", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().swap(0, 1);
        }),
        "`okta-authz-guard` stands in front of this filter",
    );
    assert_warns(
        "absent",
        &with_manager("absent", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().remove(1);
        }),
        "no RBAC filter behind this one asks for `wasm.okta.permit`",
    );
    assert_warns(
        "behind-router",
        &with_manager("behind-router", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().swap(1, 2);
        }),
        "no RBAC filter behind this one",
    );
    let cache = json!({ "name": "cache", "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.cache.v3.CacheConfig" } });
    assert_warns(
        "cache",
        &with_manager("cache", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().insert(1, cache.clone());
        }),
        "`cache` answers requests before the guard `okta-authz-guard` sees them",
    );
    for at in [0, 2] {
        assert_silent(
            "cache",
            &with_manager(&format!("cache-{at}"), &|manager| {
                manager["http_filters"].as_array_mut().unwrap().insert(at, cache.clone());
            }),
        );
    }
    let lua = json!({ "name": "lua", "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua" } });
    let found = with_manager("lua", &|manager| {
        manager["http_filters"].as_array_mut().unwrap().insert(1, lua.clone());
    });
    assert!(
        found.warnings.is_empty() && found.notes[0].contains("`lua` also gets requests"),
        "{:?}",
        found.notes
    );
    // The guard of another chain.
    let mut document = yaml("deploy/envoy/two-listeners.yaml").remove(0);
    document.pointer_mut(MANAGER).unwrap()["http_filters"].as_array_mut().unwrap().remove(1);
    let found = findings("guard-other-chain", &text(&[document]));
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
}

#[test]
fn check_two_filters_behind_one_guard_are_warned_of() {
    let found = with_manager("two", &|manager| {
        let filters = manager["http_filters"].as_array_mut().unwrap();
        filters.insert(1, filters[0].clone());
    });
    assert_eq!(found.warnings.len(), 2, "one for each: {:?}", found.warnings);
    assert_warns("two", &found, "2 instances of this filter are in one list");
    let found = with_manager("two-guards", &|manager| {
        let filters = manager["http_filters"].as_array_mut().unwrap();
        let (filter, guard) = (filters[0].clone(), filters[1].clone());
        filters.splice(2..2, [filter, guard]);
    });
    assert_warns("two guards", &found, "2 instances of this filter are in one list");
    assert_silent(
        "two listeners",
        &findings("guard-two-listeners", &text(&yaml("deploy/envoy/two-listeners.yaml"))),
    );
}

#[test]
fn check_permit_of_another_filter_is_warned_of() {
    let found = with_manager("forged", &|manager| {
        let state = json!({ "name": "state", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{ "object_key": "wasm.okta.permit", "format_string": { "text_format_source": { "inline_string": "granted" } } }] } });
        manager["http_filters"].as_array_mut().unwrap().insert(0, state);
    });
    assert_warns("forged", &found, "another filter of this file writes `wasm.okta.permit`");
}

#[test]
fn check_upgrades_with_filters_of_their_own_need_a_guard() {
    for (name, filters, is_open) in
        [("none", json!([]), false), ("router", json!([{ "name": "envoy.filters.http.router" }]), true)]
    {
        let found = with_manager(&format!("upgrade-{name}"), &|manager| {
            manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "filters": filters }]);
        });
        let says = "upgrade_configs[0].filters: requests that upgrade to `websocket` take these filters";
        assert_eq!(
            found.warnings.iter().any(|warning| warning.starts_with(says)),
            is_open,
            "{:?}",
            found.warnings
        );
    }
    assert_silent(
        "with guard",
        &with_manager("upgrade-guard", &|manager| {
            let filters = manager["http_filters"].clone();
            manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "filters": filters }]);
        }),
    );
}

/// Every place of a route configuration that can replace the guard.
const PLACES: [&str; 4] = [
    "",
    "/virtual_hosts/0",
    "/virtual_hosts/0/routes/0",
    "/virtual_hosts/0/routes/0/route/weighted_clusters/clusters/0",
];

fn with_override(name: &str, place: &str, filter: &str, entry: &Value) -> Findings {
    with_manager(name, &|manager| {
        let routes = &mut manager["route_config"];
        routes["virtual_hosts"][0]["routes"][0]["route"] =
            json!({ "weighted_clusters": { "clusters": [{ "name": "app", "weight": 1 }] } });
        routes.pointer_mut(place).unwrap()["typed_per_filter_config"] = json!({ filter: entry });
    })
}

#[test]
fn check_override_that_removes_the_guard_is_warned_of() {
    let enforced = json!({ "rules": rules(json!([permit()])) });
    let strict = json!({ "rules": rules(json!([{ "and_ids": { "ids": [permit(), policy()] } }])) });
    for (number, place) in PLACES.iter().enumerate() {
        for (name, entry, says) in [
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
                with_override(&format!("override-{number}-{name}"), place, "okta-authz-guard", &entry);
            assert_warns(&format!("{place} {name}"), &found, says);
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
            assert_silent(name, &with_override(&format!("override-{number}-{name}"), place, filter, &entry));
        }
    }
}

#[test]
fn check_routes_outside_the_list_of_filters_are_read_where_they_are_in_the_file() {
    let manager = |document: &mut Value| {
        let manager = document.pointer_mut(MANAGER).unwrap();
        let routes = manager.as_object_mut().unwrap().remove("route_config").unwrap();
        manager["rds"] = json!({ "route_config_name": "local", "config_source": { "ads": {} } });
        routes
    };
    let mut document = yaml("envoy.yaml").remove(0);
    let mut routes = manager(&mut document);
    let found = findings("guard-rds-absent", &text(&[document.clone()]));
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert!(found.notes[0].starts_with("rds: these routes are not in this file"), "{:?}", found.notes);
    routes["@type"] = json!("type.googleapis.com/envoy.config.route.v3.RouteConfiguration");
    let beside = |routes: &Value| text(&[document.clone(), json!({ "resources": [routes] })]);
    assert_silent("rds", &findings("guard-rds", &beside(&routes)));
    routes["virtual_hosts"][0]["typed_per_filter_config"] =
        json!({ "okta-authz-guard": per_route(Value::Null) });
    let found = findings("guard-rds-open", &beside(&routes));
    assert_warns(
        "rds",
        &found,
        "routes \"local\".virtual_hosts[0].typed_per_filter_config.okta-authz-guard: disables",
    );
}

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
