//! `okta-authz check`: whether Envoy and the filter agree about hosts, and whether guards belong to the policies of routes.

use serde_json::{Value, json};

use super::{okta_authz, root, scratch};

/// A configuration of the repository, to be changed.
fn document(file: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

fn manager(document: &mut Value) -> &mut Value {
    &mut document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

fn plugin(document: &mut Value) -> &mut Value {
    &mut manager(document)["http_filters"][0]["typed_config"]["config"]["configuration"]["value"]
}

fn routes(document: &mut Value) -> &mut Value {
    &mut manager(document)["route_config"]["virtual_hosts"][0]["routes"]
}

/// The warnings of a document, each without what comes before it.
fn warnings(name: &str, document: &Value) -> Vec<String> {
    let file = scratch(&format!("routing-{name}.json"), &document.to_string());
    let run = okta_authz(["check".as_ref(), file.as_os_str()]);
    assert_eq!(run.status, 0, "{name}: {}{}", run.stdout, run.stderr);
    run.stdout.lines().filter_map(|line| line.trim().strip_prefix("warning: ").map(str::to_owned)).collect()
}

fn assert_warns(name: &str, document: &Value, expected: &[&str]) {
    let warnings = warnings(name, document);
    assert_eq!(warnings.len(), expected.len(), "{name}: {warnings:#?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.contains(expected), "{name}: {warning:?} has no {expected:?}");
    }
}

/// envoy.yaml with a rule that has `hosts`.
fn with_hosts(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document("envoy.yaml");
    plugin(&mut document)["rules"] = json!([{ "match": { "hosts": ["www.example.com"] }, "public": true }, { "match": {}, "requires": {} }]);
    change(&mut document);
    document
}

const FIELD: &str = "ignore_port_in_host_matching";

#[test]
fn check_hosts_where_envoy_and_the_filter_do_not_agree_warns() {
    let settings = |filter: bool, routes: bool, strip: Option<&'static str>| {
        move |document: &mut Value| {
            plugin(document)[FIELD] = json!(filter);
            let manager = manager(document);
            manager["route_config"][FIELD] = json!(routes);
            if let Some(strip) = strip {
                manager[strip] = json!(true);
            }
        }
    };
    let (any, matching) = (Some("strip_any_host_port"), Some("strip_matching_host_port"));
    for (name, document, expected) in [
        ("shipped", with_hosts(|_| {}), &[][..]),
        ("both-ignore", with_hosts(settings(true, true, None)), &[]),
        ("stripped", with_hosts(settings(false, false, any)), &[]),
        ("stripped-and-ignored", with_hosts(settings(true, false, any)), &[]),
        ("matching-port-stripped", with_hosts(settings(false, false, matching)), &[]),
        (
            "only-the-filter",
            with_hosts(settings(true, false, None)),
            &["is `true`, but `route_config.ignore"],
        ),
        (
            "only-the-filter-matching",
            with_hosts(settings(true, false, matching)),
            &["is `true`, but `route_config.ignore"],
        ),
        (
            "only-the-routes",
            with_hosts(settings(false, true, None)),
            &["is not `true`, but `route_config.ignore"],
        ),
        ("neither", with_hosts(settings(false, false, None)), &["strips no port"]),
        (
            "final-dot",
            with_hosts(|document| {
                drop(manager(document).as_object_mut().unwrap().remove("strip_trailing_host_dot"))
            }),
            &["strip_trailing_host_dot: is not `true`"],
        ),
        (
            "domain-with-port",
            with_hosts(|document| {
                manager(document)["route_config"]["virtual_hosts"][0]["domains"] =
                    json!(["a", "[::1]", "a:80", "[::1]:80", "a.", "*"]);
            }),
            &["domains[2]: \"a:80\"", "domains[3]: \"[::1]:80\"", "domains[4]: \"a.\""],
        ),
        (
            "rds",
            with_hosts(|document| {
                let manager = manager(document).as_object_mut().unwrap();
                let _ = manager.remove("route_config");
                let _ = manager.insert("rds".to_owned(), json!({ "route_config_name": "r" }));
            }),
            &["check cannot see whether the routes that come by `rds`"],
        ),
    ] {
        assert_warns(name, &document, expected);
    }
    let mut without_hosts = document("envoy.yaml");
    settings(true, false, None)(&mut without_hosts);
    assert_warns("no-hosts", &without_hosts, &[]);
}

#[test]
fn check_hosts_in_a_mesh_without_ignored_ports_warns() {
    let config = |ignores: bool| {
        json!({
            "providers": { "okta": { "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["a"], "remote_jwks": { "cluster": "okta" } } },
            "rules": [{ "match": { "hosts": ["a"] }, "requires": {} }],
            FIELD: ignores,
        })
    };
    for (name, document) in [
        ("istio", json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": config(false) } })),
        (
            "gateway",
            json!({ "kind": "EnvoyExtensionPolicy", "spec": { "wasm": [{ "config": config(false) }] } }),
        ),
        (
            "patch",
            json!({ "kind": "EnvoyFilter", "spec": { "configPatches": [{ "patch": { "value": { "typed_config": { "config": {
                "name": "okta", "configuration": { "@type": "x/google.protobuf.Struct", "value": config(false) } } } } } }] } }),
        ),
    ] {
        assert_warns(name, &document, &["routes ignore the port of a host"]);
        let ignoring = serde_json::from_str(
            &document.to_string().replace(&format!("\"{FIELD}\":false"), &format!("\"{FIELD}\":true")),
        );
        assert_warns(&format!("{name}-ignoring"), &ignoring.unwrap(), &[]);
    }
}

const PRINCIPAL: &str =
    "/typed_per_filter_config/okta-authz-guard/rbac/rules/policies/permitted-by-okta-authz/principals/0";

fn with_routes(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document("deploy/envoy/route-policies.yaml");
    change(&mut document);
    document
}

/// What is wrong with the guard of the first route, whose policy is `open`.
const OPEN: &str =
    "routes[0].typed_per_filter_config: must have an `RBACPerRoute` for `okta-authz-guard` that requires";
const LISTENER: &str = "http_filters: the guard also admits requests that the policy of a route has allowed";

#[test]
fn check_route_with_a_policy_and_without_its_guard_warns() {
    let guard = |change: fn(&mut Value)| {
        with_routes(|document| change(&mut routes(document)[0]["typed_per_filter_config"]))
    };
    let principal =
        |value: Value| with_routes(|document| *routes(document)[0].pointer_mut(PRINCIPAL).unwrap() = value);
    let permit =
        || json!({ "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "granted" } } });
    let policy = |name: &str| json!({ "filter_state": { "key": "wasm.okta.policy", "string_match": { "exact": name } } });
    let all = |ids: &[Value]| json!({ "and_ids": { "ids": ids } });
    let any = |ids: &[Value]| json!({ "or_ids": { "ids": ids } });
    for (name, document, expected) in [
        ("shipped", with_routes(|_| {}), &[][..]),
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
        ("policy-only", principal(policy("open")), &[OPEN]),
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
fn check_route_without_a_policy_behind_a_guard_that_admits_policies_warns() {
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
            "of-its-own",
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
