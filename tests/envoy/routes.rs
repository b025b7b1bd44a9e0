//! Routes that are chosen by what the filter says of the client, and by nothing that the client says of itself.

use serde_json::json;
use stand_in_okta::{Options, StandIn, TokenSpec};
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;

use super::setup::{BOTH_WORKERS, Setup, asked_without_crypto};

/// A route for Joe, and one for everybody else.
fn joe_has_a_route(mut config: EnvoyConfig) -> EnvoyConfig {
    let is_joe = json!([{ "name": "x-okta-sub", "string_match": { "exact": "joe.user@example.com" } }]);
    let answer = |text: &str| json!({ "status": 200, "body": { "inline_string": text } });
    config.manager()["route_config"]["virtual_hosts"][0]["routes"] = json!([
        { "match": { "prefix": "/", "headers": is_joe }, "direct_response": answer("joe's") },
        { "match": { "prefix": "/" }, "direct_response": answer("anybody's") },
    ]);
    config.plugin()["clear_route_cache"] = json!(true);
    config
}

fn assert_route(setup: &Setup, request: &Request, expected: &str) {
    let response = setup.send(request);
    assert_eq!(
        (response.status, response.body.as_str()),
        (200, expected),
        "{response:?}\n{}",
        setup.envoy.log()
    );
}

#[test]
fn the_route_is_chosen_again_when_the_filter_has_spoken() {
    let setup = Setup::new("routes", joe_has_a_route);
    let (joe, machine) = (setup.user(), setup.mint(&TokenSpec::machine()));
    let spoofed = |path: &str| get(path).header("x-okta-sub", "joe.user@example.com");
    for _ in 0..BOTH_WORKERS {
        assert_route(&setup, &get("/me").bearer(&joe), "joe's");
        assert_route(&setup, &get("/me").bearer(&machine), "anybody's");
        assert_route(&setup, &spoofed("/me").bearer(&machine), "anybody's");
        assert_route(&setup, &spoofed("/"), "anybody's");
    }
    // A foreign function too. Where there is none the log says so, and Envoy has chosen again for a header that was changed.
    let cannot = setup.envoy.log().contains("clear_route_cache failed");
    assert_eq!(cannot, asked_without_crypto(), "{}", setup.envoy.log());
}

#[test]
fn so_it_is_for_a_request_that_has_waited_for_keys() {
    for _ in 0..3 {
        let setup = Setup::with_okta("routes-cold", StandIn::start(Options::default()), joe_has_a_route);
        assert_route(&setup, &get("/me").bearer(setup.user()), "joe's");
    }
}

// Envoy chooses the route again whenever a header has been taken away. A client must not pick a lax policy with a header
// and end up, without it, on a route whose policy nobody has asked for.
#[test]
fn a_policy_is_not_picked_with_an_identity_header() {
    let setup = Setup::new("routes-policy", |config| {
        let mut config = joe_has_a_route(config);
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
    let user = setup.user();
    for name in ["x-okta-sub", "X-Okta-Sub"] {
        let picked = get("/x").header(name, "joe.user@example.com");
        assert_eq!(setup.send(&picked).code(), "token_missing");
        assert_eq!(setup.send(&picked.bearer(&user)).code(), "route_policy_unknown");
    }
    assert_eq!(setup.send(&get("/x").bearer(&user)).code(), "requirement_not_met");
}
