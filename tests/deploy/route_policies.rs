//! `deploy/envoy/route-policies.yaml`: a request that one route policy has allowed never reaches a
//! route with another policy or without one.
//!
//! An earlier filter can change a header that selects the route. Envoy selects the route again only
//! when this filter changes a header, after the decision.

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Request, get, request};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, assert_statuses};

const FILE: &str = "deploy/envoy/route-policies.yaml";
const HEADER_MUTATION: &str = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
const GRPC_WEB: &str = "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb";

fn routes(config: &mut EnvoyConfig) -> &mut Vec<Value> {
    let hosts = &mut config.manager()["route_config"]["virtual_hosts"];
    hosts[0]["routes"].as_array_mut().expect("routes")
}

/// Inserts a first route with this match, this policy, and the guard that the file has for a
/// policy.
fn with_route(mut config: EnvoyConfig, matches: Value, policy: Option<&str>) -> EnvoyConfig {
    let routes = routes(&mut config);
    let mut route = routes.last().expect("a route without a policy").clone();
    if let Some(policy) = policy {
        let text = routes[0].to_string().replace("\"open\"", &json!(policy).to_string());
        route = serde_json::from_str(&text).expect("a route");
    }
    route["match"] = matches;
    // The backend returns this header, so a test knows the route.
    route["route"] = json!({ "cluster": "app" });
    route["request_headers_to_add"] = json!([{ "header": { "key": "x-route", "value": "first" } }]);
    routes.insert(0, route);
    config
}

fn canary() -> Value {
    json!({ "prefix": "/", "headers": [{ "name": "x-canary", "present_match": true }] })
}

/// Inserts a filter before all others.
fn with_filter(mut config: EnvoyConfig, kind: &str, mut settings: Value) -> EnvoyConfig {
    settings["@type"] = json!(format!("type.googleapis.com/{kind}"));
    let filters = config.manager()["http_filters"].as_array_mut().expect("http_filters");
    filters.insert(0, json!({ "name": "earlier-filter", "typed_config": settings }));
    config
}

/// Inserts a filter that removes the header `x-canary`, which has selected the route.
fn with_canary_removed(config: EnvoyConfig) -> EnvoyConfig {
    with_filter(
        config,
        HEADER_MUTATION,
        json!({ "mutations": { "request_mutations": [{ "remove": "x-canary" }] } }),
    )
}

/// Adds the policy `users`, which allows every valid token.
fn with_users(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["route_policies"]["users"] = json!({ "requires": {} });
    config
}

/// Replaces the guards by that of the reference configuration, which requires only the permit.
fn without_route_guards(mut config: EnvoyConfig) -> EnvoyConfig {
    for route in routes(&mut config) {
        let _ = route.as_object_mut().expect("a route").remove("typed_per_filter_config");
    }
    let mut reference = EnvoyConfig::reference();
    let filters = reference.manager()["http_filters"].as_array().expect("http_filters").clone();
    let guard = filters.into_iter().find(|filter| filter["name"] == "okta-authz-guard").expect("a guard");
    for filter in config.manager()["http_filters"].as_array_mut().expect("http_filters") {
        if filter["name"] == "okta-authz-guard" {
            *filter = guard.clone();
        }
    }
    config
}

/// Sends a request [`ALL`] times, and returns how many reach the backend.
fn forwarded(harness: &Harness, request: &Request) -> u64 {
    let before = harness.backend.requests();
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 2 {
        let response = harness.envoy.client().send(request);
        assert_ne!(response.status, 503, "{response:?}\n{}", harness.envoy.log());
    }
    harness.backend.requests() - before
}

const ALL: u64 = CONNECTIONS_FOR_BOTH_WORKERS as u64 / 2;

fn warm_up(harness: &Harness) {
    assert_statuses(harness.envoy.client(), &[("/orders", Some(&harness.user_token(&["orders:read"])), 200)]);
}

