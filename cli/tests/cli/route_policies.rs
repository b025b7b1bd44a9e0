//! `okta-authz check`: the guards of routes with a policy.

use serde_json::{Value, json};

use super::hosts::{assert_warns, document, manager, plugin};

fn routes(document: &mut Value) -> &mut Value {
    &mut manager(document)["route_config"]["virtual_hosts"][0]["routes"]
}

const PRINCIPAL: &str =
    "/typed_per_filter_config/okta-authz-guard/rbac/rules/policies/permitted-by-okta-authz/principals/0";

fn with_routes(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document("deploy/envoy/route-policies.yaml");
    change(&mut document);
    document
}

/// Returns a file with a guard for the permit and a second guard for the policies of the routes,
/// all of which have a policy.
fn second_guard(disabled: bool) -> Value {
    with_routes(|document| {
        let filters = manager(document)["http_filters"].as_array_mut().unwrap();
        let second = json!({ "name": "routes", "disabled": disabled, "typed_config": {
            "@type": "x/envoy.extensions.filters.http.rbac.v3.RBAC" } });
        filters.insert(2, second);
        let routes = routes(document).as_array_mut().unwrap();
        drop(routes.pop());
        for route in routes {
            let entry = route["typed_per_filter_config"]["okta-authz-guard"].take();
            route["typed_per_filter_config"] = json!({ "routes": entry });
        }
    })
}

/// The warning about the guard of the first route, whose policy is `open`.
const OPEN: &str =
    "routes[0].typed_per_filter_config: must have an `RBACPerRoute` for `okta-authz-guard` that requires";
const LISTENER: &str = "http_filters: the guard also admits requests that the policy of a route allowed";

