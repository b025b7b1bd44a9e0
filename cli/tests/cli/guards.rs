//! `okta-authz check`: the guard after the filter.

use serde_json::{Value, json};

use super::findings::*;

#[test]
fn check_guard_that_requires_the_permit_has_no_findings() {
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
        assert_no_findings(name, &with_rbac(name, &rbac));
    }
    assert_no_findings(
        "renamed",
        &with_guard("renamed", &|guard| guard["name"] = json!("envoy.filters.http.rbac")),
    );
    assert_no_findings("enabled", &with_guard("enabled", &|guard| guard["disabled"] = json!(false)));
    assert_no_findings(
        "struct",
        &with_guard("struct", &|guard| {
            let value = json!({ "rules": rules(json!([permit()])) });
            guard["typed_config"] = json!({
                "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
                "type_url": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC", "value": value,
            });
        }),
    );
    // RBAC for another purpose, before or after the guard.
    let business = json!({ "name": "envoy.filters.http.rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": { "action": "DENY", "policies": {} } } });
    for at in [0, 1, 2] {
        let found = with_manager(&format!("business-{at}"), &|manager| {
            manager["http_filters"].as_array_mut().unwrap().insert(at, business.clone());
            manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] =
                json!({ "envoy.filters.http.rbac": per_route(Value::Null) });
        });
        assert_no_findings("business", &found);
    }
}

#[test]
fn check_guard_that_does_not_require_the_permit_is_a_warning() {
    let open = "which does not require `wasm.okta.permit` to be `granted`";
    for (name, rbac, problem) in [
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
        assert_warns(name, &with_rbac(name, &rbac), problem);
    }
    for (name, member, value, problem) in [
        ("disabled", "disabled", json!(true), "is `disabled: true`"),
        ("optional", "is_optional", json!(true), "is `is_optional: true`"),
    ] {
        assert_warns(name, &with_guard(name, &|guard| guard[member] = value.clone()), problem);
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
fn check_guard_in_the_wrong_place_is_a_warning() {
    assert_warns(
        "front",
        &with_manager("front", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().swap(0, 1);
        }),
        "`okta-authz-guard` is before this filter",
    );
    assert_warns(
        "absent",
        &with_manager("absent", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().remove(1);
        }),
        "no RBAC filter after this filter requires `wasm.okta.permit`",
    );
    assert_warns(
        "after-router",
        &with_manager("after-router", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().swap(1, 2);
        }),
        "no RBAC filter after this filter",
    );
    let cache = json!({ "name": "cache", "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.cache.v3.CacheConfig" } });
    assert_warns(
        "cache",
        &with_manager("cache", &|manager| {
            manager["http_filters"].as_array_mut().unwrap().insert(1, cache.clone());
        }),
        "`cache` responds to requests before the guard `okta-authz-guard`",
    );
    for at in [0, 2] {
        assert_no_findings(
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
        found.warnings.is_empty() && found.notes[0].contains("`lua` also receives requests"),
        "{:?}",
        found.notes
    );
    // The guard of another connection manager.
    let mut document = yaml("deploy/envoy/two-listeners.yaml").remove(0);
    document.pointer_mut(MANAGER).unwrap()["http_filters"].as_array_mut().unwrap().remove(1);
    let found = findings("guard-other-chain", &text(&[document]));
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
}

#[test]
fn check_two_filters_before_one_guard_is_a_warning() {
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
    assert_no_findings(
        "two listeners",
        &findings("guard-two-listeners", &text(&yaml("deploy/envoy/two-listeners.yaml"))),
    );
}

#[test]
fn check_permit_of_another_filter_is_a_warning() {
    let found = with_manager("forged", &|manager| {
        let state = json!({ "name": "state", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{ "object_key": "wasm.okta.permit", "format_string": { "text_format_source": { "inline_string": "granted" } } }] } });
        manager["http_filters"].as_array_mut().unwrap().insert(0, state);
    });
    assert_warns("forged", &found, "another filter of this file writes `wasm.okta.permit`");
}

#[test]
fn check_upgrade_filters_without_a_guard_is_a_warning() {
    for (name, filters, is_open) in
        [("none", json!([]), false), ("router", json!([{ "name": "envoy.filters.http.router" }]), true)]
    {
        let found = with_manager(&format!("upgrade-{name}"), &|manager| {
            manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "filters": filters }]);
        });
        let problem = "upgrade_configs[0].filters: requests that upgrade to `websocket` use these filters";
        assert_eq!(
            found.warnings.iter().any(|warning| warning.starts_with(problem)),
            is_open,
            "{:?}",
            found.warnings
        );
    }
    assert_no_findings(
        "with guard",
        &with_manager("upgrade-guard", &|manager| {
            // Without it, a WebSocket would outlive its token.
            let filter = &mut manager["http_filters"][0]["typed_config"]["config"];
            filter["configuration"]["value"]["close_streams"] = json!(true);
            let filters = manager["http_filters"].clone();
            manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "filters": filters }]);
        }),
    );
}
