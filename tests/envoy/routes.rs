//! Route selection by identity headers that the filter has set (`clear_route_cache`).

use serde_json::json;
use stand_in_okta::{Options, StandIn, TokenSpec};
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, runs_without_host_crypto};

/// Configures a route for the subject Joe and a default route.
fn with_route_for_joe(mut config: EnvoyConfig) -> EnvoyConfig {
    let is_joe = json!([{ "name": "x-okta-sub", "string_match": { "exact": "joe.user@example.com" } }]);
    let response = |text: &str| json!({ "status": 200, "body": { "inline_string": text } });
    config.manager()["route_config"]["virtual_hosts"][0]["routes"] = json!([
        { "match": { "prefix": "/", "headers": is_joe }, "direct_response": response("joe") },
        { "match": { "prefix": "/" }, "direct_response": response("default") },
    ]);
    config.plugin()["clear_route_cache"] = json!(true);
    config
}

fn assert_route(harness: &Harness, request: &Request, expected: &str) {
    let response = harness.send(request);
    assert_eq!(
        (response.status, response.body.as_str()),
        (200, expected),
        "{response:?}\n{}",
        harness.envoy.log()
    );
}

#[test]
fn route_is_selected_again_after_identity_headers_are_set() {
    let harness = Harness::new("routes", with_route_for_joe);
    let (joe, machine) = (harness.user_token(), harness.mint(&TokenSpec::machine()));
    let spoofed = |path: &str| get(path).header("x-okta-sub", "joe.user@example.com");
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_route(&harness, &get("/me").bearer(&joe), "joe");
        assert_route(&harness, &get("/me").bearer(&machine), "default");
        assert_route(&harness, &spoofed("/me").bearer(&machine), "default");
        assert_route(&harness, &spoofed("/"), "default");
    }
    // `clear_route_cache` is a foreign function, like the crypto. Without foreign functions the
    // filter logs it, and Envoy selects the route again because a header has changed.
    let unavailable = harness.envoy.log().contains("clear_route_cache failed");
    assert_eq!(unavailable, runs_without_host_crypto(), "{}", harness.envoy.log());
}

#[test]
fn route_of_a_waiting_request_is_selected_again() {
    for _ in 0..3 {
        let harness =
            Harness::with_okta("routes-cold", StandIn::start(Options::default()), with_route_for_joe);
        assert_route(&harness, &get("/me").bearer(harness.user_token()), "joe");
    }
}

/// Envoy selects the route again when the filter removes a header. A client must not select a lax
/// policy with an identity header, and then reach a route whose policy was not evaluated.
#[test]
fn identity_header_from_the_client_cannot_select_a_policy() {
    let harness = Harness::new("routes-policy", |config| {
        let mut config = with_route_for_joe(config);
        config.plugin()["clear_route_cache"] = json!(false);
        config.plugin()["rules"] = json!([{ "match": {}, "public": true }]);
        config.plugin()["route_policies"] =
            json!({ "open": { "public": true }, "admins": { "requires": { "groups": ["Admins"] } } });
        let routes = &mut config.manager()["route_config"]["virtual_hosts"][0]["routes"];
        for (index, policy) in ["open", "admins"].into_iter().enumerate() {
            routes[index]["metadata"] = json!({ "filter_metadata": { "okta_authz": { "policy": policy } } });
        }
        config
    });
    let user = harness.user_token();
    for name in ["x-okta-sub", "X-Okta-Sub"] {
        let spoofed = get("/x").header(name, "joe.user@example.com");
        assert_eq!(harness.send(&spoofed).code(), "token_missing");
        assert_eq!(harness.send(&spoofed.bearer(&user)).code(), "route_policy_unknown");
    }
    assert_eq!(harness.send(&get("/x").bearer(&user)).code(), "requirement_not_met");
}
