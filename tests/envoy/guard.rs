//! The guard (the RBAC filter behind the filter), where Envoy serves requests without the filter.

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::get;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, reference_config};

#[test]
fn filter_failed_on_worker_is_denied_by_the_guard() {
    let okta = StandIn::start(Options::default());
    let backend = Backend::start();
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let broken = reference_config("guard", &okta, &backend).module(&test_support::wasm("fails_on_worker"));

    // Control: without the guard, Envoy forwards the request.
    {
        let envoy = Envoy::start("guard-absent", &broken.clone().without_filter("okta-authz-guard"));
        assert!(envoy.log().contains("Failed to configure thread-local Wasm plugin"), "{}", envoy.log());
        assert_eq!(envoy.client().get("/me").status, 200, "Envoy skips the filter that failed on a worker");
        assert_eq!(backend.requests(), 1);
    }

    let envoy = Envoy::start("guard", &broken);
    for path in ["/", "/me", "/admin"] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            assert_eq!(envoy.client().get(path).status, 403, "{path}");
            assert_eq!(
                envoy.client().send(&get(path).bearer(&token)).status,
                403,
                "{path} with a valid token"
            );
        }
    }
    assert_eq!(backend.requests(), 1, "with the guard, no request reaches the backend");
}

/// JSON pointer from a listener to its connection manager.
const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const PER_ROUTE: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
const FILTER_CONFIG: &str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";