fn admin_token(harness: &Harness) -> String {
    let spec = TokenSpec::user().scopes(&["orders:read"]).claim("groups", json!(["Admins"]));
    harness.okta.mint(Server::Default, &spec)
}

#[test]
fn guard_for_policy_name_with_space_requires_percent_encoding() {
    for (required, expected) in [("all%20users", ALL), ("all users", 0)] {
        let harness = Harness::new("route-policies-encoded", FILE, |mut config| {
            config.plugin()["route_policies"]["all users"] = json!({ "requires": {} });
            let mut config = with_route(config, json!({ "path": "/x" }), Some("all users"));
            let guards = &mut routes(&mut config)[0]["typed_per_filter_config"];
            let text = guards.to_string().replace("all users", required);
            *guards = serde_json::from_str(&text).expect("guards");
            config
        });
        warm_up(&harness);
        let reader = harness.user_token(&["orders:read"]);
        assert_eq!(forwarded(&harness, &get("/x").bearer(&reader)), expected, "{required}");
    }
}

#[test]
fn route_with_policy_is_decided_by_that_policy() {
    let harness = Harness::new("route-policies", FILE, |mut config| {
        config.plugin()["bypass_cors_preflight"] = json!(true);
        config
    });
    let (reader, admin) = (harness.user_token(&["orders:read"]), admin_token(&harness));
    assert_statuses(
        harness.envoy.client(),
        &[
            ("/status", None, 200),
            ("/status", Some(&reader), 200),
            ("/orders", Some(&reader), 200),
            ("/orders", None, 401),
            ("/admin", Some(&admin), 200),
            ("/admin/x", Some(&admin), 200),
            ("/admin", Some(&reader), 403),
            ("/admin", None, 401),
            ("/elsewhere", Some(&admin), 403),
        ],
    );
    // Invalid credentials do not change the route.
    let invalid = |path: &str| get(path).header("authorization", "x");
    assert_eq!(forwarded(&harness, &invalid("/status")), ALL);
    assert_eq!(forwarded(&harness, &invalid("/admin")), 0);
    let preflight = |path: &str| {
        request("OPTIONS", path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
    };
    for path in ["/status", "/admin", "/orders"] {
        assert_eq!(forwarded(&harness, &preflight(path)), ALL, "{path}");
    }
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

#[test]
fn header_removed_before_the_filter_reaches_no_other_policy() {
    let unguarded = Harness::new("route-policies-unguarded", FILE, |config| {
        without_route_guards(with_canary_removed(with_route(with_users(config), canary(), Some("users"))))
    });
    let open = Harness::new("route-policies-open", FILE, |config| {
        with_canary_removed(with_route(config, canary(), Some("open")))
    });
    let users = Harness::new("route-policies-users", FILE, |config| {
        with_canary_removed(with_route(with_users(config), canary(), Some("users")))
    });
    let same = Harness::new("route-policies-same", FILE, |config| {
        with_canary_removed(with_route(config, canary(), Some("admins")))
    });
    let to_admin = |token: &str| get("/admin").header("x-canary", "1").bearer(token);
    for harness in [&unguarded, &open, &users, &same] {
        warm_up(harness);
    }
    // Control: without the guards of the routes, a reader reaches the route of administrators.
    assert_eq!(forwarded(&unguarded, &to_admin(&unguarded.user_token(&["orders:read"]))), ALL);
    for (name, harness) in [("open", &open), ("users", &users)] {
        let (reader, admin) = (harness.user_token(&["orders:read"]), admin_token(harness));
        // The filter does not remove credentials under a public policy, so Envoy keeps the first
        // route.
        let reader_credentials = format!("Bearer {reader}");
        for credentials in ["x", "Basic eDp4", "Bearer x", "Bearer", "", &reader_credentials] {
            for path in ["/admin", "/orders"] {
                let request = get(path).header("x-canary", "1").header("authorization", credentials);
                let response = harness.envoy.client().send(&request);
                let reached_first_route =
                    response.status == 200 && response.json()["headers"]["x-route"] == json!(["first"]);
                let denied = matches!(response.status, 401 | 403);
                assert!(
                    denied || (reached_first_route && name == "open"),
                    "{name}: {path}: {credentials}: {response:?}"
                );
            }
        }
        assert_eq!(forwarded(harness, &get("/admin").bearer(&admin)), ALL, "{name}: without the header");
        assert_eq!(forwarded(harness, &get("/orders").bearer(&reader)), ALL, "{name}: without the header");
        assert_eq!(forwarded(harness, &get("/status")), ALL, "{name}: without the header");
    }
    // Between a policy and `rules`, the guard of the listener denies.
    let without_scopes = users.user_token(&[]);
    assert_eq!(
        users.envoy.client().send(&get("/orders").bearer(&without_scopes)).code(),
        "insufficient_scope"
    );
    assert_eq!(forwarded(&users, &get("/orders").header("x-canary", "1").bearer(&without_scopes)), 0);
    // If both routes have one policy, the guard allows the request.
    assert_eq!(forwarded(&same, &to_admin(&admin_token(&same))), ALL);
    assert_eq!(forwarded(&same, &to_admin(&same.user_token(&["orders:read"]))), 0);
}

#[test]
fn route_with_policy_is_not_decided_by_rules() {
    let harness = Harness::new("route-policies-rules", FILE, |config| {
        let mut config = with_canary_removed(with_route(config, canary(), None));
        config.plugin()["rules"] = json!([{ "match": {}, "requires": {} }]);
        config
    });
    warm_up(&harness);
    let (reader, admin) = (harness.user_token(&["orders:read"]), admin_token(&harness));
    assert_eq!(forwarded(&harness, &get("/admin").header("x-canary", "1").bearer(&reader)), 0);
    assert_eq!(forwarded(&harness, &get("/status").header("x-canary", "1").bearer(&reader)), 0);
    assert_eq!(forwarded(&harness, &get("/orders").header("x-canary", "1").bearer(&reader)), ALL);
    assert_eq!(forwarded(&harness, &get("/admin").bearer(&admin)), ALL);
}

#[test]
fn grpc_web_filter_reaches_no_other_policy() {
    let with_grpc = |config| {
        let config = with_route(with_users(config), json!({ "prefix": "/", "grpc": {} }), Some("admins"));
        let mut config = with_filter(config, GRPC_WEB, json!({}));
        // The policy `users` decides for all other requests.
        let routes = routes(&mut config);
        let text = routes[1].to_string().replace("\"open\"", "\"users\"");
        let last = routes.len() - 1;
        routes[last] = serde_json::from_str(&text).expect("a route");
        routes[last]["match"] = json!({ "prefix": "/" });
        config
    };
    let unguarded =
        Harness::new("grpc-web-unguarded", FILE, |config| without_route_guards(with_grpc(config)));
    let guarded = Harness::new("grpc-web-guarded", FILE, with_grpc);
    let call = |content_type: &str, token: &str| {
        request("POST", "/orders.Orders/Get")
            .header("content-type", content_type)
            .bearer(token)
            .body("AAAAAAA=")
    };
    for harness in [&unguarded, &guarded] {
        warm_up(harness);
    }
    let reader = unguarded.user_token(&["orders:read"]);
    assert_eq!(forwarded(&unguarded, &call("application/grpc-web+proto", &reader)), ALL);
    let (reader, admin) = (guarded.user_token(&["orders:read"]), admin_token(&guarded));
    for content_type in ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text"] {
        assert_eq!(forwarded(&guarded, &call(content_type, &reader)), 0, "{content_type}");
    }
    assert_eq!(forwarded(&guarded, &call("application/grpc", &reader)), 0);
    assert_eq!(forwarded(&guarded, &call("application/grpc", &admin)), ALL);
    assert_eq!(forwarded(&guarded, &call("application/json", &reader)), ALL);
}