#[test]
fn check_route_with_a_policy_without_its_guard_is_a_warning() {
    let guard = |change: fn(&mut Value)| {
        with_routes(|document| change(&mut routes(document)[0]["typed_per_filter_config"]))
    };
    let principal =
        |value: Value| with_routes(|document| *routes(document)[0].pointer_mut(PRINCIPAL).unwrap() = value);
    let permit =
        || json!({ "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "granted" } } });
    let policy = |name: &str| json!({ "filter_state": { "key": "wasm.okta.policy", "string_match": { "exact": name } } });
    let all = |ids: &[Value]| json!({ "and_ids": { "ids": ids } });
    // A policy with another name than `open`, and the name that its guard requires.
    let renamed = |name: &str, required: &str| {
        with_routes(|document| {
            let route = &mut routes(document)[0];
            route["metadata"]["filter_metadata"]["okta_authz"]["policy"] = json!(name);
            *route.pointer_mut(PRINCIPAL).unwrap() = json!({ "and_ids": { "ids": [
                { "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "granted" } } },
                { "filter_state": { "key": "wasm.okta.policy", "string_match": { "exact": required } } },
            ] } });
            let policies = &mut plugin(document)["route_policies"];
            policies[name] = policies["open"].clone();
        })
    };
    let any = |ids: &[Value]| json!({ "or_ids": { "ids": ids } });
    for (name, document, expected) in [
        ("shipped", with_routes(|_| {}), &[][..]),
        ("name-to-encode", renamed("the open, 1", "the%20open%2C%201"), &[]),
        ("name-not-encoded", renamed("the open, 1", "the open, 1"), &[OPEN]),
        (
            "no-guards",
            with_routes(|document| {
                drop(routes(document)[0].as_object_mut().unwrap().remove("typed_per_filter_config"))
            }),
            &[OPEN],
        ),
        (
            "empty",
            guard(|guards| {
                guards["okta-authz-guard"] =
                    json!({ "@type": "x/envoy.extensions.filters.http.rbac.v3.RBACPerRoute" })
            }),
            &[OPEN],
        ),
        (
            "log",
            guard(|guards| guards["okta-authz-guard"]["rbac"]["rules"]["action"] = json!("LOG")),
            &[OPEN],
        ),
        (
            "deny",
            guard(|guards| guards["okta-authz-guard"]["rbac"]["rules"]["action"] = json!("DENY")),
            &[OPEN],
        ),
        (
            "shadow",
            guard(|guards| {
                let rules = guards["okta-authz-guard"]["rbac"]["rules"].take();
                guards["okta-authz-guard"]["rbac"] = json!({ "shadow_rules": rules });
            }),
            &[OPEN],
        ),
        (
            "another-name",
            guard(|guards| {
                let entry = guards["okta-authz-guard"].take();
                *guards = json!({ "envoy.filters.http.rbac": entry });
            }),
            &[OPEN],
        ),
        (
            "disabled",
            guard(|guards| {
                guards["okta-authz-guard"] =
                    json!({ "@type": "x/envoy.config.route.v3.FilterConfig", "disabled": true })
            }),
            &[OPEN],
        ),
        (
            "wrapped",
            guard(|guards| {
                let entry = guards["okta-authz-guard"].take();
                guards["okta-authz-guard"] =
                    json!({ "@type": "x/envoy.config.route.v3.FilterConfig", "config": entry });
            }),
            &[],
        ),
        ("permit-only", principal(permit()), &[OPEN]),
        // The filter writes a policy only with the permit.
        ("policy-only", principal(policy("open")), &[]),
        (
            "policy-prefix",
            principal(
                json!({ "filter_state": { "key": "wasm.okta.policy", "string_match": { "prefix": "open" } } }),
            ),
            &[OPEN],
        ),
        ("another-policy", principal(all(&[permit(), policy("admins")])), &[OPEN]),
        ("either", principal(any(&[permit(), policy("open")])), &[OPEN]),
        ("either-policy", principal(all(&[permit(), any(&[policy("open"), policy("admins")])])), &[OPEN]),
        ("nested", principal(all(&[all(&[policy("open")]), any(&[permit()]), json!({ "any": true })])), &[]),
        ("any", principal(json!({ "any": true })), &[OPEN]),
        (
            "one-more-policy",
            with_routes(|document| {
                let entry = &mut routes(document)[0]["typed_per_filter_config"]["okta-authz-guard"];
                entry["rbac"]["rules"]["policies"]["more"] =
                    json!({ "permissions": [{ "any": true }], "principals": [{ "any": true }] });
            }),
            &[OPEN],
        ),
        (
            "inherited",
            with_routes(|document| {
                let host = &mut manager(document)["route_config"]["virtual_hosts"][0];
                let guard =
                    host["routes"][0].as_object_mut().unwrap().remove("typed_per_filter_config").unwrap();
                host["typed_per_filter_config"] = guard;
                let _ = host["routes"].as_array_mut().unwrap().pop();
            }),
            &[],
        ),
        (
            "weighted",
            with_routes(|document| {
                routes(document)[0]["route"] = json!({ "weighted_clusters": { "clusters": [{ "name": "app", "weight": 1, "typed_per_filter_config": {
                    "okta-authz-guard": { "@type": "x/envoy.extensions.filters.http.rbac.v3.RBACPerRoute" } } }] } });
            }),
            &[OPEN],
        ),
        (
            "clusters",
            with_routes(|document| {
                let route = &mut routes(document)[0];
                let own = route.as_object_mut().unwrap().remove("typed_per_filter_config").unwrap();
                route["route"] = json!({ "weighted_clusters": { "clusters": [
                    { "name": "app", "weight": 1, "typed_per_filter_config": own } ] } });
            }),
            &[],
        ),
        (
            "one-cluster-without",
            with_routes(|document| {
                let route = &mut routes(document)[0];
                let own = route.as_object_mut().unwrap().remove("typed_per_filter_config").unwrap();
                route["route"] = json!({ "weighted_clusters": { "clusters": [
                    { "name": "app", "weight": 1, "typed_per_filter_config": own }, { "name": "b", "weight": 1 } ] } });
            }),
            &[OPEN],
        ),
        ("second-guard", second_guard(false), &[]),
        (
            "second-guard-disabled",
            second_guard(true),
            &[OPEN, "routes[1].typed_per_filter_config: must have"],
        ),
        (
            "after-the-guard",
            with_routes(|document| {
                let filters = manager(document)["http_filters"].as_array_mut().unwrap();
                let kind = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
                filters.insert(2, json!({ "name": "lua", "typed_config": { "@type": kind } }));
            }),
            &["http_filters: `lua` is after the guard and can make Envoy select the route again"],
        ),
        (
            "forged",
            with_routes(|document| {
                let filters = manager(document)["http_filters"].as_array_mut().unwrap();
                filters.insert(
                    1,
                    json!({ "name": "state", "typed_config": {
                    "@type": "x/envoy.extensions.filters.http.set_filter_state.v3.Config",
                    "on_request_headers": [{ "object_key": "wasm.okta.policy" }] } }),
                );
            }),
            &["another filter of this file writes `wasm.okta.policy`"],
        ),
        (
            "unknown",
            with_routes(|document| {
                drop(plugin(document)["route_policies"].as_object_mut().unwrap().remove("open"))
            }),
            &["routes[0].metadata.filter_metadata.okta_authz.policy: \"open\" is not in `route_policies`"],
        ),
        (
            "no-name",
            with_routes(|document| {
                routes(document)[0]["metadata"]["filter_metadata"]["okta_authz"]["policy"] = json!(["open"])
            }),
            &["must be the name of a policy"],
        ),
    ] {
        assert_warns(name, &document, expected);
    }
}

#[test]
fn check_route_without_a_policy_with_a_guard_that_admits_policies_is_a_warning() {
    let principals = |principal: Value| {
        with_routes(|document| {
            let guard = &mut manager(document)["http_filters"][1]["typed_config"];
            guard["rules"]["policies"]["permitted-by-okta-authz"]["principals"] = json!([principal]);
        })
    };
    let permit =
        || json!({ "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "granted" } } });
    let absent = |test: Value| json!({ "and_ids": { "ids": [permit(), { "not_id": { "filter_state": { "key": "wasm.okta.policy", "string_match": test } } }] } });
    for (name, document, expected) in [
        ("permit", principals(permit()), &[LISTENER][..]),
        ("one-policy", principals(absent(json!({ "exact": "open" }))), &[LISTENER]),
        ("some-policies", principals(absent(json!({ "safe_regex": { "regex": "o.*" } }))), &[LISTENER]),
        ("no-policy", principals(absent(json!({ "safe_regex": { "regex": ".+" } }))), &[]),
        (
            "no-such-route",
            {
                let mut document = principals(permit());
                let _ = routes(&mut document).as_array_mut().unwrap().pop();
                document
            },
            &[],
        ),
        (
            "route-guard",
            with_routes(|document| {
                let routes = routes(document);
                routes[2]["typed_per_filter_config"] = routes[0]["typed_per_filter_config"].clone();
            }),
            &[
                "routes[2].typed_per_filter_config: the guard of this route must require that `wasm.okta.policy` is absent",
            ],
        ),
    ] {
        assert_warns(&format!("listener-{name}"), &document, expected);
    }
}