/// A name, a change of the connection manager, and whether the guard still denies.
type Variant = (&'static str, fn(&mut Value), bool);

fn guard(manager: &mut Value) -> &mut Value {
    &mut manager["http_filters"][1]
}

fn rbac(manager: &mut Value) -> &mut Value {
    &mut guard(manager)["typed_config"]
}

fn on_route(manager: &mut Value, entry: Value) {
    manager["route_config"]["virtual_hosts"][0]["routes"][0]["typed_per_filter_config"] =
        json!({ "okta-authz-guard": entry });
}

fn filters(manager: &mut Value) -> &mut Vec<Value> {
    manager["http_filters"].as_array_mut().unwrap()
}

fn permit_and(other: &Value) -> Value {
    let permit =
        json!({ "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "granted" } } });
    json!({ "rules": { "policies": { "a": { "permissions": [{ "any": true }],
        "principals": [{ "and_ids": { "ids": [permit, other] } }] } } } })
}

/// Adds a filter that works on every worker, with a policy that allows everything.
fn add_second_filter(manager: &mut Value) {
    let mut second = filters(manager)[0].clone();
    second["name"] = json!("second");
    let config = &mut second["typed_config"]["config"];
    config["vm_config"]["vm_id"] = json!("second");
    config["vm_config"]["code"]["local"]["filename"] = json!(test_support::wasm("okta_authz_filter"));
    config["configuration"]["value"]["rules"] = json!([{ "match": { "prefix": "/" }, "public": true }]);
    filters(manager).insert(1, second);
}

const VARIANTS: [Variant; 20] = [
    ("reference", |_| {}, true),
    ("renamed", |manager| guard(manager)["name"] = json!("envoy.filters.http.rbac"), true),
    (
        "typed-struct",
        |manager| {
            let value = json!({ "rules": rbac(manager)["rules"] });
            *rbac(manager) = json!({ "@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": RBAC, "value": value });
        },
        true,
    ),
    (
        "strict-route",
        |manager| {
            on_route(manager, json!({ "@type": PER_ROUTE, "rbac": permit_and(&json!({ "any": true })) }))
        },
        true,
    ),
    ("enabled-route", |manager| on_route(manager, json!({ "@type": FILTER_CONFIG, "config": {} })), true),
    ("log", |manager| rbac(manager)["rules"]["action"] = json!("LOG"), false),
    ("deny", |manager| rbac(manager)["rules"]["action"] = json!("DENY"), false),
    (
        "shadow",
        |manager| {
            let rules = rbac(manager).as_object_mut().unwrap().remove("rules").unwrap();
            rbac(manager)["shadow_rules"] = rules;
        },
        false,
    ),
    ("disabled", |manager| guard(manager)["disabled"] = json!(true), false),
    (
        "any",
        |manager| {
            let principals = &mut rbac(manager)["rules"]["policies"]["permitted-by-okta-authz"]["principals"];
            principals.as_array_mut().unwrap().push(json!({ "any": true }));
        },
        false,
    ),
    (
        "not",
        |manager| {
            let principals = &mut rbac(manager)["rules"]["policies"]["permitted-by-okta-authz"]["principals"];
            principals[0] = json!({ "not_id": principals[0] });
        },
        false,
    ),
    ("empty-route", |manager| on_route(manager, json!({ "@type": PER_ROUTE })), false),
    (
        "log-route",
        |manager| {
            on_route(
                manager,
                json!({ "@type": PER_ROUTE, "rbac": { "rules": { "action": "LOG", "policies": {} } } }),
            )
        },
        false,
    ),
    (
        "struct-route",
        |manager| {
            let kind = "type.googleapis.com/xds.type.v3.TypedStruct";
            on_route(manager, json!({ "@type": kind, "type_url": PER_ROUTE, "value": {} }));
        },
        false,
    ),
    (
        "disabled-route",
        |manager| on_route(manager, json!({ "@type": FILTER_CONFIG, "disabled": true })),
        false,
    ),
    (
        "wrapped-route",
        |manager| on_route(manager, json!({ "@type": FILTER_CONFIG, "config": { "@type": PER_ROUTE } })),
        false,
    ),
    ("wrong-type-route", |manager| on_route(manager, json!({ "@type": RBAC })), false),
    ("absent", |manager| drop(filters(manager).remove(1)), false),
    (
        "forged",
        |manager| {
            let value = json!({ "text_format_source": { "inline_string": "granted" } });
            filters(manager).insert(0, json!({ "name": "state", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{ "object_key": "wasm.okta.permit", "factory_key": "envoy.string", "format_string": value }] } }));
        },
        false,
    ),
    ("two", add_second_filter, false),
];

/// `okta-authz check` must warn about a guard exactly if Envoy then forwards requests without the
/// filter.
#[test]
fn guard_check_warns_exactly_if_requests_bypass_the_filter() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let mut config =
        reference_config("guards", &okta, &backend).module(&test_support::wasm("fails_on_worker"));
    let reference = config.document()["static_resources"]["listeners"][0].clone();
    let mut listeners = Vec::new();
    for (name, change, guard_denies) in VARIANTS {
        let mut listener = reference.clone();
        listener["name"] = json!(name);
        // A `vm_id` per listener: the module counts the configurations of its VM.
        listener.pointer_mut(MANAGER).unwrap()["http_filters"][0]["typed_config"]["config"]["vm_config"]["vm_id"] =
            json!(name);
        change(listener.pointer_mut(MANAGER).unwrap());
        let mut only_this = config.clone();
        only_this.document()["static_resources"]["listeners"] = json!([listener]);
        let warnings = warnings(name, &only_this);
        assert_eq!(warnings.is_empty(), guard_denies, "{name}: {warnings}");
        listeners.push(listener);
    }
    config.document()["static_resources"]["listeners"] = json!(listeners);
    let envoy = Envoy::start("guards", &config);
    for (name, _, guard_denies) in VARIANTS {
        let client = envoy.client_of(name);
        let status = if guard_denies { 403 } else { 200 };
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            assert_eq!(client.get("/me").status, status, "{name}\n{}", envoy.log());
        }
    }
}

/// Returns the warnings of `okta-authz check`.
fn warnings(name: &str, config: &EnvoyConfig) -> String {
    let file = test_support::scratch("guards").join(format!("{name}.json"));
    std::fs::write(&file, config.to_json()).unwrap();
    let check = test_support::okta_authz().arg("check").arg(&file).output().unwrap();
    let text = String::from_utf8(check.stdout).unwrap();
    assert!(check.status.success(), "{text}");
    text.lines().filter(|line| line.contains("warning: ")).collect::<Vec<_>>().join("\n")
}
